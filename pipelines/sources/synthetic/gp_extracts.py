"""Build the GP feeds of a block: patients, registrations, addresses, observations, medicines, opt-outs and team actions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.synthetic.actions import DECISIONS, DECLINED_FOR, DONE, earlier_run_id
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.block import Block
from pipelines.sources.synthetic.extracts import (
    LOADED_PRACTICE,
    SILENT_PRACTICE,
    Delivery,
    Extract,
    build_extract,
    event_facts,
    gp_pseudonyms,
    record_positions,
    sent_sex,
    text_days,
    text_numbers,
)
from pipelines.sources.synthetic.gp_record import UNITS, is_routine, observation_codes
from pipelines.sources.synthetic.identifiers import look_up, pseudonyms, record_numbers
from pipelines.sources.synthetic.medicines import medicine_codes
from pipelines.sources.synthetic.opt_outs import OPT_OUT_TYPES
from pipelines.sources.synthetic.people import ETHNIC_CATEGORY_CODES, FAR, PSEUDO_POSTCODES, RESOLVED
from pipelines.sources.synthetic.settings import SyntheticSettings

LOAD_DAY = np.datetime64("2021-06-01", "D").astype(np.int64)  # the day on which the practice's data were loaded into its system


def registered_from(block: Block) -> np.ndarray:
    """Return the day people joined the registered list.

    Babies join one to five weeks after birth, or on the day of birth if they died or left before then.
    """
    later = block.people.arrival + 7 + block.people.number % 29
    return np.where(block.people.born_here & (later < block.lives.last), later, block.people.arrival)


def on_list_at_end(block: Block) -> np.ndarray:
    """Flag the people who neither died nor left before the data cut."""
    return (block.lives.death == FAR) & (block.people.leaves >= block.lives.month_starts[-1])


def patients(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build PATIENT: everyone who has ever been registered, as last known."""
    people, lives = block.people, block.lives
    rows = np.flatnonzero(registered_from(block) < delivery.day)
    seen = np.minimum(lives.last[rows], delivery.day) - 1
    died = (lives.death[rows] < delivery.day).astype(bool)
    born = people.birth[rows].astype("datetime64[D]")
    zero = look_up(["0"], np.zeros(len(rows), np.int64))
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        "REGISTERED_PRACTICE_ORGANISATION_ID": _practice(places, people.practice_at(rows, seen)),
        "BIRTH_YEAR": text_numbers(born.astype("datetime64[Y]").astype(np.int64) + 1970),
        "BIRTH_MONTH": text_numbers(born.astype("datetime64[M]").astype(np.int64) % 12 + 1),
        "DEATH_DATE": text_days(np.where(died, lives.death[rows], 0), ~died),
        "SEX": sent_sex(block, rows),
        "ETHNIC_CATEGORY": look_up(ETHNIC_CATEGORY_CODES, people.recorded_ethnicity[rows]),
        "HOUSEHOLD_ID": _household(settings, block, rows, people.place_at(rows, seen)),
        **_home(places, block, rows, people.area_at(rows, seen)),
        "IS_CONFIDENTIAL": zero, "IS_TEST_PATIENT": zero, "IS_SPINE_SENSITIVE": zero, "IS_DELETED": zero,
        "SOURCE_EXTRACTION_DATE": text_days(np.full(len(rows), delivery.day)),
    }  # fmt: skip
    facts = event_facts(block, rows, registered_from(block)[rows], np.where(died, lives.death[rows], -1))
    return build_extract("patients", columns, facts)


