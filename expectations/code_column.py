"""A column of code-level features, described so that a saved model can have the column computed again from any events.

The column stores the code and its system as they were sent, because the number of a code in core__code may differ between lakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from expectations.time_window import in_the_last

CodeStatistic = Literal["flag", "count"]


@dataclass(frozen=True)
class CodeColumn:
    """Events of one type and code in the days before an index date.

    A group also counts the codes up to `group_levels` levels below its code; 0 counts the code alone. The group of ICD-10 codes with the
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
        """Return the name of what it counts, without window and statistic. Characters outside [a-z0-9] become their hexadecimal number."""
        code = re.sub(r"[^a-z0-9]", lambda character: f"_{ord(character[0]):x}_", self.code.lower())
        return f"{self.event_type}_{code}{'_group' if self.group_levels else ''}"

    @property
    def name(self) -> str:
        """Return the column's name, in the form of a curated feature's name."""
        return f"{self.concept}{'_count' if self.statistic == 'count' else ''}_{self.window_days}d"

    def label(self, code_name: str) -> str:
        """Return what the column counts, in plain English; `code_name` is the name of the code, or '' where it has none."""
        code = code_name or f"{self.code_system.upper()} {self.code}"
        kind = self.event_type.removeprefix("omop_").replace("_", " ").replace("gp ", "GP ")
        number = " (count)" if self.statistic == "count" else ""
        group = " or a more specific code" if self.group_levels else ""
        return f"{code}{group}: {kind}{number} {in_the_last(self.window_days)}"
