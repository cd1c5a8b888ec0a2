"""The lists of a run: its caseloads, its rising risks, and a count of every reason for not being listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial

import numpy as np
import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.tables.caseload import CASELOAD
from expectations.tables.core import PERSON, REGISTRATION
from features.code_lists import CodeList
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE, Use
from pipelines.caseloads.contacts import CONTACTS, last_contacts
from pipelines.caseloads.selection import NOT_KNOWN, candidates, with_listing
from pipelines.lake.storage import Lake
from pipelines.reference.stored_lines import stored_lines
from pipelines.scoring.left_out import MARKS, OPTED_OUT, death_not_readable, end_not_readable, suppressions
from pipelines.study.caseload_settings import CaseloadSettings

BELOW, MOVED, UNKNOWN = "the risk is now below the list", "now of another place", "not in this run's cohort"
KEPT = [
    "place_code", "age_group", "person_id", "index_event_id", "practice_code", "listed", "list_rank", "absent_reason", "risk", "risk_band",
    "risk_change", *MARKS, "coverage",
]  # fmt: skip
_PERSONAL = ["practice_code", "risk", "risk_band", "risk_change", *MARKS, "coverage"]


@dataclass(frozen=True)
class CaseloadRequest:
    """What caseloads are made for: the run's outcome and day, its use, and the run whose lists came before."""

    settings: CaseloadSettings
    outcome: str
    index_date: date
    use: Use
    previous_run_id: str = ""
    code_lists: Mapping[str, CodeList] = field(default_factory=dict)


def caseload(lake: Lake, scores: pd.DataFrame, request: CaseloadRequest) -> pd.DataFrame:
    """Return the rows of risk__caseload: everyone listed, and everyone whose absence needs a reason."""
    rows = with_listing(candidates(scores, request.settings), request.settings)
    before = _listed_before(lake, request)
    shown = rows[rows["listed"] | (rows["absent_reason"] != "")]
    result = pd.concat([shown[KEPT], _gone(lake, before, rows, request)], ignore_index=True)
    people = pd.MultiIndex.from_frame(result[["place_code", "person_id"]])
    was_listed = people.isin(pd.MultiIndex.from_frame(before[["place_code", "person_id"]]))
    result["listed_before"] = (
        pd.array(was_listed, dtype="boolean") if len(before) else pd.array([None] * len(result), dtype="boolean")
    )
    scored = result.loc[result["risk"].notna(), "person_id"].drop_duplicates()
    contacts = last_contacts(lake, scored.tolist(), request.index_date, request.code_lists)
    result = result.merge(contacts, on="person_id", how="left", validate="many_to_one")
    result.loc[result["risk"].isna(), list(CONTACTS)] = None
    result = result.assign(outcome=request.outcome, place_kind=request.settings.place)
    result["absent_reason"] = result["absent_reason"].where(result["absent_reason"] != "", None)
    return result.sort_values(["place_code", "age_group", "listed", "list_rank", "risk", "person_id"],
                             ascending=[True, True, False, True, False, True], ignore_index=True)  # fmt: skip


