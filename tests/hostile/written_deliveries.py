"""Deliveries whose files have another name, encoding or shape: most hold half of the rows, so the run stops if they are read and if they are refused."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable

from hostile.board_files import DELIVERED, FeedFile
from hostile.clean_extracts import csv_line
from hostile.damages import Row
from hostile.delivery_cases import NEXT, STOPPED, DeliveryCase, Files, content, of_cells, of_rows

Change = Callable[[bytes], bytes]


def written_deliveries() -> list[DeliveryCase]:
    """Return every delivery of this module."""
    return [*_names(), *_bytes(), *_headers(), *_lists(), *_same_day(), *_contents()]


def _half(file: FeedFile) -> bytes:
    return content(file, list(file.rows[: len(file.rows) // 2]))


def _case(name: str, feed: str, path: str, change: Change, *words: str) -> DeliveryCase:
    """Return a delivery of half of a feed's rows, with the bytes changed."""
    return DeliveryCase(
        f"half of {feed}, {name}", STOPPED, lambda files: {path: change(_half(files[feed]))}, words or (path.rpartition("/")[2],)
    )


def _names() -> list[DeliveryCase]:
    """Return deliveries under names that a reader of the landing folder could overlook."""
    gp, people = "gp_observations", "patients"
    paths: list[tuple[str, str, str, Change]] = [
        ("with its ending in upper case", people, f"{people}/{people}_{NEXT}.CSV", bytes),
        ("called in upper case", people, f"{people}/PATIENTS_{NEXT}.csv", bytes),
        ("with the ending txt", gp, f"{gp}/{gp}_{NEXT}.txt", bytes),
        ("with the ending tsv", gp, f"{gp}/{gp}_{NEXT}.tsv", lambda text: text.replace(b",", b"\t")),
        ("with the ending dat", "admissions", f"admissions/admissions_{NEXT}.dat", bytes),
        ("in a zip file", "admissions", f"admissions/admissions_{NEXT}.csv.zip", lambda text: b"PK\x03\x04" + text),
        ("compressed by bzip2", "registrations", f"registrations/registrations_{NEXT}.csv.bz2", bz2.compress),
        ("as a workbook", people, f"{people}/{people}_{NEXT}.xlsx", lambda text: b"PK\x03\x04" + text),
        ("compressed and called csv", gp, f"{gp}/{gp}_{NEXT}.csv", gzip.compress),
        ("not compressed and called gz", gp, f"{gp}/{gp}_{NEXT}.csv.gz", bytes),
        ("next to its folder", people, f"{people}_{NEXT}.csv", bytes),
        ("in a folder in upper case", "outpatient_appointments", f"Outpatient_Appointments/outpatient_{NEXT}.csv", bytes),
        ("with a day without separators", gp, f"{gp}/{gp}_20260110.csv", bytes),
        ("with the day first", gp, f"{gp}/{gp}_10-01-2026.csv", bytes),
        ("with a day that there is not", gp, f"{gp}/{gp}_2026-02-30.csv", bytes),
        ("without a day", people, f"{people}/{people}.csv", bytes),
        ("with a month in its name", people, f"{people}/{people}_Jan-26.csv", bytes),
        ("with the day of a period before its own", "admissions", f"admissions/admissions_2020-04-01_to_{NEXT}.csv", bytes),
    ]  # fmt: skip
    return [
        _case(name, feed, path, change, *(("Outpatient_Appointments",) if "folder in upper" in name else ()))
        for name, feed, path, change in paths
    ]


