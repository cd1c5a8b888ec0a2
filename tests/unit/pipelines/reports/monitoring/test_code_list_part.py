from pathlib import Path

from expectations.tables.monitoring import LIST_USE, LIST_USE_BY_PRACTICE
from features.code_list_matches import Match
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.code_list_part import RESULTS, code_list_part


def row(
    name: str, entries: int, system: str = "dmd", total: int = 1000, people: int | None = None, result: str | None = None,
    expected: float | None = None, lost: int | None = None,
) -> dict[str, object]:  # fmt: skip
    return {
        "list": name, "code_system": system, "label": name.capitalize(), "source": "a source", "source_version": "37.1.0",
        "source_date": "2023-10-25", "codes": 1489, "codes_in_use": min(entries, 12), "entries": entries, "all_entries": total,
        "share": entries / total if total else None, "people": people, "all_people": None if people is None else 1000,
        "expected_share": expected, "expected_people": 1000 * (expected or 0.02), "result": result, "features_not_computed": lost,
    }  # fmt: skip


def test_medicine_lists_are_shown_with_the_least_used_first_and_small_counts_hidden(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.write(
        LIST_USE, [row("statins", 250), row("insulin", 4), row("opioids", 0), row("medicines", 952), row("asthma", 90, "snomed")]
    )
    part = code_list_part(lake)
    assert [(one["list"], one["in_use"], one["share"]) for one in part["rows"]] == [
        ("Opioids", "0", "0.00%"), ("Insulin", "not shown", "not shown"), ("Statins", "12", "25.00%"),
    ]  # fmt: skip
    assert part["known"] == "95.00%"
    assert part["rows"][0]["dated"] == "2023-10-25"


def test_a_lake_without_medicines_has_no_rows(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert code_list_part(lake)["rows"] == []
    lake.write(LIST_USE, [row("statins", 0, total=0)])
    assert code_list_part(lake)["rows"] == []


def test_lists_with_a_prevalence_and_those_that_match_no_one_are_compared_with_the_worst_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lists = [
        row("asthma", 90, "snomed", people=60, result="matched", expected=0.062), row("gout", 2, "snomed", people=2, result="below_expected", expected=0.016),
        row("review", 5, "snomed", people=5, result="matched"), row("opioids", 0, people=0, result="nothing", lost=2),
    ]  # fmt: skip
    lake.write(LIST_USE, lists)
    assert [tuple(one.values()) for one in code_list_part(lake)["compared"]] == [
        ("Opioids", "gp medication orders", "0.0%", "not published", "matches no one", "2"),
        ("Gout", "gp observations", "not shown", "1.6%", "far fewer than expected", "0"),
        ("Asthma", "gp observations", "6.0%", "6.2%", "as expected", "0"),
    ]


def test_every_result_of_a_list_has_a_text() -> None:
    assert set(RESULTS) == set(Match)


def practice_row(name: str, practice: str, people: int, result: str, all_people: int = 300) -> dict[str, object]:
    return {
        "list": name, "code_system": "snomed", "practice_code": practice, "label": name.capitalize(), "entries": people, "people": people,
        "all_people": all_people, "expected_share": 0.05, "is_published": True, "result": result,
    }  # fmt: skip


def test_practices_where_lists_match_no_one_are_shown_with_the_most_lists_first(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert code_list_part(lake)["practices"] == []
    names = ("asthma", "cancer", "copd", "dementia", "epilepsy", "gout")
    rows = [
        *(practice_row(name, "A81001", 20, "matched") for name in names),
        *(practice_row(name, "A81002", 0, "nothing", 400 if name == "gout" else 300) for name in names),
        practice_row("asthma", "A81003", 0, "few_people"),
        practice_row("gout", "A81003", 0, "nothing"),
        practice_row("obesity", "A81003", 0, "nothing"),  # it matches no one anywhere, which the other table says
    ]
    lake.write(LIST_USE_BY_PRACTICE, rows)
    assert [tuple(one.values()) for one in code_list_part(lake)["practices"]] == [
        ("A81002", "gp observations", "6", "Gout, Asthma, Cancer, Copd, Dementia and 1 more"),
        ("A81003", "gp observations", "1", "Gout"),
    ]
