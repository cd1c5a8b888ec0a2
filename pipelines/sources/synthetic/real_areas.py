"""Read the areas, practices and published list sizes of one real ICB from the reference files."""

from __future__ import annotations

import pandas as pd

from pipelines.errors import ExtractError
from pipelines.reference.area import area_frame, change_lookup
from pipelines.reference.columns import ANY_LSOA, ETHNICITY, LIST_SIZES, LSOA
from pipelines.reference.files import Reference, dates, numbers
from pipelines.reference.organisation import organisation_frames
from pipelines.sources.synthetic.areas_and_practices import AGE_BANDS

# Census 2021 groups. They count Chinese people as Asian and the NHS 5+1 groups count them as other: never divide one by the other.
_GROUPS = {"white": "white", "mixed": "mixed", "asian": "asian", "black": "black", "other": "other"}


def areas_of_icb(reference: Reference, icb: str, edition: int = 2025) -> pd.DataFrame:
    """Return the 2021 LSOAs of an ICB (name or ODS code), sorted by code.

    Columns: lsoa_code, lsoa11_code, population, imd_rank and imd_decile of the edition, sub_icb_code, icb_code, icb_name,
    local_authority_code, local_authority_name, is_rural. If the reference has them: the Census 2021 shares white, mixed, asian, black, other,
    and age_share_0 to age_share_90 by five years. Raise ExtractError for an ICB that is not in the reference.
    """
    area = area_frame(reference)
    area = area[area["lsoa_vintage"] == 2021]
    name_or_code = icb.strip().lower()
    inside = (area["icb_code"].str.lower() == name_or_code) | (area["icb_name"].str.lower() == name_or_code)
    if not inside.any():
        raise _no_such_icb(icb, sorted(area["icb_name"].dropna().unique()))
    places = ["sub_icb_code", "icb_code", "icb_name", "local_authority_code", "local_authority_name", "is_rural", "population"]
    areas = area.loc[inside, ["lsoa_code", *places]].assign(
        imd_rank=area[f"imd_{edition}_rank"], imd_decile=area[f"imd_{edition}_decile"], is_rural=area["is_rural"].fillna(False)
    )
    areas = areas.merge(_older_codes(reference, areas["lsoa_code"]), on="lsoa_code", how="left")
    for extra in (_ethnic_shares(reference), _age_shares(reference)):
        if extra is not None:
            areas = areas.merge(extra, on="lsoa_code", how="left")
    return areas.sort_values("lsoa_code", ignore_index=True)


def _no_such_icb(icb: str, names: list[str]) -> ExtractError:
    words = {word for word in icb.lower().split() if len(word) > 4} - {"integrated"}
    similar = [name for name in names if any(word in name.lower() for word in words)]
    return ExtractError(
        f"The file in `reference.lsoa_places` has no ICB '{icb}'. Correct `source.synthetic.icb`. "
        f"{'Similar names' if similar else 'Names in the file'}: {'; '.join((similar or names)[:8])}"
    )


def practices_of_icb(reference: Reference, icb: str) -> pd.DataFrame:
    """Return the current practices of an ICB (name or ODS code), sorted: practice_code, practice_name, pcn_code, sub_icb_code."""
    frames = organisation_frames(reference)
    organisation, relation = (frames[name][frames[name]["valid_to"].isna()] for name in ("organisation", "relation"))
    icbs = organisation[organisation["role"] == "icb"]
    name_or_code = icb.strip().lower()
    codes = icbs.loc[(icbs["code"].str.lower() == name_or_code) | (icbs["name"].str.lower() == name_or_code), "code"]
    if codes.empty:
        raise ExtractError(
            f"The file in `reference.organisations` has no ICB '{icb}'. Use a file with its practice hierarchy, "
            "or correct `source.synthetic.icb`."
        )

    def parents(kind: str) -> pd.Series:
        links = relation[relation["relation"] == kind].drop_duplicates("child_code")
        return links.set_index("child_code")["parent_code"]

    sub_icbs = parents("sub_icb_icb")
    inside = sub_icbs[sub_icbs.isin(codes)].index
    practices = organisation[organisation["role"] == "practice"].rename(
        columns={"code": "practice_code", "name": "practice_name"}
    )
    practices = practices.assign(
        pcn_code=practices["practice_code"].map(parents("practice_pcn")),
        sub_icb_code=practices["practice_code"].map(parents("practice_sub_icb")),
    )
    columns = ["practice_code", "practice_name", "pcn_code", "sub_icb_code"]
    return practices.loc[practices["sub_icb_code"].isin(inside), columns].sort_values("practice_code", ignore_index=True)


