"""core__area: small areas of both LSOA vintages with deprivation, place and population.

A value passes from one vintage to the other only along a certain change:

- U: an unchanged area;
- M: from an area of 2011 to the merged area that includes it;
- S: to an area of 2021 from the area that it was split from.

Other changes, and irregular ones (X), have no decile. Deciles are never averaged, and each area has one row.
"""

from __future__ import annotations

import pandas as pd

from expectations.tables.core_places import AREA
from pipelines.errors import ExtractError
from pipelines.reference.columns import ANY_LSOA, CHANGES, DOMAINS, ETHNICITY, LSOA, PLACES, POPULATION, RURAL_URBAN
from pipelines.reference.deprivation import VINTAGE_OF, deprivation
from pipelines.reference.files import Reference, numbers

_RANKED = tuple(f"{name}_{what}" for name in ("imd", *DOMAINS) for what in ("rank", "decile"))
EDITION_COLUMNS = ("imd_score", *_RANKED, "idaci_score", "idaopi_score")
_ENGLAND = "E"


def area_frame(reference: Reference) -> pd.DataFrame:
    """Build core__area from the reference files: one row per LSOA code of England, of either vintage, sorted by code."""
    changes = change_lookup(reference)
    editions = deprivation(reference, changes)
    by_vintage = _codes(reference, changes, editions)
    codes = sorted({*by_vintage[2011], *by_vintage[2021]})
    area = pd.DataFrame({"lsoa_code": pd.Series(codes, dtype=object)})
    area["lsoa_vintage"] = area["lsoa_code"].isin(by_vintage[2021]).map({True: 2021, False: 2011})
    area = area.set_index("lsoa_code")
    for edition, frame in editions.items():
        values = _of_vintage(area.index, frame, changes, VINTAGE_OF[edition])
        for column in EDITION_COLUMNS:
            if column in frame:
                area[column.replace("_", f"_{edition}_")] = values[column]
    area["imd_reason"] = _reasons(area, editions, changes)
    area = (
        area.join(_places(reference, area.index, changes, editions))
        .join(_rural_urban(reference))
        .join(_population(reference, editions))
    )
    return area.reset_index().reindex(columns=[column.name for column in AREA.columns])


def change_lookup(reference: Reference) -> pd.DataFrame | None:
    """Read the change lookup: lsoa11_code, lsoa21_code, change_code, local authority; one row per pair of areas."""
    if not reference.settings.lsoa_changes:
        return None
    frame = reference.read(reference.settings.lsoa_changes, CHANGES, ("lsoa11_code", "lsoa21_code", "change_code"))
    return frame.dropna(subset=["lsoa11_code", "lsoa21_code"]).drop_duplicates(["lsoa11_code", "lsoa21_code"])


def _codes(reference: Reference, changes: pd.DataFrame | None, editions: dict[int, pd.DataFrame]) -> dict[int, set[str]]:
    codes: dict[int, set[str]] = {vintage: set() for vintage in LSOA}
    for edition, frame in editions.items():
        codes[VINTAGE_OF[edition]].update(frame.index)
    if changes is not None:
        codes[2011].update(changes["lsoa11_code"])
        codes[2021].update(changes["lsoa21_code"])
    if reference.settings.lsoa_places and not codes[2011] | codes[2021]:
        codes[2021].update(reference.read(reference.settings.lsoa_places, {"lsoa_code": ANY_LSOA}, ("lsoa_code",))["lsoa_code"])
    return {vintage: {code for code in all_codes if str(code).startswith(_ENGLAND)} for vintage, all_codes in codes.items()}


def counterpart(changes: pd.DataFrame | None, vintage: int) -> pd.Series:
    """Return the certain counterpart in `vintage` of each code of the other vintage, indexed by that code."""
    if changes is None:
        return pd.Series(dtype=object)
    own, other = f"lsoa{vintage % 100}_code", f"lsoa{next(year for year in LSOA if year != vintage) % 100}_code"
    certain = changes[changes["change_code"].isin(["U", "M"] if vintage == 2021 else ["U", "S"])]
    return certain.drop_duplicates(other, keep=False).set_index(other)[own]


def _of_vintage(codes: pd.Index, frame: pd.DataFrame, changes: pd.DataFrame | None, vintage: int) -> pd.DataFrame:
    """Return the rows of a frame of one vintage for codes of both vintages; null if there is no certain change."""
    source = pd.Series(codes, index=codes).where(codes.isin(frame.index), codes.map(counterpart(changes, vintage).to_dict()))
    return frame.reindex(source.to_numpy()).set_axis(codes)


