"""Whom a run leaves out and whom it marks.

People who opted out have no score at all. Those who died or left since, and those who cannot have the outcome, are suppressed: they
keep a score, which is needed to see what came of the run, and no list holds them. A date of death, or an end of registration, that is
recorded and cannot be read suppresses as well: no cohort takes such people in, and those whose features were built before are listed
nowhere. People at the end of life, in hospital, in a care
home or on a caseload are *marked*: a team may leave them out. A mark is true where a feed says so, false where one that would say
so covers the person, and null elsewhere: what no feed tells is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.caseload import ACTIONS
from expectations.tables.core import CODE, COVERAGE, EVENT, PERSON, REGISTRATION, SPELL
from expectations.tables.risk import LABELS
from features.code_lists import CodeList, code_members
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE, Use
from pipelines.lake.storage import Lake

MARKS = ("end_of_life", "in_hospital_now", "care_home", "on_caseload")
DIED, LEFT = "died since", "left the list since"
OPTED_OUT = "opted out since the features were built"
RECORDED_DAYS = 1095  # a code of palliative care or of living in a care home counts for three years
STAY_DAYS = 730  # an open stay that is older was never closed by its sender
LAST_STAY_DAYS = 365  # where someone came from or went to a year ago says little of today
CASELOAD_DAYS = 365  # a team that never ends an entry has it ended after a year
# NHS Data Dictionary, source of admission and discharge destination: care homes run by the NHS (54), with and without nursing
# (55, 56), by a local authority (65) and by others (85). A resident who comes from "usual place of residence" (19) is not seen.
CARE_HOME_PLACES = ("54", "55", "56", "65", "85")


def opted_out(lake: Lake, person_keys: np.ndarray, use: Use) -> np.ndarray:
    """Say who has opted out of the run's use by the latest state that is known (mask)."""
    where = "type_1_opt_out" + (" OR national_data_opt_out" if use == "planning" else "")
    return np.isin(person_keys, _people(lake, PERSON, where))


def suppression(lake: Lake, outcome: str, frame: pd.DataFrame, data_cut: date | None) -> np.ndarray:
    """Give why a person may not be listed, '' where the person may; without a `data_cut` nobody died or left since."""
    where = f"outcome = {quote(outcome)} AND coalesce(not_at_risk_reason, '') <> ''"
    able = lake.read_or_empty(LABELS, "person_key, index_event_id, not_at_risk_reason", where).to_pandas()
    told = frame[["person_key", "index_event_id"]].merge(able, on=["person_key", "index_event_id"], how="left")
    reasons = told["not_at_risk_reason"].fillna("").to_numpy(dtype=object)
    person = frame["person_key"].to_numpy()
    if data_cut is not None:
        ended = f"true GROUP BY person_key HAVING max(coalesce(end_date, DATE '9999-12-31')) < DATE {quote(data_cut)}"
        reasons[np.isin(person, _people(lake, REGISTRATION, ended))] = LEFT
        reasons[np.isin(person, end_not_readable(lake))] = END_NOT_READABLE
        reasons[np.isin(person, death_not_readable(lake))] = DEATH_NOT_READABLE
        reasons[np.isin(person, _people(lake, PERSON, "death_date IS NOT NULL"))] = DIED
    return reasons


def death_not_readable(lake: Lake) -> np.ndarray:
    """Return the keys of the people whose death is recorded on a day that is not known."""
    return _people(lake, PERSON, "death_not_readable")


def end_not_readable(lake: Lake) -> np.ndarray:
    """Return the keys of the people whose last registration ended on a day that cannot be read."""
    last = "true GROUP BY person_key HAVING coalesce(arg_max(end_not_readable, start_date), false)"
    return _people(lake, REGISTRATION, last)