def published_list_sizes(reference: Reference) -> pd.DataFrame | None:
    """Return the published list size of each practice: practice_code, patients, extract_date (latest).

    Return None without a file. The file counts by area and sex. Rows for all sexes (ALL) are used if there are any, otherwise all rows are summed.
    """
    source = reference.settings.practice_list_sizes
    if not source:
        return None
    frame = reference.read(source, LIST_SIZES, ("practice_code", "people")).dropna(subset="practice_code")
    frame = frame.assign(people=numbers(frame["people"]).fillna(0), practice_code=frame["practice_code"].str.upper())
    if "sex" in frame and frame["sex"].str.upper().eq("ALL").any():
        frame = frame[frame["sex"].str.upper() == "ALL"]
    frame["extract_date"] = dates(frame["extract_date"]) if "extract_date" in frame else pd.NaT
    latest = frame["extract_date"].isna().all() | (frame["extract_date"] == frame["extract_date"].max())
    sizes = (
        frame[latest]
        .groupby("practice_code", as_index=False)
        .agg(patients=("people", "sum"), extract_date=("extract_date", "max"))
    )
    return sizes.assign(patients=sizes["patients"].astype("int64"))


def _older_codes(reference: Reference, codes: pd.Series) -> pd.DataFrame:
    changes = change_lookup(reference)
    if changes is None:
        return pd.DataFrame({"lsoa_code": codes, "lsoa11_code": codes})
    pairs = changes.sort_values("lsoa11_code").drop_duplicates("lsoa21_code")
    return pairs.rename(columns={"lsoa21_code": "lsoa_code"})[["lsoa_code", "lsoa11_code"]]


def _ethnic_shares(reference: Reference) -> pd.DataFrame | None:
    if not reference.settings.ethnicity:
        return None
    frame = reference.read(
        reference.settings.ethnicity, {"lsoa_code": ANY_LSOA, **ETHNICITY}, ("lsoa_code", "ethnic_group", "people")
    )
    first_word = frame["ethnic_group"].str.lower().str.extract(r"^([a-z]+)")[0]
    counts = frame.assign(group=first_word.map(_GROUPS), people=numbers(frame["people"])).dropna(subset="group")
    table = counts.pivot_table(index="lsoa_code", columns="group", values="people", aggfunc="sum").astype(float)
    return table.div(table.sum(axis=1), axis=0).reindex(columns=list(_GROUPS)).reset_index()


def _age_shares(reference: Reference) -> pd.DataFrame | None:
    """Return the share of each five-year age band; ages by LSOA 2011 are summed over the areas from which an LSOA 2021 was made."""
    if not reference.settings.population:
        return None
    patterns = {f"lsoa_{vintage}": pattern for vintage, pattern in LSOA.items()}
    frame = reference.read(reference.settings.population, patterns, (), others=True)
    years = {name: int(str(name).rstrip("+")) for name in frame.columns if str(name).rstrip("+").isdigit()}
    if len(years) < 91:
        return None
    by_band = frame[list(years)].astype(float).T.groupby(lambda name: AGE_BANDS[min(years[name] // 5, len(AGE_BANDS) - 1)])
    ages = by_band.sum().T.reindex(columns=list(AGE_BANDS), fill_value=0.0)
    changes = change_lookup(reference)
    if "lsoa_2021" in frame:
        summed = ages.groupby(frame["lsoa_2021"]).sum()
    elif changes is not None:
        pairs = changes[["lsoa11_code", "lsoa21_code"]].merge(ages.assign(lsoa11_code=frame["lsoa_2011"]), on="lsoa11_code")
        summed = pairs.drop(columns="lsoa11_code").groupby("lsoa21_code").sum()
    else:
        return None
    return summed.div(summed.sum(axis=1), axis=0).rename_axis("lsoa_code").reset_index()
