"""Write the reference files of a made-up board, with the layouts and headers of the published files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.sources.synthetic.areas_and_practices import NATIONAL_AREAS_2019, NATIONAL_AREAS_2025, Places
from pipelines.sources.synthetic.csv_files import write_small_csv
from pipelines.sources.synthetic.random_streams import PLACES, stream
from pipelines.sources.synthetic.settings import SyntheticSettings

FILE_7_2025 = "File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv"
FILE_7_2019 = "File_7_-_All_IoD2019_Scores__Ranks__Deciles_and_Population_Denominators_3.csv"
LIST_SIZES = "gp-reg-pat-prac-lsoa-all.csv"
REGION = ("Y99", "E40000999", "Sample Region")
ICB_ONS = "E54000900"
VALID_FROM = "2019-04-01"
RELATION_CHANGED = "2023-04-01"  # day on which one practice moved to another network

# Domains of the index: weight, correlation of the domain's rank with the index, and kind of score
# (English Indices of Deprivation 2025, technical report).
DOMAINS = {
    "Income": (0.225, 0.94, "Score (rate)"),
    "Employment": (0.225, 0.94, "Score (rate)"),
    "Education, Skills and Training": (0.135, 0.87, "Score"),
    "Health Deprivation and Disability": (0.135, 0.86, "Score"),
    "Crime": (0.093, 0.82, "Score"),
    "Barriers to Housing and Services": (0.093, 0.24, "Score"),
    "Living Environment": (0.093, 0.34, "Score"),
    "Income Deprivation Affecting Children Index (IDACI)": (0.0, 0.90, "Score (rate)"),
    "Income Deprivation Affecting Older People (IDAOPI)": (0.0, 0.88, "Score (rate)"),
}
# Scores of LSOA 2021 at every twentieth of the ranks, most deprived first (Indices of Deprivation 2025, File 7).
IMD_SCORES = (
    94.2,
    54.3,
    44.9,
    38.3,
    33.5,
    29.7,
    26.6,
    23.9,
    21.5,
    19.4,
    17.5,
    15.7,
    14.1,
    12.5,
    11.1,
    9.7,
    8.4,
    7.0,
    5.5,
    3.8,
    0.2,
)
DOMAIN_SCORES = {
    "Score (rate)": (0.998, 0.544, 0.464, 0.408, 0.362, 0.322, 0.289, 0.258, 0.231, 0.206, 0.184, 0.165, 0.149, 0.133, 0.118, 0.105, 0.093, 0.080, 0.067, 0.050, 0.002),
    "Score": (3.3, 1.5, 1.17, 0.95, 0.77, 0.61, 0.46, 0.33, 0.20, 0.08, -0.03, -0.15, -0.26, -0.37, -0.49, -0.62, -0.76, -0.91, -1.11, -1.41, -3.1),
}  # fmt: skip
RANK, DECILE = "Rank (where 1 is most deprived)", "Decile (where 1 is most deprived 10% of LSOAs)"


def write_reference(settings: SyntheticSettings, places: Places, folder: Path, list_sizes: pd.DataFrame) -> list[str]:
    """Write the reference files to a folder; a board in real areas gets only providers, switch dates and list sizes."""
    tables = {
        "organisations.csv": _organisations(settings, places),
        "same_day_emergency_care_switches.csv": pd.DataFrame(
            {"provider_code": [places.providers[2]], "switch_date": [settings.same_day_switch_date.isoformat()]}
        ),
        LIST_SIZES: _list_sizes(settings, places, list_sizes),
    }
    if places.made_up:
        older = _older_areas(places)
        tables |= {
            "organisation_relations.csv": _relations(settings, places),
            "organisation_successions.csv": pd.DataFrame(columns=["from_code", "to_code", "kind", "share", "effective_date"]),
            "practice_lookup.csv": _practice_lookup(settings, places),
            FILE_7_2025: _file_7(settings, places.areas, 2025),
            FILE_7_2019: _file_7(settings, older, 2019),
            "LSOA11_LSOA21_lookup.csv": _change_lookup(places),
            "LSOA21_SICBL_ICB_lookup.csv": _area_lookup(settings, places),
            "RUC21_LSOA21.csv": _rural_urban(places),
        }
    for name, table in tables.items():
        columns = {column: pa.array([_text(value) for value in table[column]], pa.string()) for column in table.columns}
        write_small_csv(folder / name, pa.table(columns))
    return list(tables)


def _organisations(settings: SyntheticSettings, places: Places) -> pd.DataFrame:
    rows = [(code, "provider", f"Sample Hospital {number}") for number, code in enumerate(places.providers, start=1)]
    if places.made_up:
        rows += list(
            zip(
                places.practices["practice_code"],
                ["practice"] * len(places.practices),
                places.practices["practice_name"],
                strict=True,
            )
        )
        rows += [(code, "pcn", f"Sample Network {code}") for code in sorted(places.practices["pcn_code"].unique())]
        rows += [(code, "sub_icb", _sub_icb_name(settings, code)) for code in sorted(places.practices["sub_icb_code"].unique())]
        rows += [(settings.icb_code, "icb", settings.board_name), (REGION[0], "region", REGION[2])]
    frame = pd.DataFrame(rows, columns=["code", "role", "name"])
    return frame.assign(valid_from=VALID_FROM, valid_to="")


def _relations(settings: SyntheticSettings, places: Places) -> pd.DataFrame:
    practices = places.practices
    rows = [(row.practice_code, row.pcn_code, "practice_pcn", VALID_FROM, "") for row in practices.itertuples()]
    other = practices["pcn_code"].iloc[-1]
    first = rows[0]
    rows[0] = (first[0], other, "practice_pcn", VALID_FROM, _day_before(RELATION_CHANGED))
    rows.append((first[0], first[1], "practice_pcn", RELATION_CHANGED, ""))
    rows += [(row.practice_code, row.sub_icb_code, "practice_sub_icb", VALID_FROM, "") for row in practices.itertuples()]
    pairs = practices.drop_duplicates("pcn_code")
    rows += [(row.pcn_code, row.sub_icb_code, "pcn_sub_icb", VALID_FROM, "") for row in pairs.itertuples()]
    rows += [(code, settings.icb_code, "sub_icb_icb", VALID_FROM, "") for code in sorted(practices["sub_icb_code"].unique())]
    rows.append((settings.icb_code, REGION[0], "icb_region", VALID_FROM, ""))
    return pd.DataFrame(rows, columns=["child_code", "parent_code", "relation", "valid_from", "valid_to"])


def _practice_lookup(settings: SyntheticSettings, places: Places) -> pd.DataFrame:
    practices = places.practices
    return pd.DataFrame({
        "REGION_ODS_CODE": REGION[0], "REGION_ONS_CODE": REGION[1], "REGION_NAME": REGION[2],
        "ICB_ODS_CODE": settings.icb_code, "ICB_ONS_CODE": ICB_ONS, "ICB_NAME": settings.board_name,
        "SUB_ICB_ODS_CODE": practices["sub_icb_code"], "SUB_ICB_ONS_CODE": practices["sub_icb_code"].map(_sub_icb_ons),
        "SUB_ICB_NAME": practices["sub_icb_code"].map(lambda code: _sub_icb_name(settings, code)),
        "PCN_ODS_CODE": practices["pcn_code"], "PCN_NAME": "Sample Network " + practices["pcn_code"],
        "PRACTICE_CODE": practices["practice_code"], "PRACTICE_NAME": practices["practice_name"],
    })  # fmt: skip


def _file_7(settings: SyntheticSettings, areas: pd.DataFrame, edition: int) -> pd.DataFrame:
    """Build an edition as File 7: scores follow the ranks, and domain ranks correlate with the index as in the published file."""
    code, vintage, national = (
        ("lsoa_code", 2021, NATIONAL_AREAS_2025) if edition == 2025 else ("lsoa11_code", 2011, NATIONAL_AREAS_2019)
    )
    rng = stream(settings.seed, PLACES, edition)
    rank = areas[f"imd_{edition}_rank"].to_numpy()
    district_year = 2024 if edition == 2025 else 2019
    table = {
        f"LSOA code ({vintage})": areas[code],
        f"LSOA name ({vintage})": "Sample area " + areas[code].str[-5:],
        f"Local Authority District code ({district_year})": areas["local_authority_code"],
        f"Local Authority District name ({district_year})": "Sample district " + areas["local_authority_code"].str[-2:],
        **_ranked("Index of Multiple Deprivation (IMD)", "Score", rank, national, IMD_SCORES),
    }
    normal = np.sqrt(12) * ((rank - 0.5) / national - 0.5)
    for domain, (_, correlation, score) in DOMAINS.items():
        latent = correlation * normal + np.sqrt(1 - correlation**2) * rng.standard_normal(len(rank))
        domain_rank = np.clip(np.round((0.5 + latent / np.sqrt(12)) * national), 1, national).astype(np.int64)
        table |= _ranked(domain, score, domain_rank, national, DOMAIN_SCORES[score])
    population = "Total population: mid 2022" if edition == 2025 else "Total population: mid 2015 (excluding prisoners)"
    return pd.DataFrame(table | {population: areas["population"]})


def _ranked(name: str, score: str, rank: np.ndarray, national: int, at_twentieths: tuple[float, ...]) -> dict[str, object]:
    scores = np.interp((rank - 1) / (national - 1), np.linspace(0, 1, 21), at_twentieths)
    return {f"{name} {score}": np.round(scores, 3), f"{name} {RANK}": rank, f"{name} {DECILE}": -(-rank * 10 // national)}


def _older_areas(places: Places) -> pd.DataFrame:
    """Return one row for each LSOA 2011 code, with the people of all its parts, and both halves of merged areas."""
    areas = places.areas.groupby("lsoa11_code", as_index=False, sort=True).agg(
        {"imd_2019_rank": "first", "local_authority_code": "first", "population": "sum"}
    )
    merged = areas[areas["lsoa11_code"].str.startswith("E0196")]
    halves = merged.assign(
        lsoa11_code="E0197" + merged["lsoa11_code"].str[-4:],
        imd_2019_rank=(merged["imd_2019_rank"] + 137).clip(upper=NATIONAL_AREAS_2019),
        population=merged["population"] // 2,
    )
    return pd.concat([areas, halves], ignore_index=True).sort_values("lsoa11_code", ignore_index=True)


def _change_lookup(places: Places) -> pd.DataFrame:
    rows = []
    areas = places.areas
    for newer, first, authority in zip(areas["lsoa_code"], areas["lsoa11_code"], areas["local_authority_code"], strict=True):
        older = [first]
        change = {"E0195": "S", "E0196": "M"}.get(first[:5], "U")
        if change == "M":
            older.append("E0197" + first[-4:])
        district = (authority, "Sample district " + authority[-2:])
        rows += [(code, f"Sample area {code[-5:]}", newer, f"Sample area {newer[-5:]}", change, *district) for code in older]
    return pd.DataFrame(rows, columns=["LSOA11CD", "LSOA11NM", "LSOA21CD", "LSOA21NM", "CHGIND", "LAD22CD", "LAD22NM"])


def _area_lookup(settings: SyntheticSettings, places: Places) -> pd.DataFrame:
    areas = places.areas
    return pd.DataFrame({
        "LSOA21CD": areas["lsoa_code"], "LSOA21NM": "Sample area " + areas["lsoa_code"].str[-5:],
        "SICBL24CD": areas["sub_icb_code"].map(_sub_icb_ons), "SICBL24CDH": areas["sub_icb_code"],
        "SICBL24NM": areas["sub_icb_code"].map(lambda code: _sub_icb_name(settings, code)),
        "ICB24CD": ICB_ONS, "ICB24CDH": settings.icb_code, "ICB24NM": settings.board_name,
        "LAD24CD": areas["local_authority_code"], "LAD24NM": "Sample district " + areas["local_authority_code"].str[-2:],
    })  # fmt: skip


def _rural_urban(places: Places) -> pd.DataFrame:
    rural = places.areas["is_rural"]
    return pd.DataFrame({
        "LSOA21CD": places.areas["lsoa_code"], "LSOA21NM": "Sample area " + places.areas["lsoa_code"].str[-5:],
        "RUC21CD": rural.map({True: "RSN1", False: "UN1"}),
        "RUC21NM": rural.map({True: "Smaller rural: Nearer to a major town or city", False: "Urban: Nearer to a major town or city"}),
        "Urban_rural_flag": rural.map({True: "Rural", False: "Urban"}),
    })  # fmt: skip


def _list_sizes(settings: SyntheticSettings, places: Places, list_sizes: pd.DataFrame) -> pd.DataFrame:
    names = places.practices.set_index("practice_code")["practice_name"]
    return pd.DataFrame({
        "PUBLICATION": "GP_PRAC_PAT_LIST", "EXTRACT_DATE": settings.data_cut_date.isoformat(),
        "PRACTICE_CODE": list_sizes["practice_code"], "PRACTICE_NAME": list_sizes["practice_code"].map(names),
        "LSOA_CODE": list_sizes["lsoa_code"], "SEX": "ALL", "NUMBER_OF_PATIENTS": list_sizes["people"],
    })  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _sub_icb_ons(code: str) -> str:
    return f"E38000{900 + ord(code[-1]) - 65}"


def _sub_icb_name(settings: SyntheticSettings, code: str) -> str:
    return f"{settings.board_name} - {code}"


def _day_before(day: str) -> str:
    return str(np.datetime64(day, "D") - np.timedelta64(1, "D"))
