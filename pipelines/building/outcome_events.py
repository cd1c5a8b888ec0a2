"""The records that count as an outcome: spells, events of a concept, deaths, or a cohort that the source defines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from expectations.sql_values import quote
from features.attributes import days
from features.catalogue import Catalogue, build_catalogue
from features.code_lists import code_members, load_code_lists
from features.declaration import Concept
from features.events import NUMBER_OF
from features.labels import Occurrences
from features.outcomes import OutcomeDefinition, OutcomeSettings, Spells
from features.periods import OPEN
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.diagnosis_codes_of_stays import deciding_code_sql
from pipelines.errors import RefusalError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

SHOWN_CODES = 6


@dataclass(frozen=True)
class OutcomeSearch:
    """The inputs of the search for an outcome.

    `given` has the columns person_key and event_date of an outcome that the source defines.
    """

    given: pa.Table | None = None
    clinical: ClinicalRules = field(default_factory=ClinicalRules)
    allowed_feeds: tuple[str, ...] | None = None
    code_list_folder: Path | None = None

    def check(self, outcome: OutcomeSettings, lake: Lake, own_dates: bool) -> None:
        """Raise RefusalError if a feed of the outcome is absent or not allowed, or a readmission has no discharge to count from."""
        if self.given is not None:
            return
        definition = outcome.definition
        refused = [feed for feed in definition.feeds if self.allowed_feeds is not None and feed not in self.allowed_feeds]
        _refuse(outcome, "uses", refused, "which purpose.allowed_feeds does not name; add them if the approval covers them,")
        if definition.after_discharge and not own_dates:
            raise RefusalError(f"the outcome '{outcome.name}' counts from discharges; set study.cohort.kind to discharges")
        available = set(lake.read("core__coverage", "DISTINCT feed")["feed"].to_pylist()) if definition.covered else set()
        absent = [feed for feed in definition.covered if feed not in available]
        _refuse(outcome, "needs", absent, "which are absent; deliver them,")

    def covered(self, outcome: OutcomeSettings) -> tuple[str, ...]:
        """Return the feeds that must cover a row for its outcome to be known."""
        return () if self.given is not None else outcome.definition.covered

    def occurrences(self, lake: Lake, outcome: OutcomeSettings, data_cut: date) -> Occurrences:
        """Return every occurrence of the outcome on any day."""
        definition = outcome.definition
        if self.given is not None:
            table = self.given.select(["person_key", "event_date"]).rename_columns(["person_key", "day"])
        elif definition.death:
            table = lake.read("core__person", "person_key, death_date AS day", "death_date IS NOT NULL")
        elif definition.spells is not None:
            return self._spells(lake, definition, data_cut)
        else:
            table = self._events(lake, self._catalogue.concepts[definition.concept])
        return Occurrences.of(_array(table, "person_key").astype(np.int32), days(table["day"], OPEN))

    def description(self, outcome: OutcomeSettings, occurrences: Occurrences) -> str:
        """Return which feed and codes were searched, and the number of matches in all the data, as text for a message."""
        definition, number = outcome.definition, len(occurrences.moments)
        if self.given is not None:
            return f"the outcome is the source's own cohort (its outcome_cohort_id), which has {number:,} entries in all the data"
        if definition.death:
            searched = "core__person (feeds 'patients' and 'admissions') for a day of death"
        elif definition.spells is not None:
            methods = ", ".join(self.clinical.emergency_methods)
            searched = f"core__spell (feed 'admissions') for {definition.spells_text}, with the admission methods {methods} (clinical.emergency_methods)"
            searched += self._codes(tuple(rule.code_list for rule in definition.diagnoses))
        else:
            concept = self._catalogue.concepts[definition.concept]
            feeds = " and ".join(f"'{feed}'" for feed in concept.feeds)
            searched = f"core__event (feeds {feeds}) for events of type {', '.join(concept.event_types)}{self._codes(concept.code_lists)}"
        return f"Strata searched {searched}, and found {number:,} in all the data"

    @cached_property
    def _catalogue(self) -> Catalogue:
        return build_catalogue(load_code_lists(self.code_list_folder), 2025)  # no concept depends on the edition

    def _codes(self, lists: tuple[str, ...]) -> str:
        entries = [entry for name in lists for entry in self._catalogue.code_lists[name].entries]
        shown = ", ".join(f"{entry.system} {entry.code}" for entry in entries[:SHOWN_CODES])
        more = f" and {len(entries) - SHOWN_CODES} more" if len(entries) > SHOWN_CODES else ""
        return f", with a code of the list {', '.join(lists)} ({shown}{more})" if lists else ""

    def _spells(self, lake: Lake, definition: OutcomeDefinition, data_cut: date) -> Occurrences:
        rules = definition.diagnoses
        listed = f"{deciding_code_sql(rules, self._catalogue.code_lists)} IS NOT NULL" if rules else "false"
        table = lake.read(
            "core__spell",
            f"person_key, admission_date AS day, coalesce(nights, greatest(DATE {quote(data_cut)} - admission_date, 0))::INTEGER AS nights, "
            f"died, spell_class = 'emergency' AS emergency, {listed} AS listed",
            "admission_date IS NOT NULL",
        )
        person, day = _array(table, "person_key").astype(np.int32), days(table["day"], OPEN)
        spells = Spells(*(_array(table, name) for name in ("nights", "died", "emergency", "listed")))
        chosen = definition.spells(spells) if definition.spells else np.zeros(len(person), dtype=bool)
        return Occurrences.of(person[chosen], day[chosen])

    def _events(self, lake: Lake, concept: Concept) -> pa.Table:
        types = ", ".join(str(NUMBER_OF[name]) for name in concept.event_types)
        where = f"event_type IN ({types}) AND (birth_date IS NULL OR event_date >= birth_date)"
        if concept.code_lists:
            codes = lake.read("core__code", "code, code_system, source_code", order="code")
            code_rows = zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True)
            members = code_members(self._catalogue.covering(concept), code_rows)
            where += f" AND code IN ({', '.join(map(str, members)) or 'NULL'})"
        query = f"""SELECT person_key, event_date AS day FROM {lake.scan("core__event")}
            JOIN (SELECT person_key, birth_date FROM {lake.scan("core__person")}) USING (person_key) WHERE {where}"""
        with connect() as con:
            return con.sql(query).to_arrow_table()


def _array(table: pa.Table, name: str) -> NDArray:
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)


def _refuse(outcome: OutcomeSettings, verb: str, feeds: list[str], fault: str) -> None:
    """Raise RefusalError where there are feeds that an outcome cannot have."""
    if feeds:
        raise RefusalError(
            f"the outcome '{outcome.name}' {verb} the feeds {', '.join(feeds)}, {fault} or set study.outcome.name to another outcome"
        )
