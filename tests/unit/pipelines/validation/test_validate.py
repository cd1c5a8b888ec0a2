from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError
from unit.pipelines.validation.bench import LENIENT, PATIENT_HEADER, SPELL_HEADER, Bench, many, spell

from pipelines.errors import RefusalError, ValidationStop
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.decision_record import ACCEPTED_BREACH, Decision, import_once, record
from pipelines.validation.accepted_breaches import breach_of, decision_of_settings, digest_of_delivery
from pipelines.validation.validate import ValidationSettings

DAY = date(2026, 1, 5)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_day_before_anyone_was_born_and_a_formula_for_a_person_are_set_aside(bench: Bench) -> None:
    spells = [
        spell("p1", "s1", "RX1", "1066-10-14", ""), spell("=1+1", "s2", "RX1", "2025-01-03", ""), spell("-12", "s3", "RX1", "2025-01-03", ""),
    ]  # fmt: skip
    bench.land("admissions", "2026-01-01", SPELL_HEADER + many(20) + "".join(spells))
    bench.validate()
    assert bench.quarantine("admissions") == [
        (21, "date_before_anyone", "", "set_aside"),
        (22, "formula_person_id", "", "set_aside"),
    ]


def test_every_row_rule_names_its_rows(bench: Bench) -> None:
    bench.land("patients", "2026-01-01", PATIENT_HEADER + "p1,Y00001,1950,6,1,0\np2,Y00001,2020,6,2,0\np3,Y00001,1980,,2,Y\n")
    spells = [
        spell("p1", "s1", "RX1", "2025-01-01", "2025-01-05"),
        spell("p1", "s2", "RX2", "2025-01-03", "2025-01-04"),
        spell("p2", "s3", "RX1", "2019-01-03", "2019-01-04"),
        spell("p1", "s4", "RX1", "2025-02-03", "2025-02-01"),
        spell("p1", "s1", "RX1", "2025-01-01", "2025-01-05"),
        spell("p1", "s5", "RX1", "2026-02-01", ""),
        spell("p1", "s6", "rx1", "1900-01-01", "", "99"),
    ]
    bench.land("admissions", "2026-01-01", SPELL_HEADER + "".join(spells))
    bench.validate()
    assert bench.quarantine("patients") == [(3, "test_patient", "", "set_aside")]
    assert bench.quarantine("admissions") == [
        (1, "overlapping_spells", "", "flagged"),
        (2, "overlapping_spells", "", "flagged"),
        (3, "date_before_birth", "", "set_aside"),
        (4, "discharge_before_admission", "", "set_aside"),
        (5, "duplicate_row", "", "set_aside"),
        (6, "date_after_extract", "", "set_aside"),
        (7, "padding_or_case", "provider_code", "repaired"),
        (7, "placeholder_date", "", "set_aside"),
    ]


def test_a_duplicate_of_a_broken_row_stays(bench: Bench) -> None:
    bench.land(
        "admissions",
        "2026-01-01",
        SPELL_HEADER
        + spell("p1", "s1", "RX1", "2025-01-03", "2025-01-01")
        + spell("p1", "s1", "RX1", "2025-01-03", "2025-01-04"),
    )
    bench.validate()
    assert bench.quarantine("admissions") == [
        (1, "discharge_before_admission", "", "set_aside"),
        (1, "duplicate_row", "", "set_aside"),
    ]


def test_duplicates_are_found_across_the_files_of_a_delivery(bench: Bench) -> None:
    bench.land("admissions", "2026-01-01", SPELL_HEADER + spell("p1", "s1", "RX1", "2025-01-03", ""), "_a")
    bench.land(
        "admissions",
        "2026-01-01",
        SPELL_HEADER + spell("p9", "s9", "RX1", "2025-01-03", "") + spell("p1", "s1", "RX1", "2025-01-03", ""),
        "_b",
    )
    bench.validate()
    assert bench.quarantine("admissions") == [(2, "duplicate_row", "", "set_aside")]


