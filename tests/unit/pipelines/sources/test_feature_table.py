from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from expectations.table import Action
from pipelines.building.load_feature_table import load_feature_table
from pipelines.errors import ExtractError, SettingsError
from pipelines.lake.storage import Lake
from pipelines.sources.feature_table import SPLIT, FeatureTableSettings
from pipelines.sources.feature_table_columns import declare_feature_table, feature_table_feed, feature_table_file, strata_name
from pipelines.sources.feature_table_rows import NO_CATEGORY, ReadyTable, catalogue_rows, interval_midpoints, ready_table

HEADER = "patient,encounter,readmitted,race,Age,nights,ward,examide,left-to"
ROWS = """p2,20,NO,Black,[70-80),4,7,No,home
p1,10,<30,White,[60-70),2,7,No,home
p1,11,>30,White,[60-70),9,3,No,home
p1,12,,?,[70-80),?,3,No,home
p3,30,NO,White,[80-90),1,7,No,died
"""
GIVEN = {
    "file": "table.csv",
    "delivered": date(2008, 12, 31),
    "person": "patient",
    "index_event": "encounter",
    "order": "encounter",
    "label": {"column": "readmitted", "positive": ["<30"], "negative": [">30", "NO"]},
    "not_at_risk": [{"column": "left-to", "values": ["died"], "reason": "died"}],
    "groups": {"race": {"column": "race"}, "age_band": {"column": "Age", "predictor": True}},
    "intervals": ["Age"],
    "categories": ["ward"],
    "numbers": ["nights"],
    "history": {"numbers": ["nights"], "outcome": True},
    "missing_values": ["?"],
}


def settings(**changed: object) -> FeatureTableSettings:
    return FeatureTableSettings.model_validate({**GIVEN, **changed})


def ready(
    folder: Path, chosen: FeatureTableSettings, rows: str = ROWS, header: str = HEADER, split_column: str | None = None
) -> ReadyTable:
    file = folder / "table.csv"
    file.write_text(f"{header}\n{rows}", encoding="utf-8")
    table = declare_feature_table(chosen, file, split_column)
    sent = pd.read_csv(file, dtype=str, keep_default_na=False, sep=chosen.delimiter or ",").replace({"": None})
    names = {column.source_name: column.name for column in table.columns}
    kept = sent.rename(columns=names)[[names[name] for name in sent.columns if name in names]]
    return ready_table(kept, table, chosen, split_column)


def values(table: ReadyTable, name: str) -> list[object]:
    return next(feature.values for feature in table.features if feature.name == name).tolist()


def test_every_row_gets_its_label_or_the_reason_why_it_has_none(tmp_path: Path) -> None:
    found = ready(tmp_path, settings())

    assert found.keys["person_id"].tolist() == ["p1", "p1", "p1", "p2", "p3"]
    assert found.keys["person_key"].tolist() == [0, 0, 0, 1, 2]
    assert found.labels.tolist() == pytest.approx([1, 0, np.nan, 0, np.nan], nan_ok=True)
    assert found.not_at_risk_reason.tolist() == ["", "", "", "", "died"]
    assert set(found.keys["index_date"]) == {pd.Timestamp("2008-12-31")}


def test_columns_become_numbers_midpoints_and_categories(tmp_path: Path) -> None:
    found = ready(tmp_path, settings())
    kinds = {feature.name: (feature.kind, feature.status) for feature in found.features}

    assert values(found, "nights") == pytest.approx([2, 9, np.nan, 4, 1], nan_ok=True)
    assert values(found, "age") == [65, 65, 75, 75, 85]
    assert kinds["ward"] == ("category", "computed")
    assert kinds["left_to"] == ("category", "computed")
    assert kinds["examide"] == ("category", "not_computed")
    assert "race" not in kinds


def test_a_column_of_dates_or_identifiers_is_refused_as_a_category(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=30).strftime("%Y-%m-%d")
    rows = "".join(f"p{place},{place},NO,Black,[70-80),4,{place % 2},{day},home\n" for place, day in enumerate(days))
    found = {feature.name: (feature.status, feature.reason) for feature in ready(tmp_path, settings(), rows).features}

    assert found["ward"] == ("computed", "")
    assert found["examide"] == ("not_computed", NO_CATEGORY)


def test_groups_are_for_the_audit_and_a_missing_one_is_a_group_of_its_own(tmp_path: Path) -> None:
    found = ready(tmp_path, settings())
    roles = {row["name"]: row["role"] for row in catalogue_rows(found)}

    assert found.groups["race"].tolist() == ["White", "White", "not_known", "Black", "White"]
    assert (roles["race"], roles["age_band"], roles["age"]) == ("audit", "audit", "predictor")


