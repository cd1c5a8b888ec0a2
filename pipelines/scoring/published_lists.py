"""The lists that a run publishes with its scores: caseloads make them, scoring stores them before the run counts."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from expectations.table import Table
from expectations.tables.caseload import CASELOAD, EXCLUSIONS, RISING


@dataclass(frozen=True)
class RunLists:
    """What a run publishes beside its scores; columns as declared, but for run_id."""

    caseload: pd.DataFrame
    rising: pd.DataFrame
    exclusions: pd.DataFrame

    @property
    def tables(self) -> tuple[tuple[Table, pd.DataFrame], ...]:
        """Give each stored table with its rows."""
        return (CASELOAD, self.caseload), (RISING, self.rising), (EXCLUSIONS, self.exclusions)

    @property
    def shown(self) -> pd.DataFrame:
        """Give the keys of the people that somebody is shown: each needs drivers."""
        keys = ["person_id", "index_event_id"]
        return pd.concat([self.caseload.loc[self.caseload["listed"], keys], self.rising[keys]]).drop_duplicates()