def _reasons(area: pd.DataFrame, editions: dict[int, pd.DataFrame], changes: pd.DataFrame | None) -> pd.Series:
    """Return the reason why an edition has no decile for an area, or null if every edition has one."""
    if not editions:
        return pd.Series("no_reference", index=area.index)
    changed = (
        set()
        if changes is None
        else set(changes.loc[changes["change_code"] != "U", ["lsoa11_code", "lsoa21_code"]].to_numpy().ravel())
    )
    reason = pd.Series(area.index.isin(list(changed)), index=area.index).map({True: "split_area", False: "unmatched"})
    lacking = area[[f"imd_{edition}_decile" for edition in editions]].isna().any(axis=1)
    return reason.where(lacking, None)


def _by_area(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.dropna(subset="lsoa_code").drop_duplicates("lsoa_code").set_index("lsoa_code")


def _places(
    reference: Reference, codes: pd.Index, changes: pd.DataFrame | None, editions: dict[int, pd.DataFrame]
) -> pd.DataFrame:
    """Return sub-ICB location, ICB and local authority from the place lookup, else the change lookup, else File 7."""
    columns = list(PLACES)
    places = pd.DataFrame(index=codes, columns=columns, dtype=object)
    if reference.settings.lsoa_places:
        patterns = {**{f"lsoa_{vintage}": pattern for vintage, pattern in LSOA.items()}, "lsoa_code": "lsoacode", **PLACES}
        read = reference.read(reference.settings.lsoa_places, patterns, ())
        vintage = 2011 if "lsoa_2011" in read and "lsoa_2021" not in read else 2021
        read = read.rename(columns={f"lsoa_{vintage}": "lsoa_code"})
        if "lsoa_code" not in read:
            raise ExtractError(
                f"{reference.settings.lsoa_places}: there is no column of LSOA codes (LSOA21CD or LSOA11CD); set "
                "reference.lsoa_places to a file that has one"
            )
        by_area = _by_area(read).reindex(columns=columns)
        agreed = _agreed(by_area, changes, vintage).reindex(codes)
        places = _of_vintage(codes, by_area, changes, vintage).fillna(agreed)
    if changes is not None and "local_authority_code" in changes:
        for own in ("lsoa21_code", "lsoa11_code"):
            authority = changes.drop_duplicates(own).set_index(own).reindex(codes)
            places = places.fillna(authority.reindex(columns=columns))
    for frame in editions.values():
        places = places.fillna(frame.reindex(index=codes, columns=columns))
    return places


def _agreed(places: pd.DataFrame, changes: pd.DataFrame | None, vintage: int) -> pd.DataFrame:
    """Return the places of areas of the other vintage whose counterparts all lie in the same place."""
    if changes is None:
        return places.iloc[:0]
    own, other = f"lsoa{vintage % 100}_code", f"lsoa{next(year for year in LSOA if year != vintage) % 100}_code"
    grouped = changes[[own, other]].merge(places, left_on=own, right_index=True).groupby(other)[list(places.columns)]
    return grouped.first().where(grouped.nunique(dropna=False) == 1)


def _rural_urban(reference: Reference) -> pd.DataFrame:
    if not reference.settings.rural_urban:
        return pd.DataFrame(columns=["rural_urban", "is_rural"], dtype=object)
    frame = _by_area(
        reference.read(reference.settings.rural_urban, {"lsoa_code": ANY_LSOA, **RURAL_URBAN}, ("lsoa_code", "rural_urban"))
    )
    rural = frame["is_rural"] if "is_rural" in frame else frame["rural_urban"]
    return frame[["rural_urban"]].assign(is_rural=rural.str.contains("rural", case=False).astype("boolean"))


def _population(reference: Reference, editions: dict[int, pd.DataFrame]) -> pd.Series:
    """Return residents from the population file, else the ethnicity table, else the latest File 7."""
    settings = reference.settings
    if settings.population:
        frame = _by_area(reference.read(settings.population, {"lsoa_code": ANY_LSOA, **POPULATION}, ("lsoa_code", "population")))
        people = frame["population"]
    elif settings.ethnicity:
        frame = _by_area(reference.read(settings.ethnicity, {"lsoa_code": ANY_LSOA, **ETHNICITY}, ("lsoa_code", "residents")))
        people = frame["residents"]
    else:
        files = [frame["population"] for _, frame in sorted(editions.items()) if "population" in frame]
        people = files[-1] if files else pd.Series(dtype="Float64")
    return numbers(people).round().astype("Int64").rename("population")
