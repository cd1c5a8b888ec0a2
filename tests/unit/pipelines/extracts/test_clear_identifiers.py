import pytest

from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import (
    Sightings,
    columns_to_withhold,
    digits_sql,
    is_name_sql,
    is_postcode_sql,
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
        ("E01000001", False),
        ("I21", False),
        ("RX1", False),
        ("J440", False),
    ],
)
def test_a_full_postcode_is_known_by_its_form(value: str, clear: bool) -> None:
    assert ask(is_postcode_sql("v"), value) is clear


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
