"""Sources: each kind is an object that answers, and the settings choose it without any comparison elsewhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from expectations.feeds import LIST_FEED
from pipelines.conform.by_source import CONFORM, conform_of
from pipelines.sources.feature_table_source import FeatureTableSource
from pipelines.sources.nhs_source import NhsSource
from pipelines.sources.omop.source import OmopSource
from pipelines.sources.protocol import OpenedSource
from pipelines.sources.settings import SOURCES, SourceKind, SourceSettings
from pipelines.sources.synthetic.source import SyntheticSource

NHS: dict = {"feeds": {"patients": {}, "admissions": {}}}
OMOP: dict = {"folder": "cdm", "extract_date": "2021-01-01"}
TABLE: dict = {"file": "t.csv", "delivered": "2021-01-01", "person": "id", "label": {"column": "died"}}


def source(kind: str, **sections: dict):
    return SourceSettings.model_validate({"kind": kind, **sections}).chosen


def test_the_kind_chooses_among_sections_that_are_all_there():
    sections = {"nhs": NHS, "omop": OMOP, "feature_table": TABLE, "synthetic": {"people": 500}}
    chosen = {kind: type(source(kind, **sections)) for kind in get_args(SourceKind)}
    assert chosen == {"synthetic": SyntheticSource, "nhs": NhsSource, "omop": OmopSource, "feature_table": FeatureTableSource}
    assert list(SOURCES) == list(get_args(SourceKind))


def test_a_source_whose_rows_are_conformed_has_its_conform_steps():
    classes = (SyntheticSource, NhsSource, OmopSource, FeatureTableSource)
    assert [one.kind for one in classes if one.is_conformed and one not in CONFORM] == []
    with pytest.raises(ValueError, match=r"feature_table are not conformed"):
        conform_of(OpenedSource(source("feature_table", feature_table=TABLE), (), None, Path(), Path()))  # type: ignore[arg-type]


def test_only_a_source_of_feeds_may_lack_the_list():
    assert source("nhs", nhs=NHS).has_list
    assert not source("nhs", nhs={"feeds": {"admissions": {}}}).has_list
    assert source("omop", omop=OMOP).has_list and source("feature_table", feature_table=TABLE).has_list


def test_named_feeds_are_required_and_the_list_where_none_are_named():
    assert source("nhs", nhs=NHS).required_feeds == ("patients", "admissions")
    assert source("nhs", nhs={}).required_feeds == (LIST_FEED,)
    assert source("synthetic", synthetic={}).required_feeds == ()


def test_an_outcome_comes_with_a_feature_table_and_with_a_cohort_of_outcomes():
    assert source("feature_table", feature_table=TABLE).brings_its_own_outcome
    assert source("omop", omop={**OMOP, "outcome_cohort_id": 7}).brings_its_own_outcome
    assert not source("omop", omop=OMOP).brings_its_own_outcome and not source("nhs", nhs=NHS).brings_its_own_outcome


def test_a_date_after_today_is_an_error_unless_dates_are_shifted_or_invented():
    assert "source.omop.dates_shifted" in str(source("omop", omop=OMOP).correct_date)
    assert source("omop", omop={**OMOP, "dates_shifted": True}).correct_date is None
    assert source("synthetic", synthetic={}).correct_date is None
    assert "source.nhs.feeds" in str(source("nhs", nhs=NHS).correct_date)


def test_a_synthetic_board_fixes_its_data_cut():
    assert source("synthetic", synthetic={"data_cut_date": "2025-07-01"}).data_cut == date(2025, 7, 1)
    assert source("nhs", nhs=NHS).data_cut is None


def test_every_table_of_a_cdm_may_bear_on_a_step():
    assert source("nhs", nhs=NHS).feeds_read(("admissions",)) == ("admissions",)
    assert source("omop", omop=OMOP).feeds_read(("admissions",)) is None


def test_only_a_feature_table_is_split_by_a_column():
    source("feature_table", feature_table=TABLE).refuse_split_column("part")
    with pytest.raises(ValueError, match=r"feature_table\.person"):
        source("feature_table", feature_table=TABLE).refuse_split_column("id")
    with pytest.raises(ValueError, match="needs a source of kind 'feature_table'"):
        source("nhs", nhs=NHS).refuse_split_column("part")