def exclusions(
    outcome: str, scores: pd.DataFrame, opted_out: int, caseload: pd.DataFrame, rising: Mapping[str, int],
    not_in_cohort: Mapping[str, int] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Count every reason: people suppressed in the scores, people with a flag, and people excluded from each list.

    `not_in_cohort`: people by reason whom the cohort excluded because a date cannot be read. They count as suppressed.
    """
    rows: list[tuple[str, str, str, int, int | None]] = []
    suppressed = Counter(not_in_cohort or {})
    suppressed.update(scores["suppression_reason"].dropna().astype(str).tolist())
    rows += [("scores", "suppressed", reason, people, None) for reason, people in sorted(suppressed.items()) if people]
    rows += [("scores", "suppressed", OPTED_OUT, opted_out, None)] if opted_out else []
    for flag in MARKS:
        flags = scores[flag].astype("boolean")
        rows.append(("scores", "marked", flag.replace("_", " "), int(flags.sum()), int(flags.isna().sum())))
    absent = caseload["absent_reason"].dropna().value_counts().sort_index()
    rows += [("caseload", "left_out", str(reason), int(people), None) for reason, people in absent.items()]
    rows += [("rising", "left_out", reason, people, None) for reason, people in sorted(rising.items())]
    names = ["list_name", "treatment", "reason", "people", "people_unknown"]
    return pd.DataFrame(rows, columns=names).astype({"people": "int64", "people_unknown": "Int64"}).assign(outcome=outcome)


def _listed_before(lake: Lake, request: CaseloadRequest) -> pd.DataFrame:
    """Return the people on the lists of the published run before, with the codes that the places have on this index date."""
    columns = ["place_code", "person_id", "age_group", "index_event_id"]
    if not request.previous_run_id or not lake.rows(CASELOAD.name, {"run_id": request.previous_run_id}):
        return pd.DataFrame(columns=columns)
    where = f"listed AND place_kind = {quote(request.settings.place)}"
    listed = lake.read(
        CASELOAD.name, ", ".join(columns), where, "place_code, person_id", {"run_id": request.previous_run_id}
    ).to_pandas()
    code_now = partial(stored_lines(lake).code_on, day=request.index_date)
    return listed.assign(place_code=listed["place_code"].map(code_now, na_action="ignore"))


def _gone(lake: Lake, before: pd.DataFrame, rows: pd.DataFrame, request: CaseloadRequest) -> pd.DataFrame:
    """Return a row with the reason for everyone of the earlier list who is neither listed nor absent with a reason."""
    explained = rows.loc[rows["listed"] | (rows["absent_reason"] != ""), ["place_code", "person_id"]]
    missing = before[~pd.MultiIndex.from_frame(before[["place_code", "person_id"]]).isin(pd.MultiIndex.from_frame(explained))]
    now = missing[["place_code", "person_id"]].merge(rows, on="person_id", how="left", suffixes=("", "_now"))
    scored = now["risk"].notna().to_numpy()
    elsewhere = scored & (now["place_code"] != now["place_code_now"]).to_numpy()
    barred = now["barred"].fillna("").to_numpy(dtype=object)
    unscored = _why_not_scored(lake, now.loc[~scored, "person_id"].tolist(), request)
    reason = np.select([~scored, elsewhere, barred != ""], [now["person_id"].map(unscored), MOVED, barred], BELOW)
    absent = now.assign(
        listed=False,
        list_rank=pd.array([None] * len(now), dtype="Int32"),
        absent_reason=reason,
        age_group=now["age_group"].where(scored, missing["age_group"].to_numpy()).fillna(NOT_KNOWN),
        index_event_id=now["index_event_id"].where(scored, request.index_date.isoformat()),
    )
    absent.loc[elsewhere, _PERSONAL] = None  # these values are for the place where they are now
    return absent[KEPT]


def _why_not_scored(lake: Lake, person_ids: list[str], request: CaseloadRequest) -> dict[str, str]:
    """Return of people without a score whether they died, opted out or left, or which of their dates cannot be read."""
    reasons = dict.fromkeys(person_ids, UNKNOWN)
    if not person_ids:
        return reasons
    against = "type_1_opt_out" + (" OR national_data_opt_out" if request.use == "planning" else "")
    columns = f"person_id, person_key, death_date IS NOT NULL AS died, {against} AS against"
    people = lake.read_or_empty(PERSON, columns, f"person_id IN ({quote_all(person_ids)})").to_pylist()
    lasting = f"start_date <= DATE {quote(request.index_date)} AND coalesce(end_date, DATE {quote(request.index_date)}) >= DATE {quote(request.index_date)}"
    keys = ", ".join(str(row["person_key"]) for row in people) or "NULL"
    here = set(lake.read_or_empty(REGISTRATION, "person_key", f"{lasting} AND person_key IN ({keys})")["person_key"].to_pylist())
    unreadable = {
        **dict.fromkeys(end_not_readable(lake).tolist(), END_NOT_READABLE),
        **dict.fromkeys(death_not_readable(lake).tolist(), DEATH_NOT_READABLE),
        **suppressions(lake),
    }
    for row in people:
        left = "left the list" if row["person_key"] not in here else UNKNOWN
        against = "opted out" if row["against"] else unreadable.get(row["person_key"], left)
        reasons[row["person_id"]] = "died" if row["died"] else against
    return reasons
