"""Write a made-up OMOP CDM 5.4 cohort as CSV: `python -m benchmarks.omop_cohort FOLDER --people 100000`.

Each person has about 100 events, from three years before an index date to one year after it. There are thousands of codes, and their
frequency falls as 1/rank. The outcome in the year after the index date depends on age, sex and a few hundred codes of the year before.
Cohort 1 contains the index dates and cohort 2 the outcomes. No data come from a real person or vocabulary.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
EXTRACT_DATE = date(2024, 7, 1)
FIRST_INDEX, LAST_INDEX = date(2020, 1, 1), date(2022, 12, 31)
DAYS_BEFORE, DAYS_AFTER = 1095, 365
BLOCK_PEOPLE = 25_000
VISITS_A_PERSON = 10.0
CLUSTERS = 40  # kinds of patient: half of a person's codes come from the code frequencies of one kind
PREDICTIVE_CODES = 300
OUTCOME_SHARE, SPREAD = 0.12, 1.45  # standard deviation of the log odds: the AUROC of the true odds is about 0.83
TARGET, OUTCOME = 1, 2
VISIT_KINDS, VISIT_SHARES = np.array([9202, 9203, 9201]), (0.78, 0.13, 0.09)


@dataclass(frozen=True)
class Domain:
    """A CDM event table: its names, number of codes, events per person and first concept number."""

    table: str
    word: str
    day: str
    codes: int
    events_a_person: float
    first_concept: int
    more: Mapping[str, pa.DataType]


TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()
DOMAINS = (
    Domain("condition_occurrence", "condition", "condition_start_date", 2_500, 20, 4_000_000, {
        "condition_start_datetime": TEXT, "condition_end_date": pa.date32(), "condition_end_datetime": TEXT, "condition_type_concept_id": WHOLE,
        "condition_status_concept_id": WHOLE, "stop_reason": TEXT, "condition_status_source_value": TEXT}),
    Domain("drug_exposure", "drug", "drug_exposure_start_date", 2_500, 35, 19_000_000, {
        "drug_exposure_start_datetime": TEXT, "drug_exposure_end_date": pa.date32(), "drug_exposure_end_datetime": TEXT, "verbatim_end_date": TEXT,
        "drug_type_concept_id": WHOLE, "stop_reason": TEXT, "refills": WHOLE, "quantity": NUMBER, "days_supply": WHOLE, "sig": TEXT,
        "route_concept_id": WHOLE, "lot_number": TEXT, "route_source_value": TEXT, "dose_unit_source_value": TEXT}),
    Domain("measurement", "measurement", "measurement_date", 1_500, 28, 3_000_000, {
        "measurement_datetime": TEXT, "measurement_time": TEXT, "measurement_type_concept_id": WHOLE, "operator_concept_id": WHOLE,
        "value_as_number": NUMBER, "value_as_concept_id": WHOLE, "unit_concept_id": WHOLE, "range_low": NUMBER, "range_high": NUMBER,
        "unit_source_value": TEXT, "unit_source_concept_id": WHOLE, "value_source_value": TEXT}),
    Domain("procedure_occurrence", "procedure", "procedure_date", 800, 7, 2_000_000, {
        "procedure_datetime": TEXT, "procedure_end_date": pa.date32(), "procedure_end_datetime": TEXT, "procedure_type_concept_id": WHOLE,
        "modifier_concept_id": WHOLE, "quantity": WHOLE, "modifier_source_value": TEXT}),
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """A block of people, one entry each; days count from 1970-01-01, events are between `first` and `last`."""

    ids: Numbers
    birth_year: Numbers
    male: NDArray[np.bool_]
    index: Numbers
    first: Numbers
    last: Numbers
    died: NDArray[np.bool_]
    kind: Numbers
    activity: NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """A domain's codes: cumulative frequency by rank, order of codes in each cluster, and effect on the log odds."""

    cumulated: NDArray[np.float64]
    orders: Numbers
    weight: NDArray[np.float64]


