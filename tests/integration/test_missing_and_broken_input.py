"""Missing feeds and broken files: the run continues without them and reports it, or stops with a message and leaves nothing behind."""

import gzip
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from expectations.catalogue import RAW_TABLES, TABLES
from expectations.tables.records import EXTRACTS
from pipelines.errors import RefusalError, StrataError
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.sources.synthetic.landing_files import FEEDS as SENT
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings
from pipelines.stages import building, conforming, landing, organisations, preparation, run_plan

pytestmark = pytest.mark.slow

CONFIG = """
deployment: landed_board
purpose:
  use: finding_people_for_care
  approval: Synthetic people; no approval needed
  approval_expires: 2099-12-31
source: {kind: nhs, nhs: {}}
"""
CUT, BEFORE = date(2026, 1, 1), date(2025, 6, 1)
# Some of the features that need one feed. For the feeds of the registered list, another feed can supply most features.
NEEDS: dict[str, set[str]] = {
    "registrations": {"years_on_list", "practice_moves_1095d"},
    "opt_outs": set(),
    "addresses": {"address_moves_1095d"},
    "admissions": {"emergency_overnight_spells_365d", "emergency_spells_365d"},
    "emergency_attendances": {"ae_attendances_365d", "ae_without_gp_contact_365d"},
    "outpatient_appointments": {"outpatient_attended_365d"},
    "gp_observations": {"gp_contacts_365d", "hypertension_ever"},
    "gp_medication_orders": {"statins_180d"},
    "actions": set(),
}
LIST = "patients"
FEEDS = [feed for feed in RAW_TABLES if feed in SENT]
Break = Callable[[Path], None]


