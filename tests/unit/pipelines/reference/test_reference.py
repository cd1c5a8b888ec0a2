from __future__ import annotations

import urllib.error
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from pipelines.errors import ExtractError
from pipelines.reference.area import area_frame
from pipelines.reference.columns import DEPRIVATION, find_columns
from pipelines.reference.deprivation import national_decile
from pipelines.reference.files import Reference, ReferenceSettings, with_landing_reference
from pipelines.sources.synthetic.real_areas import areas_of_icb, practices_of_icb, published_list_sizes

OPEN_DATA = Path("../shared/data")
BNSSG = "NHS Bristol, North Somerset and South Gloucestershire Integrated Care Board"
needs_open_data = pytest.mark.skipif(not (OPEN_DATA / "area").is_dir(), reason="the open data folder ../shared/data is not there")

HEADER_2025 = [
    "LSOA code (2021)", "LSOA name (2021)", "Local Authority District code (2024)", "Local Authority District name (2024)",
    "Index of Multiple Deprivation (IMD) Score", "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)",
    "Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)", "Income Score (rate)",
    "Income Decile (where 1 is most deprived 10% of LSOAs)", "Education, Skills and Training Decile (where 1 is most deprived 10% of LSOAs)",
    "Health Deprivation and Disability Decile (where 1 is most deprived 10% of LSOAs)",
    "Barriers to Housing and Services Decile (where 1 is most deprived 10% of LSOAs)",
    "Children and Young People Sub-domain Decile (where 1 is most deprived 10% of LSO",
    "Income Deprivation Affecting Children Index (IDACI) Score (rate)",
    "Income Deprivation Affecting Older People (IDAOPI) Score (rate)", "Total population: mid 2022",
]  # fmt: skip


def csv(path: Path, rows: list[dict[str, object]]) -> str:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path.name


def file_7(code: str, rank: int, decile: int, column: str = "LSOA code (2021)") -> dict[str, object]:
    return {
        column: code,
        "Index of Multiple Deprivation (IMD) Score": 30.5,
        "Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)": rank,
        "Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)": decile,
        "Income Decile (where 1 is most deprived 10% of LSOAs)": 2,
        "Total population: mid 2022": "1,650",
    }


def change(older: str, newer: str, kind: str) -> dict[str, object]:
    return {"LSOA11CD": older, "LSOA21CD": newer, "CHGIND": kind, "LAD22CD": "E06000001", "LAD22NM": "Anytown"}


def reference(folder: Path, **settings: object) -> Reference:
    return Reference(ReferenceSettings.model_validate(settings), folder, folder / "cache")


@pytest.fixture
def board(tmp_path: Path) -> Reference:
    """Return a reference with five changed areas: one unchanged, two merged, one split, one irregular."""
    changes = [
        change("E01000001", "E01000001", "U"), change("E01000002", "E01000022", "M"), change("E01000003", "E01000022", "M"),
        change("E01000004", "E01000041", "S"), change("E01000004", "E01000042", "S"), change("E01000005", "E01000051", "X"),
    ]  # fmt: skip
    newer = [file_7(code, rank, decile) for code, rank, decile in
             [("E01000001", 1, 1), ("E01000022", 33_755, 10), ("E01000041", 3_376, 2), ("E01000042", 3_375, 1), ("E01000051", 20_000, 6)]]  # fmt: skip
    older = [file_7(code, rank, decile, "LSOA code (2011)") for code, rank, decile in
             [("E01000001", 2, 1), ("E01000002", 5_000, 2), ("E01000003", 30_000, 10), ("E01000004", 16_422, 5), ("E01000005", 9, 1)]]  # fmt: skip
    return reference(
        tmp_path,
        deprivation=[
            {"edition": 2025, "file": csv(tmp_path / "a.csv", newer)},
            {"edition": 2019, "file": csv(tmp_path / "b.csv", older)},
        ],
        lsoa_changes=csv(tmp_path / "c.csv", changes),
    )


def test_published_headers_are_recognised_even_if_they_are_cut_off():
    found = find_columns(HEADER_2025, DEPRIVATION)
    assert found["imd_decile"] == HEADER_2025[6]
    assert found["education_decile"] == HEADER_2025[9]
    assert found["idaopi_score"] == HEADER_2025[14]
    assert found["income_decile"] == HEADER_2025[8]
    cut_off = HEADER_2025[6][:70]
    assert find_columns([cut_off], DEPRIVATION) == {"imd_decile": cut_off}
    assert HEADER_2025[12] not in found.values()


