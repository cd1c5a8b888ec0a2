"""Plant defects in the GP feeds."""

from __future__ import annotations

import numpy as np

from pipelines.sources.synthetic.planting import (
    LATER_THAN_ANY_EXTRACT,
    NO_SUCH_DAY,
    Draft,
    Values,
    duplicates,
    iso_dates,
    padding,
    second_format,
    too_many_fields,
)


def in_patients(draft: Draft) -> None:
    """Plant defects in PATIENT.

    Rows that cannot be used belong to made-up people, so that only people with a planted flag leave the registered list.
    """
    alive = draft.facts["end"] < 0
    draft.plant(4, "not_in_vocabulary", "SEX", ("M", "F", "3"))
    draft.plant(11, "not_in_vocabulary", "ETHNIC_CATEGORY", ("WHITE BRITISH", "ASIAN OTHER", "UK"))
    draft.plant(8, "out_of_range", "BIRTH_MONTH", ("13", "0"))
    draft.plant(8, "death_after_extract", "DEATH_DATE", LATER_THAN_ANY_EXTRACT, alive)
    before = draft.pick(alive)
    draft.edit(before, "DEATH_DATE", iso_dates(draft.facts["birth"][before] - 900))
    draft.mark(before, 8, "death_before_birth")
    second_format(draft, "DEATH_DATE", ~alive)
    padding(draft, "REGISTERED_PRACTICE_ORGANISATION_ID")
    draft.plant(7, "confidential", "IS_CONFIDENTIAL", ("1", "Y"))
    draft.plant(7, "spine_sensitive", "IS_SPINE_SENSITIVE", ("1", "TRUE"))
    year = int(np.datetime64(draft.delivery.day, "D").astype("datetime64[Y]").astype(np.int64)) + 1970
    _add_strangers(draft, 7, "test_patient", {"IS_TEST_PATIENT": ("1", "Y")})
    _add_strangers(draft, 7, "deleted", {"IS_DELETED": ("1",)})
    _add_strangers(draft, 8, "birth_after_extract", {"BIRTH_YEAR": (str(year + 5), str(year + 11))})
    _add_strangers(draft, 4, "age_over_120", {"BIRTH_YEAR": ("1893", "1884")})
    _add_strangers(draft, 8, "out_of_range", {"BIRTH_YEAR": ("1850", "1066")})
    _add_strangers(draft, 8, "missing_value", {"BIRTH_YEAR": (None,)})
    rows = draft.pick(alive)
    draft.add(rows, {"PERSON_ID": draft.nhs_numbers(len(rows))}, 14, "clear_identifier")
    duplicates(draft)


def in_registrations(draft: Draft) -> None:
    """Plant defects in EPISODE_OF_CARE, in added periods, so that each person keeps their own periods."""
    after_infancy = draft.facts["day"] > draft.facts["birth"] + 400
    rows = draft.pick(after_infancy)
    day = draft.facts["day"][rows]
    draft.add(rows, {"START_DATE": iso_dates(day - 3), "END_DATE": iso_dates(day - 103)}, 6, "end_before_start")
    _added_start(draft, 8, "placeholder_date", ("1900-01-01", "1901-01-01"))
    _added_start(draft, 8, "date_after_extract", LATER_THAN_ANY_EXTRACT)
    _added_start(draft, 13, "unreadable_date", NO_SUCH_DAY)
    _added_start(draft, 9, "missing_value", (None,))
    rows = draft.pick()
    draft.add(
        rows, {"START_DATE": iso_dates(draft.facts["birth"][rows] - 400), "END_DATE": [None] * len(rows)}, 8, "date_before_birth"
    )
    rows = draft.pick()
    draft.add(rows, {"PERSON_ID": draft.nhs_numbers(len(rows))}, 14, "clear_identifier")
    second_format(draft, "START_DATE")
    padding(draft, "ORGANISATION_ID")
    duplicates(draft)


def in_addresses(draft: Draft) -> None:
    """Plant defects in PATIENT_ADDRESS."""
    has_lsoa = np.array(draft.extract.rows.column("LSOA_CODE").is_valid())
    draft.plant(11, "not_in_vocabulary", "LSOA_CODE", ("CLOSED", "UNKNOWN"), has_lsoa)
    padding(draft, "LSOA_CODE", has_lsoa)
    after_infancy = draft.facts["day"] > draft.facts["birth"] + 400
    rows = draft.pick(after_infancy)
    day = draft.facts["day"][rows]
    draft.add(rows, {"START_DATE": iso_dates(day - 3), "END_DATE": iso_dates(day - 103)}, 6, "end_before_start")
    _added_start(draft, 8, "date_after_extract", LATER_THAN_ANY_EXTRACT)
    _added_start(draft, 8, "placeholder_date", ("1900-01-01",))
    duplicates(draft)


