"""An objection holds until it is withdrawn, whatever later deliveries leave out: from files to core__person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from expectations.tables.raw_gp import NATIONAL_OPT_OUTS, OPT_OUTS
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import conform_people
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.conform.objections import ObjectionSettings, conform_objections
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings, ReplacesMonths
from pipelines.upkeep.retention import remove_deliveries
from pipelines.validation.opt_out_rows import incomplete_deliveries, replaced_lists_sql, statements_sql
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

HEADER = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
SETTINGS = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "single_value": 0, "feed_collapsed": 0})
LOADS = ("snapshot", "append", ReplacesMonths(replaces_months=120))
BYSTANDER = "zoe,type_1,1,2020-01-01\n"  # every delivery holds someone
KEPT, ENDED = ["ann", "zoe"], ["zoe"]


class Feed:
    """The feed of opt-outs of one deployment."""

    def __init__(self, folder: Path, load: object, settings: ValidationSettings = SETTINGS) -> None:
        self.landing, self.lake, self.settings = folder, Lake(folder / "lake"), settings
        self.nhs = NhsSettings(feeds={"opt_outs": FeedSettings(load=load)})
        (folder / "opt_outs").mkdir()

    def deliver(self, deliveries: Mapping[str, str | bytes], first: date | None = None) -> Feed:
        for day, rows in deliveries.items():
            content = HEADER.encode() + (rows.encode() if isinstance(rows, str) else rows)
            (self.landing / "opt_outs" / f"opt_outs_{day}.csv").write_bytes(content)
            with connect() as con:
                ingest_feed(self.lake, con, OPT_OUTS, self.nhs, self.landing, first=first)
                validate_feed(self.lake, con, OPT_OUTS, self.nhs, self.settings)
        return self

    def conform(self) -> dict[str, object]:
        with connect() as con:
            inputs = read_objection_inputs(self.lake, [OPT_OUTS], self.nhs)
            counts = conform_objections(self.lake, con, {}, inputs, ObjectionSettings())
            rows = {"opt_outs": validated_rows_sql(self.lake, self.nhs, "opt_outs")}
            conform_people(self.lake, con, rows, ClinicalRules())
            return counts

    def objecting(self, kind: str = "type_1_opt_out") -> list[str]:
        self.conform()
        return [str(name) for name in self.lake.read("core__person", "person_id", kind, "person_id")["person_id"].to_pylist()]


def three(*rows: str) -> dict[str, str]:
    """Return monthly deliveries of these rows, each with the bystander's."""
    return {f"2026-0{month}-01": BYSTANDER + row for month, row in enumerate(rows, start=1)}


# What three monthly deliveries hold of a person: "status day" or "kind status day", several rows separated by commas.
STAYS = {
    "lost": ("1 2024-05-01", "", ""),
    "lost_later": ("1 2024-05-01", "1 2024-05-01", ""),
    "lost_without_day": ("1", "", ""),
    "lost_with_words": ("1 soon", "", ""),
    "lost_with_placeholder": ("1 1900-01-01", "", ""),
    "lost_with_a_day_to_come": ("1 2031-01-01", "", ""),
    "lost_without_kind": ("unknown 1 2024-05-01", "", ""),
    "older_withdrawal_left": ("0 2023-01-01,1 2024-05-01", "0 2023-01-01", "0 2023-01-01"),
    "undated_withdrawal_left": ("0,1 2024-05-01", "0", "0"),
    "withdrawal_of_the_same_day": ("0 2024-05-01,1 2024-05-01", "", ""),
    "withdrawal_to_come": ("1 2024-05-01", "0 2027-01-01", ""),
    "other_kind_withdrawn": ("1 2024-05-01", "national 0 2026-01-20", ""),
    "unreadable_status": ("1 2024-05-01", "no 2026-01-20", ""),
    "objected_after_withdrawal_dated_later": ("0 2025-06-01", "1 2024-05-01", ""),
    "objected_again": ("1 2024-05-01", "0 2026-01-20", "1 2026-02-20"),
    "withdrawal_of_unknown_kind": ("1 2024-05-01", "unknown 0 2026-01-20", ""),
    "withdrawal_in_a_year": ("1 2025-06-10", "0 2025", ""),
    "withdrawal_in_a_month": ("1 2025-06-10", "0 2025-06", ""),
    "status_changed": ("1 2024-05-01", "0 2024-05-01", "0 2024-05-01"),
    "sender_without_days": ("1", "1", "0"),
}
ENDS = {
    "withdrawn": ("1 2024-05-01", "0 2026-01-20", ""),
    "withdrawn_after_a_gap": ("1 2024-05-01", "", "0 2026-01-20"),
    "withdrawn_with_its_history": ("1 2024-05-01", "1 2024-05-01,0 2026-01-20", ""),
    "withdrawn_at_once": ("1 2024-05-01,0 2025-05-01", "", ""),
    "dated_withdrawal_of_an_undated_one": ("1", "0 2026-01-20", ""),
    "withdrawn_though_to_come": ("1 2031-01-01", "0 2026-01-20", ""),
}