def test_history_knows_only_earlier_encounters(tmp_path: Path) -> None:
    found = ready(tmp_path, settings())

    assert values(found, "earlier_index_events") == [0, 1, 2, 0, 0]
    assert values(found, "mean_earlier_nights") == pytest.approx([np.nan, 2, 5.5, np.nan, np.nan], nan_ok=True)
    assert values(found, "earlier_outcomes") == [0, 1, 1, 0, 0]


def test_diagnoses_are_used_by_category_and_chapter(tmp_path: Path) -> None:
    chosen = settings(categories=[], diagnoses={"columns": ["ward"], "system": "icd9"})
    found = ready(tmp_path, chosen, ROWS.replace(",7,", ",250.01,").replace(",3,", ",428,"))

    assert values(found, "ward_category") == ["250", "428", "428", "250", "250"]
    assert values(found, "ward_chapter") == ["endocrine", "circulatory", "circulatory", "endocrine", "endocrine"]


def test_a_number_column_that_holds_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="'nights' is listed under numbers, but 1 of its 5 values"):
        ready(tmp_path, settings(missing_values=["NA"]))


@pytest.mark.parametrize(
    "wards",
    [
        ["1,5", "2,25", "3,0", "4,75", "5,5"],
        ["1", "2", "3", "4", "5,5"],
        ["1,5", "2,25", "3,0", "unknown", "unknown"],
        ["-1,5", "+2,25", "1.234,5", "1 234,5", "1'234,5e3"],
        ["1,234", "2,345", "3,456", "4", "5"],  # a comma for thousands is none of Strata's either
    ],
)
def test_numbers_with_a_decimal_comma_are_refused_and_not_used_as_categories(tmp_path: Path, wards: list[str]) -> None:
    lines = [line.split(",") for line in ROWS.splitlines()]
    rows = "".join(";".join([*line[:6], ward, *line[7:]]) + "\n" for line, ward in zip(lines, wards, strict=True))
    header = HEADER.replace(",", ";")
    message = r"table\.csv: \d values of the column 'ward' look like numbers with a decimal comma"
    with pytest.raises(ExtractError, match=message):
        ready(tmp_path, settings(categories=(), delimiter=";"), rows, header)
    found = ready(tmp_path, settings(delimiter=";"), rows, header)
    assert sorted(values(found, "ward")) == sorted(wards)  # the settings list the column under categories


def test_texts_with_a_few_commas_stay_categories(tmp_path: Path) -> None:
    lines = [line.split(",") for line in ROWS.splitlines()]
    wards = ["surgical", "medical", "1,2", "A,1", "7"]
    rows = "".join(";".join([*line[:6], ward, *line[7:]]) + "\n" for line, ward in zip(lines, wards, strict=True))
    found = ready(tmp_path, settings(categories=(), delimiter=";"), rows, HEADER.replace(",", ";"))
    assert sorted(values(found, "ward")) == sorted(wards)


@pytest.mark.parametrize("value", ["12,5", "1.234,5"])
def test_a_decimal_comma_is_no_interval(value: str) -> None:
    with pytest.raises(ExtractError, match="listed under intervals, but 1 of its values are not intervals"):
        interval_midpoints(pd.Series([value, "[70,80)"]), "weight")


@pytest.mark.parametrize(("interval", "midpoint"), [("[70-80)", 75.0), ("(0, 10]", 5.0), (">200", 200.0), ("42", 42.0)])
def test_intervals_are_read_as_their_midpoint(interval: str, midpoint: float) -> None:
    assert interval_midpoints(pd.Series([interval, None]), "weight").tolist()[0] == midpoint


def test_the_declaration_follows_the_header(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"{HEADER}\n{ROWS}", encoding="utf-8")

    table = declare_feature_table(settings(excluded=["examide"]), file)

    assert table.key == ("person_id", "index_event_id")
    assert [column.name for column in table.columns][:5] == ["person_id", "index_event_id", "label", "race", "age"]
    assert "examide" not in [column.name for column in table.columns]
    assert table.column("label").allowed == ("<30", ">30", "NO")
    assert table.column("label").on_violation is Action.SET_ASIDE
    assert feature_table_feed(settings(), file).delivery_date == date(2008, 12, 31)