def in_gp_observations(draft: Draft) -> None:
    """Plant defects in OBSERVATION."""
    event, recorded = "CLINICAL_EFFECTIVE_DATE", "DATE_RECORDED"
    valued = draft.facts["valued"]
    draft.plant(8, "placeholder_date", event, ("1900-01-01", "1800-01-01"))
    after = draft.plant(8, "date_after_extract", event, LATER_THAN_ANY_EXTRACT)
    draft.edit(after, recorded, [None] * len(after))
    before = draft.pick()
    draft.edit(before, event, iso_dates(draft.facts["birth"][before] - 300))
    draft.mark(before, 8, "date_before_birth")
    draft.plant(13, "unreadable_date", event, NO_SUCH_DAY)
    years_after_birth = (draft.facts["day"] - draft.facts["birth"] > 800) & (draft.facts["day"] < draft.delivery.day - 800)
    imprecise = draft.pick(years_after_birth)
    draft.edit(imprecise, event, [date[: 4 if position % 2 else 7] for position, date in enumerate(draft.text(event, imprecise))])
    draft.edit(imprecise, recorded, [None] * len(imprecise))
    draft.mark(imprecise, 8, "imprecise_date")
    early = draft.pick(draft.facts["day"] - draft.facts["birth"] > 800)
    draft.edit(early, recorded, iso_dates(draft.facts["day"][early] - 30))
    draft.mark(early, 8, "recorded_before_effective")
    second_format(draft, event)
    draft.plant(11, "not_in_vocabulary", "OBSERVATION_SOURCE_CONCEPT_ID", ("EMISNQRE12", "XE2EB", "^ESCTGI1"))
    draft.plant(11, "missing_value", "OBSERVATION_SOURCE_CONCEPT_ID", (None,))
    draft.plant(11, "unreadable_number", "RESULT_VALUE", ("high", "see notes", "not done"), valued)
    draft.plant(7, "deleted", "IS_DELETED", ("1", "Y"))
    draft.plant(7, "confidential", "IS_CONFIDENTIAL", ("1",))
    rows = draft.pick()
    draft.edit(rows, "PERSON_ID", draft.nhs_numbers(len(rows)))
    draft.mark(rows, 14, "clear_identifier")
    padding(draft, "ORGANISATION_ID")
    latin = draft.plant(13, "not_utf8", "RESULT_VALUE_UNITS", ("µmol/L", "µg/L"), valued)
    draft.changed_lines |= {int(row): "not_utf8" for row in latin}
    too_many_fields(draft)
    duplicates(draft)


def in_gp_medication_orders(draft: Draft) -> None:
    """Plant defects in MEDICATION_ORDER."""
    draft.plant(7, "deleted", "IS_DELETED", ("1", "TRUE"))
    draft.plant(8, "out_of_range", "DURATION_DAYS", ("9999", "-1"))
    draft.plant(8, "out_of_range", "QUANTITY_VALUE", ("-28", "-1"))
    draft.plant(11, "unreadable_number", "QUANTITY_VALUE", ("as directed", "two boxes"))
    draft.plant(11, "not_in_vocabulary", "MEDICATION_ORDER_SOURCE_CONCEPT_ID", ("BNF0212000B0", "ASPI1234"))
    draft.plant(8, "date_after_extract", "CLINICAL_EFFECTIVE_DATE", LATER_THAN_ANY_EXTRACT)
    rows = draft.pick()
    draft.edit(rows, "CLINICAL_EFFECTIVE_DATE", iso_dates(draft.facts["birth"][rows] - 300))
    draft.mark(rows, 8, "date_before_birth")
    rows = draft.pick()
    draft.edit(rows, "PERSON_ID", draft.nhs_numbers(len(rows)))
    draft.mark(rows, 14, "clear_identifier")
    padding(draft, "ORGANISATION_ID")
    second_format(draft, "CLINICAL_EFFECTIVE_DATE")
    duplicates(draft)


def in_opt_outs(draft: Draft) -> None:
    """Plant defects in NATIONAL_DATA_OPT_OUT, in added rows, so that no one's opt-out is lost."""
    rows = draft.pick()
    draft.add(
        rows,
        {"STATUS": draft.some(("X", "OUT"), len(rows)), "EFFECTIVE_DATE": iso_dates(draft.facts["day"][rows] - 5)},
        11,
        "not_in_vocabulary",
    )
    rows = draft.pick()
    draft.add(rows, {"EFFECTIVE_DATE": draft.some(LATER_THAN_ANY_EXTRACT, len(rows))}, 8, "date_after_extract")
    padding(draft, "OPT_OUT_TYPE")
    duplicates(draft)


def in_actions(draft: Draft) -> None:
    """Plant defects in the actions of teams."""
    draft.plant(11, "not_in_vocabulary", "DECISION", ("MAYBE", "YES"), draft.facts["end"] >= 0)
    draft.plant(8, "date_after_extract", "ACTION_DATE", LATER_THAN_ANY_EXTRACT, draft.facts["end"] < 0)
    padding(draft, "ACTION", draft.facts["end"] >= 0)
    duplicates(draft)


def _add_strangers(draft: Draft, defect: int, reason: str, changes: dict[str, Values]) -> None:
    """Add rows of people who are in no other feed."""
    rows = draft.pick(draft.facts["end"] < 0)
    values_by_column: dict[str, Values] = {column: draft.some(values, len(rows)) for column, values in changes.items()}
    draft.add(rows, {"PERSON_ID": draft.strangers(len(rows))} | values_by_column, defect, reason)


def _added_start(draft: Draft, defect: int, reason: str, values: Values) -> None:
    rows = draft.pick()
    draft.add(rows, {"START_DATE": draft.some(values, len(rows)), "END_DATE": [None] * len(rows)}, defect, reason)
