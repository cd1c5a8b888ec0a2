from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.catalogue import RAW_TABLES
from expectations.tables.measurement_units import MEANINGS, SET_ASIDE, UNITS, USED, Outcome
from features.analytes import ANALYTES, NO_UNIT, SPELLINGS, analyte_of_code
from features.code_lists import load_code_lists
from pipelines.conform.availability import AvailabilitySettings, available_sql
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_events, conform_people, conform_spells, conform_units
from pipelines.conform.event import EventRequest
from pipelines.conform.measured_values import measured_rows_sql, plain_unit_sql, unit_counts_sql
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

CASES = Path(__file__).resolve().parents[5] / "shared" / "cases"
ANALYTE_OF_CODE = analyte_of_code(load_code_lists())
LAGS = AvailabilitySettings()
HBA1C, SYSTOLIC = "999791000000106", "271649006"
CODE = {"hba1c": HBA1C, "systolic": SYSTOLIC, "diastolic": "271650006", "weight": "27113001", "height": "50373000",
        "bmi": "60621009", "egfr": "1020291000000106", "cholesterol": "1005671000000105"}  # fmt: skip
AT = {"person_id": "ann", "practice_code": "Y00001", "effective_date": date(2025, 5, 1), "recorded_date": date(2025, 5, 1)}


@pytest.fixture
def read(feed_rows, table) -> Callable[..., list[dict[str, object]]]:
    def rows(*entries: dict[str, object]) -> list[dict[str, object]]:
        source = feed_rows("gp_observations", *({**AT, **entry} for entry in entries))
        known = available_sql("gp_observations", LAGS)
        return table(f"SELECT * FROM {measured_rows_sql(source, known, ANALYTE_OF_CODE)} ORDER BY row_number")

    return rows


def entry(measure: str, value: float | None, unit: str | None = None, **more: object) -> dict[str, object]:
    return {"concept_code": CODE[measure], "result_value": value, "result_unit": unit, **more}


