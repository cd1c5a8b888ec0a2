"""Where an outcome is looked for: the spells, the events of a concept, the deaths or a source's own cohort that count as it."""

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
from features.code_lists import CodeList, code_members, load_code_lists
from features.declaration import Concept
from features.events import NUMBER_OF
from features.labels import Occurrences
from features.outcomes import OutcomeDefinition, OutcomeSettings, Spells
from features.periods import OPEN
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.errors import RefusalError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

SHOWN_CODES = 6


@dataclass(frozen=True)
class OutcomeSearch:
    """What the search for an outcome rests on; `given` holds person_key and event_date of an outcome the source defines itself."""

    given: pa.Table | None = None
    clinical: ClinicalRules = field(default_factory=ClinicalRules)
    allowed_feeds: tuple[str, ...] | None = None
    code_list_folder: Path | None = None

    def check(self, outcome: OutcomeSettings, lake: Lake, dates_of_their_own: bool) -> None:
        """Refuse an outcome whose feed is not allowed or absent, and a readmission without discharges to count from."""
        if self.given is not None:
            return
        definition = outcome.definition
        refused = [feed for feed in definition.feeds if self.allowed_feeds is not None and feed not in self.allowed_feeds]
        if refused:
            raise RefusalError(
                f"the outcome '{outcome.name}' is looked for in {refused}, which purpose.allowed_feeds does not name"
            )
        if definition.after_discharge and not dates_of_their_own:
            raise RefusalError(f"the outcome '{outcome.name}' counts from discharges; set study.cohort.kind to discharges")
        there = set(lake.read("core__coverage", "DISTINCT feed")["feed"].to_pylist()) if definition.covered else set()
        absent = [feed for feed in definition.covered if feed not in there]
        if absent:
            raise RefusalError(
                f"the outcome '{outcome.name}' needs the feeds {absent}, and they are absent; name another outcome"
            )

    def covered(self, outcome: OutcomeSettings) -> tuple[str, ...]:
        """Give the feeds that must cover a row for its outcome to be told."""
        return () if self.given is not None else outcome.definition.covered

    def occurrences(self, lake: Lake, outcome: OutcomeSettings, data_cut: date) -> Occurrences:
        """Give everything that counts as the outcome, whenever it happened."""
        definition = outcome.definition
        if self.given is not None:
            found = self.given.select(["person_key", "event_date"]).rename_columns(["person_key", "day"])
        elif definition.death:
            found = lake.read("core__person", "person_key, death_date AS day", "death_date IS NOT NULL")
        elif definition.spells is not None:
            return self._spells(lake, definition, data_cut)
        else:
            found = self._events(lake, self._catalogue.concepts[definition.concept])
        return Occurrences.of(_array(found, "person_key").astype(np.int32), days(found["day"], OPEN))

    def looked_for(self, outcome: OutcomeSettings, found: Occurrences) -> str:
        """Say in words which feed and codes were looked for, and how many there are in all the data."""
        definition = outcome.definition
        if self.given is not None:
            return f"looked for the source's own cohort (its outcome_cohort_id), which has {len(found.moments):,} entries in all the data"
        if definition.death:
            what = "core__person (feeds 'patients' and 'admissions') for a day of death"
        elif definition.spells is not None:
            methods = ", ".join(self.clinical.emergency_methods)
            what = f"core__spell (feed 'admissions') for {definition.spells_text}, with the admission methods {methods} (clinical.emergency_methods)"
            what += self._codes((definition.code_list,)) if definition.code_list else ""
        else:
            concept = self._catalogue.concepts[definition.concept]
            feeds = " and ".join(f"'{feed}'" for feed in concept.feeds)
            what = f"core__event (feeds {feeds}) for events of type {', '.join(concept.event_types)}{self._codes(concept.code_lists)}"
        return f"looked in {what}; there are {len(found.moments):,} in all the data"

    @cached_property
    def _catalogue(self) -> Catalogue:
        return build_catalogue(load_code_lists(self.code_list_folder), 2025)  # the edition bears on no concept

    def _codes(self, lists: tuple[str, ...]) -> str:
        entries = [entry for name in lists for entry in self._catalogue.code_lists[name].entries]
        shown = ", ".join(f"{entry.system} {entry.code}" for entry in entries[:SHOWN_CODES])
        more = f" and {len(entries) - SHOWN_CODES} more" if len(entries) > SHOWN_CODES else ""
        return f", with a code of the list {', '.join(lists)} ({shown}{more})" if lists else ""

    def _spells(self, lake: Lake, definition: OutcomeDefinition, data_cut: date) -> Occurrences:
        found = lake.read(
            "core__spell",
            f"person_key, admission_date AS day, coalesce(nights, greatest(DATE {quote(data_cut)} - admission_date, 0))::INTEGER AS nights, "
            "died, spell_class = 'emergency' AS emergency, primary_diagnosis, "
            f"{'diagnoses' if definition.secondary_lists else 'NULL::VARCHAR AS diagnoses'}",
            "admission_date IS NOT NULL",
        )
        person, day = _array(found, "person_key").astype(np.int32), days(found["day"], OPEN)
        listed = self._listed(found, definition) if definition.code_list else np.zeros(len(person), dtype=bool)
        spells = Spells(person, day, _array(found, "nights"), _array(found, "died"), _array(found, "emergency"), listed)
        chosen = definition.spells(spells) if definition.spells else np.zeros(len(person), dtype=bool)
        return Occurrences.of(person[chosen], day[chosen])

    def _listed(self, spells: pa.Table, definition: OutcomeDefinition) -> NDArray[np.bool_]:
        lists = self._catalogue.code_lists
        counts = _with_code(spells["primary_diagnosis"], lists[definition.code_list])
        if definition.secondary_lists is not None:
            primary, any_diagnosis = definition.secondary_lists
            counts |= _with_code(spells["primary_diagnosis"], lists[primary]) & _with_code(
                spells["diagnoses"], lists[any_diagnosis]
            )
        return counts

    def _events(self, lake: Lake, concept: Concept) -> pa.Table:
        types = ", ".join(str(NUMBER_OF[name]) for name in concept.event_types)
        where = f"event_type IN ({types}) AND (birth_date IS NULL OR event_date >= birth_date)"
        if concept.code_lists:
            codes = lake.read("core__code", "code, code_system, source_code", order="code")
            listed = zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True)
            members = code_members(CodeList(concept.name, self._catalogue.entries(concept)), listed)
            where += f" AND code IN ({', '.join(map(str, members)) or 'NULL'})"
        query = f"""SELECT person_key, event_date AS day FROM {lake.scan("core__event")}
            JOIN (SELECT person_key, birth_date FROM {lake.scan("core__person")}) USING (person_key) WHERE {where}"""
        with connect() as con:
            return con.sql(query).to_arrow_table()


def _with_code(column: pa.ChunkedArray, code_list: CodeList) -> NDArray[np.bool_]:
    """Say of each text of ICD-10 codes, joined by commas, whether the list covers any of them."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    covered = [
        any(code_list.covers("icd10", code) for code in (text or "").split(",")) for text in encoded.dictionary.to_pylist()
    ]
    return np.asarray(covered, dtype=bool)[encoded.indices.to_numpy(zero_copy_only=False)]


def _array(table: pa.Table, name: str) -> NDArray:
    return table[name].combine_chunks().to_numpy(zero_copy_only=False)
