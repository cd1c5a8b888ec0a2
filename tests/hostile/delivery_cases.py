"""Deliveries that are wrong as a whole, or written in another way: each follows clean deliveries that were taken in."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hostile.board_files import COMMENT, DELIVERED, FeedFile, line_bytes
from hostile.clean_extracts import csv_line
from hostile.damages import Row, header_of

from expectations.catalogue import RAW_TABLES
from expectations.row_checks import sender_columns
from expectations.table import Kind

KIND = "deliveries"
STOPPED, UNCHANGED = "stopped, with a message that names the file or feed", "features and labels of everyone are unchanged"
NEXT = "2026-01-10"
Files = Mapping[str, FeedFile]


@dataclass(frozen=True)
class DeliveryCase:
    """A delivery: its files by path below the landing folder, how it must end, and what the message must have."""

    name: str
    expected: str
    files: Callable[[Files], dict[str, bytes]]
    words: tuple[str, ...] = ()
    today: str = "2026-01-15"
    known: str = ""  # a violation that is not fixed, and where it is described


def delivery_cases() -> list[DeliveryCase]:
    """Return every delivery that is judged by itself."""
    return [*_dates(), *_copies(), *_volumes(), *_columns(), *_objections()]


def of_rows(feed: str, day: str, change: Callable[[list[Row]], list[Row]]) -> Callable[[Files], dict[str, bytes]]:
    """Return a delivery of a feed: the clean rows, changed."""
    return lambda files: {f"{feed}/{feed}_{day}.csv": content(files[feed], change(list(files[feed].rows)))}


def of_cells(feed: str, day: str, column: str, form: Callable[[str], str]) -> Callable[[Files], dict[str, bytes]]:
    """Return a delivery in which every value of a column is written in another form."""
    header = header_of(feed, column)
    return of_rows(feed, day, lambda rows: [{**row, header: form(row[header])} for row in rows])


def content(file: FeedFile, rows: list[Row]) -> bytes:
    """Return rows as a file."""
    return b"\n".join([csv_line(list(file.header)), *(line_bytes(file.header, row) for row in rows)]) + b"\n"


def _half(rows: list[Row]) -> list[Row]:
    return rows[: len(rows) // 2]


def _same(rows: list[Row]) -> list[Row]:
    return rows


def _dates() -> list[DeliveryCase]:
    late = {"admissions": "2025-06-01", "patients": "2025-11-30", "opt_outs": "2025-12-31", "registrations": "2020-01-01"}
    found = [
        DeliveryCase(f"{feed} dated in the future", STOPPED, of_rows(feed, day, _same), (f"{feed}_{day}", "after today"))
        for feed, day in (("patients", "2099-01-01"), ("admissions", "2026-01-16"), ("gp_observations", "2026-12-31"))
    ]
    found += [
        DeliveryCase(f"{feed} dated far ahead of the others", STOPPED, of_rows(feed, "2026-11-01", _half), (f"{feed}_2026-11-01", "ahead"), "2026-11-15")
        for feed in ("addresses", "outpatient_appointments")
    ]  # fmt: skip
    return found + [
        DeliveryCase(f"half of {feed}, dated before one that was taken in", UNCHANGED, of_rows(feed, day, _half)) for feed, day in late.items()
    ]  # fmt: skip


def _copies() -> list[DeliveryCase]:
    ways: dict[str, tuple[str, str, Callable[[bytes], bytes]]] = {
        "with Windows line ends and another name": ("patients", "copy of {}", lambda text: text.replace(b"\n", b"\r\n")),
        "with a byte order mark and brackets in its name": ("admissions", "{}[1]", lambda text: b"\xef\xbb\xbf" + text),
        "without the last line end, called (2)": ("gp_observations", "{} (2)", lambda text: text.rstrip(b"\n")),
        "with old Macintosh line ends": ("opt_outs", "mac {}", lambda text: text.replace(b"\n", b"\r")),
        "as it is": ("registrations", "{} again", bytes),
    }

    def again(feed: str, name: str, form: Callable[[bytes], bytes]) -> Callable[[Files], dict[str, bytes]]:
        return lambda files: {f"{feed}/{name.format(feed)}_{DELIVERED}.csv": form(content(files[feed], list(files[feed].rows)))}

    return [DeliveryCase(f"{feed} again, {way}", UNCHANGED, again(feed, name, form)) for way, (feed, name, form) in ways.items()]


def _volumes() -> list[DeliveryCase]:
    feeds = (
        "patients", "registrations", "addresses", "admissions", "emergency_attendances", "outpatient_appointments", "gp_observations",
        "gp_medication_orders",
    )  # fmt: skip
    half = [
        DeliveryCase(f"half of {feed}", STOPPED, of_rows(feed, NEXT, _half), (f"{feed}_{NEXT}", "feed_collapsed"))
        for feed in feeds
    ]
    deletions = [
        DeliveryCase(
            f"{feed} of deletions alone", STOPPED, of_cells(feed, NEXT, "is_deleted", lambda _: "1"), (f"{feed}_{NEXT}",)
        )
        for feed in ("patients", "gp_observations", "gp_medication_orders")
    ]
    return half + deletions


def _columns() -> list[DeliveryCase]:
    """Return deliveries in which a column is written in a form that loses its values."""

    def stated(text: str) -> Callable[[str], str]:
        return lambda value: text if value else ""

    ways: list[tuple[str, str, str, Callable[[str], str]]] = [
        ("patients", "death_date", "as serials", stated("45421")), ("patients", "death_date", "as a boolean", lambda value: "true" if value else "false"),
        ("patients", "death_date", "as a word", stated("dead")), ("registrations", "end_date", "as serials", stated("45500")),
        ("patients", "is_confidential", "as words", lambda _: "ordinary"), ("patients", "is_deleted", "that cannot be read", lambda _: "?"),
        ("gp_observations", "recorded_date", "empty", lambda _: ""), ("gp_observations", "recorded_date", "as serials", lambda _: "45421"),
        ("gp_observations", "result_value", "with decimal commas", lambda value: f"{value},0" if value else ""),
        ("admissions", "admission_date", "month first", lambda day: f"{day[5:7]}/{day[8:]}/{day[:4]}"),
        ("emergency_attendances", "arrival_date", "as serials", lambda _: "45421"),
        ("admissions", "person_id", "as decimal numbers", lambda _: "9.43E+09"), ("gp_observations", "concept_code", "as decimal numbers", lambda _: "4.4E+07"),
        ("patients", "person_id", "as a placeholder", lambda _: "UNKNOWN"), ("admissions", "person_id", "in upper case", str.upper),
    ]  # fmt: skip
    return [
        DeliveryCase(f"{feed}.{column} {how}", STOPPED, of_cells(feed, NEXT, column, form), (feed,))
        for feed, column, how, form in ways
    ]


def _objections() -> list[DeliveryCase]:
    """Return deliveries that lack objections or name strangers."""
    feeds = ("type_1_objections", "opt_outs")
    found = [DeliveryCase(f"{feed} without every third row", STOPPED, of_rows(feed, NEXT, lambda rows: [row for place, row in enumerate(rows) if place % 3]), (feed, NEXT))
             for feed in feeds]  # fmt: skip
    found += [
        DeliveryCase(f"{feed} of other pseudonyms", STOPPED, of_cells(feed, NEXT, "person_id", lambda person: f"X{person[::-1]}"), (feed, NEXT))
        for feed in feeds
    ]  # fmt: skip
    found += [
        DeliveryCase("a permitted list that returns everyone", STOPPED,
                     of_rows("national_opt_outs", NEXT, lambda rows: [{**row, "LIST": part} for row in rows if row["LIST"] == "SUBMITTED" for part in ("SUBMITTED", "RETURNED")]),
                     ("national", NEXT)),
        DeliveryCase("a permitted list that has expired", STOPPED, lambda files: {}, ("valid until",), "2026-02-01"),
    ]  # fmt: skip
    return found


# Other ways to write a complete file, which change nothing. Each is a function of the feed, the header and the rows.
Form = Callable[[FeedFile, bytes], bytes]
FORMS: dict[str, Form] = {
    "Windows line ends": lambda file, text: text.replace(b"\n", b"\r\n"),
    "a byte order mark": lambda file, text: b"\xef\xbb\xbf" + text,
    "every value in quotes": lambda file, text: _written(file, ",", quoted=True),
    "semicolons": lambda file, text: _written(file, ";"),
    "tabs": lambda file, text: _written(file, "\t"),
    "old Macintosh line ends": lambda file, text: text.replace(b"\n", b"\r"),
    "blank lines between the rows": lambda file, text: text.replace(b"\n", b"\n\n"),
    "days before months": lambda file, text: _with_days(file, lambda day: f"{day[8:]}/{day[5:7]}/{day[:4]}"),
    "days without separators": lambda file, text: _with_days(file, lambda day: day.replace("-", "")),
    "days with a time of midnight": lambda file, text: _with_days(file, lambda day: f"{day} 00:00:00.000"),
    "headers in upper case with blanks": lambda file, text: re.sub(rb"^[^\n]+", lambda found: found.group().upper().replace(b",", b" , "), text),
    "columns in reverse order": lambda file, text: content(FeedFile(file.feed, file.header[::-1], file.rows), list(file.rows)),
    "line breaks in a quoted comment": lambda file, text: content(file, [{**row, COMMENT: "seen\nat home"} for row in file.rows]),
    "compressed": lambda file, text: gzip.compress(text, mtime=0),
    "vertical bars": lambda file, text: _written(file, "|"),
    "the header again halfway, after a byte order mark": lambda file, text: _joined(file, b"\xef\xbb\xbf"),
    "a footer": lambda file, text: text + b"Rows: %d\n" % len(file.rows),
    "Windows and other line ends in turn": lambda file, text: re.sub(rb"\n([^\n]*)\n", rb"\r\n\1\n", text),
    "columns that are not used": lambda file, text: re.sub(rb"(?m)^(.+)$", rb"x,\1,y,z", text),
    "a line break in a quoted header": lambda file, text: text.replace(COMMENT.encode(), f'"{COMMENT}\nof the clerk"'.encode(), 1),
    "compressed in two parts": lambda file, text: gzip.compress(text[:999], mtime=0) + gzip.compress(text[999:], mtime=0),
    "a delimiter at the end of each line": lambda file, text: text.replace(b"\n", b",\n"),
    "no-break spaces around every value": lambda file, text: _with_values(file, lambda value: f"\u00a0{value}\u00a0"),
    "rows in reverse order": lambda file, text: content(file, list(file.rows[::-1])),
}  # fmt: skip
NAMES = (
    "{}[1]_{}",
    "({}) {}",
    "{}{{a,b}}_{}",
    "{}*_{}",
    "[{}]_{}",
    "{} copy? {}",
    "{}'s_{}",
    "{}#1_{}",
    "é {}_{}",
    "{}&_{}",
    "$({})_{}",
)


def files_in_other_forms(files: Files, turn: int) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return every feed's file in another form and under another name, and which form each has; `turn` moves both on."""
    written, forms = {}, {}
    for place, (feed, file) in enumerate(files.items()):
        form = list(FORMS)[(place + turn * len(files)) % len(FORMS)]
        name = NAMES[(place + turn * 3) % len(NAMES)].format(feed, DELIVERED)
        ending = "csv.gz" if form.startswith("compressed") else "csv"
        written[f"{feed}/{name}.{ending}"] = FORMS[form](file, content(file, list(file.rows)))
        forms[feed] = f"{form}, called {name}.{ending}"
    return written, forms


def _written(file: FeedFile, delimiter: str, quoted: bool = False) -> bytes:
    rows = [[*file.header], *([row[name] for name in file.header] for row in file.rows)]
    if quoted:
        return b"".join(delimiter.join(f'"{cell}"' for cell in row).encode() + b"\n" for row in rows)
    return b"".join(csv_line(row, delimiter) + b"\n" for row in rows)


def _joined(file: FeedFile, mark: bytes) -> bytes:
    """Return two halves of a file joined, each with its header, with bytes between them."""
    half = len(file.rows) // 2
    return content(file, list(file.rows[:half])) + mark + content(file, list(file.rows[half:]))


def _with_values(file: FeedFile, form: Callable[[str], str]) -> bytes:
    return content(file, [{name: form(value) for name, value in row.items()} for row in file.rows])


def _with_days(file: FeedFile, form: Callable[[str], str]) -> bytes:
    dated = {column.source_name for column in sender_columns(RAW_TABLES[file.feed]) if column.kind is Kind.DATE}
    rows = [{name: form(value) if name in dated and value else value for name, value in row.items()} for row in file.rows]
    return content(file, rows)