def _bytes() -> list[DeliveryCase]:
    """Return deliveries whose bytes are those of another encoding, or none."""
    ways: dict[str, tuple[str, Change]] = {
        "in UTF-16": ("patients", lambda text: text.decode().encode("utf-16")),
        "in UTF-16 without a mark": ("patients", lambda text: text.decode().encode("utf-16-be")),
        "in UTF-32": ("registrations", lambda text: text.decode().encode("utf-32")),
        "of no bytes": ("admissions", lambda text: b""),
        "of NUL alone": ("admissions", lambda text: b"\0" * 5_000),
        "of a header alone": ("gp_observations", lambda text: text.partition(b"\n")[0] + b"\n"),
        "of blank lines after its header": ("gp_medication_orders", lambda text: text.partition(b"\n")[0] + b"\n" * 50),
        "of a header and delimiters": ("patients", lambda text: text.partition(b"\n")[0] + (b"\n" + b"," * 15) * 500),
        "of a page of a web server": ("patients", lambda text: b"<html><head><title>Session expired</title></head></html>\n"),
        "packed twice": ("gp_observations", lambda text: gzip.compress(gzip.compress(text))),
        "with a NUL in each row": ("registrations", lambda text: text.replace(b"-", b"\0-")),
        "with blanks for delimiters": ("addresses", lambda text: text.replace(b",", b" ")),
    }  # fmt: skip
    gz = {"packed twice"}
    return [
        _case(name, feed, f"{feed}/{feed}_{NEXT}.csv{'.gz' if name in gz else ''}", change)
        for name, (feed, change) in ways.items()
    ]


def _headers() -> list[DeliveryCase]:
    """Return complete deliveries whose header hides a column that grants something, or names two."""
    renamed = {
        "with a death date under another name": ("patients", b"DEATH_DATE", b"DATE_OF_DEATH"),
        "with a death date named twice": ("patients", b"SOURCE_EXTRACTION_DATE", b"DEATH_DATE"),
        "with a death date named twice in other case": ("patients", b"SOURCE_EXTRACTION_DATE", b"Death_Date"),
        "with an end under another name": ("registrations", b"END_DATE", b"DEREGISTRATION_DATE"),
        "with a mark of deletion under another name": ("gp_observations", b"IS_DELETED", b"DELETED_YN"),
        "with a confidential mark in another language": ("patients", b"IS_CONFIDENTIAL", b"RECORD CONFIDENTIALITY"),
        "without a name for its second column": ("registrations", b"ORGANISATION_ID", b""),
        "with its first two names in one cell": ("registrations", b"PERSON_ID,ORGANISATION_ID", b'"PERSON_ID,ORGANISATION_ID",X'),
        "with a status of objections named twice": ("type_1_objections", b"COMMENT", b"STATUS"),
        "with the state of objections under another name": ("type_1_objections", b"STATUS", b"OPT_STATE"),
    }

    def files(feed: str, old: bytes, new: bytes) -> Callable[[Files], dict[str, bytes]]:
        return lambda found: {f"{feed}/{feed}_{NEXT}.csv": content(found[feed], list(found[feed].rows)).replace(old, new, 1)}

    return [
        DeliveryCase(f"{feed} {name}", STOPPED, files(feed, old, new), (f"{feed}_{NEXT}",))
        for name, (feed, old, new) in renamed.items()
    ]


def _lists() -> list[DeliveryCase]:
    """Return objections and national lists that are wrong as a whole."""
    feed = "national_opt_outs"

    def with_cells(header: str, value: str, every: int = 1) -> Callable[[Files], dict[str, bytes]]:
        return of_rows(
            feed, NEXT, lambda rows: [{**row, header: value} if place % every == 0 else row for place, row in enumerate(rows)]
        )

    def only(part: str) -> Callable[[Files], dict[str, bytes]]:
        return of_rows(feed, NEXT, lambda rows: [row for row in rows if row["LIST"] == part])

    national = {
        "empty": of_rows(feed, NEXT, lambda rows: []),
        "of returned identifiers alone": only("RETURNED"),
        "with one submission date that cannot be read": with_cells("SUBMISSION_DATE", "soon", 900),
        "with one submission date of months ago": with_cells("SUBMISSION_DATE", "2025-09-01", 900),
        "with a submission date as a serial": with_cells("SUBMISSION_DATE", "46021"),
        "with a submission date that is a placeholder": with_cells("SUBMISSION_DATE", "1900-01-01"),
        "with a submission date of the year alone": with_cells("SUBMISSION_DATE", "2025"),
        "whose parts are all called returned": with_cells("LIST", "RETURNED"),
        "of opt-outs that are all withdrawn": of_rows(feed, NEXT, lambda rows: [{**row, "LIST": "OPTED_OUT", "STATUS": "0"} for row in rows]),
        "of other pseudonyms": of_cells(feed, NEXT, "person_id", lambda person: f"X{person[::-1]}"),
    }  # fmt: skip
    found = [DeliveryCase(f"a national list {name}", STOPPED, files, ("national",)) for name, files in national.items()]
    for name in ("type_1_objections", "opt_outs"):
        found += [
            DeliveryCase(f"{name} of a header alone", STOPPED, of_rows(name, NEXT, lambda rows: []), (name,)),
            DeliveryCase(f"{name} that are all withdrawn without a day", STOPPED, _withdrawn(name), (name,)),
        ]
    found.append(DeliveryCase("type_1_objections with a footer", STOPPED, lambda files: {f"type_1_objections/type_1_objections_{NEXT}.csv": content(files["type_1_objections"], list(files["type_1_objections"].rows)) + b"Rows: 48\n"}, ("type_1_objections",)))  # fmt: skip
    return found


