from collections.abc import Callable
from datetime import date
from pathlib import Path

from expectations.tables import risk
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_gp import OPT_OUTS, REGISTRATIONS
from pipelines.extracts.extract_records import read_extracts
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.decision_record import APPROVAL, Decision, all_decisions, record
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import all_runs, published_runs
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.upkeep.retention import oldest_delivery, remove_deliveries, remove_runs, tidy
from pipelines.upkeep.settings import UpkeepSettings

CUT = date(2026, 7, 1)
REGISTERED = "PERSON_ID,ORGANISATION_ID,START_DATE"
Publish = Callable[..., str]


def test_old_runs_lose_their_rows_and_say_so_and_the_current_one_stays(published: Publish, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first, second, third = (published(lake, date(2026, month, 1)) for month in (1, 2, 3))
    assert remove_runs(lake, 1, CUT) == [first, second]  # the third is older than a month, too, and current
    assert lake.partitions(risk.SCORES.name, "run_id") == [third]
    assert [run["run_id"] for run in published_runs(lake, "falls")] == [third]
    assert [(row["status"], row["reason"]) for row in all_runs(lake)][-1] == ("removed", "kept for 1 months")
    assert remove_runs(lake, 1, CUT) == []
    assert remove_runs(lake, None, CUT) == []


def test_a_removal_that_was_cut_short_is_completed(published: Publish, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    first, _ = published(lake, date(2026, 1, 1)), published(lake, date(2026, 2, 1))
    scores = lake.read(risk.SCORES.name, partition={"run_id": first})
    remove_runs(lake, 1, CUT)
    lake.write(risk.SCORES, scores, {"run_id": first})  # as if the process had ended after the row in risk__runs
    remove_runs(lake, 1, CUT)
    assert first not in lake.partitions(risk.SCORES.name, "run_id")


def landed(landing: Path, feed: str, header: str, deliveries: dict[str, str]) -> None:
    for day, rows in deliveries.items():
        file = landing / feed / f"{feed}_{day}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{header}\n{rows}")


def test_old_deliveries_go_with_what_was_noted_of_them_and_do_not_come_again(tmp_path: Path) -> None:
    lake, landing = Lake(tmp_path / "lake"), tmp_path / "landing"
    landed(landing, "registrations", REGISTERED, {"2025-01-01": "p1,Y1,2020-01-01\nbroken\n", "2026-06-01": "p2,Y1,2020-01-01\n"})
    with connect() as con:
        ingest_feed(lake, con, REGISTRATIONS, NhsSettings(), landing)
        assert lake.rows(QUARANTINE.name) == 1
        first = oldest_delivery(12, CUT)
        assert first == date(2025, 7, 1)
        assert remove_deliveries(lake, first) == 1
        assert lake.read("raw__registrations", "person_id")["person_id"].to_pylist() == ["p2"]
        assert (lake.rows(QUARANTINE.name), len(read_extracts(lake, "registrations"))) == (0, 1)
        assert ingest_feed(lake, con, REGISTRATIONS, NhsSettings(), landing, first=first).new == []
    assert remove_deliveries(lake, None) == 0


def test_the_latest_delivery_of_a_feed_and_every_opt_out_stay_however_old(tmp_path: Path) -> None:
    lake, landing = Lake(tmp_path / "lake"), tmp_path / "landing"
    landed(landing, "registrations", REGISTERED, {"2024-01-01": "p1,Y1,2020-01-01\n", "2024-06-01": "p2,Y1,2020-01-01\n"})
    opted = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE"
    landed(landing, "opt_outs", opted, {"2023-01-01": "p1,TYPE_1,1,2020-01-01\n", "2024-01-01": "p2,TYPE_1,1,2020-01-01\n"})
    with connect() as con:
        for table in (REGISTRATIONS, OPT_OUTS):
            ingest_feed(lake, con, table, NhsSettings(), landing)
    assert remove_deliveries(lake, date(2026, 1, 1)) == 1
    assert lake.read("raw__registrations", "person_id")["person_id"].to_pylist() == ["p2"]
    assert lake.rows("raw__opt_outs") == 2


def test_tidying_counts_what_it_did_and_twice_does_nothing(published: Publish, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for month in (1, 2, 3):
        published(lake, date(2026, month, 1))
    settings = UpkeepSettings(run_months=1)
    assert tidy(lake, settings, CUT)["runs_removed"] == 2
    assert set(tidy(lake, settings, CUT).values()) == {0}


def test_decisions_are_kept_whatever_is_tidied_away(published: Publish, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    published(lake, date(2020, 1, 1))
    published(lake, date(2026, 1, 1))
    first = record(lake, Decision(APPROVAL, "falls version 1", "Board", "Read", date(2020, 1, 1), "digest", date(2020, 2, 1)))
    record(lake, Decision(APPROVAL, "falls version 2", "Board", "Read", date(2026, 1, 1), "digest"), ends=first.decision_id)
    before = all_decisions(lake)
    tidy(lake, UpkeepSettings(run_months=1, old_versions_days=7, extract_months=1), CUT)
    assert all_decisions(Lake(tmp_path)) == before
    assert len(before) == 2
