"""Complete boards on disk: the same settings produce the same bytes, and deliveries contain what was known before them."""

from __future__ import annotations

import csv
import gzip
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from expectations.table import Kind, Table
from expectations.tables import raw_actions, raw_gp, raw_hospital
from pipelines.errors import RefusalError
from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import draw_block
from pipelines.sources.synthetic.landing_files import FEEDS, board_is_there, write_board
from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings

CLEAN = DefectSettings(enabled=False)
TABLES = {
    table.feed: table
    for module in (raw_actions, raw_gp, raw_hospital)
    for table in vars(module).values()
    if isinstance(table, Table)
}


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(landing: Path, feed: str) -> list[str]:
    """Read a feed's lines from all its files, without headers."""
    lines = []
    for path in sorted((landing / feed).iterdir()):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        lines += text.decode("latin-1").splitlines()[1:]
    return lines


def test_the_same_settings_give_the_same_bytes_and_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    settings = SyntheticSettings(people=1_500)
    for name in ("first", "second"):
        write_board(settings, tmp_path / name)
    write_board(settings.model_copy(update={"seed": 9}), tmp_path / "other")
    first, second, other = (content(tmp_path / name) for name in ("first", "second", "other"))
    assert first == second
    assert all(first[name] != other[name] for name in first if name.split("/")[0] in FEEDS)


def test_a_block_does_not_depend_on_blocks_drawn_before_it() -> None:
    settings = SyntheticSettings(people=10_800)
    places = made_up_places(settings)
    alone = draw_block(settings, places, 1)
    draw_block(settings, places, 0)
    after = draw_block(settings, places, 1)
    assert len(alone.people) == 800
    assert (alone.stays.admitted == after.stays.admitted).all()
    assert (alone.observations.code == after.observations.code).all()


def test_parts_and_compression_change_no_row(tmp_path: Path) -> None:
    settings = SyntheticSettings(people=10_800)
    single = write_board(settings, tmp_path / "single")
    parts = write_board(settings.model_copy(update={"people_per_file": 10_000, "gzip": True}), tmp_path / "parts")
    assert single.rows == parts.rows
    assert (tmp_path / "parts/admissions/admissions_2026-01-01_part-002.csv.gz").is_file()
    for feed in FEEDS:
        assert rows(tmp_path / "single", feed) == rows(tmp_path / "parts", feed), feed
        assert len(rows(tmp_path / "single", feed)) == single.rows[feed]


def test_a_board_replaces_an_earlier_board_but_never_other_extracts(tmp_path: Path) -> None:
    small = SyntheticSettings(people=600)
    write_board(small.model_copy(update={"gzip": True}), tmp_path)
    write_board(small, tmp_path)
    assert [path.name for path in (tmp_path / "patients").iterdir()] == ["patients_2026-01-01.csv"]
    (tmp_path / "patients/patients_2025-12-01.csv").write_text("PERSON_ID\n")
    with pytest.raises(RefusalError, match="patients_2025-12-01"):
        write_board(small, tmp_path)


def test_a_board_counts_as_present_only_while_its_files_are_unchanged(tmp_path: Path) -> None:
    settings = SyntheticSettings(people=600)
    assert not board_is_there(settings, tmp_path)
    write_board(settings, tmp_path)
    assert board_is_there(settings, tmp_path)
    assert not board_is_there(settings.model_copy(update={"seed": 3}), tmp_path)
    file = tmp_path / "opt_outs/opt_outs_2026-01-01.csv"
    file.write_bytes(file.read_bytes()[:-20])
    assert not board_is_there(settings, tmp_path)


def test_each_delivery_contains_what_was_known_before_it(tmp_path: Path) -> None:
    defects = DefectSettings(collapsed_provider_month=True, single_value_column=True)
    dates = (date(2025, 7, 1), date(2026, 1, 1))
    write_board(SyntheticSettings(people=3_000, delivery_dates=dates, defects=defects), tmp_path)
    con = duckdb.connect()
    counts = []
    for day in dates:
        file = tmp_path / f"admissions/admissions_{day}.csv"
        con.execute(
            f"CREATE OR REPLACE TABLE stays AS FROM read_csv('{file}', all_varchar = true, null_padding = true, strict_mode = false)"
        )
        open_stays = con.execute("SELECT count(*) FROM stays WHERE Discharge_Date IS NULL").fetchone()
        late = con.execute(
            f"SELECT count(*) FROM stays WHERE try_cast(Admission_Date AS DATE) BETWEEN DATE '{day}' AND DATE '2036-01-01'"
        ).fetchone()
        assert open_stays and open_stays[0] > 0
        assert late == (0,)
        month = "Admission_Date LIKE '2025-03%' AND trim(upper(Der_Provider_Code)) = 'RX1'"
        counts.append(con.execute(f"SELECT count(*) FROM stays WHERE {month}").fetchone()[0])  # type: ignore[index]
    assert counts[1] < 0.5 * counts[0]
    last = pd.read_csv(tmp_path / "emergency_attendances/emergency_attendances_2026-01-01.csv", dtype=str)
    assert (last["EC_Department_Type"] == "01").mean() > 0.99
    planted = pd.read_csv(tmp_path / "planted_defects.csv")
    assert {"month_collapsed", "single_value"} <= set(planted["reason"])


