from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pipelines.conform.areas_and_organisations import conform_areas, conform_organisations
from pipelines.lake.storage import Lake
from pipelines.reference.files import Reference, ReferenceSettings
from pipelines.reference.organisation import organisation_frames


def csv(path: Path, rows: list[dict[str, object]]) -> str:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path.name


def practice(code: str, pcn: str, icb: str = "QSB", name: str = "") -> dict[str, object]:
    return {
        "PRACTICE_CODE": code, "PRACTICE_NAME": name or f"Practice {code}", "PCN_ODS_CODE": pcn, "PCN_NAME": f"Network {pcn}",
        "SUB_ICB_ODS_CODE": "Q0A", "SUB_ICB_NAME": "Sub", "ICB_ODS_CODE": icb, "ICB_NAME": f"Board {icb}",
    }  # fmt: skip


def frames(folder: Path, **settings: object) -> dict[str, pd.DataFrame]:
    return organisation_frames(Reference(ReferenceSettings.model_validate(settings), folder, folder))


@pytest.fixture
def two_years(tmp_path: Path) -> dict[str, pd.DataFrame]:
    """Return the frames of two snapshots, between which Y00002 changes its PCN and the ICB its code."""
    before = csv(tmp_path / "2023.csv", [practice("Y00001", "U00001"), practice("Y00002", "U00001"), practice("Y00003", "U")])
    after = csv(tmp_path / "2024.csv", [practice("Y00001", "U00001", "QNX"), practice("Y00002", "U00002", "QNX")])
    return frames(
        tmp_path, organisations=[{"file": after, "valid_from": "2024-04-01"}, {"file": before, "valid_from": "2023-04-01"}]
    )


def periods(frame: pd.DataFrame, **where: str) -> list[tuple[str, str]]:
    rows = frame.loc[(frame[list(where)] == pd.Series(where)).all(axis=1)]
    return [
        (f"{row.valid_from:%Y-%m-%d}", "" if pd.isna(row.valid_to) else f"{row.valid_to:%Y-%m-%d}") for row in rows.itertuples()
    ]


def test_snapshots_become_periods_and_unchanged_facts_have_one(two_years):
    relation = two_years["relation"]
    assert periods(relation, child_code="Y00001", relation="practice_pcn") == [("2023-04-01", "")]
    assert periods(relation, child_code="Y00002", parent_code="U00001") == [("2023-04-01", "2024-03-31")]
    assert periods(relation, child_code="Y00002", parent_code="U00002") == [("2024-04-01", "")]
    assert periods(relation, child_code="Q0A", parent_code="QSB") == [("2023-04-01", "2024-03-31")]
    assert periods(relation, child_code="Q0A", parent_code="QNX") == [("2024-04-01", "")]
    assert periods(relation, child_code="Y00003", relation="practice_pcn") == []  # without a PCN
    organisation = two_years["organisation"]
    assert periods(organisation, code="Y00003", role="practice") == [("2023-04-01", "2024-03-31")]
    assert periods(organisation, code="U00001", role="pcn") == [("2023-04-01", "")]


def test_dated_files_are_not_changed(tmp_path):
    organisations = csv(
        tmp_path / "o.csv",
        [{"code": "RX1", "role": "provider", "name": "One", "valid_from": "2019-04-01", "valid_to": "2025-03-31"}],
    )
    relations = [
        {"child_code": "Y00001", "parent_code": "U00001", "relation": "practice_pcn", "valid_from": "2019-07-01", "valid_to": ""}
    ]
    successions = [{"from_code": "RX1", "to_code": "RX9", "kind": "merger", "share": "1", "effective_date": "2025-04-01"}]
    found = frames(
        tmp_path, organisations=organisations, organisation_relations=csv(tmp_path / "r.csv", relations),
        organisation_succession=csv(tmp_path / "s.csv", successions),
    )  # fmt: skip
    assert periods(found["organisation"], code="RX1") == [("2019-04-01", "2025-03-31")]
    assert periods(found["relation"], child_code="Y00001") == [("2019-07-01", "")]
    assert found["succession"]["share"].tolist() == [1]


def test_organisations_without_roles_or_dates_are_providers(tmp_path):
    found = frames(
        tmp_path,
        organisations=csv(
            tmp_path / "t.csv", [{"nhs_trust22_code": "R0A", "share": 0.5}, {"nhs_trust22_code": "R0A", "share": 0.1}]
        ),
    )
    assert found["organisation"][["code", "role"]].to_numpy().tolist() == [["R0A", "provider"]]


def test_the_tables_are_stored_with_and_without_reference_files(tmp_path, two_years):
    lake = Lake(tmp_path / "lake")
    empty = Reference(ReferenceSettings(), tmp_path, tmp_path)
    assert conform_areas(lake, empty)["areas"] == 0
    assert conform_organisations(lake, empty)["organisations"] == 0
    settings = ReferenceSettings.model_validate({"organisations": str(tmp_path / "2023.csv")})
    assert conform_organisations(lake, Reference(settings, tmp_path, tmp_path))["organisations"] == len(
        {"Y1", "Y2", "Y3", "U1", "Q0A", "QSB"}
    )
    assert lake.read("core__organisation", order="code").column("valid_from").null_count == 0