def registrations(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build EPISODE_OF_CARE: one period for each practice a person was registered with."""
    people = block.people
    rows, starts, ends, step = _periods(block, registered_from(block), people.practice)
    practice = people.practice[rows, step]
    if settings.defects.enabled and settings.defects.history_starts_at_load:
        early = (practice == LOADED_PRACTICE) & (starts < LOAD_DAY) & (ends > LOAD_DAY)
        starts = np.where(early, LOAD_DAY, starts)
    is_known = starts < delivery.day
    rows, starts, ends, practice = rows[is_known], starts[is_known], ends[is_known], practice[is_known]
    open_end = ends >= delivery.day
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        "ORGANISATION_ID": _practice(places, practice),
        "START_DATE": text_days(starts),
        "END_DATE": text_days(np.where(open_end, 0, ends), open_end),
    }
    return build_extract("registrations", columns, event_facts(block, rows, starts, np.where(open_end, -1, ends)))


def addresses(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build PATIENT_ADDRESS: one period for each address a person had while registered."""
    people = block.people
    rows, starts, ends, step = _periods(block, registered_from(block), np.repeat(np.arange(3)[None, :], len(people), axis=0))
    is_known = starts < delivery.day
    rows, starts, ends, step = rows[is_known], starts[is_known], ends[is_known], step[is_known]
    open_end = ends >= delivery.day
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        **_home(places, block, rows, people.area[rows, step]),
        "HOUSEHOLD_ID": _household(settings, block, rows, step),
        "START_DATE": text_days(starts),
        "END_DATE": text_days(np.where(open_end, 0, ends), open_end),
    }
    return build_extract("addresses", columns, event_facts(block, rows, starts, np.where(open_end, -1, ends)))


