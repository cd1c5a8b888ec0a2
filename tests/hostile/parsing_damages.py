"""Damages to the lines of a file: line breaks in quotes, stray quotes, other date orders, zones, NULs, encodings, delimiters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

from hostile.board_files import COMMENT
from hostile.clean_extracts import csv_line
from hostile.damages import Damage, Expected, Line, Row, Rows, changed, has_value, header_of, place_of, same, without

KIND = "parsing"
FEEDS = ("patients", "registrations", "admissions", "gp_observations", "outpatient_appointments", "gp_medication_orders")
Change = Callable[[bytes], list[bytes]]
# A change of the row's line -> the reason; '' if the row is read as it is.
LINES: dict[str, tuple[Change, Expected, str]] = {
    "trailing delimiters": (lambda line: [line + b",,"], Expected.REPAIRED, "trailing_delimiter"),
    "a field too many": (lambda line: [line + b",x"], Expected.SET_ASIDE, "too_many_fields"),
    "a delimiter inside": (lambda line: [line.replace(b",", b",,x,", 1)], Expected.SET_ASIDE, "too_many_fields"),
    "a field fewer": (lambda line: [line.rpartition(b",")[0]], Expected.SET_ASIDE, "too_few_fields"),
    "cut after the first field": (lambda line: [line.partition(b",")[0]], Expected.SET_ASIDE, "too_few_fields"),
    "broken over two lines": (lambda line: [line[: len(line) // 2], line[len(line) // 2 :]], Expected.SET_ASIDE, "too_few_fields"),
    "a NUL": (lambda line: [line[:5] + b"\0" + line[5:]], Expected.SET_ASIDE, "control_character"),
    "a byte of Latin-1": (lambda line: [line + b"caf\xe9"], Expected.SET_ASIDE, "not_utf8"),
    "a stray quote": (lambda line: [line + b'5" by 6" tall'], Expected.SET_ASIDE, "stray_quote"),
    "a quote that does not close": (lambda line: [line + b'5" tall'], Expected.SET_ASIDE, "unterminated_quote"),
    "a carriage return inside": (lambda line: [line[:-3] + b"\r" + line[-3:]], Expected.SET_ASIDE, "control_character"),
    "a line break in quoted text": (lambda line: [line + b'"seen in clinic\nand sent home"'], Expected.UNCHANGED, ""),
    "a quoted text that looks like rows": (lambda line: [line + b'"copied text:\n' + line.replace(b'"', b'""') + b'x\nend of text"'], Expected.UNCHANGED, ""),
    "quoted text with a doubled quote": (lambda line: [line + b'"5"" tall, well"'], Expected.UNCHANGED, ""),
    "a Windows line end": (lambda line: [line + b"\r"], Expected.UNCHANGED, ""),
    "accents in the text": (lambda line: [line + "naïve ‘quoted’ 🙂".encode()], Expected.UNCHANGED, ""),
    "a blank line after it": (lambda line: [line, b""], Expected.UNCHANGED, ""),
}  # fmt: skip
# Changes that one feed has, in turn.
MORE_LINES: dict[str, tuple[Change, Expected, str]] = {
    "quotes that a backslash escapes": (lambda line: [line + rb'say \"aah\"'], Expected.SET_ASIDE, "stray_quote"),
    "an escaped quote in a quoted field": (lambda line: [line + rb'"5\" tall"'], Expected.SET_ASIDE, "unterminated_quote"),
    "a quote that closes after 1,001 lines": (lambda line: [line + b'"a', *[b"b"] * 1000, b'c"'], Expected.SET_ASIDE, "unterminated_quote"),
    "a quote that closes after 990 lines": (lambda line: [line + b'"a\n' + b"b\n" * 988 + b'c"'], Expected.UNCHANGED, ""),
    "a quoted text of more than 1 MB over lines": (lambda line: [line + b'"a', *[b"b" * 600_000] * 2, b'c"'], Expected.SET_ASIDE, "unterminated_quote"),
    "a field of 200,000 characters": (lambda line: [line + b"long " * 40_000], Expected.UNCHANGED, ""),
    "two rows in one line": (lambda line: [line + b"," + line], Expected.SET_ASIDE, "too_many_fields"),
    "the row in one pair of quotes": (lambda line: [b'"' + line + b'"'], Expected.SET_ASIDE, "too_few_fields"),
    "tabs": (lambda line: [line.replace(b",", b"\t")], Expected.SET_ASIDE, "too_few_fields"),
    "semicolons": (lambda line: [line.replace(b",", b";")], Expected.SET_ASIDE, "too_few_fields"),
    "vertical bars": (lambda line: [line.replace(b",", b"|")], Expected.SET_ASIDE, "too_few_fields"),
    "a blank before quoted text": (lambda line: [line + b' "seen"'], Expected.SET_ASIDE, "stray_quote"),
    "text after quoted text": (lambda line: [line + b'"seen" twice'], Expected.SET_ASIDE, "stray_quote"),
    "a byte order mark before it": (lambda line: [b"\xef\xbb\xbf" + line], Expected.UNCHANGED, ""),
    "a line separator of Unicode": (lambda line: [line + "seen\u2028at home\u2029".encode()], Expected.UNCHANGED, ""),
    "a next line character": (lambda line: [line + "seen\u0085at home".encode()], Expected.UNCHANGED, ""),
    "a Windows line break in quoted text": (lambda line: [line + b'"seen\r\nat home"'], Expected.UNCHANGED, ""),
    "a half of an emoji": (lambda line: [line + b"\xed\xa0\xbd"], Expected.SET_ASIDE, "not_utf8"),
    "an overlong NUL": (lambda line: [line + b"\xc0\x80"], Expected.SET_ASIDE, "not_utf8"),
    "a form feed": (lambda line: [line + b"page\x0cend"], Expected.UNCHANGED, ""),
    "a footer after it": (lambda line: [line, b"Rows: 1234"], Expected.SET_ASIDE, "too_few_fields"),
    "dashes after it": (lambda line: [line, b"-" * 40], Expected.SET_ASIDE, "too_few_fields"),
    "a row of delimiters after it": (lambda line: [line, b"," * line.count(b",")], Expected.SET_ASIDE, "missing_value"),
    "the end of file character after it": (lambda line: [line, b"\x1a"], Expected.SET_ASIDE, "too_few_fields"),
    "the delimiter in quoted text": (lambda line: [line + b'"seen, at home,,"'], Expected.UNCHANGED, ""),
    "a quoted empty field": (lambda line: [line + b'""'], Expected.UNCHANGED, ""),
    "a quote alone": (lambda line: [line + b'"'], Expected.SET_ASIDE, "unterminated_quote"),
    "three quotes": (lambda line: [line + b'"""'], Expected.SET_ASIDE, "unterminated_quote"),
}  # fmt: skip
# Most rows of a smaller file would be unreadable after so long a quote, and rows of admissions have quotes.
OF_FEED = {"a quote that closes after 1,001 lines": "gp_observations", "tabs": "gp_medication_orders"}
ADDED = (
    "a footer after it",
    "dashes after it",
    "a row of delimiters after it",
    "the end of file character after it",
)  # the row itself is as it was
MORE_DAYS: dict[str, tuple[Callable[[str], str], Expected, str]] = {
    "the end of the day as 24:00": (lambda day: f"{day}T24:00:00", Expected.UNCHANGED, ""),
    "a time with nine decimals": (lambda day: f"{day} 14:30:00.123456789", Expected.UNCHANGED, ""),
    "an hour that there is not": (lambda day: f"{day}T31:00:00Z", Expected.SET_ASIDE, "unreadable_date"),
    "a zone that there is not": (lambda day: f"{day}T12:00:00-99:00", Expected.SET_ASIDE, "unreadable_date"),
    "a day with a zone and no time": (lambda day: f"{day}Z", Expected.SET_ASIDE, "unreadable_date"),
    "a day of the week before it": (lambda day: f"Mon {day}", Expected.SET_ASIDE, "unreadable_date"),
    "dashes of a word processor": (lambda day: day.replace("-", "\u2013"), Expected.SET_ASIDE, "unreadable_date"),
    "a basic time of ISO 8601": (lambda day: f"{day.replace('-', '')}T120000Z", Expected.SET_ASIDE, "unreadable_date"),
}  # fmt: skip
DAYS: dict[str, tuple[Callable[[str], str], Expected, str]] = {
    "month first": (lambda day: f"{day[5:7]}/{day[8:]}/{day[:4]}", Expected.SET_ASIDE, "second_date_format"),
    "day first": (lambda day: f"{day[8:]}/{day[5:7]}/{day[:4]}", Expected.SET_ASIDE, "second_date_format"),
    "a serial of a spreadsheet": (lambda day: "45421", Expected.SET_ASIDE, "unreadable_date"),
    "a time of day": (lambda day: f"{day}T14:30:00", Expected.UNCHANGED, ""),
    "midday of universal time": (lambda day: f"{day}T12:00:00Z", Expected.UNCHANGED, ""),
    "a zone of the far east": (lambda day: f"{day}T23:00:00+09:00", Expected.UNCHANGED, ""),
    "a year that is cut": (lambda day: day[2:], Expected.SET_ASIDE, "unreadable_date"),
    "the last days of the calendar": (lambda day: "2025-02-30", Expected.SET_ASIDE, "unreadable_date"),
}  # fmt: skip
DATED = {"gp_observations": "effective_date", "admissions": "admission_date", "outpatient_appointments": "appointment_date", "gp_medication_orders": "issue_date"}  # fmt: skip