def rows_of(person: str, stated: str) -> str:
    lines = []
    for row in filter(None, stated.split(",")):
        words = row.split()
        kind = words.pop(0) if words[0] in ("national", "unknown") else "type_1"
        status, day = (*words, "")[:2]
        lines.append(f"{person},{kind},{status},{day}\n")
    return "".join(lines)


@pytest.mark.parametrize("load", LOADS)
def test_an_objection_stays_in_force_until_it_is_withdrawn(tmp_path: Path, load: object) -> None:
    cases = (STAYS | ENDS).items()
    feed = Feed(tmp_path, load).deliver(
        three(*("".join(rows_of(who, stated[month]) for who, stated in cases) for month in range(3)))
    )
    assert set(feed.objecting()) == {"zoe", *STAYS}
    assert feed.conform()["type_1_in_force"] == len(STAYS) + 1  # a second run changes nothing


def test_both_kinds_stay_in_force_and_a_person_counts_once(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "snapshot").deliver(three("ann,type_1,1,2024-05-01\nann,national,1,2024-05-01\n", ""))
    assert (feed.objecting(), feed.objecting("national_data_opt_out")) == (KEPT, ["ann"])


def test_an_objection_whose_row_comes_again_and_is_set_aside_stays_in_force(tmp_path: Path) -> None:
    few = ValidationSettings(limits={**SETTINGS.limits, "objections_lost": 1}, dummy_person_rows={"opt_outs": 3})
    many = "".join(f"ann,type_1,1,20{year}-05-01\n" * 3 for year in (22, 23, 24))
    feed = Feed(tmp_path, "append", few).deliver(three("ann,type_1,1,2024-05-01\n"))
    feed.deliver({"2026-02-01": BYSTANDER + many})
    rows = feed.lake.read("core__quarantine", "DISTINCT reason", "reason = 'dummy_person_id'").num_rows
    assert (feed.objecting(), rows) == (KEPT, 1)


def test_old_deliveries_are_kept_when_those_of_other_feeds_expire_and_are_read_again(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "snapshot").deliver({"2019-01-01": BYSTANDER + "ann,type_1,1,2018-05-01\n", "2026-01-01": BYSTANDER})
    assert remove_deliveries(feed.lake, date(2025, 1, 1)) == 0
    assert feed.deliver({}, first=date(2025, 1, 1)).objecting() == KEPT
    (tmp_path / "again").mkdir()
    fresh = Feed(tmp_path / "again", "snapshot")
    for file in sorted((tmp_path / "opt_outs").iterdir()):
        (fresh.landing / "opt_outs" / file.name).write_bytes(file.read_bytes())
    assert fresh.deliver({"2026-02-01": BYSTANDER}, first=date(2025, 1, 1)).objecting() == KEPT


def test_an_objection_of_a_file_that_came_again_without_it_stays_in_force_until_a_later_delivery(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "snapshot").deliver(three("ann,type_1,1,2024-05-01\n")).deliver(three(""))
    assert feed.objecting() == KEPT
    assert feed.deliver({"2026-02-01": BYSTANDER + "ann,type_1,0,2026-01-20\n"}).objecting() == ENDED


def test_a_corrected_file_takes_its_withdrawal_back(tmp_path: Path) -> None:
    feed = Feed(tmp_path, "snapshot").deliver(three("ann,type_1,0,2025-06-01\n")).deliver(three("ann,type_1,1,2024-05-01\n"))
    assert feed.objecting() == KEPT


def test_the_statements_of_every_delivery_are_read_and_one_with_rows_set_aside_is_not_complete(tmp_path: Path) -> None:
    accepting = ValidationSettings(limits={**SETTINGS.limits, "objections_lost": 1})
    feed = Feed(tmp_path, "snapshot", accepting).deliver(three("ann,type_1,1,2024-05-01\n", ""))
    assert incomplete_deliveries(feed.lake, OPT_OUTS) == set()
    feed.deliver({"2026-03-01": BYSTANDER + ",type_1,1,2024-05-01\n" + BYSTANDER})
    assert incomplete_deliveries(feed.lake, OPT_OUTS) == {date(2026, 3, 1)}
    with connect() as con:
        rows = con.sql(f"SELECT person_id, kind, extract_date FROM {statements_sql(feed.lake, OPT_OUTS)} ORDER BY ALL").fetchall()
    first, second, third = (date(2026, month, 1) for month in (1, 2, 3))
    assert rows == [("ann", "type_1", first), ("zoe", "type_1", first), ("zoe", "type_1", second), ("zoe", "type_1", third)]


