"""Clear identifiers before they are hashed: every way to write an NHS number is one person, and what is none is not stored."""

from __future__ import annotations

import csv
import hashlib
import hmac
from pathlib import Path

import pytest

from expectations.tables.raw_gp import OPT_OUTS, PATIENTS
from pipelines.extracts import ingest
from pipelines.extracts.ingest import ingest_feed
from pipelines.extracts.pseudonyms import pseudonym_of
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings

KEY = "k" * 40
CASES = Path(__file__).resolve().parents[5] / "shared" / "cases" / "nhs_numbers.csv"
HEADER = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
SAME = hmac.new(KEY.encode(), b"9434765919", hashlib.sha256).hexdigest()[:32]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_PSEUDONYM_KEY", KEY)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")

    def stored(
        self, values: list[str], pseudonyms: dict[str, object] | None = None, patients: list[str] | None = None,
        of_patients: dict[str, object] | None = None, **settings: object,
    ) -> list[str | None]:  # fmt: skip
        """Return what raw__opt_outs stores for identifiers of one file, next to a registered list of `patients`."""
        file = self.landing / "opt_outs" / "opt_outs_2026-01-01.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        quoted = ['"' + value.replace('"', '""') + '"' for value in values]
        file.write_text(HEADER + "".join(f"{value},TYPE_1,1,2020-01-01\n" for value in quoted), encoding="utf-8")
        feed = {"pseudonymised": False, **settings}
        feeds = {"opt_outs": feed}
        if patients:
            listed = self.landing / "patients" / "patients_2026-01-01.csv"
            listed.parent.mkdir()
            listed.write_text("PERSON_ID,BIRTH_YEAR\n" + "".join(f"{value},1950\n" for value in patients), encoding="utf-8")
            feeds["patients"] = {"pseudonymised": False, **(of_patients or {})}
        nhs = NhsSettings.model_validate({"feeds": feeds, "pseudonyms": pseudonyms or {}})
        with connect() as con:
            ingest_feed(self.lake, con, OPT_OUTS, nhs, self.landing)
        return list(self.lake.read("raw__opt_outs", "person_id", order="row_number")["person_id"].to_pylist())

    def quarantined(self) -> list[tuple]:
        rows = self.lake.read("core__quarantine", "row_number, reason, column_name, action", order="row_number")
        return [tuple(row.values()) for row in rows.to_pylist()]

    def holds(self, text: str) -> bool:
        return any(text.encode() in file.read_bytes() for file in self.lake.root.rglob("*") if file.is_file())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.skipif(not CASES.is_file(), reason="the published cases are not here")
def test_the_published_forms_are_one_person_or_set_aside(bench: Bench) -> None:
    with CASES.open(encoding="utf-8", newline="") as lines:
        cases = list(csv.DictReader(lines))
    stored = bench.stored([case["form"] for case in cases])
    expected = {"9.43E+09": "(number_as_float)", "9434765910": "(wrong_check_digit)", "UNKNOWN": "(placeholder_identifier)",
                "9999999999": "(placeholder_identifier)"}  # fmt: skip
    assert stored == [SAME if case["same_person_as_9434765919"] == "yes" else expected[case["form"]] for case in cases]


FORMS = (
    "9434765919", "943 476 5919", "943-476-5919", " 9434765919 ", "\u00a09434765919", "9434765919\u200b", "\ufeff9434765919", "943\u00a0476\u00a05919",
    "943\u2009476\u20095919", "943\u2011476\u20115919", "943\u2013476\u20135919", "943\u00ad476\u00ad5919", "９４３４７６５９１９", "９４３ ４７６ ５９１９",
    "'9434765919", '="9434765919"', "9434765919.0", "'9434765919.0", "943.476.5919", "\u200e9434765919\u200f", "\u20669434765919\u2069", "9434765919\t",
    "'943 476 5919'", "٩٤٣٤٧٦٥٩١٩", "9434 765 919",
)  # fmt: skip


@pytest.mark.parametrize("declared", ["nhs_number", None])
def test_every_form_is_one_pseudonym_and_repairs_are_counted(bench: Bench, declared: str | None) -> None:
    assert bench.stored(list(FORMS), identifiers=declared) == [SAME] * len(FORMS)
    usual = [form for form in FORMS if form in ("9434765919", "943 476 5919", "943-476-5919", " 9434765919 ")]
    assert len(bench.quarantined()) == len(FORMS) - len(usual)
    assert set(bench.quarantined()) == {(number, "identifier_repaired", "person_id", "repaired") for number, form in enumerate(FORMS, 1) if form not in usual}  # fmt: skip
    assert not bench.holds("4765919")