def parsing(headers: dict[str, tuple[str, ...]]) -> list[Damage]:
    """Return every damage of this kind; `headers` are those of the files."""
    lines = [
        _line(feed, headers[feed], name, *LINES[name]) for turn, feed in enumerate(FEEDS) for name in list(LINES)[turn % 2 :: 2]
    ]
    days = [_day(feed, column, name, *DAYS[name]) for feed, column in DATED.items() for name in DAYS]
    turns = dict(zip(MORE_LINES, cycle(FEEDS), strict=False)) | OF_FEED
    lines += [_line(feed, headers[feed], name, *MORE_LINES[name]) for name, feed in turns.items()]
    days += [
        _day(feed, column, name, *MORE_DAYS[name]) for name, (feed, column) in zip(MORE_DAYS, cycle(DATED.items()), strict=False)
    ]
    return lines + days + [_repeated_header(feed, headers[feed]) for feed in FEEDS[:3]]


def _line(feed: str, header: tuple[str, ...], name: str, change: Change, expected: Expected, reason: str) -> Damage:
    def damage(rows: Rows) -> list[Line]:
        place = place_of(feed, rows)
        changed_row = change(_text(header, rows[place]))
        return [*rows[:place], *changed_row, *rows[place + 1 :]]

    means = without(feed) if expected is Expected.SET_ASIDE and name not in ADDED else same
    return Damage(KIND, name, feed, "", expected, reason, damage, means, bool)


def _text(header: tuple[str, ...], row: Row) -> bytes:
    """Return a row as a line; its last field, the comment, is empty."""
    assert header[-1] == COMMENT
    return csv_line([row[name] for name in header])


def _day(feed: str, column: str, name: str, form: Callable[[str], str], expected: Expected, reason: str) -> Damage:
    header = header_of(feed, column)

    def damage(rows: Rows) -> list[Line]:
        return [*changed(feed, rows, **{column: form(rows[place_of(feed, rows)][header])})]

    means = without(feed) if expected is Expected.SET_ASIDE else same
    return Damage(KIND, name, feed, column, expected, reason, damage, means, has_value(feed, column))


def _repeated_header(feed: str, header: tuple[str, ...]) -> Damage:
    return Damage(
        KIND,
        "the header before the rows",
        feed,
        "",
        Expected.UNCHANGED,
        "",
        lambda rows: [csv_line(list(header)), *rows],
        same,
        bool,
    )
