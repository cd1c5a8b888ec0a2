"""A column of code-level features: what it counts, so that a saved model can have it built again from events anywhere.

A code is kept as it was sent with its system: its number in core__code may differ between extracts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

CodeStatistic = Literal["flag", "count"]


@dataclass(frozen=True)
class CodeColumn:
    """Events of one type and code in the days before an index date.

    A group counts what lies at most `group_levels` below the code; 0 is the code alone. The group of ICD-10 codes with the
    same first three characters has one level.
    """

    event_type: str
    code_system: str
    code: str
    window_days: int
    statistic: CodeStatistic = "flag"
    group_levels: int = 0

    @property
    def concept(self) -> str:
        """Name what it counts without window and statistic, in [a-z0-9_]; other characters stand as their number in hex."""
        code = re.sub(r"[^a-z0-9]", lambda found: f"_{ord(found[0]):x}_", self.code.lower())
        return f"{self.event_type}_{code}{'_group' if self.group_levels else ''}"

    @property
    def name(self) -> str:
        """Name the column as a curated feature is named."""
        return f"{self.concept}{'_count' if self.statistic == 'count' else ''}_{self.window_days}d"

    def label(self, code_name: str) -> str:
        """Say in words what it counts; `code_name` is what the code is called, or '' where nobody says."""
        said = code_name or f"{self.code_system.upper()} {self.code}"
        kind = self.event_type.removeprefix("omop_").replace("_", " ")
        counted = " (count)" if self.statistic == "count" else ""
        return f"{said}{' and below' if self.group_levels else ''}: {kind}{counted}, last {self.window_days} days"