BLANKS = tuple(map(chr, (0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))


@pytest.mark.parametrize(
    "form", ["{}9434765919", "9434765919{}", "943 476 5919{}", "943{0}476{0}5919", "{0}943-476-5919{0}", " 9434765919 {}"]
)
def test_a_blank_of_any_kind_at_any_place_is_the_same_person(bench: Bench, form: str) -> None:
    values = [form.format(blank) for blank in BLANKS]
    assert bench.stored(["9434765919", *values]) == [SAME] * (1 + len(values))
    assert {number for number, *_ in bench.quarantined()} == set(range(2, 2 + len(values)))


ODD_FORMS = ("NHS 9434765919", "9434765919 (V)", "+9434765919", "=9434765919", "9434765919;", "NHS No: 943 476 5919")
PLACELESS = ("943476591", "P8db4af50f22db23a", "A-17 b")


@pytest.mark.parametrize("patients", [None, ["9434765919", "UNKNOWN"], ["NHS 9434765919", "UNKNOWN"]])
@pytest.mark.parametrize("form", ODD_FORMS)
def test_an_nhs_number_in_other_text_is_no_local_identifier(bench: Bench, form: str, patients: list[str] | None) -> None:
    assert bench.stored([form, "UNKNOWN"], patients=patients) == ["(not_an_nhs_number)", "(placeholder_identifier)"]


@pytest.mark.parametrize("settings", [{}, {"identifiers": "nhs_number"}])
@pytest.mark.parametrize("value", PLACELESS)
def test_what_the_registered_list_holds_counts_for_every_feed(bench: Bench, value: str, settings: dict[str, object]) -> None:
    assert bench.stored([value], patients=["9434765919"], of_patients=settings) == ["(not_an_nhs_number)"]


@pytest.mark.parametrize("patients", [None, ["P1", "P2"], ["P8db4af50f22db23a"]])
def test_local_identifiers_stay_local_where_the_list_has_no_nhs_number(bench: Bench, patients: list[str] | None) -> None:
    values = ["P8db4af50f22db23a", "A-17 b", "P1234567890", "P1234567891", "P1234567892"]
    assert not [one for one in bench.stored(values, patients=patients) if one is None or one.startswith("(")]


def test_the_pseudonym_of_one_value_is_that_of_a_file() -> None:
    assert {pseudonym_of(form, [KEY.encode()]) for form in FORMS if "." not in form.removesuffix(".0")} == {SAME}


WRONG = {
    "9434765910": "wrong_check_digit", "943476591": "not_an_nhs_number", "943476591O": "not_an_nhs_number", "SMITH JOHN": "not_an_nhs_number",
    "P8db4af50f22db23a": "not_an_nhs_number", "4.00E+09": "number_as_float", "9.434765919E+09": "number_as_float", "UNKNOWN": "placeholder_identifier",
    "n/a": "placeholder_identifier", "9999999999": "placeholder_identifier", "111 111 1111": "placeholder_identifier", "012 345 6789": "placeholder_identifier",
    "NULL": "placeholder_identifier", "９９９９９９９９９９": "placeholder_identifier",
}  # fmt: skip


@pytest.mark.parametrize("sample", [1, 20_000])
def test_what_is_no_nhs_number_is_not_stored(bench: Bench, monkeypatch: pytest.MonkeyPatch, sample: int) -> None:
    monkeypatch.setattr(ingest, "SAMPLE_ROWS", sample)
    stored = bench.stored(["9434765919", *WRONG])
    assert stored == [SAME, *(f"({reason})" for reason in WRONG.values())]
    assert not any(bench.holds(value) for value in ("SMITH", "943476591", "9434765910"))
    assert bench.quarantined() == []


def test_an_empty_identifier_is_missing_and_no_person(bench: Bench) -> None:
    assert bench.stored(["9434765919", "", "\u200b", " '' "]) == [SAME, None, None, None]


def test_local_identifiers_are_hashed_as_before_and_are_no_placeholders(bench: Bench) -> None:
    values = ["P8db4af50f22db23a", "A-17 b", "\u200bP8db4af50f22db23a", "1234567", "UNKNOWN", "1.2E+07"]

    def hashed(text: str) -> str:
        return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]

    known = [hashed("P8DB4AF50F22DB23A"), hashed("A17B"), hashed("P8DB4AF50F22DB23A"), hashed("1234567")]
    assert bench.stored(values, identifiers="local") == [*known, "(placeholder_identifier)", "(number_as_float)"]


def test_a_file_without_any_nhs_number_has_local_identifiers_but_no_damaged_numbers(bench: Bench) -> None:
    stored = bench.stored(["P8db4af50f22db23a", "9434765910", "943476591"])
    assert stored[1:] == ["(wrong_check_digit)", "(not_an_nhs_number)"]
    assert len(str(stored[0])) == 32


def test_numbers_of_test_patients_are_set_aside_as_declared(bench: Bench) -> None:
    values = ["9434765919", "9990000018", "999 000 0026"]
    assert bench.stored(values, {"test_nhs_numbers": ["999"]}) == [SAME, "(test_identifier)", "(test_identifier)"]
    assert "(test_identifier)" not in bench.stored(values)


def test_a_household_that_is_not_known_is_no_household(tmp_path: Path) -> None:
    landing, lake = tmp_path / "landing", Lake(tmp_path / "lake")
    (landing / "patients").mkdir(parents=True)
    rows = "9434765919,Y00001,1950,H1\n9434765870,Y00001,1950,UNKNOWN\n"
    header = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,HOUSEHOLD_ID\n"
    (landing / "patients" / "patients_2026-01-01.csv").write_text(header + rows)
    nhs = NhsSettings.model_validate({"feeds": {"patients": {"pseudonymised": False}}})
    with connect() as con:
        ingest_feed(lake, con, PATIENTS, nhs, landing)
    households = lake.read("raw__patients", "household_id", order="row_number")["household_id"].to_pylist()
    assert [len(households[0]), households[1]] == [32, "(placeholder_identifier)"]
