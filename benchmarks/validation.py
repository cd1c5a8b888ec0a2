"""Time ten row rules on a million rows through Great Expectations: `python -m benchmarks.validation`.

It prints one JSON line for 1% and one for 50% bad rows. Every rule is broken. CPU seconds cover the validation only: the raw table is
written before, and the import of Great Expectations (about 2 s for each process) is listed separately.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from expectations.table import Action, Column, Kind, RowRule, Table
from expectations.tables.raw_common import PROVENANCE, duplicate_rule
from expectations.tables.raw_table_rules import NOT_EMPTY
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.deliveries import deliveries
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.validate import validate_feed
from pipelines.validation.validation_settings import ValidationSettings

DELIVERED = date(2024, 6, 30)
CODES = ("11", "12", "13", "21", "22", "23", "24", "28")
# Rules: a vocabulary, a pattern, a range, numbers, dates, the order of two dates, missing values and duplicates.
STAYS = Table(
    "raw__stays",
    "Stays with ten rules.",
    (
        Column("person_id", Kind.IDENTIFIER, "Person.", nullable=False, on_violation=Action.SET_ASIDE),
        Column("stay_id", Kind.IDENTIFIER, "Stay.", nullable=False, on_violation=Action.SET_ASIDE),
        Column("method", Kind.CODE, "Method.", allowed=CODES),
        Column("provider_code", Kind.CODE, "Provider.", pattern=r"R[A-Z0-9]{2}"),
        Column("admission_date", Kind.DATE, "First day.", nullable=False, on_violation=Action.SET_ASIDE),
        Column("discharge_date", Kind.DATE, "Last day."),
        Column("nights", Kind.INTEGER, "Nights.", minimum=0, maximum=730),
        *PROVENANCE,
    ),
    ("stay_id",),
    partitioned_by=("extract_id",),
    row_rules=(
        RowRule("ends_before_it_starts", "discharge_date < admission_date", Action.SET_ASIDE, "It ends before it starts."),
        RowRule("after_extract", "admission_date > extract_date", Action.SET_ASIDE, "It starts after the delivery."),
        duplicate_rule(("stay_id",)),
    ),
    table_rules=(NOT_EMPTY,),
    feed="stays",
    event_date="admission_date",
)
COUNTED_RULES = (
    "missing_value__person_id", "not_in_vocabulary__method", "not_in_vocabulary__provider_code", "missing_value__admission_date",
    "unreadable_date__admission_date", "unreadable_number__nights", "out_of_range__nights", "ends_before_it_starts", "after_extract",
    "duplicate_row",
)  # fmt: skip


def write_stays(folder: Path, rows: int, bad_share: float) -> None:
    """Write a delivery in which each bad row breaks one of the ten rules."""
    bad = f"CASE WHEN hash(i) % 1000 < {round(bad_share * 1000)} THEN (i // 7) % 10 ELSE -1 END"
    with duckdb.connect() as con:
        con.execute(
            f"""COPY (
                SELECT CASE WHEN bad = 0 THEN NULL ELSE md5((i % 100003)::VARCHAR) END AS person_id,
                    CASE WHEN bad = 9 THEN 'S1' ELSE 'S' || i END AS stay_id,
                    CASE WHEN bad = 1 THEN '99' ELSE ['11', '12', '13', '21', '22', '23', '24', '28'][i % 8 + 1] END AS method,
                    CASE WHEN bad = 2 THEN 'X1' ELSE 'R' || chr(65 + (i % 26)::INTEGER) || (i % 10) END AS provider_code,
                    CASE WHEN bad = 3 THEN NULL WHEN bad = 4 THEN 'soon' WHEN bad = 8 THEN '2025-01-01'
                        ELSE (DATE '2022-01-01' + (i % 800)::INTEGER)::VARCHAR END AS admission_date,
                    CASE WHEN bad = 7 THEN '2021-06-01' WHEN bad = 8 THEN NULL
                        ELSE (DATE '2022-01-01' + (i % 800 + i % 5)::INTEGER)::VARCHAR END AS discharge_date,
                    CASE WHEN bad = 5 THEN 'two' WHEN bad = 6 THEN '-1' ELSE (i % 5)::VARCHAR END AS nights
                FROM (SELECT i, {bad} AS bad FROM range({rows}) AS series(i))
            ) TO '{folder / f"stays_{DELIVERED}.csv"}' (HEADER)"""
        )


def measure(rows: int, bad_share: float) -> dict[str, object]:
    """Ingest and validate a delivery in a new lake, and return rows, cost and the number of broken rules."""
    with tempfile.TemporaryDirectory() as folder, connect() as con:
        landing, lake = Path(folder), Lake(Path(folder) / "lake")
        write_stays(landing, rows, bad_share)
        source = deliveries({"stays": FeedSettings(files=("stays_*.csv",))})
        ingest_feed(lake, con, STAYS, source, landing)
        settings, before, start = ValidationSettings(), _cpu(), time.perf_counter()
        result = validate_feed(lake, con, STAYS, source, settings)
        cpu, wall = _cpu() - before, time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rows": rows, "bad_share": bad_share, "rules_broken": sum(result.broken[name] > 0 for name in COUNTED_RULES), "set_aside": result.rows_set_aside,
        "wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "cpu_s_per_million": round(cpu * 1e6 / rows, 2), "peak_rss_mb": round(peak),
    }  # fmt: skip


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    before = _cpu()
    import expectations.validation  # noqa: F401 - so that its import is measured separately

    print(json.dumps({"great_expectations_import_cpu_s": round(_cpu() - before, 2)}), flush=True)
    for bad_share in (0.01, 0.5):
        print(json.dumps(measure(arguments.rows, bad_share)), flush=True)


if __name__ == "__main__":
    main()