@pytest.mark.parametrize(
    ("measure", "value", "unit", "expected", "outcome"),
    [
        ("hba1c", 65, "mmol/mol", 65, Outcome.AS_STATED),
        ("hba1c", 8.1, "%", 65, Outcome.CONVERTED),
        ("hba1c", 8.1, "% Total Hb", 65, Outcome.CONVERTED),
        ("hba1c", 20, None, 20, Outcome.ASSUMED),
        ("hba1c", 8.1, "", 65, Outcome.ASSUMED),
        ("hba1c", 18, "Unk UoM", 173, Outcome.ASSUMED),
        ("hba1c", 3, None, 9, Outcome.ASSUMED),
        ("hba1c", 19, None, None, Outcome.OUT_OF_RANGE),
        ("hba1c", 2.9, None, None, Outcome.OUT_OF_RANGE),
        ("hba1c", 8.1, "mmol/mol", None, Outcome.CONTRADICTORY),
        ("hba1c", 65, "%", None, Outcome.CONTRADICTORY),
        ("hba1c", 900, "mmol/mol", None, Outcome.OUT_OF_RANGE),
        ("hba1c", 65, "mg", None, Outcome.UNKNOWN_UNIT),
        ("hba1c", 65, "mmol/L", None, Outcome.OTHER_QUANTITY),
        ("hba1c", 65, "mmol/mol (IFCC).", 65, Outcome.AS_STATED),
        ("hba1c", 8.1, "％", 65, Outcome.CONVERTED),
        ("hba1c", 8.1, "% HbA1c (DCCT)", 65, Outcome.CONVERTED),
        ("hba1c", 65, "-", 65, Outcome.ASSUMED),
        ("hba1c", 65, "?", None, Outcome.UNKNOWN_UNIT),
        ("hba1c", 8.1, "\u2030", None, Outcome.UNKNOWN_UNIT),  # per mille
        ("height", 170, '"', None, Outcome.UNKNOWN_UNIT),
        ("height", 170, '"cms."', 170, Outcome.AS_STATED),
        ("weight", 84, "\u338f", None, Outcome.UNKNOWN_UNIT),  # one character for kg
        ("weight", 180, "lb", 81.6, Outcome.CONVERTED),
        ("weight", 12, "Stone", 76.2, Outcome.CONVERTED),
        ("weight", 84, "kg", 84, Outcome.AS_STATED),
        ("weight", 84, None, None, Outcome.AMBIGUOUS),
        ("weight", 84, "st", None, Outcome.CONTRADICTORY),
        ("height", 1.72, "m", 172, Outcome.CONVERTED),
        ("height", 1.72, None, 172, Outcome.ASSUMED),
        ("height", 172, None, 172, Outcome.ASSUMED),
        ("height", 60, None, None, Outcome.AMBIGUOUS),
        ("systolic", 18.7, "kPa", 140, Outcome.CONVERTED),
        ("systolic", 140, "mm[Hg]", 140, Outcome.AS_STATED),
        ("systolic", 140, None, 140, Outcome.ASSUMED),
        ("systolic", 18.7, None, None, Outcome.OUT_OF_RANGE),
        ("systolic", 16, "mmHg", None, Outcome.CONTRADICTORY),
        ("systolic", 40_000, "mmHg", None, Outcome.OUT_OF_RANGE),
        ("systolic", 140, "µmol/L", None, Outcome.OTHER_QUANTITY),
        ("cholesterol", 200, "mg/dL", 5.2, Outcome.CONVERTED),
        ("cholesterol", 5.25, "MMOL/L", 5.25, Outcome.AS_STATED),
        ("egfr", 62, "mL/min/{1.73_m2}", 62, Outcome.AS_STATED),
        ("egfr", 62, "ml/min/1.73m*2", 62, Outcome.AS_STATED),
        ("egfr", 62, "mL/min", 62, Outcome.AS_STATED),
        ("bmi", 27.5, "kg/m²", 27.5, Outcome.AS_STATED),
        ("bmi", 275, None, None, Outcome.OUT_OF_RANGE),
    ],
)  # fmt: skip
def test_a_value_is_in_the_unit_of_its_analyte_or_set_aside_with_a_reason(read, measure, value, unit, expected, outcome):
    (row,) = read(entry(measure, value, unit))
    assert (row["result_value"], row["outcome"]) == (expected, outcome)
    assert (row["result_value"] is not None) == (outcome in USED)
    assert row["result_unit"] == unit


def test_what_is_no_measured_value_stays_as_it_is(read):
    rows = read(
        entry("hba1c", None, "%"), {"concept_code": "44054006", "result_value": 3.0, "result_unit": "furlong"}, {"concept_code": "44054006"}
    )  # fmt: skip
    assert [(row["result_value"], row["analyte"], row["outcome"]) for row in rows] == [
        (None, None, None),
        (3.0, None, None),
        (None, None, None),
    ]


def pressures(read, *entries: dict[str, object]) -> list[tuple[object, object]]:
    return [(row["result_value"], row["outcome"]) for row in read(*entries)]


def test_swapped_pressures_are_exchanged_or_set_aside(read):
    usual = [(140, "as_stated"), (80, "unit_assumed")]
    assert pressures(read, entry("systolic", 140, "mmHg"), entry("diastolic", 80)) == usual
    assert pressures(read, entry("systolic", 80, "mmHg"), entry("diastolic", 120, "mmHg")) == [
        (120, "pressures_exchanged"),
        (80, "pressures_exchanged"),
    ]
    assert pressures(read, entry("systolic", 10.7, "kPa"), entry("diastolic", 18.7, "kPa")) == [
        (140, "pressures_exchanged"),
        (80, "pressures_exchanged"),
    ]
    # A systolic of 60 may be 160 with a digit lost, so a pair that is no clear reading after an exchange is not used.
    for systolic, diastolic in ((60, 95), (90, 105), (85, 85)):
        assert (
            pressures(read, entry("systolic", systolic), entry("diastolic", diastolic)) == [(None, "pressures_contradictory")] * 2
        )


