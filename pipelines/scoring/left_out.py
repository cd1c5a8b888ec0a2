"""The people whom a run excludes, suppresses or flags.

- Excluded: people who opted out have no score.
- Suppressed: people who died or left since, or who cannot have the outcome, keep a score but are on no review list. The score is needed to
  evaluate the run later. A recorded date of death or end of registration that cannot be read suppresses too. No cohort includes such people,
  but their features may have been built before.
- Flagged: people near the end of life, in hospital, in a care home or on a caseload, whom a team may exclude from its list. A flag is true if
  a feed has a record of it, false if that feed covers the person and has none, and null otherwise.
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
from features.periods import STAY_DAYS
from pipelines.lake.storage import Lake
from pipelines.reference.stored_lines import stored_lines

MARKS = ("end_of_life", "in_hospital_now", "care_home", "on_caseload")
DIED, LEFT = "died since", "left the list since"
OPTED_OUT = "opted out since the features were built"
RECORDED_DAYS = 1095  # codes of palliative care or of living in a care home count for three years
LAST_STAY_DAYS = 365  # an older admission source or discharge destination says little about today
CASELOAD_DAYS = 365  # an entry without an end expires after a year
# NHS Data Dictionary, source of admission and discharge destination: care homes run by the NHS (54), with and without nursing
# (55, 56), by a local authority (65) and by others (85). A resident with the source "usual place of residence" (19) is not recognised.
CARE_HOME_PLACES = ("54", "55", "56", "65", "85")


def opted_out(lake: Lake, person_keys: np.ndarray, use: Use) -> np.ndarray:
    """Return a mask of the people whose latest record is an opt-out from the use of the run."""
    where = "type_1_opt_out" + (" OR national_data_opt_out" if use == "planning" else "")
    return np.isin(person_keys, _people(lake, PERSON, where))


def suppression(lake: Lake, outcome: str, frame: pd.DataFrame, data_cut: date | None) -> np.ndarray:
    """Return the reason why each person may not be listed, or ''; without a `data_cut`, deaths and departures do not count."""
    where = f"outcome = {quote(outcome)} AND coalesce(not_at_risk_reason, '') <> ''"
    not_at_risk = lake.read_or_empty(LABELS, "person_key, index_event_id, not_at_risk_reason", where).to_pandas()
    merged = frame[["person_key", "index_event_id"]].merge(not_at_risk, on=["person_key", "index_event_id"], how="left")
    reasons = merged["not_at_risk_reason"].fillna("").to_numpy(dtype=object)
    person = frame["person_key"].to_numpy()
    if data_cut is not None:
        ended = f"true GROUP BY person_key HAVING max(coalesce(end_date, DATE '9999-12-31')) < DATE {quote(data_cut)}"
        reasons[np.isin(person, _people(lake, REGISTRATION, ended))] = LEFT
        reasons[np.isin(person, end_not_readable(lake))] = END_NOT_READABLE
        reasons[np.isin(person, death_not_readable(lake))] = DEATH_NOT_READABLE
        suppressed = suppressions(lake)
        known = np.isin(person, list(suppressed))
        reasons[known] = [suppressed[key] for key in person[known]]
        reasons[np.isin(person, _people(lake, PERSON, "death_date IS NOT NULL"))] = DIED
    return reasons


def death_not_readable(lake: Lake) -> np.ndarray:
    """Return the keys of the people whose death is recorded on a day that is not known."""
    return _people(lake, PERSON, "death_not_readable")


def suppressions(lake: Lake) -> dict[int, str]:
    """Return the reason of everyone whom a lost value, conflicting rows or a death in review suppresses, by key."""
    rows = lake.read_or_empty(PERSON, "person_key, suppression", "suppression IS NOT NULL")
    return dict(zip(rows["person_key"].to_pylist(), rows["suppression"].to_pylist(), strict=True))


def end_not_readable(lake: Lake) -> np.ndarray:
    """Return the keys of the people whose last registration ended on a day that cannot be read."""
    last = "true GROUP BY person_key HAVING coalesce(arg_max(end_not_readable, start_date), false)"
    return _people(lake, REGISTRATION, last)


def with_marks(
    lake: Lake, frame: pd.DataFrame, index_date: date, lists: Mapping[str, CodeList], admissions: str = ""
) -> pd.DataFrame:
    """Add a column (boolean, null if not known) for each flag.

    `admissions` is SQL of the validated raw admissions, or '' without them.
    """
    person, day = frame["person_key"].to_numpy(), f"DATE {quote(index_date)}"
    recorded = _recorded(lake, index_date, {name: lists[name] for name in ("palliative_care", "care_home") if name in lists})
    inside = f"admission_date < {day} AND admission_date >= {day} - {STAY_DAYS} AND coalesce(discharge_date, {day}) >= {day}"
    in_bed = _people(lake, SPELL, f"{inside} AND spell_class <> 'regular_attender'")
    gp, hospital = _covered(lake, frame, "gp_observations"), _covered(lake, frame, "admissions")
    in_care = np.isin(person, recorded.get("care_home", [])) | np.isin(person, _from_care_homes(lake, index_date, admissions))
    flags = {
        "end_of_life": _flag(np.isin(person, recorded.get("palliative_care", [])), gp),
        "in_hospital_now": _flag(np.isin(person, in_bed), hospital),
        "care_home": _flag(in_care, gp),
        "on_caseload": _on_caseload(lake, frame, index_date),
    }
    return frame.assign(**flags)


def _flag(recorded: np.ndarray, covered: np.ndarray) -> pd.arrays.BooleanArray:
    return pd.arrays.BooleanArray(recorded.astype(bool), ~(recorded | covered))


def _people(lake: Lake, table: Table, where: str) -> np.ndarray:
    return np.asarray(lake.read_or_empty(table, "person_key", where)["person_key"].to_numpy())


def _covered(lake: Lake, frame: pd.DataFrame, feed: str) -> np.ndarray:
    """Return a mask of the people whom a feed covers."""
    no_one = np.zeros(len(frame), dtype=bool)
    if "coverage" not in frame:
        return no_one
    if not lake.read_or_empty(COVERAGE, "feed", f"feed = {quote(feed)} LIMIT 1").num_rows:
        return no_one
    return ~frame["coverage"].astype(str).str.contains(feed, regex=False).to_numpy(dtype=bool)


def _recorded(lake: Lake, index_date: date, lists: Mapping[str, CodeList]) -> dict[str, np.ndarray]:
    """Return the people with a code of each list in the GP record or a hospital stay, from one pass over the events."""
    rows = lake.read_or_empty(CODE, "code, code_system, source_code", "code_system IN ('icd10', 'snomed')", "code")
    codes = list(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
    members = {name: code_members(code_list, codes) for name, code_list in lists.items()}
    member_codes = sorted({code for of_list in members.values() for code in of_list})
    if not member_codes:
        return {}
    window = f"event_date < DATE {quote(index_date)} AND event_date >= DATE {quote(index_date)} - {RECORDED_DAYS}"
    code_values = ", ".join(str(code) for code in member_codes)
    recorded = lake.read_or_empty(EVENT, "DISTINCT person_key, code", f"code IN ({code_values}) AND {window}").to_pandas()
    return {name: recorded.loc[recorded["code"].isin(of_list), "person_key"].to_numpy() for name, of_list in members.items()}


def _from_care_homes(lake: Lake, index_date: date, admissions: str) -> np.ndarray:
    """Return the people whose last stay began or ended in a care home."""
    if not admissions:
        return np.empty(0, dtype=np.int64)
    places = quote_all(CARE_HOME_PLACES)
    last = f"""SELECT person_id, admission_source, discharge_destination FROM {admissions}
        WHERE admission_date < DATE {quote(index_date)} AND admission_date >= DATE {quote(index_date)} - {LAST_STAY_DAYS}
        QUALIFY row_number() OVER (PARTITION BY person_id ORDER BY admission_date DESC, discharge_date DESC NULLS FIRST, spell_number) = 1"""
    care_home = f"coalesce(admission_source IN ({places}), false) OR coalesce(discharge_destination IN ({places}), false)"
    return _people(lake, PERSON, f"person_id IN (SELECT person_id FROM ({last}) WHERE {care_home})")


def _on_caseload(lake: Lake, frame: pd.DataFrame, index_date: date) -> pd.arrays.BooleanArray:
    """Return the flag of people on a team's caseload; it is null for practices that never sent an action."""
    no_one = np.zeros(len(frame), dtype=bool)
    if not lake.rows(ACTIONS.name) or "practice_code" not in frame:
        return _flag(no_one, no_one)
    day = f"DATE {quote(index_date)}"
    is_current = f"action_date <= {day} AND action_date > {day} - {CASELOAD_DAYS} AND coalesce(end_date, {day}) >= {day}"
    accepted = lake.read(ACTIONS.name, "DISTINCT person_id", f"decision = 'accepted' AND {is_current}")["person_id"].to_pylist()
    line = stored_lines(lake).first_code
    senders = set(map(line, lake.read(ACTIONS.name, "DISTINCT practice_code")["practice_code"].to_pylist()))
    of_sender = frame["practice_code"].map(line, na_action="ignore").isin(senders).to_numpy(dtype=bool)
    on_caseload = frame["person_id"].astype(str).isin(accepted).to_numpy(dtype=bool)
    return _flag(on_caseload, of_sender)
