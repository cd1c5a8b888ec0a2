"""Who is listed: by place and age group, in order of risk, up to the place's capacity. Pure: frames in, frames out.

Who is left out is a setting (`leave_out` in `pipelines/study/caseload_settings.py`) and the flags of `pipelines/scoring/left_out.py`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.study.caseload_settings import CaseloadSettings

NOT_KNOWN = "not known"
BY = ["place_code", "age_group"]


def candidates(scores: pd.DataFrame, settings: CaseloadSettings) -> pd.DataFrame:
    """Return a row for each person with a place: the index event of highest risk, in order of place, age group and falling risk.

    `scores` has the columns of risk__scores in order of key, which breaks ties. Added columns: place_code, `age_group` without gaps,
    and `barred`, the reason why the person may not be listed, or ''. A suppression comes before a flag, and flags are in the order
    of the settings.
    """
    rows = scores.assign(place_code=scores[settings.place], age_group=scores["age_group"].astype(object).fillna(NOT_KNOWN))
    rows = rows[rows["place_code"].notna()]
    if not rows["person_id"].is_unique:
        highest = rows.iloc[np.argsort(-rows["risk"].to_numpy(), kind="stable")].drop_duplicates("person_id")
        rows = rows.loc[np.sort(highest.index)]
    barred = rows["suppression_reason"].astype(object).fillna("").to_numpy(dtype=object).copy()
    for mark in settings.leave_out:
        marked = rows[mark].astype("boolean").fillna(False).to_numpy(dtype=bool)
        barred[marked & (barred == "")] = mark.replace("_", " ")
    places, groups = (pd.factorize(rows[name], sort=True)[0] for name in BY)
    order = np.lexsort((-rows["risk"].to_numpy(), groups, places))
    return rows.assign(barred=barred).iloc[order].reset_index(drop=True)


def capacities(rows: pd.DataFrame, settings: CaseloadSettings) -> pd.Series:
    """Return how many people are listed for each place and age group of the candidates (index: both, in order)."""
    sizes = rows.groupby(BY).size()
    exact = sizes * sizes.index.get_level_values("age_group").map(settings.people_per_thousand).to_numpy(dtype="float64") / 1000
    numbers = np.floor(exact + 0.5).astype("int64")
    for place in sizes.index.get_level_values("place_code").unique():
        total = settings.places.get(place, settings.people)
        if total is not None:
            numbers.loc[place] = divide(total, exact.loc[place].to_numpy(), sizes.loc[place].to_numpy())
    return numbers


def divide(total: int, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Divide a number in proportion to weights, largest remainders first; what exceeds the limit of one part goes to the others."""
    shares = np.zeros(len(weights), dtype=np.int64)
    open_to_more = weights > 0
    while (left := total - int(shares.sum())) > 0 and open_to_more.any():
        exact = left * np.where(open_to_more, weights, 0) / weights[open_to_more].sum()
        more = np.floor(exact).astype(np.int64)
        remainder = np.where(open_to_more, exact - more, -1.0)
        more[np.argsort(-remainder, kind="stable")[: left - int(more.sum())]] += 1
        shares = np.minimum(shares + more, limits)
        open_to_more &= shares < limits
    return shares


def with_listing(rows: pd.DataFrame, settings: CaseloadSettings) -> pd.DataFrame:
    """Add `listed`, `list_rank` (null where not listed) and `absent_reason` ('' where there is nothing to explain).

    People who are barred, and whose risk is high enough for the list of their place and age group, have a reason.
    """
    keys = pd.MultiIndex.from_frame(rows[BY])
    capacity = capacities(rows, settings).reindex(keys).to_numpy()
    free = (rows["barred"] == "").to_numpy()
    groups = rows.assign(free=free).groupby(BY)
    rank, place = groups["free"].cumsum().to_numpy(), groups.cumcount().to_numpy() + 1
    chosen = free & (rank <= capacity)
    return rows.assign(
        listed=chosen,
        list_rank=pd.Series(rank, dtype="Int32").where(chosen).array,
        absent_reason=np.where(~free & (place <= capacity), rows["barred"], ""),
    )