def _withdrawn(feed: str) -> Callable[[Files], dict[str, bytes]]:
    return of_rows(feed, NEXT, lambda rows: [{**row, "STATUS": "0", "EFFECTIVE_DATE": ""} for row in rows])


def _same_day() -> list[DeliveryCase]:
    """Return further files of a day that was taken in, which repeat rows or have none: each is a file too many, and is named."""

    def again(feed: str, name: str, rows: Callable[[list[Row]], list[Row]], end: bytes = b"") -> DeliveryCase:
        path = f"{feed}/more {feed}_{DELIVERED}.csv"
        return DeliveryCase(
            f"{feed}, {name}", STOPPED, lambda files: {path: content(files[feed], rows(list(files[feed].rows))) + end}, (path,)
        )

    return [
        again("patients", "half of it again on the same day", lambda rows: rows[::2]),
        again("registrations", "all of it again on the same day in another order", lambda rows: rows[::-1]),
        again("gp_observations", "a third of it again on the same day, with a footer", lambda rows: rows[::3], b"Rows: 3034\n"),
        again("admissions", "a tenth of it again on the same day", lambda rows: rows[::10]),
        again("opt_outs", "half of it again on the same day", lambda rows: rows[::2]),
        again("gp_medication_orders", "a header alone on the same day", lambda rows: []),
    ]


def _contents() -> list[DeliveryCase]:
    """Return deliveries whose rows are of other days than their name, and one whose columns are shifted."""

    def years_before(value: str) -> str:
        return f"{int(value[:4]) - 2}{value[4:]}".replace("-02-29", "-02-28") if value else ""

    def shifted(files: Files) -> dict[str, bytes]:
        file = files["patients"]
        rows = [csv_line(["", *(row[name] for name in file.header[:-1])]) for row in file.rows]
        return {f"patients/patients_{NEXT}.csv": b"\n".join([csv_line(list(file.header)), *rows]) + b"\n"}

    def moved(*headers: str) -> Callable[[list[Row]], list[Row]]:
        return lambda rows: [{**row, **{name: years_before(row[name]) for name in headers}} for row in rows]

    return [
        DeliveryCase("admissions of two years before", STOPPED, of_rows("admissions", NEXT, moved("Admission_Date", "Discharge_Date")), ("admissions",)),
        DeliveryCase("gp_observations of two years before", STOPPED, of_rows("gp_observations", NEXT, moved("CLINICAL_EFFECTIVE_DATE", "DATE_RECORDED")), ("gp_observations",)),
        DeliveryCase("patients whose fields are shifted by one", STOPPED, shifted, ("patients",)),
        DeliveryCase("registrations without any end", STOPPED, of_cells("registrations", NEXT, "end_date", lambda _: ""), ("registrations",)),
        DeliveryCase("patients without any death", STOPPED, of_cells("patients", NEXT, "death_date", lambda _: ""), ("patients",)),
    ]  # fmt: skip
