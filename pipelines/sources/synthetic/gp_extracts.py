"""The GP feeds of a block: patients, registrations, addresses, observations, medicines, opt-outs, and what teams did."""

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
    event_facts,
    gp_pseudonyms,
    made,
    record_positions,
    sent_sex,
    text_days,
    text_numbers,
)
from pipelines.sources.synthetic.gp_record import UNITS, observation_codes
from pipelines.sources.synthetic.identifiers import pseudonyms, record_numbers, taken
from pipelines.sources.synthetic.medicines import medicine_codes
from pipelines.sources.synthetic.opt_outs import OPT_OUT_TYPES
from pipelines.sources.synthetic.people import ETHNIC_CATEGORY_CODES, FAR, PSEUDO_POSTCODES, RESOLVED
from pipelines.sources.synthetic.settings import SyntheticSettings

LOAD_DAY = np.datetime64("2021-06-01", "D").astype(np.int64)  # when the loaded practice's system was filled


def registered_from(block: Block) -> np.ndarray:
    """Give the day people joined the list: babies one to five weeks after birth, unless they never lived to."""
    later = block.people.arrival + 7 + block.people.number % 29
    return np.where(block.people.born_here & (later < block.lives.last), later, block.people.arrival)


def on_list_at_end(block: Block) -> np.ndarray:
    """Mark the people who neither died nor left before the data cut."""
    return (block.lives.death == FAR) & (block.people.leaves >= block.lives.month_starts[-1])


def patients(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write PATIENT: everyone who has ever been registered, as last known."""
    people, lives = block.people, block.lives
    rows = np.flatnonzero(registered_from(block) < delivery.day)
    seen = np.minimum(lives.last[rows], delivery.day) - 1
    died = (lives.death[rows] < delivery.day).astype(bool)
    born = people.birth[rows].astype("datetime64[D]")
    zero = taken(["0"], np.zeros(len(rows), np.int64))
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        "REGISTERED_PRACTICE_ORGANISATION_ID": _practice(places, people.practice_at(rows, seen)),
        "BIRTH_YEAR": text_numbers(born.astype("datetime64[Y]").astype(np.int64) + 1970),
        "BIRTH_MONTH": text_numbers(born.astype("datetime64[M]").astype(np.int64) % 12 + 1),
        "DEATH_DATE": text_days(np.where(died, lives.death[rows], 0), ~died),
        "SEX": sent_sex(block, rows),
        "ETHNIC_CATEGORY": taken(ETHNIC_CATEGORY_CODES, people.recorded_ethnicity[rows]),
        "HOUSEHOLD_ID": _household(settings, block, rows, people.place_at(rows, seen)),
        **_home(places, block, rows, people.area_at(rows, seen)),
        "IS_CONFIDENTIAL": zero, "IS_TEST_PATIENT": zero, "IS_SPINE_SENSITIVE": zero, "IS_DELETED": zero,
        "SOURCE_EXTRACTION_DATE": text_days(np.full(len(rows), delivery.day)),
    }  # fmt: skip
    facts = event_facts(block, rows, registered_from(block)[rows], np.where(died, lives.death[rows], -1))
    return made("patients", columns, facts)


def registrations(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write EPISODE_OF_CARE: a period for each practice a person was registered with."""
    people = block.people
    rows, starts, ends, step = _periods(block, registered_from(block), people.practice)
    loaded = settings.defects.enabled and settings.defects.history_starts_at_load
    practice = people.practice[rows, step]
    if loaded:
        early = (practice == LOADED_PRACTICE) & (starts < LOAD_DAY) & (ends > LOAD_DAY)
        starts = np.where(early, LOAD_DAY, starts)
    known = starts < delivery.day
    rows, starts, ends, practice = rows[known], starts[known], ends[known], practice[known]
    open_end = ends >= delivery.day
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        "ORGANISATION_ID": _practice(places, practice),
        "START_DATE": text_days(starts),
        "END_DATE": text_days(np.where(open_end, 0, ends), open_end),
    }
    return made("registrations", columns, event_facts(block, rows, starts, np.where(open_end, -1, ends)))