def write_cohort(folder: Path, people: int, seed: int = 1) -> dict[str, float]:
    """Write the CSV files and `cohort.json`, and return people, events, outcomes and the AUROC of the true odds."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    codes = [_codes(rng, domain) for domain in DOMAINS]
    files = _Files(folder)
    odds, happened, events = [], [], 0
    for first in range(1, people + 1, BLOCK_PEOPLE):
        block = _people(rng, np.arange(first, min(first + BLOCK_PEOPLE, people + 1)))
        visits = _visits(rng, block, files)
        log_odds = 0.03 * (2021 - block.birth_year - 55) + 0.25 * block.male
        for domain, own in zip(DOMAINS, codes, strict=True):
            count, added = _events(rng, domain, own, block, visits, files)
            events, log_odds = events + count, log_odds + added
        odds.append(log_odds)
        happened.append(_outcomes(rng, block, log_odds, files))
        _write_people(block, files)
        events += visits[1].size
    _write_vocabulary(files)
    files.close()
    summary = {"people": people, "events": events, "outcomes": int(np.concatenate(happened).sum()),
            "auroc_of_true_odds": round(_auroc(np.concatenate(odds), np.concatenate(happened)), 4)}  # fmt: skip
    (folder / "cohort.json").write_text(json.dumps(summary), encoding="utf-8")
    return summary


class _Files:
    """The open CSV files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.writers, self.rows = folder, dict[str, pa_csv.CSVWriter](), dict[str, int]()

    def put(self, table: str, columns: Mapping[str, object]) -> None:
        rows = pa.table(dict(columns))
        if table not in self.writers:
            options = pa_csv.WriteOptions(quoting_style="none")
            self.writers[table] = pa_csv.CSVWriter(self.folder / f"{table}.csv", rows.schema, write_options=options)
        self.writers[table].write_table(rows)
        self.rows[table] = self.rows.get(table, 0) + rows.num_rows

    def numbers(self, table: str, count: int) -> Numbers:
        return np.arange(count) + self.rows.get(table, 0) + 1

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


