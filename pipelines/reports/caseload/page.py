"""One place's caseload as a page to print and as a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from models.risk_bands import AGE_GROUPS
from pipelines.caseloads.contacts import CONTACTS
from pipelines.caseloads.place_caseloads import PlaceCaseload
from pipelines.caseloads.selection import NOT_KNOWN
from pipelines.reports.labels import known_to_words, written_date
from pipelines.reports.pages import render
from pipelines.scoring.left_out import MARKS

CONTACT_NAMES = {
    "last_emergency_admission": ("admitted", "admissions"),
    "last_ae_attendance": ("A&E", "emergency_attendances"),
    "last_outpatient_visit": ("outpatients", "outpatient_appointments"),
    "last_gp_contact": ("GP", "gp_observations"),
}
CSV_COLUMNS = (
    "run_id", "outcome", "index_date", "place_code", "age_group", "listed", "list_rank", "absent_reason", "person_id", "practice_code",
    "risk_band", "risk", "risk_change", "listed_before", *MARKS, *CONTACTS, "raises", "lowers",
    "deaths_and_objections_known_to",
)  # fmt: skip


def caseload_page(place: PlaceCaseload) -> str:
    """Return the page of one place."""
    run = place.run
    listed = place.rows[place.rows["listed"]]
    rising = place.rising[~place.rising["person_id"].isin(listed["person_id"])].sort_values("risk", ascending=False)
    absent = place.rows[place.rows["absent_reason"].notna()].sort_values(["absent_reason", "person_id"])
    return render(
        "caseload.html",
        title=place.title,
        outcome=_plain(run["outcome"]),
        horizon_days=place.horizon_days,
        index_date=written_date(run["index_date"]),
        data_cut_date=written_date(run["data_cut_date"]),
        known_to=_known_to(place),
        run_id=run["run_id"],
        model=f"{run['model_name']} {run['model_version']}",
        purpose=_plain(run["purpose"]),
        approval=run["approval"],
        quality=_plain(place.quality),
        groups=_groups(place, listed),
        rising=[_risen(place, row) for row in _records(rising)],
        rising_since=_day(rising["compared_index_date"].iloc[0]) if len(rising) else "",
        absent=[{"person_id": row["person_id"], "age_group": row["age_group"], "reason": row["absent_reason"]} for row in _records(absent)],
        left_out=_left_out(place.left_out),
    )  # fmt: skip


def _groups(place: PlaceCaseload, listed: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the listed people of each age group that the place has."""
    names = [name for name in (*AGE_GROUPS, NOT_KNOWN) if place.people.get(name) or (listed["age_group"] == name).any()]
    return [
        {
            "name": name,
            "people": f"{place.people.get(name, 0):,}",
            "rows": [_row(place, row) for row in _records(listed[listed["age_group"] == name].sort_values("list_rank"))],
        }
        for name in names
    ]


def caseload_csv(place: PlaceCaseload) -> str:
    """Return the place's rows as CSV: the people listed, and the people absent with the reason."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    known = {"deaths_and_objections_known_to": _earliest(place)}
    for row in _records(place.rows):
        raises, lowers = place.drivers.get(row["person_id"], ([], [])) if row["listed"] else ([], [])
        more = {"run_id": place.run["run_id"], "outcome": place.run["outcome"], "index_date": place.run["index_date"], **known}
        rounded = {name: None if row[name] is None else round(row[name], 4) for name in ("risk", "risk_change")}
        rank = {"list_rank": None if row["list_rank"] is None else int(row["list_rank"])}
        plain = {name: _safe(value) for name, value in (row | more | rounded | rank).items()}
        writer.writerow(plain | {"raises": _safe("; ".join(raises)), "lowers": _safe("; ".join(lowers))})
    return out.getvalue()


def _known_to(place: PlaceCaseload) -> str:
    return known_to_words(place.known.deaths, place.known.objections) if place.known else known_to_words(None, None)


def _earliest(place: PlaceCaseload) -> date | None:
    """Return the day to which both deaths and objections are known; None where one of them is not."""
    days = (place.known.deaths, place.known.objections) if place.known else (None, None)
    return None if None in days else min(day for day in days if day)


def _row(place: PlaceCaseload, row: Mapping[str, Any]) -> dict[str, Any]:
    raises, lowers = place.drivers.get(row["person_id"], ([], []))
    change = row["risk_change"]
    return {
        "rank": int(row["list_rank"]),
        "person_id": row["person_id"],
        "band": row["risk_band"],
        "risk": f"{row['risk']:.0%}",
        "change": "" if change is None or abs(change) < 0.005 else f"{change * 100:+.0f} percentage points since the run before",
        "raises": raises,
        "lowers": lowers,
        "notes": _notes(place, row),
        "contacts": _contacts(place, row),
    }


def _notes(place: PlaceCaseload, row: Mapping[str, Any]) -> list[str]:
    """Return what else the team should know: new on the list, risk risen, flags that are set or not known."""
    notes = ["new on the list"] if row["listed_before"] is False else []
    notes += ["risk has risen: review"] if row["person_id"] in set(place.rising["person_id"]) else []
    notes += [_plain(flag) for flag in MARKS if row[flag]]
    unknown = [_plain(flag) for flag in MARKS if row[flag] is None]
    return notes + ([f"not known: {', '.join(unknown)}"] if unknown else [])


def _risen(place: PlaceCaseload, row: Mapping[str, Any]) -> dict[str, Any]:
    raises, lowers = place.drivers.get(row["person_id"], ([], []))
    return {
        "person_id": row["person_id"],
        "band": row["risk_band"],
        "risk": f"{row['risk']:.0%}",
        "change": f"before: {row['risk_band_before']} {row['risk_before']:.0%}",
        "raises": raises,
        "lowers": lowers,
        "notes": [f"age {row['age_group'] or NOT_KNOWN}", *(_plain(flag) for flag in MARKS if row[flag])],
    }


def _contacts(place: PlaceCaseload, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each kind of contact with its day, or whether there is none or no feed that covers the person."""
    uncovered = str(row["coverage"] or "").split(",")
    contacts = []
    for name, (kind, feed) in CONTACT_NAMES.items():
        absent = NOT_KNOWN if feed in uncovered or feed not in place.feeds else "none found"
        contacts.append((kind, _day(row[name]) if row[name] else absent))
    return contacts


def _left_out(flags: Sequence[str]) -> str:
    if not flags:
        return "Everyone is listed, whatever their flags. Flags are under “Notes”."
    return f"People with a flag for {' or '.join(map(_plain, flags))} are not listed. They are under “Not listed, and why”."


def _plain(token: object) -> str:
    return str(token).replace("_", " ")


def _day(value: Any) -> str:
    return written_date(value if isinstance(value, date) else date.fromisoformat(str(value)[:10]))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as dictionaries with None for missing values."""
    columns = {name: [None if pd.isna(value) else value for value in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _safe(value: object) -> object:
    """Keep a text from being read as a formula by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
