"""The caseloads of a published run, place by place, with what their readers need to know."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from expectations.sql_values import quote
from expectations.tables.caseload import CASELOAD, RISING
from expectations.tables.core_places import ORGANISATION
from expectations.tables.risk import DRIVERS, SCORES
from pipelines.errors import RefusalError
from pipelines.lake.run_record import extracts_read
from pipelines.lake.storage import Lake
from pipelines.scoring.left_out import MARKS
from pipelines.scoring.removals import KnownTo, known_to, shown_people_sql

PLACES = {"practice_code": "practice", "pcn_code": "PCN", "neighbourhood_code": "neighbourhood", "sub_icb_code": "sub-ICB"}


@dataclass(frozen=True)
class PlaceCaseload:
    """One place's rows of risk__caseload and risk__rising, with the drivers and the run."""

    place_kind: str
    place_code: str
    name: str
    rows: pd.DataFrame
    rising: pd.DataFrame
    drivers: Mapping[str, tuple[list[str], list[str]]]  # by person: what raises the risk, what lowers it
    people: Mapping[str, int]  # with a score, by age group
    run: Mapping[str, Any]
    horizon_days: int
    quality: str
    feeds: Sequence[str]
    left_out: Sequence[str] = field(default_factory=tuple)  # flags whose people are not listed
    known: KnownTo | None = None  # the deliveries of deaths and objections that were applied

    @property
    def title(self) -> str:
        name = f" {self.name}," if self.name else ""
        return f"Caseload of{name} {PLACES[self.place_kind]} {self.place_code}"


def place_caseloads(
    lake: Lake, run: Mapping[str, Any], left_out: Sequence[str], place_code: str | None = None
) -> Iterator[PlaceCaseload]:
    """Read the caseload of one place, or of every place; a RefusalError lists the places there are."""
    partition = {"run_id": str(run["run_id"])}
    if not lake.rows(CASELOAD.name, partition):
        raise RefusalError(
            f"the run {run['run_id']} has no caseloads. Either it is for planning, or its people have no place, or all capacities are 0. "
            "Check purpose.use and study.caseloads"
        )
    where = "true" if place_code is None else f"place_code = {quote(place_code)}"
    rows = lake.read(
        CASELOAD.name, "*", f"{where} AND {shown_people_sql(lake)}", "place_code, age_group, list_rank, person_id", partition
    ).to_pandas()
    if rows.empty:
        codes = lake.read(CASELOAD.name, "DISTINCT place_code", "true", "place_code", partition)["place_code"].to_pylist()
        near = difflib.get_close_matches(str(place_code), codes, 5, 0.4) or codes[:5]
        raise RefusalError(
            f"the run {run['run_id']} has no caseload of '{place_code}'. It has {len(codes)}, such as {', '.join(near)}"
        )
    kind = str(rows["place_kind"].iloc[0])
    here = "true" if place_code is None else f"{kind} = {quote(place_code)}"
    columns = "horizon_days, data_quality_status"
    horizon, quality = (
        column[0].as_py() for column in lake.read(SCORES.name, columns, "true LIMIT 1", partition=partition).columns
    )
    counted = f"{kind} AS place_code, coalesce(age_group, 'not known') AS age_group, count(*) AS people"
    sizes = lake.read(SCORES.name, counted, f"{here} GROUP BY ALL", "place_code, age_group", partition).to_pandas()
    rising = _rising(lake, partition, kind, here)
    drivers = _drivers(lake, partition, pd.concat([rows.loc[rows["listed"], "person_id"], rising["person_id"]]))
    feeds, names, known = list(extracts_read(lake)), _names(lake), known_to(lake)
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
            known,
        )


def _rising(lake: Lake, partition: Mapping[str, str], kind: str, here: str) -> pd.DataFrame:
    """Return the rows of risk__rising with the place of each."""
    if not lake.rows(RISING.name, partition):
        return pd.DataFrame(columns=[*(column.name for column in RISING.columns), "place_code", *MARKS])
    rows = lake.read(RISING.name, where=shown_people_sql(lake), order="person_id", partition=partition).to_pandas()
    places = lake.read(
        SCORES.name, f"person_id, index_event_id, {kind} AS place_code, {', '.join(MARKS)}", here, partition=partition
    ).to_pandas()
    return rows.merge(places, on=["person_id", "index_event_id"], how="inner", validate="one_to_one")


def _drivers(lake: Lake, partition: Mapping[str, str], people: pd.Series) -> dict[str, tuple[list[str], list[str]]]:
    rows = lake.read(
        DRIVERS.name, "person_id, driver, direction", order="person_id, driver_rank", partition=partition
    ).to_pandas()
    drivers: dict[str, tuple[list[str], list[str]]] = {}
    for person, driver, direction in rows[rows["person_id"].isin(people)].itertuples(index=False):
        drivers.setdefault(str(person), ([], []))[0 if direction == "raises" else 1].append(_plain(str(driver)))
    return drivers


def _plain(driver: str) -> str:
    """Return a driver's name without the parts that only the catalogue needs."""
    return driver.removeprefix("Deficit: ").removesuffix(", ever recorded")


def _names(lake: Lake) -> dict[str, str]:
    rows = lake.read_or_empty(ORGANISATION, "code, arg_max(name, valid_from) AS name", "name IS NOT NULL GROUP BY code", "code")
    return dict(zip(rows["code"].to_pylist(), rows["name"].to_pylist(), strict=True))
