"""A feed that stops leaves nulls and marks, never zeros; a feed that is not allowed leaves no column, and the catalogue says why."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from recount.board import CATALOGUE, PRACTICES, REGISTERED, Board
from recount.comparison import built_rows
from recount.populations import boards, examples

from expectations.tables.monitoring import LIST_USE
from pipelines.building.build_features import build_catalogue, build_features
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

GP_FEEDS = {"gp_observations", "gp_medication_orders"}
LIST_AND_HOSPITAL = ("patients", "registrations", "addresses", "admissions", "emergency_attendances")


def rows_of(board: Board) -> pd.DataFrame:
    with TemporaryDirectory() as folder:
        lake = board.store(Path(folder))
        build_features(lake, REGISTERED, board.index_date)
        return built_rows(lake)


@examples(4)
@given(board=boards(), practice=st.sampled_from(PRACTICES))
def test_a_practice_whose_gp_feeds_stop_has_nulls_and_marks_and_no_zeros(board: Board, practice: str) -> None:
    silent = deepcopy(board)
    last = min(board.last_month, (board.index_date - timedelta(days=1)).replace(day=1))
    silent.gaps |= {(feed, practice, last) for feed in GP_FEEDS}
    before, after = rows_of(board), rows_of(silent)
    theirs = before["practice_code"] == practice
    pd.testing.assert_frame_equal(before[~theirs], after[~theirs], check_exact=True)
    assert not after.loc[theirs, "gp_covered"].any()
    assert all(set(feeds.split(",")) >= GP_FEEDS for feeds in after.loc[theirs, "coverage"])
    for feature in (feature for feature in CATALOGUE.features if feature.name in after):
        ours, now = before.loc[theirs, feature.name], after.loc[theirs, feature.name]
        if GP_FEEDS & set(feature.feeds):
            assert now.isna().all(), feature.name
        else:
            pd.testing.assert_series_equal(ours, now, check_exact=True)


def test_a_feed_that_is_not_allowed_is_not_computed_and_the_catalogue_says_why(edges: tuple[Board, Lake]) -> None:
    board, lake = edges
    allowed = replace(REGISTERED, allowed_feeds=LIST_AND_HOSPITAL)
    reasons = build_catalogue(lake, allowed)
    rows = {row["name"]: row for row in lake.read("features__catalogue").to_pylist()}
    assert reasons["gp_contacts_365d"] == "the purpose does not allow the feed gp_observations"
    assert rows["gp_contacts_365d"]["status"] == "not_computed"
    assert rows["emergency_spells_365d"]["status"] == "computed"
    summary = build_features(lake, allowed, board.index_date)
    columns = lake.schema("features__person").names
    assert "gp_contacts_365d" not in columns
    assert "emergency_spells_365d" in columns
    assert summary.features == sum(row["status"] == "computed" for row in rows.values())


def test_a_code_list_that_matches_no_one_leaves_no_column_and_the_catalogue_says_why(
    edges: tuple[Board, Lake], tmp_path: Path
) -> None:
    board, _ = edges
    lake = board.store(tmp_path)
    build_features(lake, REGISTERED, board.index_date)
    before = lake.schema("features__person").names
    lake.write(LIST_USE, [unmatched_list("hypertension", all_people=5_000)])
    reasons = build_catalogue(lake, REGISTERED)
    build_features(lake, REGISTERED, board.index_date)
    rows = {row["name"]: row for row in lake.read("features__catalogue").to_pylist()}
    lost = set(before) - set(lake.schema("features__person").names)
    assert lost == {name for name in before if name in reasons}
    assert {"hypertension_ever", "hypertension_current", "long_term_conditions"} <= lost
    assert "asthma_current" not in lost
    why = "the code list hypertension matches no entry of the feed gp_observations"
    assert (rows["hypertension_ever"]["status"], rows["hypertension_ever"]["reason"]) == ("not_computed", why)
    lake.write(LIST_USE, [unmatched_list("hypertension", all_people=50)])  # of so few people none may have it
    assert "hypertension_ever" not in build_catalogue(lake, REGISTERED)


def unmatched_list(name: str, all_people: int) -> dict[str, object]:
    blank = dict.fromkeys(arrow_schema(LIST_USE).names)
    texts = dict.fromkeys(("label", "source", "source_version", "source_date"), "")
    counts = {"codes": 9, "codes_in_use": 0, "entries": 0, "all_entries": 100, "people": 0, "all_people": all_people}
    return {**blank, **texts, **counts, "list": name, "code_system": "snomed", "result": "nothing"}


def test_no_null_is_stored_as_nan(edges: tuple[Board, Lake]) -> None:
    board, lake = edges
    build_features(lake, REGISTERED, board.index_date)
    names = [feature.name for feature in CATALOGUE.features if feature.name in lake.schema("features__person").names]
    nans = lake.read("features__person", ", ".join(f"count(*) FILTER (isnan({name})) AS {name}" for name in names)).to_pylist()[0]
    assert [name for name, number in nans.items() if number] == []
    assert lake.read("features__person", "hospital_frailty_score_730d")["hospital_frailty_score_730d"].null_count > 0