@pytest.mark.parametrize(
    ("systolic", "diastolic", "unit", "expected"),
    [
        (12.0, 21.3, "kPa", (160, 90)),  # the diastolic is above its own range
        (80, 202, "mmHg", (202, 80)),
        (80, 202, None, (202, 80)),
        (45, 110, "mmHg", (110, 45)),  # the systolic is below its own range
        (60, 210, "mmHg", (210, 60)),
        (95, 205, "mmHg", (205, 95)),
        (60, 310, "mmHg", "as_stated"),  # 310 is no pressure in any place
        (30, 95, "mmHg", None),
        (45, 205, "mmHg", "out_of_range"),  # no value is usable, and each has its own reason
        (210, 205, "mmHg", "as_stated"),  # in order
    ],
)
def test_pressures_are_compared_before_their_own_ranges_count(read, systolic, diastolic, unit, expected):
    found = pressures(read, entry("systolic", systolic, unit), entry("diastolic", diastolic, unit))
    if expected is None:
        assert found == [(None, "pressures_contradictory")] * 2
    elif isinstance(expected, tuple):
        assert found == [(value, "pressures_exchanged") for value in expected]
    else:
        assert found[0][1] == expected and "exchanged" not in found[1][1]


def test_a_reading_that_belongs_to_no_other_makes_all_readings_of_its_day_contradictory(read):
    right, swapped = (entry("systolic", 138), entry("diastolic", 82)), (entry("systolic", 80), entry("diastolic", 140))
    assert pressures(read, *right, *swapped) == [(None, "pressures_contradictory")] * 4
    assert pressures(read, *swapped, *swapped) == [(140, "pressures_exchanged"), (80, "pressures_exchanged")] * 2


def test_pressures_are_compared_at_one_person_practice_and_day(read):
    alone = [(80, "as_stated"), (120, "as_stated")]
    systolic, diastolic = entry("systolic", 80, "mmHg"), entry("diastolic", 120, "mmHg")
    for other in (
        {"person_id": "bob"}, {"practice_code": "Y00002"}, {"effective_date": date(2025, 4, 30)},
        {"first_extract_date": date(2026, 2, 1), "is_first_delivery": False},  # a later delivery changes no earlier value
    ):  # fmt: skip
        assert pressures(read, systolic, {**diastolic, **other}) == alone
    # Of several readings of a day none is wrong if one may belong to another.
    morning_and_evening = [systolic, entry("diastolic", 50, "mmHg"), entry("systolic", 180, "mmHg"), diastolic]
    assert {outcome for _, outcome in pressures(read, *morning_and_evening)} == {"as_stated"}


def test_a_value_that_is_set_aside_is_half_of_no_pair(read):
    assert pressures(read, entry("systolic", 80, "furlong"), entry("diastolic", 120, "mmHg")) == [
        (None, "unit_not_known"),
        (120, "as_stated"),
    ]


def test_the_counts_are_by_practice_measurement_unit_and_outcome(feed_rows, table):
    entries = [
        entry("hba1c", 65, "mmol/mol"), entry("hba1c", 48, "mmol/mol Hb"), entry("hba1c", 7, None), entry("hba1c", 7, "furlong"),
        entry("hba1c", 7, "%", practice_code="Y00002"), entry("weight", 84, None), {"concept_code": "44054006"},
    ]  # fmt: skip
    source = feed_rows("gp_observations", *({**AT, **one} for one in entries))
    counts = table(f"{unit_counts_sql(measured_rows_sql(source, 'effective_date', ANALYTE_OF_CODE))} ORDER BY ALL")
    assert [tuple(row.values()) for row in counts] == [
        ("Y00001", "hba1c", "", "unit_not_known", False, 1),
        ("Y00001", "hba1c", "%", "unit_assumed", True, 1),
        ("Y00001", "hba1c", "mmol/mol", "as_stated", True, 2),
        ("Y00001", "weight", "", "unit_missing", False, 1),
        ("Y00002", "hba1c", "%", "converted", True, 1),
    ]
    assert list(counts[0]) == [column.name for column in UNITS.columns]


def test_each_outcome_is_used_or_set_aside_and_explained():
    assert {*USED, *SET_ASIDE} == set(Outcome) == set(MEANINGS) and not {*USED} & {*SET_ASIDE}