def test_a_board_without_defects_breaks_no_declared_rule(tmp_path: Path) -> None:
    summary = write_board(SyntheticSettings(people=3_000, defects=CLEAN), tmp_path)
    assert summary.planted == {}
    con = duckdb.connect()
    for feed in FEEDS:
        table, types = TABLES[feed], {Kind.DATE: "DATE", Kind.INTEGER: "BIGINT", Kind.NUMBER: "DOUBLE"}
        con.execute(
            f"CREATE OR REPLACE TABLE sent AS FROM read_csv('{tmp_path / feed}/*.csv', all_varchar = true, header = true)"
        )
        headers = {name.lower() for name, *_ in con.execute("DESCRIBE sent").fetchall()}
        columns = []
        for column in table.columns:
            if column.source_name.lower() in headers:
                text, kind = f'"{column.source_name}"', types.get(column.kind)
                value = f"try_cast({text} AS {kind})" if kind else text
                columns.append(f"{value} AS {column.name}")
                wrong = [f"({text} IS NOT NULL AND {value} IS NULL)"]
                wrong += [f"{text} IS NULL"] * (not column.nullable)
                if column.allowed and column.name != "postcode_status":  # ingest turns the postcode into its status
                    wrong.append(f"{text} NOT IN ({', '.join(map(repr, column.allowed))})")
                if column.pattern:
                    wrong.append(f"NOT regexp_full_match({text}, '{column.pattern}')")
                wrong += [f"{value} < {column.minimum}"] * (column.minimum is not None)
                wrong += [f"{value} > {column.maximum}"] * (column.maximum is not None)
                assert con.execute(f"SELECT count(*) FROM sent WHERE {' OR '.join(wrong)}").fetchone() == (0,), (
                    feed,
                    column.name,
                )
            elif column.name not in ("extract_id", "extract_date", "file_name", "row_number"):
                columns.append(f"NULL AS {column.name}")
        con.execute(f"CREATE OR REPLACE TABLE {feed} AS SELECT {', '.join(columns)}, DATE '2026-01-01' AS extract_date FROM sent")
        if feed == "patients":
            con.execute(
                "CREATE TABLE births AS SELECT person_id, make_date(birth_year, birth_month, 1) AS birth_date FROM patients"
            )
        for rule in table.row_rules:
            if (
                rule.broken_when != rule.reason and "clear_identifier" not in rule.broken_when
            ):  # the others are flags that ingest sets
                query = f"SELECT count(*) FROM {feed} LEFT JOIN births USING (person_id) WHERE {rule.broken_when}"
                assert con.execute(query).fetchone() == (0,), (feed, rule.reason)
        key = ", ".join(table.key)
        assert con.execute(f"SELECT count(*) - count(DISTINCT ({key})) FROM {feed}").fetchone() == (0,), feed


def test_the_silent_practice_the_provider_gap_and_the_same_day_switch_are_in_the_files(tmp_path: Path) -> None:
    write_board(SyntheticSettings(people=3_000), tmp_path)
    with (tmp_path / "gp_observations/gp_observations_2026-01-01.csv").open(encoding="latin-1") as file:
        practices = {row["ORGANISATION_ID"].strip().upper() for row in csv.DictReader(file)}
    assert "Y00003" not in practices
    assert "Y00001" in practices
    with (tmp_path / "outpatient_appointments/outpatient_appointments_2026-01-01.csv").open() as file:
        months = {row["Appointment_Date"][:7] for row in csv.DictReader(file) if row["Provider_Code"] == "RX2"}
    assert "2022-01" in months
    assert not {"2022-02", "2022-03", "2022-04"} & months
    with (tmp_path / "emergency_attendances/emergency_attendances_2026-01-01.csv").open() as file:
        same_day = [row for row in csv.DictReader(file) if row["EC_Department_Type"] == "05" and len(row["Arrival_Date"]) == 10]
    assert {row["Der_Provider_Code"].strip().upper() for row in same_day if row["Der_Pseudo_NHS_Number"][0] == "P"} == {"RX3"}
