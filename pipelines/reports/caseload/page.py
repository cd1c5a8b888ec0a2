"""One place's caseload as a page to print and as a CSV: plain words, nothing fetched, everything escaped."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from models.risk_bands import AGE_GROUPS
from pipelines.caseloads.contacts import CONTACTS
from pipelines.caseloads.place_caseloads import PlaceCaseload
from pipelines.caseloads.selection import NOT_KNOWN
from pipelines.scoring.left_out import MARKS

CONTACT_WORDS = {
    "last_emergency_admission": ("admitted", "admissions"),
    "last_ae_attendance": ("A&E", "emergency_attendances"),
    "last_outpatient_visit": ("outpatients", "outpatient_appointments"),
    "last_gp_contact": ("GP", "gp_observations"),
}
CSV_COLUMNS = (
    "run_id", "outcome", "index_date", "place_code", "age_group", "listed", "list_rank", "absent_reason", "person_id", "practice_code",
    "risk_band", "risk", "risk_change", "listed_before", *MARKS, *CONTACTS, "raises", "lowers",
)  # fmt: skip


def caseload_page(place: PlaceCaseload) -> str:
    """Give the page of one place."""
    run, shown = place.run, place.rows[place.rows["listed"]]
    names = [name for name in (*AGE_GROUPS, NOT_KNOWN) if place.people.get(name) or (shown["age_group"] == name).any()]
    groups = [
        {
            "name": name,
            "people": f"{place.people.get(name, 0):,}",
            "rows": [_row(place, row) for row in _records(shown[shown["age_group"] == name].sort_values("list_rank"))],
        }
        for name in names
    ]
    rising = place.rising[~place.rising["person_id"].isin(shown["person_id"])].sort_values("risk", ascending=False)
    absent = place.rows[place.rows["absent_reason"].notna()].sort_values(["absent_reason", "person_id"])
    return _template().render(
        title=place.title, outcome=str(run["outcome"]).replace("_", " "), horizon_days=place.horizon_days, index_date=run["index_date"],
        data_cut_date=run["data_cut_date"], run_id=run["run_id"], model=f"{run['model_name']} {run['model_version']}",
        purpose=str(run["purpose"]).replace("_", " "), approval=run["approval"], quality=place.quality.replace("_", " "), groups=groups,
        rising=[_risen(place, row) for row in _records(rising)],
        rising_since=str(rising["compared_index_date"].iloc[0]) if len(rising) else "",
        absent=[{"person_id": row["person_id"], "age_group": row["age_group"], "reason": row["absent_reason"]} for row in _records(absent)],
        left_out=_left_out(place.left_out),
    )  # fmt: skip


def caseload_csv(place: PlaceCaseload) -> str:
    """Give the place's rows as CSV: those listed, and those absent with the reason."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in _records(place.rows):
        raises, lowers = place.drivers.get(row["person_id"], ([], [])) if row["listed"] else ([], [])
        more = {"run_id": place.run["run_id"], "outcome": place.run["outcome"], "index_date": place.run["index_date"]}
        rounded = {name: None if row[name] is None else round(row[name], 4) for name in ("risk", "risk_change")}
        rank = {"list_rank": None if row["list_rank"] is None else int(row["list_rank"])}
        plain = {name: _safe(value) for name, value in (row | more | rounded | rank).items()}
        writer.writerow(plain | {"raises": _safe("; ".join(raises)), "lowers": _safe("; ".join(lowers))})
    return out.getvalue()


def _row(place: PlaceCaseload, row: Mapping[str, Any]) -> dict[str, Any]:
    raises, lowers = place.drivers.get(row["person_id"], ([], []))
    risen = row["person_id"] in set(place.rising["person_id"])
    notes = ["new on the list"] if row["listed_before"] is False else []
    notes += ["risk risen: review"] if risen else []
    notes += [mark.replace("_", " ") for mark in MARKS if row[mark]]
    unknown = [mark.replace("_", " ") for mark in MARKS if row[mark] is None]
    notes += [f"not known: {', '.join(unknown)}"] if unknown else []
    change = row["risk_change"]
    return {
        "rank": int(row["list_rank"]), "person_id": row["person_id"], "band": row["risk_band"], "risk": f"{row['risk']:.0%}",
        "change": "" if change is None or abs(change) < 0.005 else f"{change * 100:+.0f} points since the run before",
        "raises": raises, "lowers": lowers, "notes": notes, "contacts": _contacts(place, row),
    }  # fmt: skip


def _risen(place: PlaceCaseload, row: Mapping[str, Any]) -> dict[str, Any]:
    raises, lowers = place.drivers.get(row["person_id"], ([], []))
    before = f"from {row['risk_band_before']} {row['risk_before']:.0%}"
    return {
        "person_id": row["person_id"], "band": row["risk_band"], "risk": f"{row['risk']:.0%}", "change": before, "raises": raises,
        "lowers": lowers, "notes": [f"age {row['age_group'] or NOT_KNOWN}", *(mark.replace("_", " ") for mark in MARKS if row[mark])],
    }  # fmt: skip


def _contacts(place: PlaceCaseload, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give each kind of contact with its day, in words where there is none or no feed that would tell."""
    uncovered = str(row["coverage"] or "").split(",")
    return [
        (words, str(row[name]) if row[name] else "not known" if feed in uncovered or feed not in place.feeds else "none found")
        for name, (words, feed) in CONTACT_WORDS.items()
    ]


def _left_out(marks: Sequence[str]) -> str:
    if not marks:
        return "Nobody is left out for a mark; marks stand under “To know”."
    return f"People marked {', '.join(mark.replace('_', ' ') for mark in marks)} are left out, and named with that reason."


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give rows as dictionaries with None for whatever is missing."""
    columns = {name: [None if pd.isna(value) else value for value in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _safe(value: object) -> object:
    """Keep a text from being read as a formula by a spreadsheet."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipelines.reports.caseload", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
