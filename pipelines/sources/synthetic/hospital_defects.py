"""Plant defects in the hospital feeds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipelines.sources.synthetic.identifiers import DUMMY_PSEUDONYM
from pipelines.sources.synthetic.planting import (
    LATER_THAN_ANY_EXTRACT,
    NO_SUCH_DAY,
    Draft,
    duplicates,
    iso_dates,
    padding,
    second_format,
    too_many_fields,
)

PERSON = "Der_Pseudo_NHS_Number"


def in_admissions(draft: Draft, dummy_rows: int) -> None:
    """Plant defects in admitted care spells; dates change only for people with a single stay, so that no overlap arises."""
    day, end, birth = draft.facts["day"], draft.facts["end"], draft.facts["birth"]
    has_ended, single = end >= 0, _single_stay(draft.facts["person"])
    _overlaps(draft, single & has_ended & (end - day >= 3) & ~draft.facts["silent_month"])
    _dates(draft, "Admission_Date", single, ("Discharge_Date", "Der_Spell_LoS"))
    before = draft.pick(single & has_ended & draft.facts["linked"])  # for other people the date of birth is not known
    shift = day[before] - birth[before] + 300
    draft.edit(before, "Admission_Date", iso_dates(day[before] - shift))
    draft.edit(before, "Discharge_Date", iso_dates(end[before] - shift))
    draft.mark(before, 8, "date_before_birth")
    early = draft.pick(single & has_ended)
    draft.edit(early, "Discharge_Date", iso_dates(day[early] - 5))
    draft.mark(early, 6, "discharge_before_admission")
    late = draft.pick(single & has_ended & (day > draft.delivery.day - 300))
    draft.edit(late, "Discharge_Date", iso_dates(np.full(len(late), draft.delivery.day) + draft.rng.integers(20, 90, len(late))))
    draft.edit(late, "Der_Spell_LoS", [None] * len(late))
    draft.mark(late, 8, "discharge_after_extract")
    long = draft.plant(5, "length_of_stay_contradicts_dates", "Der_Spell_LoS", ("999", "745", "2190"), has_ended)
    draft.edit(long, "Der_Episode_Count", draft.some(("1", "2"), len(long)))
    draft.plant(4, "not_in_vocabulary", "Sex", ("M", "F", "8"))
    draft.plant(4, "age_over_120", "Age_At_Start_of_Spell_SUS", ("999", "131", "6999"))
    draft.plant(4, "age_code_for_baby", "Age_At_Start_of_Spell_SUS", ("7001", "7003", "7007"), day - birth < 300)
    draft.plant(4, "out_of_range", "Age_At_Start_of_Spell_SUS", ("9999", "-1"))
    draft.plant(11, "not_in_vocabulary", "Discharge_Destination", ("HOME", "USUAL RESIDENCE"), has_ended)
    draft.plant(11, "not_in_vocabulary", "Spell_Primary_Diagnosis", ("SEE NOTES", "FALL", "12345"), has_ended)
    draft.plant(11, "missing_value", "Hospital_Spell_No", (None,))
    _thousands(draft)
    second_format(draft, "Admission_Date")
    padding(draft, "Admission_Method")
    padding(draft, "Der_Provider_Code")
    _clear_identifiers(draft)
    too_many_fields(draft)
    _dummies(draft, dummy_rows, {"Hospital_Spell_No": "D", "APCS_Ident": "D"}, has_ended & (end == day))
    duplicates(draft)


def in_emergency_attendances(draft: Draft, dummy_rows: int) -> None:
    """Plant defects in emergency care attendances."""
    _dates(draft, "Arrival_Date", None, ())
    _before_birth(draft, "Arrival_Date")
    draft.plant(4, "not_in_vocabulary", "Sex", ("M", "F", "X"))
    draft.plant(4, "out_of_range", "Age_At_Arrival", ("999", "7003", "-1"))
    draft.plant(11, "not_in_vocabulary", "EC_Department_Type", ("MAJOR", "TYPE 1", "06"))
    draft.plant(11, "not_in_vocabulary", "Arrival_Time", ("25:61", "9999"))
    draft.plant(11, "not_in_vocabulary", "Ethnic_Category", ("WHITE BRITISH", "UK"))
    draft.plant(8, "out_of_range", "EC_Departure_Time_Since_Arrival", ("99999", "-30"))
    second_format(draft, "Arrival_Date")
    padding(draft, "Der_Provider_Code")
    _clear_identifiers(draft)
    rows = draft.pick()
    draft.add(
        rows, {"EC_Ident": _new_numbers(draft, "Z", len(rows)), "Der_Dupe_Flag": ["1"] * len(rows)}, 6, "duplicate_by_sender"
    )
    _dummies(draft, dummy_rows, {"EC_Ident": "D"}, None)
    duplicates(draft)


def in_outpatient_appointments(draft: Draft) -> None:
    """Plant defects in outpatient appointments."""
    _dates(draft, "Appointment_Date", None, ())
    _before_birth(draft, "Appointment_Date")
    draft.plant(11, "not_in_vocabulary", "Attendance_Status", ("DNA", "ATT", "9"))
    draft.plant(11, "missing_value", "OPA_Ident", (None,))
    second_format(draft, "Appointment_Date")
    padding(draft, "Provider_Code")
    _clear_identifiers(draft)
    duplicates(draft)


def _dates(draft: Draft, column: str, among: np.ndarray | None, emptied: tuple[str, ...]) -> None:
    """Plant dates that cannot be used, and empty the columns that would contradict them."""
    for defect, reason, values in (
        (8, "placeholder_date", ("1900-01-01", "1901-01-01")),
        (8, "date_after_extract", LATER_THAN_ANY_EXTRACT),
        (13, "unreadable_date", NO_SUCH_DAY),
    ):
        rows = draft.plant(defect, reason, column, values, among)
        for other in emptied:
            draft.edit(rows, other, [None] * len(rows))


def _before_birth(draft: Draft, column: str) -> None:
    rows = draft.pick(draft.facts["linked"])  # for other people the date of birth is not known
    draft.edit(rows, column, iso_dates(draft.facts["birth"][rows] - 300))
    draft.mark(rows, 8, "date_before_birth")


def _overlaps(draft: Draft, among: np.ndarray) -> None:
    """Add an overlapping stay at another provider for some stays; both rows of a pair are listed as defects."""
    rows = draft.pick(among, draft.rates.overlap_rate)
    day, end = draft.facts["day"][rows], draft.facts["end"][rows]
    providers = sorted(set(draft.extract.rows.column("Der_Provider_Code").unique().to_pylist()))
    elsewhere = [providers[(providers.index(code) + 1) % len(providers)] for code in draft.text("Der_Provider_Code", rows)]
    changes = {
        "Hospital_Spell_No": _new_numbers(draft, "V", len(rows)),
        "APCS_Ident": _new_numbers(draft, "V", len(rows)),
        "Der_Provider_Code": elsewhere,
        "Der_Provider_Site_Code": [f"{code}01" for code in elsewhere],
        "Admission_Date": iso_dates(day + 1),
        "Discharge_Date": iso_dates(end),
        "Der_Spell_LoS": [str(nights) for nights in end - day - 1],
    }
    draft.add(rows, changes, 6, "overlapping_spells")
    draft.mark(rows, 6, "overlapping_spells")


def _thousands(draft: Draft) -> None:
    """Write some payments with a thousands separator."""
    payment = draft.extract.rows.column("Grand_Total_Payment_MFF").cast(pa.float64()).fill_null(0).to_numpy()
    rows = draft.pick(payment >= 1_000)
    draft.edit(rows, "Grand_Total_Payment_MFF", [f"{value:,.2f}" for value in payment[rows]])
    draft.mark(rows, 13, "unreadable_number")


def _clear_identifiers(draft: Draft) -> None:
    rows = draft.pick()
    draft.edit(rows, PERSON, draft.nhs_numbers(len(rows)))
    draft.mark(rows, 14, "clear_identifier")


def _dummies(draft: Draft, count: int, numbers: dict[str, str], among: np.ndarray | None) -> None:
    """Add rows under the dummy pseudonym that a sender writes when the NHS number is missing."""
    candidates = np.flatnonzero(draft.free if among is None else draft.free & among)
    if count and len(candidates):
        rows = np.sort(draft.rng.choice(candidates, count, replace=True))
        fresh = {column: _new_numbers(draft, letter, count) for column, letter in numbers.items()}
        draft.add(rows, {PERSON: [DUMMY_PSEUDONYM] * count} | fresh, 3, "dummy_person_id")


def _new_numbers(draft: Draft, letter: str, count: int) -> list[str]:
    return [f"{letter}{draft.block:06d}{number:06d}" for number in range(count)]


def _single_stay(person: np.ndarray) -> np.ndarray:
    """Flag the rows whose person has no other row."""
    return np.bincount(person, minlength=int(person.max(initial=0)) + 1)[person] == 1
