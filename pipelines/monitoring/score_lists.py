"""The distribution of the risks of each published run, and how far its list differs from that of the run before."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pandas as pd

from expectations.sql_values import quote
from expectations.tables.monitoring import SCORES
from expectations.tables.risk import SCORES as RISKS
from models.disclosure_control import Total, is_small, shown_counts, three_figures
from models.scored_rows import number_selected
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

EVERYONE = "all"
KINDS = {
    "imd_quintile": "CAST(CAST(ceil(imd_decile / 2) AS INTEGER) AS VARCHAR)",
    "sub_icb_code": "sub_icb_code",
    "pcn_code": "pcn_code",
}
DECILES = range(10, 100, 10)
Cell = tuple[str, str]
Row = dict[str, object]
Counts = dict[Hashable, int]
Shown = dict[Hashable, int | None]


def write_scores(lake: Lake, con: duckdb.DuckDBPyConnection, outcome: str, share: float) -> dict[str, object]:
    """Write monitoring__scores of every published run that is not there yet, or whose run before has changed.

    The list has the eligible people of highest risk, up to `share` of all scored people; equal risks are in order of pseudonym.
    """
    runs, compared, done = published_runs(lake, outcome), _compared_with(lake), 0
    for place, run in enumerate(runs):
        before = _run_before(runs[:place], run)
        if compared.get(str(run["run_id"])) != before:
            rows = list(_measured(lake, con, str(run["run_id"]), before, share))
            head = {"outcome": outcome, "index_date": run["index_date"], "previous_run_id": before}
            lake.write(SCORES, [head | row for row in rows], {"run_id": str(run["run_id"])})
            done += 1
    lake.create_if_absent(SCORES)
    return {"published_runs": len(runs), "runs_measured": done}


def _run_before(earlier: Sequence[Mapping[str, Any]], run: Mapping[str, Any]) -> str:
    """Return the last published run of an earlier index date, or ''."""
    before = [row for row in earlier if row["index_date"] < run["index_date"]]
    return str(before[-1]["run_id"]) if before else ""


def _compared_with(lake: Lake) -> dict[str, str]:
    rows = lake.read_or_empty(SCORES, "DISTINCT run_id, previous_run_id").to_pylist()
    return {row["run_id"]: row["previous_run_id"] for row in rows}


def _measured(lake: Lake, con: duckdb.DuckDBPyConnection, run_id: str, before: str, share: float) -> Iterator[Row]:
    con.sql(_listed(lake, run_id, share, before)).create("listed_now")
    try:
        cells = _cells(con)
        people = _shown(cells["people"])
        yield from _spread(con, people)
        yield from _shares(cells, people, with_turnover=bool(before))
        yield from _bands(con, people)
    finally:
        con.execute("DROP TABLE listed_now")


def _listed(lake: Lake, run_id: str, share: float, before: str = "") -> str:
    """Return the SQL of a run's rows with their groups, whether each is listed, and whether its person is new on the list."""
    size = number_selected(lake.rows(RISKS.name, {"run_id": run_id}), share)
    groups = ", ".join(f"coalesce({sql}, 'not_known') AS {kind}" for kind, sql in KINDS.items())
    ranked = "row_number() OVER (PARTITION BY eligible ORDER BY risk DESC, person_id, index_event_id)"
    rows = f"""SELECT person_id, risk, risk_band, {groups}, eligible AND {ranked} <= {size} AS listed
        FROM {lake.scan(RISKS.name, {"run_id": run_id})}"""
    if not before:
        return f"SELECT *, false AS is_new FROM ({rows})"
    earlier = f"SELECT DISTINCT person_id FROM ({_listed(lake, before, share)}) WHERE listed"
    return f"SELECT now.*, listed AND earlier.person_id IS NULL AS is_new FROM ({rows}) AS now LEFT JOIN ({earlier}) AS earlier USING (person_id)"


