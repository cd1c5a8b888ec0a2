"""Compare the kernel with plain DuckDB and Polars on the same window features: `python -m benchmarks.compare --people 250000`.

It needs the lake that `benchmarks.stages` writes. It compares the counts, sums, maxima, flags, times and trends of the catalogue.
Distinct items, values of a day, returns, scores and conditions that can end are excluded, which favours SQL and Polars. All three process the files of
core__event (131,072 people each) one by one, and write a row for every person. DuckDB and Polars use the fastest form we know: they
count events by person, kind of event and bucket of days, and compute features from the counts. Each prints one JSON line. Then the
columns of the first file are checked for equality.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measurement import measure
from benchmarks.stages import INDEX_DATE
from expectations.age import DAYS_PER_YEAR, UNKNOWN_BIRTH
from features.cohort import CohortSettings
from features.declaration import Feature, Statistic
from features.plan import Plan, compile_plan
from pipelines.building.build_features import FeatureRequest, make_recipe
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

DAY = int(np.datetime64(INDEX_DATE.isoformat(), "D").astype(np.int64))
COMPARED = (
    Statistic.COUNT, Statistic.TREND, Statistic.SUM, Statistic.MAXIMUM, Statistic.FLAG, Statistic.NEW, Statistic.DAYS_SINCE_LAST,
    Statistic.YEARS_SINCE_FIRST,
)  # fmt: skip


def compared_plan(lake: Lake) -> Plan:
    """Return the plan of the features that all three compute."""
    recipe = make_recipe(lake, FeatureRequest(CohortSettings(), "planning", 2025))
    codes = lake.read("core__code", "code, code_system, source_code", order="code")
    code_rows = list(zip(*(codes[name].to_pylist() for name in ("code", "code_system", "source_code")), strict=True))
    others = [feature.name for feature in recipe.catalogue.features if feature.statistic not in COMPARED or feature.ended_by]
    return compile_plan(recipe.catalogue, code_rows, [*recipe.not_computed, *others])


def event_files(lake: Lake) -> Iterator[tuple[str, int, int]]:
    """Yield each file of events with its first and last person."""
    for file in lake.files("core__event"):
        groups = pq.read_metadata(file)
        statistics = [groups.row_group(place).column(0).statistics for place in range(groups.num_row_groups)]
        if statistics:
            yield file, min(each.min for each in statistics), max(each.max for each in statistics)


def by_kernel(lake: Lake, target: Path) -> int:
    from features.window_counts import IndexRows, window_counts
    from pipelines.building.event_reader import read_event_arrays

    plan, rows = compared_plan(lake), 0
    for number, (file, first, last) in enumerate(event_files(lake)):
        person = np.arange(first, last + 1, dtype=np.int32)
        everyone = IndexRows(person, np.full(len(person), DAY, np.int32), np.full(len(person), UNKNOWN_BIRTH))
        counts = window_counts(read_event_arrays([file], first, last + 1), everyone, plan)
        columns = {feature.name: pa.array(counts[place], from_pandas=True) for place, feature in enumerate(plan.features)}
        pq.write_table(pa.table({"person_key": person} | columns), target / f"{number}.parquet", compression="zstd")
        rows += len(person)
    return rows


def by_duckdb(lake: Lake, target: Path) -> int:
    plan, rows = compared_plan(lake), 0
    features = ", ".join(f"{_sql(feature, plan)} AS {feature.name}" for feature in plan.features)
    bucket = " + ".join(f"(days > {edge})::INTEGER" for edge in plan.edges)
    with connect(threads=2) as con:
        con.register("kind", kinds(plan))
        for number, (file, first, last) in enumerate(event_files(lake)):
            con.execute(f"""
                CREATE OR REPLACE TEMP TABLE cell AS
                SELECT person_key, signature, {bucket} AS bucket, count(*) AS n, min(days) AS latest, max(days) AS earliest,
                    sum(coalesce(value, 0)) AS total, max(value) AS highest
                FROM (SELECT *, DATE '{INDEX_DATE}' - event_date AS days FROM read_parquet('{file}')) JOIN kind USING (event_type, code)
                WHERE days > 0 AND available_date < DATE '{INDEX_DATE}' GROUP BY person_key, signature, bucket""")
            everyone = f"(SELECT unnest(range({first}, {last + 1}))::INTEGER AS person_key)"
            result = con.execute(f"""
                COPY (SELECT person_key, {features} FROM {everyone} LEFT JOIN cell USING (person_key) GROUP BY person_key ORDER BY person_key)
                TO '{target / f"{number}.parquet"}' (FORMAT parquet, COMPRESSION zstd)""")
            rows += result.fetchall()[0][0]
    return rows


def _sql(feature: Feature, plan: Plan) -> str:
    """Return the SQL of a feature over the cells of a person."""
    mine = f"signature IN ({', '.join(map(str, np.flatnonzero(plan.members[feature.concept]).tolist()))})"
    window = feature.window_days or 10**6

    def within(what: str, days: int) -> str:
        return f"coalesce({what} FILTER (WHERE {mine} AND bucket <= {plan.edges.index(days)}), 0)"

    latest, earliest = (f"{what} FILTER (WHERE {mine})" for what in ("min(latest)", "max(earliest)"))
    expressions = {
        Statistic.COUNT: lambda: within("sum(n)", window),
        Statistic.TREND: lambda: f"2 * {within('sum(n)', window)} - {within('sum(n)', 2 * window)}",
        Statistic.SUM: lambda: within("sum(total)", window),
        Statistic.MAXIMUM: lambda: f"greatest({within('max(highest)', window)}, 0)",
        Statistic.FLAG: lambda: f"coalesce({latest} <= {window}, false)",
        Statistic.NEW: lambda: f"coalesce({earliest} <= {window}, false)",
        Statistic.DAYS_SINCE_LAST: lambda: f"CASE WHEN {latest} <= {window} THEN {latest} END",
        Statistic.YEARS_SINCE_FIRST: lambda: f"{earliest} / {DAYS_PER_YEAR}",
    }
    return f"({expressions[feature.statistic]()})::FLOAT"


def by_polars(lake: Lake, target: Path) -> int:
    import polars as pl

    plan, rows = compared_plan(lake), 0
    kind = pl.DataFrame(kinds(plan))
    days = (pl.lit(INDEX_DATE) - pl.col("event_date")).dt.total_days().cast(pl.Int32)
    bucket = pl.sum_horizontal([(pl.col("days") > edge).cast(pl.UInt8) for edge in plan.edges])
    for number, (file, first, last) in enumerate(event_files(lake)):
        cells = (
            pl.scan_parquet(file).join(kind.lazy(), on=["event_type", "code"]).with_columns(days=days)
            .filter((pl.col("days") > 0) & (pl.col("available_date") < INDEX_DATE)).with_columns(bucket=bucket)
            .group_by("person_key", "signature", "bucket")
            .agg(n=pl.len(), latest=pl.col("days").min(), earliest=pl.col("days").max(), total=pl.col("value").sum(),
                 highest=pl.col("value").max())
        )  # fmt: skip
        features = cells.group_by("person_key").agg([_polars(feature, plan).alias(feature.name) for feature in plan.features])
        everyone = pl.DataFrame({"person_key": np.arange(first, last + 1, dtype=np.int32)}).lazy()
        zero = [feature.name for feature in plan.features if feature.statistic not in _NULL_WITHOUT]
        table = everyone.join(features, on="person_key", how="left", maintain_order="left").with_columns(
            pl.col(zero).fill_null(0)
        )
        result = table.collect()
        result.write_parquet(target / f"{number}.parquet", compression="zstd", compression_level=1)
        rows += len(result)
    return rows


_NULL_WITHOUT = (Statistic.DAYS_SINCE_LAST, Statistic.YEARS_SINCE_FIRST)


def _polars(feature: Feature, plan: Plan):  # type: ignore[no-untyped-def]  # Polars is a development dependency
    import polars as pl

    mine = pl.col("signature").is_in(np.flatnonzero(plan.members[feature.concept]).tolist())
    window = feature.window_days or 10**6

    def within(name: str, days: int):  # type: ignore[no-untyped-def]
        return pl.col(name).filter(mine & (pl.col("bucket") <= plan.edges.index(days)))

    latest, earliest = pl.col("latest").filter(mine).min(), pl.col("earliest").filter(mine).max()
    expressions = {
        Statistic.COUNT: lambda: within("n", window).sum(),
        Statistic.TREND: lambda: 2 * within("n", window).sum().cast(pl.Int32) - within("n", 2 * window).sum().cast(pl.Int32),
        Statistic.SUM: lambda: within("total", window).sum(),
        Statistic.MAXIMUM: lambda: pl.max_horizontal(within("highest", window).max(), 0),
        Statistic.FLAG: lambda: (latest <= window).fill_null(value=False),
        Statistic.NEW: lambda: (earliest <= window).fill_null(value=False),
        Statistic.DAYS_SINCE_LAST: lambda: pl.when(latest <= window).then(latest),
        Statistic.YEARS_SINCE_FIRST: lambda: earliest / DAYS_PER_YEAR,
    }
    return expressions[feature.statistic]().cast(pl.Float32)


def kinds(plan: Plan) -> pa.Table:
    """Return the kind of each event type and code that any feature counts."""
    types = np.flatnonzero(plan.slot_of_type)
    event_type, code = np.repeat(types, plan.codes), np.tile(np.arange(plan.codes), len(types))
    signature = plan.signature[plan.slot_of_type[event_type] + code]
    chosen = signature > 0
    return pa.table(
        {
            "event_type": pa.array(event_type[chosen], pa.int16()),
            "code": pa.array(code[chosen], pa.int32()),
            "signature": pa.array(signature[chosen], pa.int32()),
        }
    )


WAYS: dict[str, Callable[[Lake, Path], int]] = {"kernel": by_kernel, "duckdb": by_duckdb, "polars": by_polars}


def differing(folder: Path) -> dict[str, list[str]]:
    """Return the columns of the first file in which DuckDB and Polars differ from the kernel."""
    kernel = pq.read_table(folder / "kernel" / "0.parquet").to_pandas()
    columns = {}
    for way in ("duckdb", "polars"):
        other = pq.read_table(folder / way / "0.parquet").to_pandas()
        columns[way] = [name for name in kernel if not np.allclose(kernel[name], other[name], rtol=1e-6, equal_nan=True)]
    return columns


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    parser.add_argument("--way", choices=list(WAYS))
    arguments = parser.parse_args()
    home = (arguments.home / str(arguments.people)).resolve()
    if arguments.way:
        target = home / "compare" / arguments.way
        target.mkdir(parents=True, exist_ok=True)
        print(json.dumps(measure(arguments.way, partial(WAYS[arguments.way], Lake(home / "lake"), target))), flush=True)
        return
    for way in WAYS:
        options = ["--people", str(arguments.people), "--home", str(arguments.home), "--way", way]
        subprocess.run([sys.executable, "-m", "benchmarks.compare", *options], check=True)
    plan = compared_plan(Lake(home / "lake"))
    print(json.dumps({"features": len(plan.features), "columns_that_differ": differing(home / "compare")}), flush=True)


if __name__ == "__main__":
    main()