def test_a_table_with_an_index_date_has_it_in_its_key(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("patient,day,readmitted,nights\np1,2020-01-01,1,2\n", encoding="utf-8")
    given = {
        "file": "table.csv",
        "delivered": date(2021, 1, 1),
        "person": "patient",
        "index_date": "day",
        "label": {"column": "readmitted"},
    }

    assert declare_feature_table(FeatureTableSettings.model_validate(given), file).key == ("person_id", "index_date")


@pytest.mark.parametrize(
    ("header", "name"),
    [("glyburide-metformin", "glyburide_metformin"), ("diabetesMed", "diabetes_med"), ("30d", "c_30d"), ("label", "c_label")],
)
def test_headers_become_plain_names(header: str, name: str) -> None:
    assert strata_name(header) == name


def test_a_column_that_splits_the_rows_is_kept_and_is_no_predictor_though_it_be_excluded(tmp_path: Path) -> None:
    found = ready(tmp_path, settings(excluded=["examide", "left-to"], not_at_risk=[]), split_column="left-to")

    assert found.split is not None and found.split.tolist() == ["home", "home", "home", "home", "died"]
    assert not {"left_to", "examide"} & {feature.name for feature in found.features}
    assert catalogue_rows(found)[-1]["name"] == SPLIT
    assert ready(tmp_path, settings()).split is None


def test_a_split_column_has_no_other_role(tmp_path: Path) -> None:
    settings().refuse_as_split("race")  # a group of the audit may split
    for column, place in {"encounter": "index_event", "readmitted": "label.column", "nights": "numbers"}.items():
        with pytest.raises(ValueError, match=f"'{column}' is also listed under source.feature_table.{place}"):
            settings().refuse_as_split(column)
    with pytest.raises(SettingsError, match=r"study\.validation\.split_column: no column 'part'"):
        ready(tmp_path, settings(), split_column="part")


def test_a_setting_that_names_no_column_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"{HEADER}\n{ROWS}", encoding="utf-8")

    with pytest.raises(SettingsError, match="excluded: no column 'nigths'"):
        declare_feature_table(settings(excluded=["nigths"]), file)


def test_settings_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValidationError, match="'nights' has more than one role"):
        settings(excluded=["nights"])
    with pytest.raises(ValidationError, match="under positive and under negative"):
        settings(label={"column": "readmitted", "positive": ["1"], "negative": ["1"]})
    with pytest.raises(ValidationError, match="history needs"):
        settings(order=None)


def test_a_zip_archive_must_hold_one_csv_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "table.zip", "w") as archive:
        archive.writestr("table.csv", f"{HEADER}\n{ROWS}")
    chosen = settings(file="table.zip")

    assert feature_table_file(chosen, tmp_path, tmp_path / "landing").read_text(encoding="utf-8").startswith("patient")
    with zipfile.ZipFile(tmp_path / "table.zip", "a") as archive:
        archive.writestr("other.csv", "")
    with pytest.raises(ExtractError, match="must hold one CSV file"):
        feature_table_file(chosen, tmp_path, tmp_path / "landing")
    with pytest.raises(ExtractError, match="no such file"):
        feature_table_file(settings(file="none.csv"), tmp_path, tmp_path / "landing")


def test_the_tables_are_written_as_their_contract_says(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(f"{HEADER}\n{ROWS}", encoding="utf-8")
    chosen, lake = settings(), Lake(tmp_path / "lake")
    table = declare_feature_table(chosen, file)
    sent = {column.source_name: column.name for column in table.columns}
    read = ", ".join(f'"{header}" AS {sent[header]}' for header in HEADER.split(","))
    with duckdb.connect() as con:
        summary = load_feature_table(
            lake, con, table, f"(SELECT {read} FROM read_csv('{file}', all_varchar=true))", chosen, "readmission", 30
        )

    features = lake.read("features__person", order="person_key, index_event_id").to_pydict()
    labels = lake.read("risk__labels", order="person_key, index_event_id").to_pydict()
    flow = lake.read("risk__cohort_flow", order="step").to_pydict()
    assert (summary["rows"], summary["people"], summary["not_at_risk_died"]) == (5, 3, 1)
    assert features["nights"] == [2.0, 9.0, None, 4.0, 1.0]
    assert features["practice_code"] == [None] * 5
    assert features["age_band"][0] == "[60-70)"
    assert labels["label"] == [1, 0, None, 0, None]
    assert labels["not_at_risk_reason"][4] == "died"
    assert dict(zip(flow["reason"], flow["people"], strict=True)) == {"died": 1, "outcome not known yet": 1, "in cohort": 3}
    assert lake.partitions("features__person", "index_date") == ["2008-12-31"]


def test_a_header_that_is_a_word_of_sql_or_has_marks_gets_a_name_that_can_be_used() -> None:
    names = {
        header: strata_name(header) for header in ("group", "Select", "größe", "Élan (kg/m²)", "1st visit", "index", "label")
    }
    assert list(names.values()) == ["c_group", "c_select", "grosse", "elan_kg_m2", "c_1st_visit", "index", "c_label"]


def test_a_group_needs_a_plain_name() -> None:
    with pytest.raises(ValidationError, match="Ethnic group need names of lower-case letters"):
        settings(groups={"Ethnic group": {"column": "race"}})