SHAPES = (
    b"few,TYPE_1,1", b"many,TYPE_1,1,2024-01-01" + b"," * 10, b"blanks,TYPE_1,1,2024-01-01, ", b"nbsp\xa0,TYPE_1,1,2024-01-01", b"nul\0,TYPE_1,1,2024-01-01",
    b"post,SW1A 1AA,1,2024-01-01", b'quo"te,TYPE_1,1,2024-01-01', b"cr,TYPE_1,1,2024-01-01\r\r", b'vacant,TYPE_1,1,2024-01-01,""', b"more,TYPE_1,1,2024-01-01,why",
)  # fmt: skip
OF_SHAPES = {"few", "many", "blanks", "nbsp", "nul", "post", "quote", "cr", "vacant", "more"}


def test_rows_of_other_shapes_keep_their_objection_and_are_counted(tmp_path: Path) -> None:
    good = b"".join(b"zoe,TYPE_1,1,2020-01-%02d\n" % day for day in range(1, 15))
    feed = Feed(tmp_path, "snapshot", ValidationSettings()).deliver({"2026-01-01": good + b"\n".join(SHAPES) + b"\n"})
    assert set(feed.objecting()) == OF_SHAPES | {"zoe"}
    where = "reason IN ('fields_missing', 'trailing_delimiter', 'stray_return', 'identifier_kept', 'clear_value') GROUP BY reason"
    counts = feed.lake.read("core__quarantine", "reason, count(*)::INT AS rows", where).to_pylist()
    assert {row["reason"]: row["rows"] for row in counts} == {
        "fields_missing": 1, "trailing_delimiter": 3, "stray_return": 1, "identifier_kept": 4, "clear_value": 1,
    }  # fmt: skip
    assert incomplete_deliveries(feed.lake, OPT_OUTS) == set()


@pytest.mark.parametrize(
    "row",
    [
        b"cut",
        b",TYPE_1,1,2024-01-01",
        b"9999999999,TYPE_1,1,2024-01-01",
        b"9434765919,TYPE_1,1,2024-01-01",
        b"=cmd,TYPE_1,1,2024-01-01",
    ],
)
def test_a_row_that_names_no_one_stops_the_delivery_unless_it_is_accepted(tmp_path: Path, row: bytes) -> None:
    rows = b"".join(b"p%d,TYPE_1,1,2020-01-01\n" % number for number in range(40)) + row + b"\n"
    with pytest.raises(
        ValidationStop, match=r"objections_lost.*: 1 of 41 rows of opt_outs_2026-01-01.csv may be objections"
    ) as stop:
        Feed(tmp_path, "snapshot", ValidationSettings()).deliver({"2026-01-01": rows})
    assert "9434765919" not in str(stop.value)
    (tmp_path / "accepted").mkdir()
    feed = Feed(tmp_path / "accepted", "snapshot", ValidationSettings(limits={"objections_lost": 1})).deliver(
        {"2026-01-01": rows}
    )
    assert incomplete_deliveries(feed.lake, OPT_OUTS) == {date(2026, 1, 1)}


@pytest.mark.parametrize("parts", [1, 2])
def test_a_national_list_that_was_corrected_is_there_to_be_compared_and_does_not_count(tmp_path: Path, parts: int) -> None:
    lake, nhs = Lake(tmp_path / "lake"), NhsSettings(feeds={"national_opt_outs": FeedSettings()})
    (tmp_path / "national_opt_outs").mkdir()
    for people in (range(20), range(1)):
        for part in range(parts):
            rows = "".join(f"p{part}{number:02},OPTED_OUT\n" for number in (range(20) if part else people))
            (tmp_path / "national_opt_outs" / f"part{part}_2026-01-01.csv").write_text("PERSON_ID,LIST\n" + rows)
        with connect() as con:
            ingest_feed(lake, con, NATIONAL_OPT_OUTS, nhs, tmp_path)
            validate_feed(lake, con, NATIONAL_OPT_OUTS, nhs, SETTINGS)
    with connect() as con:
        counted = [
            con.execute(
                f"SELECT kind, count(DISTINCT person_id), count(DISTINCT extract_id) FROM {rows} GROUP BY kind"
            ).fetchall()
            for rows in (statements_sql(lake, NATIONAL_OPT_OUTS), replaced_lists_sql(lake, NATIONAL_OPT_OUTS))
        ]
    others = 20 * (parts - 1)
    assert counted == [[("national", 1 + others, parts)], [("replaced", 20 + others, 1)]]
    assert replaced_lists_sql(lake, OPT_OUTS) == ""