def test_a_decile_passes_only_along_a_certain_change(board):
    area = area_frame(board).set_index("lsoa_code")
    assert area["imd_2025_decile"].astype(object).where(area["imd_2025_decile"].notna(), None).to_dict() == {
        "E01000001": 1, "E01000002": 10, "E01000003": 10, "E01000004": None, "E01000005": None,
        "E01000022": 10, "E01000041": 2, "E01000042": 1, "E01000051": 6,
    }  # fmt: skip
    assert area.loc[["E01000041", "E01000042"], "imd_2019_decile"].tolist() == [
        5,
        5,
    ]  # from the area that they were split from
    assert pd.isna(area.loc["E01000022", "imd_2019_decile"])  # merged from two areas, whose deciles are not averaged
    assert area.loc["E01000004", "imd_reason"] == area.loc["E01000005", "imd_reason"] == "split_area"
    assert area.loc["E01000001", ["lsoa_vintage", "population", "local_authority_name"]].tolist() == [2021, 1650, "Anytown"]
    assert area.loc["E01000002", "lsoa_vintage"] == 2011
    assert area.index.is_unique


def test_missing_columns_are_listed(board):
    area_frame(board)
    assert {"idaci_2025_score", "idaopi_2019_score", "crime_2025_decile"} <= set(board.lacking)
    assert "imd_2025_score" not in board.lacking


def test_without_reference_files_there_are_no_areas(tmp_path):
    assert area_frame(reference(tmp_path)).empty


def test_an_edition_with_codes_of_the_wrong_vintage_is_refused(tmp_path):
    older = csv(tmp_path / "older.csv", [file_7("E01000001", 1, 1, "LSOA code (2011)")])
    with pytest.raises(ExtractError, match="2025 edition uses LSOA 2021 codes, but the file has LSOA 2011"):
        area_frame(reference(tmp_path, deprivation=[{"edition": 2025, "file": older}]))


def test_codes_of_the_other_vintage_are_refused_under_any_header(tmp_path):
    changes = csv(
        tmp_path / "c.csv",
        [change(f"E0100{n:04}", f"E0100{n:04}" if n < 95 else f"E0109{n:04}", "U" if n < 95 else "M") for n in range(100)],
    )
    rows = csv(tmp_path / "d.csv", [file_7(f"E0100{n:04}", n + 1, 1, "lsoa_code") for n in range(100)])
    with pytest.raises(ExtractError, match=r"95.0% of its codes are LSOA 2021 and 100.0% are LSOA 2011"):
        area_frame(reference(tmp_path, lsoa_changes=changes, deprivation=[{"edition": 2025, "file": rows}]))


def test_deciles_that_contradict_their_ranks_are_refused(tmp_path):
    rows = csv(tmp_path / "d.csv", [file_7("E01000001", 3_376, 1), file_7("E01000002", 3_375, 1)])
    with pytest.raises(ExtractError, match=r"d\.csv: the IMD decile of 1 areas"):
        area_frame(reference(tmp_path, deprivation=[{"edition": 2025, "file": rows}]))


def test_the_error_of_a_missing_column_names_the_headers_of_the_file(tmp_path):
    changes = csv(tmp_path / "c.csv", [{"LSOA11CD": "E01000001", "something": 1}])
    with pytest.raises(ExtractError, match=r"there is no column lsoa21_code or change_code; its headers are LSOA11CD, something"):
        area_frame(reference(tmp_path, lsoa_changes=changes))
    with pytest.raises(ExtractError, match="there is no file"):
        area_frame(reference(tmp_path, lsoa_changes="absent.csv"))


def test_a_header_can_be_named_in_the_settings(tmp_path):
    rows = csv(tmp_path / "d.csv", [{"area": "E01000001", "decile": 3}])
    settings = [{"edition": 2025, "file": rows, "columns": {"lsoa_code": "area", "imd_decile": "decile"}}]
    assert area_frame(reference(tmp_path, deprivation=settings))["imd_2025_decile"].tolist() == [3]


def test_a_url_is_downloaded_once_and_a_closed_network_is_an_error(tmp_path, monkeypatch):
    def no_network(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", no_network)
    with pytest.raises(ExtractError, match=r"cannot be downloaded.*set the path of the file instead"):
        area_frame(reference(tmp_path, lsoa_changes="https://example.org/changes.csv"))
    served = tmp_path / "served.csv"
    csv(served, [change("E01000001", "E01000001", "U")])
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: served.open("rb"))
    from_url = reference(tmp_path, lsoa_changes="https://example.org/changes.csv")
    assert len(area_frame(from_url)) == 1
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    assert len(area_frame(from_url)) == 1


def test_an_edition_may_appear_once_and_one_organisation_file_may_be_a_plain_path():
    with pytest.raises(ValidationError, match="may appear once, not 2025, 2025"):
        ReferenceSettings(deprivation=[{"edition": 2025, "file": "a.csv"}, {"edition": 2025, "file": "b.csv"}])
    assert ReferenceSettings.model_validate({"organisations": "a.csv"}).organisations[0].file == "a.csv"