@pytest.mark.parametrize(
    ("text", "plain"),
    [("mm[Hg]", "mmhg"), ("mL/min/{1.73_m2}", "ml/min/1.73m2"), (" ml/min/1.73 m² ", "ml/min/1.73m2"), ("kg/m^2", "kg/m2"), ("[in_i]", "ini"),
     ("µmol/L", "umol/l"), ("μmol/L", "umol/l"), ("[lb_av]", "lbav"), ("%", "%"), ("-", "")],
)  # fmt: skip
def test_the_plain_form_of_a_unit(table, text, plain):
    (row,) = table(f"SELECT {plain_unit_sql(repr(text))} AS plain")
    assert row["plain"] == plain and plain in {spelling for spellings in (*SPELLINGS.values(), NO_UNIT) for spelling in spellings}


def test_without_codes_every_value_stays(feed_rows, table):
    source = feed_rows("gp_observations", {**AT, **entry("hba1c", 8.1, "%")})
    (row,) = table(f"SELECT result_value, outcome FROM {measured_rows_sql(source, 'effective_date', {})}")
    assert (row["result_value"], row["outcome"]) == (8.1, None)


def stored_values(folder: Path, content: str) -> tuple[dict[str, float | None], dict[str, object]]:
    """Return the value of each person's event, and the summary of the units, of an extract of observations."""
    lake, feed_table = Lake(folder / "lake"), RAW_TABLES["gp_observations"]
    file = folder / "landing" / "gp_observations" / "gp_observations_2026-01-01.csv"
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="utf-8")
    nhs = NhsSettings.model_validate({"feeds": {"gp_observations": {"not_delivered": ["is_confidential", "is_deleted"]}}})
    rules, lenient = ClinicalRules(), ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "single_value": 0})
    with connect() as con:
        ingest_feed(lake, con, feed_table, nhs, folder / "landing")
        validate_feed(lake, con, feed_table, nhs, lenient)
        sources = {"gp_observations": validated_rows_sql(lake, nhs, "gp_observations", feed_table)}
        conform_people(lake, con, sources, rules)
        conform_spells(lake, con, sources, rules, LAGS)
        conform_events(lake, con, sources, EventRequest(rules, LAGS, folder / "work"))
        summary = conform_units(lake, con, sources, ANALYTE_OF_CODE, LAGS)
        people = f"{lake.scan('core__event')} JOIN {lake.scan('core__person')} USING (person_key)"
        return dict(con.sql(f"SELECT person_id, value FROM {people}").fetchall()), summary


@pytest.mark.skipif(not CASES.is_dir(), reason="the published cases are not here")
def test_the_published_units_are_read(tmp_path):
    values, summary = stored_values(tmp_path, (CASES / "observations_units_2026-01-01.csv").read_text(encoding="utf-8"))
    expected = {"51": 65, "52": 65, "53": 81.6, "54": 84, "55": 140}
    assert {person.lstrip("P0"): value for person, value in values.items()} == pytest.approx(expected)
    assert summary == {"values": 5, "values_as_stated": 2, "values_converted": 3}


HEADER = "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,DATE_RECORDED,OBSERVATION_SOURCE_CONCEPT_ID,RESULT_VALUE,RESULT_VALUE_UNITS\n"


def test_values_without_a_unit_and_values_that_are_set_aside_become_events(tmp_path):
    lines = [f"O{number},P{number:016d},Y00001,2025-05-01,2025-05-01,{code},{value},{unit}\n" for number, (code, value, unit) in
             enumerate([(HBA1C, 8.1, ""), (HBA1C, 65, "unknown"), (HBA1C, 8.1, "mmol/mol"), (SYSTOLIC, 140, "xyz")], start=61)]  # fmt: skip
    values, summary = stored_values(tmp_path, HEADER + "".join(lines))
    assert {person.lstrip("P0"): value for person, value in values.items()} == {"61": 65, "62": 65, "63": None, "64": None}
    assert summary == {"values": 4, "values_unit_assumed": 2, "values_unit_contradicts_value": 1, "values_unit_not_known": 1}


