"""The ways in which a day may be written: documented, offered as a setting and read from here alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ZONE = r" ?(Z|z|UTC|GMT|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)"
# 24:00 is the end of the day. Any other time that there is not makes the value one that cannot be read.
TIME = rf"([Tt ](([01][0-9]|2[0-3]):[0-5][0-9]|24:00)(:([0-5][0-9]|60)(\.[0-9]+)?)?({ZONE})?)?"
LOCAL_ZONE = "Europe/London"
FIRST_SERIAL = 61  # 1 March 1900: earlier serials count a day that never was


@dataclass(frozen=True)
class DateFormat:
    """A way to write a day: the pattern that identifies it, and the SQL that reads it from `{0}`.

    A format that is not `detected` is read only where the settings say so.
    """

    name: str
    pattern: str
    read: str
    detected: bool = True
    has_time: bool = True  # a time may follow
    note: str = ""


def _numbers(name: str, separator: str, order: str, detected: bool, note: str = "") -> DateFormat:
    """Declare a day and a month as numbers, in either order, and a year."""
    dot = "[.]" if separator == "." else separator
    read = f"try_strptime(regexp_extract({{0}}, '^[0-9{separator}]+'), '{order}')::DATE"
    return DateFormat(name, rf"[0-9]{{1,2}}{dot}[0-9]{{1,2}}{dot}[0-9]{{4}}" + TIME, read, detected, note=note)


ONLY_SET = "Only where the feed's `dates` say so."
# The first of equally common formats is a column's main one. A day before a month is read as such everywhere: a column whose
# values do not show the order stops the run (`day_and_month_known`).
FORMATS = (
    DateFormat("YYYY-MM-DD", r"[0-9]{4}-[0-9]{2}-[0-9]{2}" + TIME, "try_cast(left({0}, 10) AS DATE)"),
    _numbers("DD/MM/YYYY", "/", "%d/%m/%Y", detected=True),
    DateFormat("YYYYMMDD", r"[0-9]{8}", "try_strptime({0}, '%Y%m%d')::DATE", has_time=False),
    _numbers("DD-MM-YYYY", "-", "%d-%m-%Y", detected=True),
    _numbers("DD.MM.YYYY", ".", "%d.%m.%Y", detected=True),
    DateFormat(
        "DD-MON-YYYY",
        r"[0-9]{1,2}[- ]?[A-Za-z]{3}[- ]?[0-9]{4}" + TIME,
        "try_strptime(regexp_replace(regexp_extract({0}, '^[0-9]+[- ]?[A-Za-z]+[- ]?[0-9]{{4}}'), '[- ]', '', 'g'), '%d%b%Y')::DATE",
        note="Also with blanks or nothing between the parts: 04JAN2021.",
    ),
    DateFormat("YYYY/MM/DD", r"[0-9]{4}/[0-9]{2}/[0-9]{2}" + TIME, "try_strptime(left({0}, 10), '%Y/%m/%d')::DATE"),
    _numbers("MM/DD/YYYY", "/", "%m/%d/%Y", detected=False, note=ONLY_SET),
    _numbers("MM-DD-YYYY", "-", "%m-%d-%Y", detected=False, note=ONLY_SET),
    _numbers("MM.DD.YYYY", ".", "%m.%d.%Y", detected=False, note=ONLY_SET),
    DateFormat(
        "YYYY-DD-MM",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}" + TIME,
        "try_strptime(left({0}, 10), '%Y-%d-%m')::DATE",
        detected=False,
        note=ONLY_SET,
    ),
    DateFormat("YYYYDDMM", r"[0-9]{8}", "try_strptime({0}, '%Y%d%m')::DATE", detected=False, has_time=False, note=ONLY_SET),
    DateFormat(
        "YYYY/DD/MM",
        r"[0-9]{4}/[0-9]{2}/[0-9]{2}" + TIME,
        "try_strptime(left({0}, 10), '%Y/%d/%m')::DATE",
        detected=False,
        note=ONLY_SET,
    ),
    DateFormat(
        "spreadsheet serial",
        r"[0-9]{2,5}([.][0-9]*)?",
        f"CASE WHEN try_cast({{0}} AS DOUBLE) >= {FIRST_SERIAL} THEN DATE '1899-12-30' + try_cast(split_part({{0}}, '.', 1) AS INTEGER) END",
        detected=False,
        has_time=False,
        note=f"{ONLY_SET} Days since 30 December 1899: 45421 is 9 May 2024. Not read before March 1900.",
    ),
)
DETECTED = tuple(form for form in FORMATS if form.detected)
FORMAT_OF = {form.name: form for form in FORMATS}
FormatName = Literal[
    "YYYY-MM-DD", "DD/MM/YYYY", "YYYYMMDD", "DD-MM-YYYY", "DD.MM.YYYY", "DD-MON-YYYY", "YYYY/MM/DD",
    "MM/DD/YYYY", "MM-DD-YYYY", "MM.DD.YYYY", "YYYY-DD-MM", "YYYYDDMM", "YYYY/DD/MM", "spreadsheet serial",
]  # fmt: skip
# A year, and a day and a month as numbers in an order that most senders use. Usual order -> the other one.
DAY_FIRST_OF = {"YYYY-MM-DD": "YYYY-DD-MM", "YYYYMMDD": "YYYYDDMM", "YYYY/MM/DD": "YYYY/DD/MM"}
# A day and a month as numbers before the year: the values must show their order. Day first -> month first.
MONTH_FIRST_OF = {"DD/MM/YYYY": "MM/DD/YYYY", "DD-MM-YYYY": "MM-DD-YYYY", "DD.MM.YYYY": "MM.DD.YYYY"}


def local_day_sql(text: str, day: str) -> str:
    """Return the SQL of a day, given SQL that reads it without its time: with a time zone it is the local day at that time."""
    zoned = rf"^.*[Tt ]([0-9]{{2}}):([0-9]{{2}})(:[0-9]{{2}}(\.[0-9]+)?)?{ZONE}$"
    hour, minute, zone = (f"regexp_extract({text}, '{zoned}', {group})" for group in (1, 2, 5))
    sign, digits = f"CASE WHEN left({zone}, 1) = '-' THEN -1 ELSE 1 END", f"regexp_replace({zone}, '[^0-9]', '', 'g')"
    ahead = f"{sign} * ({_number(f'left({digits}, 2)')} * 60 + {_number(f'substr({digits}, 3, 2)')})"
    moment = f"({day} + to_minutes({_number(hour)} * 60 + {_number(minute)} - {ahead}))"
    local = f"CAST(({moment} AT TIME ZONE 'UTC') AT TIME ZONE '{LOCAL_ZONE}' AS DATE)"
    return f"CASE WHEN strlen({text}) < 15 THEN {day} WHEN regexp_full_match({text}, '{zoned}') THEN {local} ELSE {day} END"


def _number(text: str) -> str:
    return f"coalesce(try_cast({text} AS BIGINT), 0)"