def test_published_lists_are_summed_over_areas_at_their_latest_date(tmp_path):
    rows = [
        {"EXTRACT_DATE": day, "PRACTICE_CODE": practice, "LSOA_CODE": lsoa, "SEX": sex, "Number of Patients": people}
        for day, practice, lsoa, sex, people in [
            ("01OCT2025", "Y00001", "E01000001", "ALL", "9,000"), ("01JAN2026", "Y00001", "E01000001", "ALL", "1,200"),
            ("01JAN2026", "Y00001", "CLOSED", "ALL", "30"), ("01JAN2026", "Y00001", "E01000001", "MALE", "600"), ("01JAN2026", "y00002", "E01000001", "ALL", "5"),
        ]
    ]  # fmt: skip
    sizes = published_list_sizes(reference(tmp_path, practice_list_sizes=csv(tmp_path / "l.csv", rows)))
    assert sizes is not None
    assert sizes.set_index("practice_code")["patients"].to_dict() == {"Y00001": 1230, "Y00002": 5}
    assert published_list_sizes(reference(tmp_path)) is None


def test_files_of_a_landing_folder_replace_missing_settings(tmp_path):
    csv(
        tmp_path / "organisations.csv",
        [{"code": "RX1", "role": "provider", "name": "One", "valid_from": "2019-04-01", "valid_to": ""}],
    )
    csv(tmp_path / "LSOA11_LSOA21_lookup.csv", [change("E01000001", "E01000001", "U")])
    filled = with_landing_reference(
        ReferenceSettings.model_validate({"organisations": "hierarchy.csv", "rural_urban": "mine.csv"}), tmp_path
    )
    assert [Path(file.file).name for file in filled.organisations] == ["hierarchy.csv", "organisations.csv"]
    assert filled.lsoa_changes == str(tmp_path / "LSOA11_LSOA21_lookup.csv")
    assert filled.rural_urban == "mine.csv"
    assert filled.lsoa_places is None


@pytest.fixture(scope="module")
def england() -> Reference:
    area = (OPEN_DATA / "area").resolve()
    settings = ReferenceSettings.model_validate(
        {
            "deprivation": [
                {"edition": 2025, "file": "imd2025_england_lsoa21.parquet"},
                {"edition": 2019, "file": "imd2019_england_lsoa11.parquet"},
            ],
            "lsoa_changes": "lookup_lsoa11_lsoa21_ltla22.parquet",
            "lsoa_places": "lookup_lsoa21_icb24.parquet",
            "rural_urban": "ruc21_lsoa21.parquet",
            "ethnicity": "ethnicity21_lsoa21.parquet",
            "organisations": str(OPEN_DATA.resolve() / "practice_lookup/structures_2023_2024.parquet"),
        }
    )
    return Reference(settings, area, area)


@needs_open_data
def test_every_area_has_the_published_deciles_of_both_editions(england):
    area = area_frame(england).set_index("lsoa_code")
    for edition, file, column, areas in [
        (2025, "imd2025_england_lsoa21.parquet", "lsoa21_code", 33_755),
        (2019, "imd2019_england_lsoa11.parquet", "lsoa11_code", 32_844),
    ]:
        published = pd.read_parquet(OPEN_DATA / "area" / file).set_index(column)
        assert len(published) == areas
        ours = area.loc[published.index]
        assert (ours[f"imd_{edition}_decile"] == published["IMD_decile"]).all()
        assert (national_decile(published["IMD_rank"], areas) == published["IMD_decile"]).all()
        assert (ours[f"health_{edition}_decile"] == published["Health_decile"]).all()
    assert (area["lsoa_vintage"] == 2021).sum() == 33_755
    assert (area.loc[area["lsoa_vintage"] == 2021, "population"].sum()) == pytest.approx(
        56_490_000, rel=1e-4
    )  # Census 2021, England


@needs_open_data
def test_one_real_icb_has_its_areas_people_and_practices(england):
    areas = areas_of_icb(england, BNSSG)
    assert len(areas) == 581
    assert set(areas["icb_code"]) == {"QUY"}
    assert set(areas["local_authority_name"]) == {"Bristol, City of", "North Somerset", "South Gloucestershire"}
    census = (
        pd.read_parquet(OPEN_DATA / "area/ethnicity21_lsoa21.parquet")
        .drop_duplicates("lsoa21_code")
        .set_index("lsoa21_code")["total_residents"]
    )
    assert (areas.set_index("lsoa_code")["population"] == census.loc[areas["lsoa_code"]]).all()
    assert areas[["white", "mixed", "asian", "black", "other"]].sum(axis=1).to_numpy() == pytest.approx(1)
    assert areas["imd_decile"].between(1, 10).all()
    practices = practices_of_icb(england, "QUY")
    assert len(practices) == 74
    assert set(practices["sub_icb_code"]) == set(areas["sub_icb_code"]) == {"15C"}
    assert areas["lsoa11_code"].notna().all()


@needs_open_data
def test_ages_in_areas_of_2011_become_age_bands_of_areas_of_2021(england):
    settings = england.settings.model_copy(update={"population": "population20_lsoa11.parquet", "ethnicity": None})
    areas = areas_of_icb(Reference(settings, england.folder, england.cache), "QUY")
    shares = areas[[f"age_share_{low}" for low in range(0, 95, 5)]]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)


@needs_open_data
def test_the_error_of_an_unknown_icb_names_similar_ones(england):
    with pytest.raises(ExtractError, match=r"Similar names: .*Bristol"):
        areas_of_icb(england, "NHS Bristol Integrated Care Board")