def _codes(rng: np.random.Generator, domain: Domain) -> Codes:
    share = 1.0 / np.arange(1, domain.codes + 1)
    orders = np.stack([np.arange(domain.codes), *(rng.permutation(domain.codes) for _ in range(CLUSTERS))])
    weight = np.zeros(domain.codes)
    predictive = rng.choice(domain.codes // 2, PREDICTIVE_CODES // len(DOMAINS), replace=False)
    weight[predictive] = rng.exponential(0.5, predictive.size) * np.where(rng.random(predictive.size) < 0.8, 1, -1)
    return Codes(np.cumsum(share) / share.sum(), orders, weight)


def _people(rng: np.random.Generator, ids: Numbers) -> People:
    count, epoch = ids.size, date(1970, 1, 1)
    index = rng.integers((FIRST_INDEX - epoch).days, (LAST_INDEX - epoch).days + 1, count)
    died = rng.random(count) < 0.015
    last = index + np.where(died, rng.integers(5, DAYS_AFTER, count), DAYS_AFTER + rng.integers(0, 90, count))
    return People(
        ids, rng.integers(1932, 2003, count), rng.random(count) < 0.48, index, index - DAYS_BEFORE, last, died,
        rng.integers(1, CLUSTERS + 1, count), rng.gamma(2.0, 0.5, count),
    )  # fmt: skip


def _visits(rng: np.random.Generator, people: People, files: _Files) -> tuple[Numbers, Numbers, Numbers]:
    """Write the visits, and return the first position of each person's visits, and the number and day of each visit."""
    counts = 1 + rng.poisson(VISITS_A_PERSON * people.activity)
    who = np.repeat(np.arange(people.ids.size), counts)
    day = people.first[who] + (rng.random(who.size) * (people.last - people.first)[who]).astype(np.int64)
    kind = rng.choice(VISIT_KINDS, who.size, p=VISIT_SHARES)
    end = np.where(kind == 9201, np.minimum(day + rng.geometric(0.3, who.size), people.last[who]), day)
    numbers = files.numbers("visit_occurrence", who.size)
    files.put("visit_occurrence", {
        "visit_occurrence_id": numbers, "person_id": people.ids[who], "visit_concept_id": kind, "visit_start_date": _days(day),
        "visit_start_datetime": _empty(who.size), "visit_end_date": _days(end), "visit_end_datetime": _empty(who.size),
        "visit_type_concept_id": _all(32817, who.size), "provider_id": _empty(who.size), "care_site_id": _empty(who.size),
        "visit_source_value": _empty(who.size), "visit_source_concept_id": _all(0, who.size), "admitted_from_concept_id": _all(0, who.size),
        "admitted_from_source_value": _empty(who.size), "discharged_to_concept_id": _all(0, who.size),
        "discharged_to_source_value": _empty(who.size), "preceding_visit_occurrence_id": _empty(who.size),
    })  # fmt: skip
    return np.concatenate([[0], np.cumsum(counts)]), numbers, day


def _events(
    rng: np.random.Generator,
    domain: Domain,
    codes: Codes,
    people: People,
    visits: tuple[Numbers, Numbers, Numbers],
    files: _Files,
) -> tuple[int, NDArray[np.float64]]:
    """Write a domain's events on days of visits, and return their number and the effect of each person's codes on the log odds."""
    starts, numbers, days = visits
    who = np.repeat(np.arange(people.ids.size), rng.poisson(domain.events_a_person * people.activity))
    visit = starts[who] + (rng.random(who.size) * (starts[who + 1] - starts[who])).astype(np.int64)
    rank = np.searchsorted(codes.cumulated, rng.random(who.size), side="right")
    code = codes.orders[np.where(rng.random(who.size) < 0.5, people.kind[who], 0), rank]
    files.put(domain.table, _event_columns(rng, domain, people.ids[who], code, days[visit], numbers[visit], files))
    since = people.index[who] - days[visit]
    near = (since > 0) & (since <= 365) & (codes.weight[code] != 0)
    once = np.unique(who[near] * domain.codes + code[near])
    added = np.bincount(once // domain.codes, codes.weight[once % domain.codes], people.ids.size)
    return who.size, added.astype(np.float64)


def _event_columns(
    rng: np.random.Generator, domain: Domain, person: Numbers, code: Numbers, day: Numbers, visit: Numbers, files: _Files
) -> dict[str, object]:
    count, concept = person.size, code + domain.first_concept
    filled = {
        "value_as_number": np.round(rng.normal(100, 25, count), 1), "quantity": rng.integers(1, 5, count) * 28, "days_supply": _all(28, count),
        f"{domain.word}_type_concept_id": _all(32817, count), "unit_concept_id": _all(8753, count),
    }  # fmt: skip
    end = {name: _days(day) for name in domain.more if name.endswith("_end_date") and name != "verbatim_end_date"}
    more = {name: filled.get(name, end.get(name, pa.nulls(count, kind))) for name, kind in domain.more.items()}
    return {
        f"{domain.table}_id" if domain.word != "drug" else "drug_exposure_id": files.numbers(domain.table, count),
        "person_id": person, f"{domain.word}_concept_id": concept, domain.day: _days(day), **more,
        "provider_id": _empty(count), "visit_occurrence_id": visit, "visit_detail_id": _empty(count),
        f"{domain.word}_source_value": pa.array(concept).cast(pa.string()), f"{domain.word}_source_concept_id": _all(0, count),
    }  # fmt: skip


def _outcomes(rng: np.random.Generator, people: People, log_odds: NDArray[np.float64], files: _Files) -> NDArray[np.bool_]:
    """Write both cohorts, and return who has the outcome in the year after the index date."""
    scaled = (log_odds - log_odds.mean()) / log_odds.std() * SPREAD
    low, high = -20.0, 20.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-scaled - middle))).mean() < OUTCOME_SHARE else (low, middle)
    happened = rng.random(people.ids.size) < 1 / (1 + np.exp(-scaled - low))
    day = (
        people.index
        + 1
        + (rng.random(people.ids.size) * (np.minimum(people.last - people.index, DAYS_AFTER) - 1)).astype(np.int64)
    )
    for definition, chosen, start in ((TARGET, np.ones_like(happened), people.index), (OUTCOME, happened, day)):
        files.put("cohort", {
            "cohort_definition_id": _all(definition, int(chosen.sum())), "subject_id": people.ids[chosen],
            "cohort_start_date": _days(start[chosen]), "cohort_end_date": _days(start[chosen]),
        })  # fmt: skip
    return happened


