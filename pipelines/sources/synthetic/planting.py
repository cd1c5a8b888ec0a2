"""Edit a draft of a feed's rows to plant defects, and write the list of planted defects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.synthetic.csv_files import RowLocation
from pipelines.sources.synthetic.extracts import Delivery, Extract
from pipelines.sources.synthetic.identifiers import nhs_numbers_for_tests, pseudonyms
from pipelines.sources.synthetic.settings import DefectSettings

Values = Sequence[str | None]
LATER_THAN_ANY_EXTRACT = ("2037-01-01", "2037-12-31", "2041-06-15", "2099-01-01")
NO_SUCH_DAY = ("2021-02-30", "2022-13-01", "00:00.0", "2019-04-31")


@dataclass(frozen=True)
class PlantedDefect:
    """A planted defect: its row, its number in the list of known defects, and the reason that should report it."""

    row: int
    defect: int
    reason: str


@dataclass
class Draft:
    """A feed's rows of one block and delivery while defects are planted; no row gets two defects."""

    extract: Extract
    rng: np.random.Generator
    rates: DefectSettings
    delivery: Delivery
    block: int
    seed: int
    planted: list[PlantedDefect] = field(default_factory=list)
    changed_lines: dict[int, str] = field(default_factory=dict)
    _edits: dict[str, dict[int, str | None]] = field(default_factory=dict)
    _added: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = self.extract.rows.num_rows
        self.free = ~self.facts.get("without_defects", np.zeros(self.size, bool))
        self.open_to_defects = int(self.free.sum())
        self.added = 0

    @property
    def facts(self) -> dict[str, np.ndarray]:
        """Return the facts about the rows before any edit."""
        return self.extract.facts

    def pick(self, among: np.ndarray | None = None, rate: float | None = None) -> np.ndarray:
        """Draw rows without a defect, and reserve them; at least one row unless the rate is 0 or no row qualifies."""
        rate = self.rates.row_rate if rate is None else rate
        candidates = np.flatnonzero(self.free if among is None else self.free & among)
        count = min(max(1, round(rate * self.open_to_defects)), len(candidates)) if rate > 0 else 0
        rows = np.sort(self.rng.choice(candidates, count, replace=False)) if count else np.empty(0, np.int64)
        self.free[rows] = False
        return rows

    def edit(self, rows: np.ndarray, column: str, values: Values) -> None:
        """Replace a column's values in some rows."""
        self._edits.setdefault(column, {}).update(zip(rows.tolist(), values, strict=True))

    def mark(self, rows: np.ndarray, defect: int, reason: str) -> None:
        """Record that rows have a defect."""
        self.planted += [PlantedDefect(int(row), defect, reason) for row in rows]

    def plant(self, defect: int, reason: str, column: str, values: Values, among: np.ndarray | None = None) -> np.ndarray:
        """Replace a column's value in some rows by one of `values`, and return the rows."""
        rows = self.pick(among)
        self.edit(rows, column, self.some(values, len(rows)))
        self.mark(rows, defect, reason)
        return rows

    def add(self, templates: np.ndarray, changes: Mapping[str, Values], defect: int, reason: str) -> np.ndarray:
        """Append copies of rows with some columns changed, and return their positions."""
        table = self.extract.rows.take(pa.array(templates))
        for column, values in changes.items():
            table = table.set_column(table.column_names.index(column), column, pa.array(list(values), pa.string()))
        rows = self.size + self.added + np.arange(len(templates))
        self._added.append(table)
        self.added += len(templates)
        self.mark(rows, defect, reason)
        return rows

    def text(self, column: str, rows: np.ndarray) -> list[str]:
        """Return a column's values before any edit."""
        return self.extract.rows.column(column).take(pa.array(rows)).to_pylist()

    def some(self, values: Values, count: int) -> list[str | None]:
        """Draw `count` of the values, with replacement."""
        return [values[position] for position in self.rng.integers(0, len(values), count)]

    def strangers(self, count: int) -> list[str]:
        """Return pseudonyms of people who are nowhere else in the board."""
        first = np.int64(2) ** 44 + self.block * 1_000_000 + self.delivery.position * 100_000 + self.added
        return pseudonyms(first + np.arange(count), self.seed).to_pylist()

    def nhs_numbers(self, count: int) -> list[str]:
        """Return clear NHS numbers of the test range."""
        return nhs_numbers_for_tests(count, int(self.rng.integers(0, 900_000)))

    def final_rows(self) -> pa.Table:
        """Return the rows with all edits and added rows."""
        table = self.extract.rows.combine_chunks()
        for column, edits in self._edits.items():
            rows = np.array(sorted(edits), dtype=np.int64)
            mask = np.zeros(self.size, bool)
            mask[rows] = True
            values = pa.array([edits[row] for row in rows.tolist()], pa.string())
            position = table.column_names.index(column)
            changed = pc.replace_with_mask(table.column(column).combine_chunks(), pa.array(mask), values)
            table = table.set_column(position, column, changed)
        return pa.concat_tables([table, *self._added])


class PlantedDefects:
    """The list of planted defects, written line by line to a CSV file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_name(f".{path.name}.partial")
        self._file = self._temporary.open("w", encoding="utf-8", newline="\n")
        self._file.write("feed,row_key,defect,reason\n")

    def add_rows(self, feed: str, location: RowLocation, planted: list[PlantedDefect]) -> None:
        """Add the defects of rows whose first row was written at `location`."""
        for item in sorted(planted, key=lambda item: (item.row, item.reason)):
            self.add(feed, f"{location.file_name}:{location.first_row + item.row}", item.defect, item.reason)

    def add(self, feed: str, row_key: str, defect: int, reason: str) -> None:
        """Add one defect."""
        self._file.write(f"{feed},{row_key},{defect},{reason}\n")
        self.counts[reason] += 1

    def close(self) -> None:
        """Close the file and rename it to its final name."""
        self._file.close()
        self._temporary.replace(self.path)


def iso_dates(days: np.ndarray) -> list[str]:
    """Return days since 1970-01-01 as ISO dates."""
    return [str(value) for value in days.astype("datetime64[D]")]


def slash_dates(dates: list[str]) -> list[str]:
    """Return ISO dates as day/month/year."""
    return ["/".join(reversed(date.split("-"))) for date in dates]


def pad_codes(codes: list[str]) -> list[str]:
    """Return codes with spaces around them, half of them in lower case."""
    return [f" {code.lower()} " if position % 2 else f"{code} " for position, code in enumerate(codes)]


def second_format(draft: Draft, column: str, among: np.ndarray | None = None) -> None:
    """Write some dates in a second format."""
    rows = draft.pick(among)
    draft.edit(rows, column, slash_dates(draft.text(column, rows)))
    draft.mark(rows, 13, "second_date_format")


def padding(draft: Draft, column: str, among: np.ndarray | None = None) -> None:
    """Add spaces to some codes, and write half of them in lower case."""
    rows = draft.pick(among)
    draft.edit(rows, column, pad_codes(draft.text(column, rows)))
    draft.mark(rows, 13, "padding_or_case")


def duplicates(draft: Draft) -> None:
    """Append exact copies of some rows."""
    draft.add(draft.pick(rate=draft.rates.duplicate_rate), {}, 6, "duplicate_row")


def too_many_fields(draft: Draft) -> None:
    """Add a field without a header to some lines."""
    rows = draft.pick()
    draft.changed_lines |= {int(row): "too_many_fields" for row in rows}
    draft.mark(rows, 13, "too_many_fields")