def test_a_dummy_is_distinguished_from_a_dialysis_patient(bench: Bench) -> None:
    days = [f"2025-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 28)][:310]
    dialysis = "".join(spell("dialysis", f"d{n}", "RX1", day, day, "11") for n, day in enumerate(days))
    dummy = "".join(spell("000", f"x{n}", "RX1", days[n % 155], days[n % 155], "21") for n in range(310))
    bench.land("admissions", "2026-01-01", SPELL_HEADER + dialysis + dummy)
    assert bench.validate()["admissions"].broken == {"dummy_person_id": 310}


def test_a_delivery_is_validated_once_by_the_same_rules(bench: Bench) -> None:
    bench.land("admissions", "2026-01-01", SPELL_HEADER + many(20))
    assert len(bench.validate()["admissions"].deliveries) == 1
    assert bench.validate()["admissions"].deliveries == []
    assert len(bench.validate(ValidationSettings(batch_rows=1000))["admissions"].deliveries) == 1


def test_small_batches_find_the_same(bench: Bench) -> None:
    bench.land("admissions", "2026-01-01", SPELL_HEADER + many(2500) + spell("p1", "last", "RX1", "2025-02-03", "2025-02-01"))
    bench.validate(LENIENT.model_copy(update={"batch_rows": 1000}))
    assert bench.quarantine("admissions") == [(2501, "discharge_before_admission", "", "set_aside")]


def accept(bench: Bench, digest: str = "", expires: date | None = None) -> None:
    subject, reason = "admissions month_collapsed 2025-04-01 RX1", "the ward closed in January"
    record(bench.lake, Decision(ACCEPTED_BREACH, subject, "Data manager", reason, DAY, digest, expires))


def test_an_accepted_breach_is_recorded_and_stops_nothing(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60) + many(60, "2025-02"))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(20) + many(60, "2025-02"))
    accept(bench)
    bench.validate()
    note = bench.lake.read("monitoring__validation", "note, passed", "rule = 'month_collapsed' AND note <> ''").to_pylist()
    assert note == [
        {"note": "RX1 2025-01: 20 rows, 60 in the previous delivery (33%) Accepted: the ward closed in January", "passed": True}
    ]


def test_a_breach_is_accepted_for_what_was_read_and_until_its_last_day(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60) + many(60, "2025-02"))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(20) + many(60, "2025-02"))
    accept(bench, expires=date(2025, 5, 1))
    with pytest.raises(ValidationStop, match=r"accept a breach .*'admissions month_collapsed 2025-04-01 RX1'"):
        bench.validate()
    delivery = [extract for extract in current_extracts(bench.lake, "admissions") if extract.extract_date == date(2025, 4, 1)]
    accept(bench, digest=digest_of_delivery(delivery))
    bench.validate()
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(21) + many(60, "2025-02"))  # a corrected file, as poor
    with pytest.raises(ValidationStop, match="month_collapsed"):
        bench.validate()


def test_a_breach_of_the_settings_counts_once_it_is_imported(bench: Bench) -> None:
    bench.land("admissions", "2025-03-01", SPELL_HEADER + many(60) + many(60, "2025-02"))
    bench.land("admissions", "2025-04-01", SPELL_HEADER + many(20) + many(60, "2025-02"))
    breach = breach_of("admissions month_collapsed 2025-04-01 RX1", "the ward closed in January")
    with pytest.raises(ValidationStop):
        bench.validate(LENIENT.model_copy(update={"accepted": (breach,)}))
    assert import_once(bench.lake, [decision_of_settings(breach, DAY)], dated=False) == 1
    bench.validate()


@pytest.mark.parametrize("name", ["objections_absent", "opt_outs.objections_not_on_list", "national_opt_outs_fell"])
def test_a_limit_that_conform_applies_is_refused_with_the_settings_that_have_it(name: str) -> None:
    with pytest.raises(ValidationError, match=rf"no table rule {name}.*The limits of {name} are settings of conform\.objections"):
        ValidationSettings(limits={name: 0.05})


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("admissions month_collapsed", "names no breach: write FEED RULE DELIVERY"),
        ("visits month_collapsed 2025-04-01", "there is no feed visits"),
        ("admissions month_gone 2025-04-01", "there is no table rule 'month_gone'"),
        ("admissions month_collapsed April", "delivery"),
    ],
)
def test_a_subject_that_is_no_breach_says_what_to_write(subject: str, words: str) -> None:
    with pytest.raises(RefusalError, match=words):
        breach_of(subject, "the ward closed in January")


def test_no_row_value_enters_a_result_or_a_page(bench: Bench, tmp_path: Path) -> None:
    bench.land(
        "admissions",
        "2026-01-01",
        SPELL_HEADER + many(10) + spell("person-of-note", "SPELLX", "RX1", "2025-01-03", "2025-01-01", "QQ"),
    )
    bench.validate(docs=tmp_path / "docs")
    written = [*(tmp_path / "docs").rglob("*.html"), *(tmp_path / "docs").rglob("*.json")]
    text = "".join(file.read_text(encoding="utf-8") for file in written)
    stored = str(bench.lake.read("monitoring__validation").to_pylist()) + str(bench.lake.read("core__quarantine").to_pylist())
    assert "Discharge before admission" in text
    assert not any(value in text + stored for value in ("person-of-note", "SPELLX", "QQ"))


def test_the_rules_are_the_settings_without_the_accepted_breaches() -> None:
    breach = {"feed": "patients", "rule": "unknown_codes", "delivery": "2026-01-01", "reason": "It is right so"}
    settings = ValidationSettings.model_validate({"least_month_rows": 30, "accepted": [breach]})
    assert settings.rules == ValidationSettings(least_month_rows=30)
