"""Built rows beside recounted ones, and the first few differences with the events behind them."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from pipelines.lake.storage import Lake

RELATIVE = 1e-5  # float32 sums in another order


def built_rows(lake: Lake) -> pd.DataFrame:
    """Read features__person in the order of the recount."""
    return lake.read("features__person", order="person_key, index_date, index_event_id").to_pandas()


def differences(con: duckdb.DuckDBPyConnection, built: pd.DataFrame, recounted: pd.DataFrame) -> list[str]:
    """Return where built features differ from the recount: rows first, then one place for each feature."""
    rows = con.sql("SELECT person_key, index_date, index_event_id, practice, lsoa FROM f ORDER BY r").df()
    keys = ["person_key", "index_event_id"]
    if built[keys].astype(str).to_numpy().tolist() != rows[keys].astype(str).to_numpy().tolist():
        return [f"the cohort differs: {len(built)} rows built, {len(rows)} recounted"]
    places = [("practice_code", "practice"), ("lsoa_code", "lsoa")]
    found = [
        name
        for name, own in places
        if built[name].astype(object).where(built[name].notna(), None).tolist()
        != rows[own].astype(object).where(rows[own].notna(), None).tolist()
    ]
    for name in recounted.columns:
        if name not in built:
            found.append(f"{name} was not built")
            continue
        ours, theirs = recounted[name].to_numpy(dtype=np.float64), built[name].to_numpy(dtype=np.float64)
        same = np.isclose(theirs, ours, rtol=RELATIVE, atol=RELATIVE, equal_nan=True)
        if not same.all():
            place = int(np.argmin(same))
            found.append(_difference_as_text(con, name, place + 1, theirs[place], ours[place], int((~same).sum())))
    return found


def _difference_as_text(con: duckdb.DuckDBPyConnection, name: str, row: int, built: float, recounted: float, number: int) -> str:
    events = con.sql(f"SELECT event_date, available_date, event_type, source_code, value FROM f JOIN core__event USING (person_key) "
                     f"LEFT JOIN core__code USING (code) WHERE r = {row} ORDER BY 1 LIMIT 20")  # fmt: skip
    return f"{name}: built {built}, recounted {recounted} in row {row} and {number - 1} more\n{events}"