def open_home(folder: Path) -> Deployment:
    config = folder / "landed_board.yaml"
    config.write_text(CONFIG)
    opened = open_deployment(config)
    return Deployment(opened.settings, folder, folder / "home")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a landing folder of 800 people."""
    folder = tmp_path_factory.mktemp("landed")
    write_board(
        SyntheticSettings(people=800, start_date=date(2024, 1, 1), defects=DefectSettings(enabled=False)),
        folder / "home" / "landing",
    )
    return folder


@pytest.fixture(scope="module")
def taken_in(board: Path) -> Path:
    """Return the same folder after every feed was ingested and validated."""
    deployment = open_home(board)
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        assert not landing.validate(deployment, table).broken, table.name
    return board


def file_of(folder: Path, feed: str) -> Path:
    return next((folder / "home" / "landing" / feed).glob("*.csv"))


# --- a feed is missing ------------------------------------------------------------------------------------------------


def without(feed: str, taken_in: Path, folder: Path) -> Deployment:
    """Copy a home as if the feed had never arrived."""
    shutil.copytree(taken_in / "home", folder / "home")
    deployment = open_home(folder)
    file_of(folder, feed).unlink()
    lake = deployment.lake
    ids = lake.read(EXTRACTS.name, "DISTINCT extract_id", f"feed = '{feed}'")["extract_id"].to_pylist()
    lake.write(EXTRACTS, lake.read(EXTRACTS.name, where=f"feed <> '{feed}'", order="feed, sequence"))
    for name in (RAW_TABLES[feed].name, "core__quarantine", "core__validated_extracts", "monitoring__validation"):
        drop(lake, name, ids, whole=name.startswith("raw__"))
    return deployment


def drop(lake: Lake, name: str, extracts: list[str], whole: bool) -> None:
    if whole:
        shutil.rmtree(lake.folder(name))
        return
    for extract in extracts:
        lake.commit(name, [], lake.schema(name), partition_by=TABLES[name].partitioned_by, replace={"extract_id": extract})


def conform(deployment: Deployment) -> None:
    for step in (
        landing.count_volumes, organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
        conforming.conform_spells, conforming.conform_events, conforming.conform_actions, conforming.conform_coverage,
        conforming.conform_linkage,
    ):  # fmt: skip
        step(deployment)
    assert not conforming.check_linkage(deployment).broken


@pytest.mark.parametrize("feed", [feed for feed in FEEDS if feed != LIST])
def test_a_missing_feed_switches_off_its_features_with_the_reason(feed: str, taken_in: Path, tmp_path: Path) -> None:
    deployment = without(feed, taken_in, tmp_path)
    table = RAW_TABLES[feed]
    preparation.prepare(deployment)
    assert landing.ingest(deployment, table).facts["files"] == 0
    assert not landing.validate(deployment, table).broken
    conform(deployment)
    building.build_catalogue(deployment)
    assert building.build_features(deployment, CUT).facts["rows"] > 500
    catalogue = deployment.lake.read("features__catalogue", "name, feed, status, reason").to_pylist()
    off = {row["name"]: row["reason"] for row in catalogue if row["status"] == "not_computed"}
    assert NEEDS[feed] <= set(off)
    assert all(feed in off[name] or off[name].startswith("the registered list ") for name in NEEDS[feed])
    stored = set(deployment.lake.schema("features__person").names)
    assert not stored & set(off)
    if feed == "registrations":  # registrations before the first delivery are not known, so no one is scored
        with pytest.raises(RefusalError, match=f"no one is in the cohort of {BEFORE}"):
            building.build_features(deployment, BEFORE)


def test_without_the_registered_list_there_are_no_scores(board: Path, tmp_path: Path, strata: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    shutil.copytree(board / "home" / "landing", tmp_path / "home" / "landing")
    file_of(tmp_path, LIST).unlink()
    config = tmp_path / "landed_board.yaml"
    config.write_text(CONFIG)
    assert strata(tmp_path / "home", "run", str(config)) == 1
    printed = capsys.readouterr().err
    assert "Stopped" in printed
    assert LIST in printed
    assert "Traceback" not in printed
    assert "bug in Strata" not in printed
    tables = Lake(tmp_path / "home" / "lake").tables()
    assert not [name for name in tables if name.startswith(("risk__", "features__person"))]


# --- a file is broken -------------------------------------------------------------------------------------------------


def cut_in_a_line(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) - len(content.splitlines()[-1]) // 2 - 1])


def random_bytes(file: Path) -> None:
    file.write_bytes(bytes((number * 7919 + number // 251) % 256 for number in range(20_000)))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def header_alone(file: Path) -> None:
    file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])


def cut_gzip(file: Path) -> None:
    packed = gzip.compress(file.read_bytes())
    file.with_name(file.name + ".gz").write_bytes(packed[: len(packed) // 2])
    file.unlink()


def called_parquet(file: Path) -> None:
    file.rename(file.with_suffix(".parquet"))


def another_feeds(file: Path) -> None:
    file.write_text("Some_Column,Another\n1,2\n")


def landing_of(feed: str, board: Path, folder: Path, spoil: Break) -> Deployment:
    """Return a home whose landing folder has the reference files and one damaged file of a feed."""
    home = folder / "home" / "landing"
    for name in ("reference", feed):
        shutil.copytree(board / "home" / "landing" / name, home / name)
    spoil(file_of(folder, feed))
    return open_home(folder)


@pytest.mark.parametrize("spoil", [random_bytes, empty, cut_gzip, called_parquet, another_feeds])
@pytest.mark.parametrize("feed", FEEDS)
def test_the_error_of_an_unreadable_file_names_it(feed: str, spoil: Break, board: Path, tmp_path: Path) -> None:
    deployment = landing_of(feed, board, tmp_path, spoil)
    table = RAW_TABLES[feed]
    try:
        taken = landing.ingest(deployment, table)
        found = landing.validate(deployment, table)
    except StrataError as error:
        assert f"{feed}_2026-01-01" in str(error)
        assert len(str(error)) > 60
        return
    assert taken.facts["files"] == 1
    assert f"{feed}_2026-01-01" in found.broken, found


@pytest.mark.parametrize("feed", [LIST, "admissions", "gp_observations"])
def test_a_file_cut_in_a_line_loses_only_that_row(feed: str, board: Path, tmp_path: Path) -> None:
    sent = len(file_of(board, feed).read_bytes().splitlines()) - 1
    deployment = landing_of(feed, board, tmp_path, cut_in_a_line)
    table = RAW_TABLES[feed]
    taken = landing.ingest(deployment, table)
    found = landing.validate(deployment, table)
    assert taken.facts["new_rows"] + taken.facts["rows_unreadable"] == sent
    last = deployment.lake.read("core__quarantine", "reason", f"table_name = '{table.name}' AND row_number = {sent}")
    assert found.broken or last.num_rows >= 1


@pytest.mark.parametrize("feed", [LIST, "registrations", "emergency_attendances"])
def test_a_header_without_rows_stops(feed: str, board: Path, tmp_path: Path) -> None:
    deployment = landing_of(feed, board, tmp_path, header_alone)
    try:
        landing.ingest(deployment, RAW_TABLES[feed])
        message = landing.validate(deployment, RAW_TABLES[feed]).broken
    except StrataError as error:
        message = str(error)
    assert f"{feed}_2026-01-01" in message
    assert "no rows" in message or "empty" in message


@pytest.mark.parametrize("spoil", [random_bytes, empty, header_alone, another_feeds])
def test_the_error_of_a_broken_reference_file_names_it(spoil: Break, board: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in (board / "home" / "landing" / "reference").iterdir())
    unnamed = {}
    for name in names:
        folder = tmp_path / name
        shutil.copytree(board / "home" / "landing" / "reference", folder / "home" / "landing" / "reference")
        spoil(folder / "home" / "landing" / "reference" / name)
        deployment = open_home(folder)
        try:
            organisations.conform_organisations(deployment)
            conforming.conform_areas(deployment)
        except StrataError as error:
            if name not in str(error):
                unnamed[name] = str(error)
    assert unnamed == {}


def test_a_broken_file_ends_a_run_with_a_message(board: Path, tmp_path: Path, strata: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    deployment = landing_of(LIST, board, tmp_path, cut_gzip)
    assert strata(deployment.home, "check-extract", str(tmp_path / "landed_board.yaml")) == 1
    printed = capsys.readouterr().err
    assert f"{LIST}_2026-01-01.csv.gz" in printed
    assert "Traceback" not in printed
    assert "bug in Strata" not in printed


def test_a_broken_rule_ends_a_run_with_its_message_and_no_later_stage_runs(board: Path, tmp_path: Path, strata: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    def no_sex(file: Path) -> None:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        file.write_text("".join([lines[0], *lines[1:40], *(line.split(",", 1)[1] for line in lines[40:])]))

    deployment = landing_of(LIST, board, tmp_path, no_sex)
    assert strata(deployment.home, "run", str(tmp_path / "landed_board.yaml")) == 1
    printed = capsys.readouterr().err
    assert "Stopped" in printed
    assert f"{LIST}_2026-01-01.csv" in printed
    assert "%" in printed
    assert "bug in Strata" not in printed
    assert not [name for name in deployment.lake.tables() if name.startswith(("features__", "risk__")) or name == "core__person"]
