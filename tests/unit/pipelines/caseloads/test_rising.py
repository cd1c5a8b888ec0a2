"""Whose risk rose: by points or bands, and never by a change of coverage or edition."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import SCORES
from models.risk_bands import band_names
from models.settings import BandSettings
from pipelines.caseloads.rising import Earlier, must_be_built, people_of_rising_risk
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

BANDS = BandSettings(names=("low", "moderate", "high"), cuts=(0.02, 0.05))


def compared(
    now: dict[str, float], then: dict[str, float], **changed: dict[str, object]
) -> tuple[dict[str, tuple[object, ...]], dict[str, int]]:
    people = sorted(now)
    scores = pd.DataFrame({
        "outcome": "emergency", "person_id": people, "index_event_id": "2026-02-01", "practice_code": "P1", "age_group": "65+",
        "risk": [now[who] for who in people], "risk_change": 9.0, "coverage": "full", "imd_version": "2025", "suppression_reason": None,
    }, index=people)  # fmt: skip
    scores["risk_band"] = band_names(scores["risk"].to_numpy(), BANDS)
    for column, values in changed.items():
        for who, value in values.items():
            scores.loc[who, column] = value
    before = pd.DataFrame(
        {"person_id": sorted(then), "risk": [then[who] for who in sorted(then)], "coverage": "full", "imd_version": "2025"}
    )
    found = people_of_rising_risk(
        scores.reset_index(drop=True), Earlier("run", date(2026, 1, 1), before), BANDS, points=0.1, bands_risen=2
    )
    rows = {
        row.person_id: (round(row.risk_change, 3), row.risk_band_before, row.risk_band, row.bands_risen)
        for row in found.rows.itertuples()
    }
    return rows, dict(found.left_out)


def test_a_rise_by_points_or_by_bands_is_listed() -> None:
    rows, left_out = compared(
        {"a": 0.375, "b": 0.06, "c": 0.04, "d": 0.29, "e": 0.5}, {"a": 0.25, "b": 0.01, "c": 0.01, "d": 0.2, "e": 0.9}
    )
    assert rows == {"a": (0.125, "high", "high", 0), "b": (0.05, "low", "high", 2)}
    assert left_out == {}


def test_what_is_not_the_persons_own_change_is_counted_and_not_listed() -> None:
    now = dict.fromkeys("abcdef", 0.6)
    rows, left_out = compared(
        now, dict.fromkeys("abcde", 0.1) | {"e": 0.59},
        coverage={"a": "gp_observations", "e": "gp_observations"}, imd_version={"b": "2019"}, suppression_reason={"c": "died since"},
    )  # fmt: skip
    assert set(rows) == {"d"}
    # e did not rise at all; f has nothing to be compared with
    assert left_out == {
        "coverage changed": 1, "edition of the deprivation index changed": 1, "died since": 1, "no risk at the earlier date": 1,
    }  # fmt: skip


def test_features_of_the_earlier_date_are_built_where_they_are_gone_or_of_another_catalogue(tmp_path: Path) -> None:
    lake, day = Lake(tmp_path), date(2026, 1, 1)
    one = {field.name: "x" if pa.types.is_string(field.type) else None for field in arrow_schema(SCORES)}
    lake.write(SCORES, pa.Table.from_pylist([one | {"feature_set_version": "v1"}], arrow_schema(SCORES)), {"run_id": "r"})
    assert must_be_built(lake, "r", day, "v1")
    features = pa.Table.from_pylist(
        [{field.name: None for field in arrow_schema(PERSON_FEATURES)}], arrow_schema(PERSON_FEATURES)
    )
    lake.write(PERSON_FEATURES, features, {"index_date": day.isoformat()})
    assert not must_be_built(lake, "r", day, "v1")
    assert must_be_built(lake, "r", day, "v2")
