"""Lines of succession: the codes that one organisation has had, through mergers, acquisitions and changes of code.

A code belongs to a line for all time: what was sent under an earlier code belongs to the same organisation as what is sent now. A split ends
a line, because a share of people cannot be followed. Its successors begin new lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import pandas as pd
import pyarrow as pa

from expectations.organisations import ACQUISITION, CONTINUES
from expectations.tables.core_places import ORGANISATION_LINE

ONE_DAY = timedelta(days=1)
WHOLE = 1 - 1e-3  # a smaller share goes to the successor of a split


@dataclass(frozen=True)
class Step:
    """The step by which a code continued under another, since a day."""

    to_code: str
    day: date
    kind: str

    @property
    def joins(self) -> bool:
        """Return whether the other code existed before."""
        return self.kind == ACQUISITION


@dataclass(frozen=True)
class Lines:
    """The step of each code that continued under another code. A code has at most one, and the steps form no circle."""

    steps: Mapping[str, Step]

    @cached_property
    def earlier_codes(self) -> Mapping[str, tuple[str, ...]]:
        """Return the codes that continued under each code, sorted."""
        found: dict[str, list[str]] = defaultdict(list)
        for code, step in sorted(self.steps.items()):
            found[step.to_code].append(code)
        return {code: tuple(codes) for code, codes in found.items()}

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Return every code that is in a line with others, sorted."""
        return tuple(sorted({*self.steps, *self.earlier_codes}))

    @cached_property
    def _codes_by_line(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = defaultdict(list)
        for code in self.codes:
            found[self.current_code(code)].append(code)
        return {current: tuple(codes) for current, codes in found.items()}

    def other_codes(self, code: str) -> tuple[str, ...]:
        """Return the other codes of a code's line, sorted."""
        return tuple(other for other in self._codes_by_line.get(self.current_code(code), ()) if other != code)

    def current_code(self, code: str) -> str:
        """Return the code under which a line is or will be known after its last step."""
        while code in self.steps:
            code = self.steps[code].to_code
        return code

    def first_code(self, code: str) -> str:
        """Return the code that names a line: the one that existed first, the lowest of several.

        A later step does not change it, unless the line joins another one.
        """
        return self._first_of(self.current_code(code))

    def _first_of(self, code: str) -> str:
        earlier = self.earlier_codes.get(code, ())
        created = [one for one in earlier if not self.steps[one].joins]
        return min(self._first_of(one) for one in created) if created else code

    def begins(self, code: str) -> date | None:
        """Return the day on which a code began by a step, None if it existed before."""
        days = [self.steps[one].day for one in self.earlier_codes.get(code, ()) if not self.steps[one].joins]
        return min(days) if days else None

    def code_on(self, code: str, day: date) -> str:
        """Return the code that an organisation known by `code` had on a day.

        Before a merger it is that code's only predecessor. Where there were several it is not known which one, and `code` is returned.
        """
        while code in self.steps and self.steps[code].day <= day:
            code = self.steps[code].to_code
        while (begun := self.begins(code)) and day < begun and len(self.earlier_codes[code]) == 1:
            code = self.earlier_codes[code][0]
        return code


def day_of(days_since_1970: int) -> date:
    """Return the date of a day that is counted from 1970."""
    return date(1970, 1, 1) + timedelta(days=days_since_1970)


def lines_of(successions: pd.DataFrame) -> Lines:
    """Return the lines that successions form: from_code, to_code, kind, share and effective_date of each."""
    going = successions[successions["kind"].isin(CONTINUES) & (successions["share"] >= WHOLE)]
    columns = (going[name].tolist() for name in ("from_code", "to_code", "effective_date", "kind"))
    return Lines({code: Step(to_code, pd.Timestamp(day).date(), kind) for code, to_code, day, kind in zip(*columns, strict=True)})


def lines_of_table(table: pa.Table) -> Lines:
    """Return the lines that core__organisation_line stores."""
    rows = [row for row in table.to_pylist() if row["next_code"] is not None]
    return Lines({row["code"]: Step(row["next_code"], row["valid_to"] + ONE_DAY, row["next_kind"]) for row in rows})


def line_frame(lines: Lines, ended: Mapping[str, date], levels: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of core__organisation_line. `ended` has the last day of the codes that ended, `levels` what organisations are."""
    rows = [
        {
            "code": code, "level": levels.get(code), "line": lines.first_code(code), "current_code": lines.current_code(code),
            "next_code": step and step.to_code, "next_kind": step and step.kind,
            "valid_from": lines.begins(code), "valid_to": ended.get(code),
        }
        for code in lines.codes
        for step in (lines.steps.get(code),)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[column.name for column in ORGANISATION_LINE.columns])