def _write_people(people: People, files: _Files) -> None:
    count = people.ids.size
    files.put("person", {
        "person_id": people.ids, "gender_concept_id": np.where(people.male, 8507, 8532), "year_of_birth": people.birth_year,
        "month_of_birth": people.ids % 12 + 1, "day_of_birth": _all(1, count), "birth_datetime": _empty(count), "race_concept_id": _all(0, count),
        "ethnicity_concept_id": _all(0, count), "location_id": _empty(count), "provider_id": _empty(count), "care_site_id": _empty(count),
        "person_source_value": _empty(count), "gender_source_value": _empty(count), "gender_source_concept_id": _all(0, count),
        "race_source_value": _empty(count), "race_source_concept_id": _all(0, count), "ethnicity_source_value": _empty(count),
        "ethnicity_source_concept_id": _all(0, count),
    })  # fmt: skip
    files.put("observation_period", {
        "observation_period_id": people.ids, "person_id": people.ids, "observation_period_start_date": _days(people.first),
        "observation_period_end_date": _days(people.last), "period_type_concept_id": _all(32817, count),
    })  # fmt: skip
    gone, empty = people.died, _empty(int(people.died.sum()))
    files.put("death", {
        "person_id": people.ids[gone], "death_date": _days(people.last[gone]), "death_datetime": empty,
        "death_type_concept_id": _all(32817, len(empty)), "cause_concept_id": empty, "cause_source_value": empty, "cause_source_concept_id": empty,
    })  # fmt: skip


def _write_vocabulary(files: _Files) -> None:
    """Write CONCEPT, and CONCEPT_ANCESTOR with ten codes to a group and ten groups to a chapter."""
    for domain in DOMAINS:
        own = np.arange(domain.codes) + domain.first_concept
        groups = np.arange(-(-domain.codes // 10)) + domain.first_concept + 500_000
        chapters = np.arange(-(-domain.codes // 100)) + domain.first_concept + 600_000
        concept = np.concatenate([own, groups, chapters])
        files.put("concept", {
            "concept_id": concept, "concept_name": [f"{domain.word} {number}" for number in concept], "domain_id": [domain.word] * concept.size,
            "vocabulary_id": ["made up"] * concept.size, "concept_class_id": [domain.word] * concept.size, "standard_concept": ["S"] * concept.size,
            "concept_code": concept.astype(str), "valid_start_date": ["1970-01-01"] * concept.size,
            "valid_end_date": ["2099-12-31"] * concept.size, "invalid_reason": _empty(concept.size),
        })  # fmt: skip
        for ancestor, descendant, levels in _lineage(own, groups, chapters):
            files.put("concept_ancestor", {
                "ancestor_concept_id": ancestor, "descendant_concept_id": descendant,
                "min_levels_of_separation": _all(levels, ancestor.size), "max_levels_of_separation": _all(levels, ancestor.size),
            })  # fmt: skip


def _lineage(own: Numbers, groups: Numbers, chapters: Numbers) -> Iterator[tuple[Numbers, Numbers, int]]:
    place, of_group = np.arange(own.size), np.arange(groups.size)
    yield from ((level, level, 0) for level in (own, groups, chapters))
    yield groups[place // 10], own, 1
    yield chapters[of_group // 10], groups, 1
    yield chapters[place // 100], own, 2


def _days(day: Numbers) -> pa.Array:
    return pa.array(day.astype("datetime64[D]"))


def _empty(count: int) -> pa.Array:
    return pa.nulls(count, pa.string())


def _all(value: int, count: int) -> Numbers:
    return np.full(count, value)


def _auroc(score: NDArray[np.float64], happened: NDArray[np.bool_]) -> float:
    rank = np.argsort(np.argsort(score)) + 1
    positive = int(happened.sum())
    return float((rank[happened].sum() - positive * (positive + 1) / 2) / (positive * (happened.size - positive)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(write_cohort(arguments.folder, arguments.people, arguments.seed)), flush=True)


if __name__ == "__main__":
    main()