def _cells(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Count people, listed ones and those new to the list of everyone and of each group, and average the risk."""
    kinds = ", ".join(KINDS)
    named = " ".join(f"WHEN grouping({kind}) = 0 THEN {quote(kind)}" for kind in KINDS)
    counted = con.execute(f"""SELECT CASE {named} ELSE {quote(EVERYONE)} END AS kind, coalesce({kinds}, {quote(EVERYONE)}) AS name,
        count(*) AS people, count(*) FILTER (listed) AS listed, count(*) FILTER (is_new) AS is_new, avg(risk) AS mean_risk
        FROM listed_now GROUP BY GROUPING SETS ((), {", ".join(f"({kind})" for kind in KINDS)}) ORDER BY kind, name""").df()
    return counted.set_index(pd.MultiIndex.from_frame(counted[["kind", "name"]]))


def _spread(con: duckdb.DuckDBPyConnection, people: Shown) -> Iterator[Row]:
    cell = (EVERYONE, EVERYONE)
    shares = ", ".join(str(decile / 100) for decile in DECILES)
    values = con.execute(f"SELECT quantile_cont(risk, [{shares}]) FROM listed_now").fetchall()[0][0] or []
    for decile, value in zip(DECILES, values, strict=False):
        yield _row(cell, f"risk_decile_{decile}", None if people[cell] is None else float(value), people[cell])


def _shares(cells: pd.DataFrame, people: Shown, with_turnover: bool) -> Iterator[Row]:
    """Yield mean risk, the listed share, the share of the list and the turnover of each group, under disclosure control."""
    few_stay = [cell for cell, row in cells.iterrows() if is_small(row["listed"] - row["is_new"])]
    listed = _shown(cells["listed"])
    new = _shown(cells["is_new"], [*few_stay, *(cell for cell, count in listed.items() if count is None)])
    whole = listed.get((EVERYONE, EVERYONE))
    for cell, row in cells.iterrows():
        mean = None if people[cell] is None else float(row["mean_risk"])
        yield _row(cell, "mean_risk", mean, people[cell])
        yield _row(cell, "listed_share", _over(listed[cell], people[cell]), people[cell])
        yield _row(cell, "list_part", _over(listed[cell], whole), people[cell])
        if with_turnover:
            yield _row(cell, "list_turnover", _over(new[cell], listed[cell]), listed[cell])


def _bands(con: duckdb.DuckDBPyConnection, people: Shown) -> Iterator[Row]:
    """Yield the share of each group in each band; a group's bands and a band's groups protect each other."""
    counts = _band_counts(con)
    bands = sorted({band for _, _, band in counts})
    names = sorted({(kind, name) for kind, name, _ in counts})
    cells: Counts = {(*name, band): counts.get((*name, band), 0) for name in names for band in bands}
    cells |= {name: sum(counts.get((*name, band), 0) for band in bands) for name in names}
    shown = shown_counts(cells, _band_totals(names, bands))
    for name in names:
        for band in bands:
            yield _row(name, f"share_in_band_{band.replace(' ', '_')}", _over(shown[(*name, band)], people[name]), people[name])


def _band_counts(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], int]:
    """Return the people by kind of group, group and band."""
    counts: dict[tuple[str, str, str], int] = {}
    for kind, sql in {EVERYONE: quote(EVERYONE), **{kind: kind for kind in KINDS}}.items():
        rows = con.execute(f"SELECT {sql} AS name, risk_band, count(*) FROM listed_now GROUP BY ALL ORDER BY ALL").fetchall()
        counts |= {(kind, name, band): number for name, band, number in rows}
    return counts


def _band_totals(names: Sequence[Cell], bands: Sequence[str]) -> list[Total]:
    """Return the totals of each band over the groups of a kind, and of each group over its bands."""
    by_band = [
        Total((EVERYONE, EVERYONE, band), tuple((*name, band) for name in names if name[0] == kind))
        for band in bands
        for kind in KINDS
    ]
    return by_band + [Total(name, tuple((*name, band) for band in bands)) for name in names]


def _shown(counts: pd.Series, at_first: Sequence[Hashable] = ()) -> Shown:
    whole = (EVERYONE, EVERYONE)
    totals = [Total(whole, tuple(cell for cell in counts.index if cell[0] == kind)) for kind in KINDS]
    return shown_counts({cell: int(count) for cell, count in counts.items()}, totals, at_first)


def _over(part: int | None, whole: int | None) -> float | None:
    """Return a share of shown counts; None where one is hidden or there are no people."""
    return None if part is None or not whole else min(1.0, part / whole)


def _row(cell: Any, measure: str, value: float | None, people: int | None) -> Row:
    return {
        "group_kind": cell[0],
        "group_name": cell[1],
        "measure": measure,
        "value": None if value is None else three_figures(value),
        "people": people,
        "suppressed": value is None,
    }