def gp_observations(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build OBSERVATION: everything recorded before the delivery, except at the practice without a GP feed."""
    observations, people = block.observations, block.people
    practice = people.practice_at(observations.person, np.maximum(observations.recorded, people.arrival[observations.person]))
    rows = np.flatnonzero((observations.recorded < delivery.day) & (practice != SILENT_PRACTICE))
    person, numbers = observations.person[rows], record_positions(block, len(observations))[rows]
    vocabulary, _ = observation_codes()
    zero = look_up(["0"], np.zeros(len(rows), np.int64))
    has_value = ~np.isnan(observations.value[rows])
    columns = {
        "ID": record_numbers("O", numbers),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "ORGANISATION_ID": _practice(places, practice[rows]),
        "CLINICAL_EFFECTIVE_DATE": text_days(observations.day[rows]),
        "DATE_RECORDED": text_days(observations.recorded[rows]),
        "OBSERVATION_SOURCE_CONCEPT_ID": look_up(vocabulary, observations.code[rows]),
        "RESULT_VALUE": _decimals(observations.value[rows], ~has_value),
        "RESULT_VALUE_UNITS": look_up(UNITS, observations.unit[rows]),
        "IS_CONFIDENTIAL": zero,
        "IS_DELETED": zero,
    }
    return build_extract(
        "gp_observations",
        columns,
        event_facts(block, person, observations.day[rows])
        | {"recorded": observations.recorded[rows], "valued": has_value, "without_defects": is_routine(observations)[rows]},
    )


def gp_medication_orders(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build MEDICATION_ORDER: everything issued before the delivery, except at the practice without a GP feed."""
    issues, people = block.issues, block.people
    practice = people.practice_at(issues.person, issues.day)
    rows = np.flatnonzero((issues.day < delivery.day) & (practice != SILENT_PRACTICE))
    person, numbers = issues.person[rows], record_positions(block, len(issues))[rows]
    vocabulary, _ = medicine_codes()
    columns = {
        "ID": record_numbers("M", numbers),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "ORGANISATION_ID": _practice(places, practice[rows]),
        "CLINICAL_EFFECTIVE_DATE": text_days(issues.day[rows]),
        "MEDICATION_ORDER_SOURCE_CONCEPT_ID": look_up(vocabulary, issues.code[rows]),
        "QUANTITY_VALUE": text_numbers(issues.quantity[rows]),
        "DURATION_DAYS": text_numbers(issues.duration[rows]),
        "IS_DELETED": look_up(["0"], np.zeros(len(rows), np.int64)),
    }
    return build_extract("gp_medication_orders", columns, event_facts(block, person, issues.day[rows]))


def opt_outs(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build NATIONAL_DATA_OPT_OUT: every state of each opt-out."""
    states = block.opt_outs
    rows = np.flatnonzero(states.day < delivery.day)
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(states.person[rows])),
        "OPT_OUT_TYPE": look_up(OPT_OUT_TYPES, states.type[rows]),
        "STATUS": text_numbers(states.status[rows]),
        "EFFECTIVE_DATE": text_days(states.day[rows]),
    }
    return build_extract("opt_outs", columns, event_facts(block, states.person[rows], states.day[rows]))


def actions(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build the actions that teams took before the delivery with people on an earlier review list."""
    team_actions, people = block.actions, block.people
    rows = np.flatnonzero(team_actions.day < delivery.day)
    person, days = team_actions.person[rows], team_actions.day[rows]
    open_end = (team_actions.end[rows] < 0) | (team_actions.end[rows] >= delivery.day)
    end = np.where(open_end, -1, team_actions.end[rows])
    one = np.zeros(len(rows), np.int64)
    columns = {
        "RECORD_ID": record_numbers("T", record_positions(block, len(team_actions.person))[rows]),
        "RUN_ID": look_up([earlier_run_id(settings)], one),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "PRACTICE_CODE": _practice(places, people.practice_at(person, days)),
        "LISTED": look_up(["1"], one),
        "REVIEWED": look_up(["0", "1"], team_actions.reviewed[rows].astype(np.int64)),
        "DECISION": look_up(DECISIONS, team_actions.decision[rows]),
        "REASON": look_up(DECLINED_FOR, team_actions.reason[rows]),
        "ACTION": look_up(DONE, team_actions.action[rows]),
        "ACTION_DATE": text_days(days),
        "END_DATE": text_days(np.maximum(end, 0), open_end),
    }
    return build_extract("actions", columns, event_facts(block, person, days, end))


def _periods(block: Block, start: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split each person's time on the registered list wherever `place` (people x 3) changes.

    Return the row, first day, last day and column of `place` of each period.
    """
    people, everyone = block.people, np.arange(len(block.people))
    first = people.place_at(everyone, start)
    begins = np.stack([start, people.moves[:, 0], people.moves[:, 1]], axis=1)
    changes = [np.ones(len(people), bool)]
    for step in (1, 2):
        happens = (people.moves[:, step - 1] > start) & (people.moves[:, step - 1] < block.lives.last)
        changes.append(happens & (place[:, step] != place[:, step - 1]))
    changed = np.stack(changes, axis=1)
    last_day = np.where(on_list_at_end(block), FAR, block.lives.last - 1)
    next_begin = np.where(changed, begins, FAR)
    after = np.stack([np.minimum(next_begin[:, 1], next_begin[:, 2]), next_begin[:, 2], np.full(len(people), FAR)], axis=1)
    ends = np.where(after < FAR, after - 1, last_day[:, None])
    columns = np.stack([first, np.full(len(people), 1), np.full(len(people), 2)], axis=1)
    rows, steps = np.nonzero(changed & (ends >= begins))
    return rows, begins[rows, steps], ends[rows, steps], columns[rows, steps]


def _practice(places: Places, positions: np.ndarray) -> pa.Array:
    return look_up(places.practices["practice_code"].to_numpy(), positions)


def _home(places: Places, block: Block, rows: np.ndarray, area: np.ndarray) -> dict[str, pa.Array]:
    residence = block.people.residence[rows]
    return {
        "LSOA_CODE": look_up(places.areas["lsoa_code"].to_numpy(), np.where(residence == RESOLVED, area, -1)),
        "POSTCODE": look_up(PSEUDO_POSTCODES, np.where(residence == RESOLVED, -1, residence)),
    }


def _household(settings: SyntheticSettings, block: Block, rows: np.ndarray, step: np.ndarray) -> pa.Array:
    return pseudonyms(block.people.household[rows] * 4 + step, settings.seed + 1, letter="H")


def _decimals(values: np.ndarray, empty: np.ndarray) -> pa.Array:
    """Return measured values as text with at most one decimal; whole numbers have none."""
    tenths = np.round(np.where(empty, 0, values) * 10).astype(np.int64)
    whole = text_numbers(tenths // 10, empty)
    fraction = pc.binary_join_element_wise(whole, text_numbers(tenths % 10, empty), ".")
    return pc.if_else(pa.array(tenths % 10 == 0), whole, fraction)
