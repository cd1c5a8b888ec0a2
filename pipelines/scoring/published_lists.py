"""The lists that a run publishes with its scores.

`pipelines.caseloads` makes them, and scoring stores them before the run's row.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from expectations.table import Table
from expectations.tables.caseload import CASELOAD, EXCLUSIONS, RISING


@dataclass(frozen=True)
class RunLists:
    """The tables that a run publishes with its scores, with the declared columns except run_id."""

    caseload: pd.DataFrame
    rising: pd.DataFrame
    exclusions: pd.DataFrame

    @property
    def tables(self) -> tuple[tuple[Table, pd.DataFrame], ...]:
        """Return each stored table with its rows."""
        return (CASELOAD, self.caseload), (RISING, self.rising), (EXCLUSIONS, self.exclusions)

    @property
    def shown(self) -> pd.DataFrame:
        """Return the keys of the people on a list, each of whom needs drivers."""
        keys = ["person_id", "index_event_id"]
        return pd.concat([self.caseload.loc[self.caseload["listed"], keys], self.rising[keys]]).drop_duplicates()
