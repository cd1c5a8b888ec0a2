"""The files of a landing folder, read with the csv module: which rows hold, and which delivery first stated each.

Nothing of Strata is used here. The rules are those of docs/architecture.md (corrections by later deliveries).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

Row = dict[str, str]
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class FeedRules:
    """What the recount needs of a feed: columns of its files, how a delivery relates to earlier ones, and its usual lag."""

    person: str
    sender: str
    key: tuple[str, ...]
    day: str
    no_facts: tuple[str, ...] = ()
    replaced_months: int = 0  # 0: a delivery only adds
    lag_days: int = 0


RULES = {
    "admissions": FeedRules(
        "Der_Pseudo_NHS_Number", "Der_Provider_Code", ("Der_Provider_Code", "Hospital_Spell_No", "Admission_Date"), "Admission_Date",
        ("APCS_Ident", "Der_Provider_Site_Code", "Sex", "Ethnic_Group", "Age_At_Start_of_Spell_SUS", "Der_Spell_LoS", "Der_Episode_Count",
         "Der_Procedure_All", "Der_Postcode_LSOA_2011_Code"), 12, 45,
    ),
    "emergency_attendances": FeedRules(
        "Der_Pseudo_NHS_Number", "Der_Provider_Code", ("Der_Provider_Code", "EC_Ident"), "Arrival_Date",
        ("Der_Provider_Site_Code", "Sex", "Ethnic_Category", "Age_At_Arrival", "EC_Departure_Time_Since_Arrival",
         "EC_Acuity_SNOMED_CT", "EC_Chief_Complaint_SNOMED_CT"), 12, 14,
    ),
    "outpatient_appointments": FeedRules(
        "Der_Pseudo_NHS_Number", "Provider_Code", ("Provider_Code", "OPA_Ident"), "Appointment_Date",
        ("First_Attendance", "Outcome_of_Attendance", "Consultation_Medium_Used"), 12, 30,
    ),
    "gp_observations": FeedRules("PERSON_ID", "ORGANISATION_ID", ("ORGANISATION_ID", "ID"), "CLINICAL_EFFECTIVE_DATE"),
    "gp_medication_orders": FeedRules("PERSON_ID", "ORGANISATION_ID", ("ORGANISATION_ID", "ID"), "CLINICAL_EFFECTIVE_DATE"),
}  # fmt: skip
HOSPITAL = tuple(feed for feed, rules in RULES.items() if rules.replaced_months)


@dataclass(frozen=True)
class Fact:
    """A row that holds, and the deliveries since which it has had this form and this beginning, without interruption."""

    row: Row
    stated: date
    begun: date


def deliveries(landing: Path, feed: str) -> list[tuple[date, list[Row]]]:
    """Return the rows of each delivery of a feed, in order."""
    found: dict[date, list[Row]] = {}
    for file in sorted((landing / feed).glob("*.csv")):
        match = DAY.search(file.name)
        assert match, file
        with file.open(encoding="utf-8", newline="") as lines:
            found.setdefault(date.fromisoformat(match[0]), []).extend(csv.DictReader(lines))
    return sorted(found.items())


def latest(landing: Path, feed: str) -> list[Row]:
    """Return the rows of the last delivery of a list that is sent complete."""
    return deliveries(landing, feed)[-1][1]


def facts(landing: Path, feed: str) -> list[Fact]:
    """Return the rows of a feed that hold after its last delivery."""
    rules, sent = RULES[feed], deliveries(landing, feed)
    last: dict[tuple[str, ...], tuple[date, Fact]] = {}
    for day, rows in sent:
        before = [other for other, _ in sent if other < day]
        for row in rows:
            key = tuple(row[name] for name in rules.key)
            stated = begun = day
            if key in last:
                then, fact = last[key]
                if not any(_omits(fact.row[rules.day], then, other, rules) for other in before):
                    stated = fact.stated if _form(fact.row, rules) == _form(row, rules) else day
                    begun = fact.begun if _beginning(fact.row, rules) == _beginning(row, rules) else day
            last[key] = (day, Fact(row, stated, begun))
    return [fact for day, fact in last.values() if not any(_omits(fact.row[rules.day], day, other, rules) for other, _ in sent)]


def _omits(event_day: str, last_stated: date, delivery: date, rules: FeedRules) -> bool:
    """Return whether a later delivery restates the month of a row that it does not contain."""
    if delivery <= last_stated or not rules.replaced_months:
        return False
    months = delivery.year * 12 + delivery.month - 1 - rules.replaced_months
    return event_day >= date(months // 12, months % 12 + 1, 1).isoformat()


def _form(row: Row, rules: FeedRules) -> tuple[str, ...]:
    return tuple(value for name, value in row.items() if name not in rules.no_facts)


def _beginning(row: Row, rules: FeedRules) -> tuple[str, ...]:
    """Return what is stated when a stay begins."""
    names = ("Admission_Method", "Source_of_Admission", "Patient_Classification", "Der_Admit_Treatment_Function_Code")
    return (row[rules.person], *(row.get(name, "") for name in names))


def day_of(text: str) -> date | None:
    """Return a day as the files write it; None where there is none."""
    return date.fromisoformat(text) if text else None


def month_of(day: date) -> date:
    """Return the first day of a day's month."""
    return day.replace(day=1)


def months_between(first: date, last: date) -> Iterator[date]:
    """Return the first days of the months from one month to another, both included."""
    month = month_of(first)
    while month <= last:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)