def addresses(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write PATIENT_ADDRESS: a period for each address a person had while registered."""
    people = block.people
    rows, starts, ends, step = _periods(block, registered_from(block), np.repeat(np.arange(3)[None, :], len(people), axis=0))
    known = starts < delivery.day
    rows, starts, ends, step = rows[known], starts[known], ends[known], step[known]
    open_end = ends >= delivery.day
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(rows)),
        **_home(places, block, rows, people.area[rows, step]),
        "HOUSEHOLD_ID": _household(settings, block, rows, step),
        "START_DATE": text_days(starts),
        "END_DATE": text_days(np.where(open_end, 0, ends), open_end),
    }
    return made("addresses", columns, event_facts(block, rows, starts, np.where(open_end, -1, ends)))


def gp_observations(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write OBSERVATION: what was recorded before the delivery, but for the practice without a GP feed."""
    found, people = block.observations, block.people
    practice = people.practice_at(found.person, np.maximum(found.recorded, people.arrival[found.person]))
    rows = np.flatnonzero((found.recorded < delivery.day) & (practice != SILENT_PRACTICE))
    person, numbers = found.person[rows], record_positions(block, len(found))[rows]
    vocabulary, _ = observation_codes()
    zero = taken(["0"], np.zeros(len(rows), np.int64))
    valued = ~np.isnan(found.value[rows])
    columns = {
        "ID": record_numbers("O", numbers),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "ORGANISATION_ID": _practice(places, practice[rows]),
        "CLINICAL_EFFECTIVE_DATE": text_days(found.day[rows]),
        "DATE_RECORDED": text_days(found.recorded[rows]),
        "OBSERVATION_SOURCE_CONCEPT_ID": taken(vocabulary, found.code[rows]),
        "RESULT_VALUE": _decimals(found.value[rows], ~valued),
        "RESULT_VALUE_UNITS": taken(UNITS, found.unit[rows]),
        "IS_CONFIDENTIAL": zero,
        "IS_DELETED": zero,
    }
    return made(
        "gp_observations",
        columns,
        event_facts(block, person, found.day[rows]) | {"recorded": found.recorded[rows], "valued": valued},
    )


def gp_medication_orders(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write MEDICATION_ORDER: what was issued before the delivery, but for the practice without a GP feed."""
    found, people = block.issues, block.people
    practice = people.practice_at(found.person, found.day)
    rows = np.flatnonzero((found.day < delivery.day) & (practice != SILENT_PRACTICE))
    person, numbers = found.person[rows], record_positions(block, len(found))[rows]
    vocabulary, _ = medicine_codes()
    columns = {
        "ID": record_numbers("M", numbers),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "ORGANISATION_ID": _practice(places, practice[rows]),
        "CLINICAL_EFFECTIVE_DATE": text_days(found.day[rows]),
        "MEDICATION_ORDER_SOURCE_CONCEPT_ID": taken(vocabulary, found.code[rows]),
        "QUANTITY_VALUE": text_numbers(found.quantity[rows]),
        "DURATION_DAYS": text_numbers(found.duration[rows]),
        "IS_DELETED": taken(["0"], np.zeros(len(rows), np.int64)),
    }
    return made("gp_medication_orders", columns, event_facts(block, person, found.day[rows]))


def opt_outs(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write NATIONAL_DATA_OPT_OUT: every state of an opt-out."""
    found = block.opt_outs
    rows = np.flatnonzero(found.day < delivery.day)
    columns = {
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(found.person[rows])),
        "OPT_OUT_TYPE": taken(OPT_OUT_TYPES, found.type[rows]),
        "STATUS": text_numbers(found.status[rows]),
        "EFFECTIVE_DATE": text_days(found.day[rows]),
    }
    return made("opt_outs", columns, event_facts(block, found.person[rows], found.day[rows]))


def actions(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write what teams did before the delivery with the people of an earlier list."""
    found, people = block.actions, block.people
    rows = np.flatnonzero(found.day < delivery.day)
    person, days = found.person[rows], found.day[rows]
    open_end = (found.end[rows] < 0) | (found.end[rows] >= delivery.day)
    end = np.where(open_end, -1, found.end[rows])
    one = np.zeros(len(rows), np.int64)
    columns = {
        "RECORD_ID": record_numbers("T", record_positions(block, len(found.person))[rows]),
        "RUN_ID": taken([earlier_run_id(settings)], one),
        "PERSON_ID": gp_pseudonyms(settings, block).take(pa.array(person)),
        "PRACTICE_CODE": _practice(places, people.practice_at(person, days)),
        "LISTED": taken(["1"], one),
        "REVIEWED": taken(["0", "1"], found.reviewed[rows].astype(np.int64)),
        "DECISION": taken(DECISIONS, found.decision[rows]),
        "REASON": taken(DECLINED_FOR, found.reason[rows]),
        "ACTION": taken(DONE, found.action[rows]),
        "ACTION_DATE": text_days(days),
        "END_DATE": text_days(np.maximum(end, 0), open_end),
    }
    return made("actions", columns, event_facts(block, person, days, end))


def _periods(block: Block, start: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut each person's time on the list wherever `place` (people x 3) changes: row, first day, last day, column of `place`."""
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
    kept = changed & (ends >= begins)
    rows, steps = np.nonzero(kept)
    return rows, begins[rows, steps], ends[rows, steps], columns[rows, steps]


def _practice(places: Places, positions: np.ndarray) -> pa.Array:
    return taken(places.practices["practice_code"].to_numpy(), positions)


def _home(places: Places, block: Block, rows: np.ndarray, area: np.ndarray) -> dict[str, pa.Array]:
    residence = block.people.residence[rows]
    return {
        "LSOA_CODE": taken(places.areas["lsoa_code"].to_numpy(), np.where(residence == RESOLVED, area, -1)),
        "POSTCODE": taken(PSEUDO_POSTCODES, np.where(residence == RESOLVED, -1, residence)),
    }


def _household(settings: SyntheticSettings, block: Block, rows: np.ndarray, step: np.ndarray) -> pa.Array:
    return pseudonyms(block.people.household[rows] * 4 + step, settings.seed + 1, letter="H")


def _decimals(values: np.ndarray, empty: np.ndarray) -> pa.Array:
    """Write measured values with one decimal at most, whole ones without."""
    tenths = np.round(np.where(empty, 0, values) * 10).astype(np.int64)
    whole = text_numbers(tenths // 10, empty)
    fraction = pc.binary_join_element_wise(whole, text_numbers(tenths % 10, empty), ".")
    return pc.if_else(pa.array(tenths % 10 == 0), whole, fraction)