def test_a_limit_of_measurement_is_used_if_it_is_plausible_in_its_unit(tmp_path):
    lines = [f"O{number},P{number:016d},Y00001,2025-05-01,2025-05-01,{code},{value},{unit}\n" for number, (code, value, unit) in
             enumerate([(CODE["egfr"], ">90", "mL/min"), (HBA1C, "<4", "%"), (HBA1C, "> 300", "mmol/mol")], start=61)]  # fmt: skip
    values, summary = stored_values(tmp_path, HEADER + "".join(lines))
    assert {person.lstrip("P0"): value for person, value in values.items()} == {"61": 90, "62": 20, "63": None}
    assert summary == {"values": 3, "values_as_stated": 1, "values_converted": 1, "values_out_of_range": 1}


def test_values_that_a_later_delivery_corrected_are_read_as_well(feed_rows, tmp_path):
    was = feed_rows("gp_observations", {**AT, "record_id": "O1", **entry("hba1c", 8.1, "%")})
    now = {"first_extract_date": date(2026, 2, 1), "is_first_delivery": False}
    sources = {"gp_observations": feed_rows("gp_observations", {**AT, "record_id": "O1", **entry("hba1c", 7.0, "%"), **now})}
    superseded = {"gp_observations": f"(SELECT *, DATE '2026-02-01' AS superseded_date FROM {was})"}
    lake, rules = Lake(tmp_path / "lake"), ClinicalRules()
    with connect() as con:
        conform_people(lake, con, sources, rules)
        conform_spells(lake, con, sources, rules, LAGS)
        conform_events(lake, con, sources, EventRequest(rules, LAGS, tmp_path / "work", superseded=superseded))
    assert lake.read("core__event", "value")["value"].to_pylist() == [53]
    assert lake.read("core__event_superseded", "value")["value"].to_pylist() == [65]


def test_a_board_without_the_gp_record_has_no_units(tmp_path):
    lake = Lake(tmp_path / "lake")
    with connect() as con:
        assert conform_units(lake, con, {}, ANALYTE_OF_CODE, LAGS) == {"values": 0}
    assert lake.read(UNITS.name).num_rows == 0


def test_the_codes_of_the_examples_are_in_the_lists():
    lists = load_code_lists()
    assert {ANALYTE_OF_CODE[code] for code in CODE.values()} <= set(ANALYTES) & set(lists)


UNITS_SENT = {
    "%": ("% (DCCT aligned)", "% of total haemoglobin", "%tHb", "Per cent (NGSP)"),
    "mmol/mol": ("mmol/mole", "mmol.mol-1", "mmol mol-1", "mmoles/mol", "mmol/mol (IFCC)", "\ufeffmmol/mol", "mmol.mol\u207b\u00b9"),
    "g": ("grammes", "Grams"),
    "mL/min/1.73m2": (
        "ml/minute/1.73m2", "mls/min per 1.73m2", "ml/min/1.73m2 (CKD-EPI)", "mL/min/1.73m\u00c2\u00b2", "ml/min", "mL/min/1.73 square metres",
        "mL/min/1.73m2 (BSA)",
    ),
    "kg/m2": ("kg/m2 (BMI)", "kg/m\u00c2\u00b2", "kg.m-2", "kg/square metre"),
    "mmHg": ("mmHg (sys)", "mmHg diastolic", "millimeters of mercury", "mm[Hg]"),
    "mmol/L": ("mmol/ltr", "mmoles/L", "mmol.L-1", "millimoles per litre"),
    "umol/L": ("\u00c2\u00b5mol/L", "\u00ce\u00bcmol/L", "micromoles/litre", "umol/ltr"),
    "": ("ml/min/m2", "mL/min/m\u00b2", "mL/min/1.73m3", "mmol/mol creatinine", "mmol", "ml/s", "kg/m3"),
}  # fmt: skip


@pytest.mark.parametrize(("unit", "text"), [(unit, text) for unit, texts in UNITS_SENT.items() for text in texts])
def test_ordinary_spellings_of_a_unit_are_read_and_other_quantities_are_not(unit: str, text: str) -> None:
    with duckdb.connect() as con:
        plain = con.execute(f"SELECT {plain_unit_sql('v')} FROM (SELECT ? AS v)", [text]).fetchall()[0][0]
    assert next((name for name, spellings in SPELLINGS.items() if plain in spellings), "") == unit
