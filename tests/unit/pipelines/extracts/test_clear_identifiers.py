import pytest

from expectations.catalogue import TABLES
from expectations.table import Column
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import (
    Sightings,
    clear_sql,
    columns_to_withhold,
    digits_sql,
    is_name_sql,
    is_postcode_sql,
    look_for,
    passes_check_sql,
)
from pipelines.lake.duckdb_connection import connect


def ask(condition: str, value: str) -> bool:
    with connect() as con:
        return bool(con.execute(f"SELECT coalesce({condition}, false) FROM (SELECT ? AS v)", [value]).fetchall()[0][0])


@pytest.mark.parametrize(
    ("value", "clear"),
    [
        ("9434765919", True),
        ("943 476 5919", True),
        ("943-476-5919", True),
        ("9434765918", False),
        ("0000000000", False),
        ("9999999999", False),
        ("94347659190", False),
        ("P434765919", False),
    ],
)
def test_an_nhs_number_passes_modulus_11(value: str, clear: bool) -> None:
    assert ask(passes_check_sql(digits_sql("v")), value) is clear


@pytest.mark.parametrize(
    ("value", "clear"),
    [
        ("BS1 4ND", True),
        ("bs14nd", True),
        ("EC1A 1BB", True),
        ("ZZ99 3VZ", True),
        ("GIR 0AA", True),
        ("L1 8JQ", True),
        ("E01000001", False),
        ("I21", False),
        ("RX1", False),
        ("J440", False),
    ],
)
def test_a_full_postcode_is_known_by_its_form(value: str, clear: bool) -> None:
    assert ask(is_postcode_sql("v"), value) is clear


def raw_column(table: str, name: str) -> Column:
    return next(column for column in TABLES[table].columns if column.name == name)


PRIMARY, LIST = ("raw__admissions", "primary_diagnosis"), ("raw__admissions", "diagnoses")
CONDITION = ("raw__omop_condition_occurrence", "condition_source_value")


@pytest.mark.parametrize(
    ("place", "value", "clear"),
    [
        *((place, code, False) for place in (PRIMARY, LIST, CONDITION) for code in ("J44XX", "I10XX", "G01XA", "B20XD", "E119XD", "n183xa", " S720XD ")),
        *((place, code, True) for place in (PRIMARY, LIST, CONDITION) for code in ("N18 3AB", "N183AB", "BS1 4ND", "E11 9XD", "S72 0XA", "bs14nd")),
        (PRIMARY, "M11AB", True), (LIST, "M11AB", True), (CONDITION, "G30yz", False), (CONDITION, "E20AB", False),
        (("raw__admissions", "site_code"), "E119XD", True), (("raw__patients", "practice_code"), "N183XA", True),
    ],
)  # fmt: skip
def test_a_code_of_the_columns_scheme_is_no_postcode(place: tuple[str, str], value: str, clear: bool) -> None:
    column = raw_column(*place)
    assert ask(clear_sql(column, "v", numbers=True), value) is clear
    with connect() as con:
        con.execute("CREATE TABLE file AS SELECT ? AS v", [value])
        assert look_for(con, "file", {column.name: "v"}, [column])[column.name].postcodes == int(clear)


@pytest.mark.parametrize(
    ("value", "clear"),
    [("Smith, John", True), ("JOHN O'NEIL SMITH", True), ("Smith, J", True), ("p1", False), ("ab12 cd34", False)],
)
def test_a_name_is_words_of_letters(value: str, clear: bool) -> None:
    assert ask(is_name_sql("v"), value) is clear


def test_a_column_full_of_clear_numbers_is_refused() -> None:
    with pytest.raises(
        ExtractError,
        match=r"a\.csv: the column person_id holds clear identifiers \(990 NHS numbers in 1,000 values; the limit is 1\.0%\)",
    ):
        columns_to_withhold("a.csv", {"person_id": Sightings(1000, 1000, 990, 0, 0)}, 0.01)


def test_isolated_clear_numbers_are_withheld() -> None:
    assert columns_to_withhold("a.csv", {"person_id": Sightings(100_000, 5, 5, 0, 0)}, 0.01) == {"person_id": True}


def test_pseudonyms_of_ten_digits_pass_by_chance() -> None:
    assert columns_to_withhold("a.csv", {"person_id": Sightings(1000, 1000, 95, 0, 0)}, 0.01) == {}


def test_record_numbers_are_refused_only_far_above_chance() -> None:
    assert columns_to_withhold("a.csv", {"record_id": Sightings(1000, 1000, 300, 0, 0)}, 0.01) == {}
    with pytest.raises(ExtractError, match="record_id"):
        columns_to_withhold("a.csv", {"record_id": Sightings(1000, 1000, 900, 0, 0)}, 0.01)