def with_marks(
    lake: Lake, frame: pd.DataFrame, index_date: date, lists: Mapping[str, CodeList], admissions: str = ""
) -> pd.DataFrame:
    """Add a column (boolean, null where not known) for each mark; `admissions` is SQL of the admissions as they came, '' without them."""
    person, day = frame["person_key"].to_numpy(), f"DATE {quote(index_date)}"
    recorded = _recorded(lake, index_date, {name: lists[name] for name in ("palliative_care", "care_home") if name in lists})
    inside = f"admission_date < {day} AND admission_date >= {day} - {STAY_DAYS} AND coalesce(discharge_date, {day}) >= {day}"
    in_bed = _people(lake, SPELL, f"{inside} AND spell_class <> 'regular_attender'")
    gp, hospital = _told(lake, frame, "gp_observations"), _told(lake, frame, "admissions")
    in_care = np.isin(person, recorded.get("care_home", [])) | np.isin(person, _from_care_homes(lake, index_date, admissions))
    found = {
        "end_of_life": _mark(np.isin(person, recorded.get("palliative_care", [])), gp),
        "in_hospital_now": _mark(np.isin(person, in_bed), hospital),
        "care_home": _mark(in_care, gp),
        "on_caseload": _on_caseload(lake, frame, index_date),
    }
    return frame.assign(**found)


def _mark(found: np.ndarray, told: np.ndarray) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(found.astype(bool), ~(found | told))


def _people(lake: Lake, table: Table, where: str) -> np.ndarray:
    return np.asarray(lake.read_or_empty(table, "person_key", where)["person_key"].to_numpy())


def _told(lake: Lake, frame: pd.DataFrame, feed: str) -> np.ndarray:
    """Say for whom a feed would tell: it is there, and covers the person."""
    nobody = np.zeros(len(frame), dtype=bool)
    if "coverage" not in frame:
        return nobody
    if not lake.read_or_empty(COVERAGE, "feed", f"feed = {quote(feed)} LIMIT 1").num_rows:
        return nobody
    return ~frame["coverage"].astype(str).str.contains(feed, regex=False).to_numpy(dtype=bool)


def _recorded(lake: Lake, index_date: date, lists: Mapping[str, CodeList]) -> dict[str, np.ndarray]:
    """Give who has a code of each list in the GP record or of a hospital stay, in one pass over the events."""
    rows = lake.read_or_empty(CODE, "code, code_system, source_code", "code_system IN ('icd10', 'snomed')", "code")
    codes = list(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
    members = {name: code_members(found, codes) for name, found in lists.items()}
    wanted = sorted({code for held in members.values() for code in held})
    if not wanted:
        return {}
    window = f"event_date < DATE {quote(index_date)} AND event_date >= DATE {quote(index_date)} - {RECORDED_DAYS}"
    listed = ", ".join(str(code) for code in wanted)
    seen = lake.read_or_empty(EVENT, "DISTINCT person_key, code", f"code IN ({listed}) AND {window}").to_pandas()
    return {name: seen.loc[seen["code"].isin(held), "person_key"].to_numpy() for name, held in members.items()}


def _from_care_homes(lake: Lake, index_date: date, admissions: str) -> np.ndarray:
    """Give the people whose last stay began or ended in a care home."""
    if not admissions:
        return np.empty(0, dtype=np.int64)
    places = quote_all(CARE_HOME_PLACES)
    last = f"""SELECT person_id, admission_source, discharge_destination FROM {admissions}
        WHERE admission_date < DATE {quote(index_date)} AND admission_date >= DATE {quote(index_date)} - {LAST_STAY_DAYS}
        QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY admission_date DESC, discharge_date DESC NULLS FIRST, spell_number) = 1"""
    came = f"coalesce(admission_source IN ({places}), false) OR coalesce(discharge_destination IN ({places}), false)"
    return _people(lake, PERSON, f"person_id IN (SELECT person_id FROM ({last}) WHERE {came})")


def _on_caseload(lake: Lake, frame: pd.DataFrame, index_date: date) -> pd.arrays.BooleanArray:
    """Mark whom a team took on and has not let go; of a practice that never sent an action nothing is known."""
    nobody = np.zeros(len(frame), dtype=bool)
    if not lake.rows(ACTIONS.name) or "practice_code" not in frame:
        return _mark(nobody, nobody)
    day = f"DATE {quote(index_date)}"
    lasting = f"action_date <= {day} AND action_date > {day} - {CASELOAD_DAYS} AND coalesce(end_date, {day}) >= {day}"
    taken_on = lake.read(ACTIONS.name, "DISTINCT person_id", f"decision = 'accepted' AND {lasting}")["person_id"].to_pylist()
    sending = lake.read(ACTIONS.name, "DISTINCT practice_code")["practice_code"].to_pylist()
    found = frame["person_id"].astype(str).isin(taken_on).to_numpy(dtype=bool)
    return _mark(found, frame["practice_code"].isin(sending).to_numpy(dtype=bool))
