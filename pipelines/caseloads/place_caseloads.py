"""Reads the caseloads of a published run, place by place, and writes their pages and CSV files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from expectations.tables.caseload import CASELOAD, RISING
from expectations.tables.core import ORGANISATION
from expectations.tables.risk import DRIVERS, SCORES
from pipelines.errors import RefusalError
from pipelines.lake.run_record import extracts_read
from pipelines.lake.sql_literals import text
from pipelines.lake.storage import Lake
from pipelines.reports.caseload.page import PlaceCaseload, caseload_csv, caseload_page
from pipelines.scoring.left_out import MARKS

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")


def write_caseloads(
    lake: Lake, run: Mapping[str, Any], folder: Path, left_out: Sequence[str], place_code: str | None = None
) -> list[Path]:
    """Write the page and the CSV of one place, of every place without one; a RefusalError says which places there are."""
    written = []
    for place in _places(lake, run, left_out, place_code):
        name = _NOT_PLAIN.sub("_", f"{place.place_code}_{run['outcome']}_{run['index_date']}")
        for ending, content in (("html", caseload_page(place)), ("csv", caseload_csv(place))):
            path = folder / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(f"{path.name}.partial")
            draft.touch(mode=0o600)  # people's risks: for nobody but whoever runs this
            draft.write_text(content, encoding="utf-8")
            draft.replace(path)
            written.append(path)
    return written


def _places(lake: Lake, run: Mapping[str, Any], left_out: Sequence[str], place_code: str | None) -> Iterator[PlaceCaseload]:
    partition = {"run_id": str(run["run_id"])}
    if not lake.rows(CASELOAD.name, partition):
        raise RefusalError(
            f"the run {run['run_id']} has no caseloads: it is for planning, nobody of it has a place, or capacities are 0"
        )
    wanted = "true" if place_code is None else f"place_code = {text(place_code)}"
    rows = lake.read(CASELOAD.name, "*", wanted, "place_code, age_group, list_rank, person_id", partition).to_pandas()
    if rows.empty:
        codes = lake.read(CASELOAD.name, "DISTINCT place_code", "true", "place_code", partition)["place_code"].to_pylist()
        near = difflib.get_close_matches(str(place_code), codes, 5, 0.4) or codes[:5]
        raise RefusalError(
            f"the run {run['run_id']} has no caseload of '{place_code}'; there are {len(codes)}, such as {', '.join(near)}"
        )
    kind = str(rows["place_kind"].iloc[0])
    here = "true" if place_code is None else f"{kind} = {text(place_code)}"
    told = "horizon_days, data_quality_status"
    horizon, quality = (column[0].as_py() for column in lake.read(SCORES.name, told, "true LIMIT 1", partition=partition).columns)
    counted = f"{kind} AS place_code, coalesce(age_group, 'not known') AS age_group, count(*) AS people"
    sizes = lake.read(SCORES.name, counted, f"{here} GROUP BY ALL", "place_code, age_group", partition).to_pandas()
    rising = _rising(lake, partition, kind, here)
    drivers = _drivers(lake, partition, pd.concat([rows.loc[rows["listed"], "person_id"], rising["person_id"]]))
    feeds, names = list(extracts_read(lake)), _names(lake)
    for code, of_place in rows.groupby("place_code", sort=True):
        here_rising, size = rising[rising["place_code"] == code], sizes[sizes["place_code"] == code]
        people = dict(zip(size["age_group"], size["people"].astype(int), strict=True))
        yield PlaceCaseload(
            kind,
            str(code),
            names.get(str(code), ""),
            of_place,
            here_rising,
            drivers,
            people,
            run,
            int(horizon),
            str(quality),
            feeds,
            left_out,
        )


def _rising(lake: Lake, partition: Mapping[str, str], kind: str, here: str) -> pd.DataFrame:
    """Give the rows of risk__rising with the place that each belongs to."""
    if not lake.rows(RISING.name, partition):
        return pd.DataFrame(columns=[*(column.name for column in RISING.columns), "place_code", *MARKS])
    rows = lake.read(RISING.name, order="person_id", partition=partition).to_pandas()
    places = lake.read(
        SCORES.name, f"person_id, index_event_id, {kind} AS place_code, {', '.join(MARKS)}", here, partition=partition
    ).to_pandas()
    return rows.merge(places, on=["person_id", "index_event_id"], how="inner", validate="one_to_one")


def _drivers(lake: Lake, partition: Mapping[str, str], people: pd.Series) -> dict[str, tuple[list[str], list[str]]]:
    rows = lake.read(
        DRIVERS.name, "person_id, driver, direction", order="person_id, driver_rank", partition=partition
    ).to_pandas()
    found: dict[str, tuple[list[str], list[str]]] = {}
    for person, driver, direction in rows[rows["person_id"].isin(people)].itertuples(index=False):
        found.setdefault(str(person), ([], []))[0 if direction == "raises" else 1].append(_plain(str(driver)))
    return found


def _plain(driver: str) -> str:
    """Leave out of a driver's name what only the catalogue needs."""
    return driver.removeprefix("Deficit: ").removesuffix(", ever recorded")


def _names(lake: Lake) -> dict[str, str]:
    if not lake.exists(ORGANISATION.name):
        return {}
    rows = lake.read(ORGANISATION.name, "code, arg_max(name, valid_from) AS name", "name IS NOT NULL GROUP BY code", "code")
    return dict(zip(rows["code"].to_pylist(), rows["name"].to_pylist(), strict=True))
