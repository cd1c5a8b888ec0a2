"""Areas with their deprivation, and the PCN, sub-ICB location and ICB of a practice on a given day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.deprivation import DOMAINS, local_quintiles
from features.organisation_lines import Lines, day_of, lines_of_table
from features.periods import OPEN

AREA_TEXT = ("sub_icb_code", "icb_code", "local_authority_code", "rural_urban")


@dataclass(frozen=True)
class Places:
    """A table of areas, and the relations between organisations with their first and last days."""

    edition: int
    areas: pa.Table
    relations: Mapping[str, Mapping[str, tuple[tuple[int, int, str], ...]]]  # relation -> child -> (from, to, parent)
    lines: Lines = field(default_factory=lambda: Lines({}))

    def parents(self, relation: str, children: list[str | None], day: NDArray) -> list[str | None]:
        """Return the parent of each child on its day; None where there is none.

        Lookups lag behind changes of code. Where they have no parent of a code on the day, that of another code of its line is returned.
        """
        return [self._parent(relation, child, when) for child, when in zip(children, day.tolist(), strict=True)]

    def _parent(self, relation: str, child: str | None, day: int) -> str | None:
        periods = self.relations.get(relation, {})
        for code in (child, *self.lines.other_codes(child)) if child else ():
            if parents := [parent for first, last, parent in periods.get(code, ()) if first <= day <= last]:
                return parents[-1]
        return None

    def codes_on(self, codes: list[str | None], day: NDArray) -> list[str | None]:
        """Return the code that the organisation of each code had on its day."""
        if not self.lines.steps:
            return codes
        return [code and self.lines.code_on(code, day_of(when)) for code, when in zip(codes, day.tolist(), strict=True)]

    def area_number(self, column: str, place: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a numeric column for areas by position; NaN where there is no area or no value."""
        values = np.append(_numbers(self.areas.column(column)), np.nan)
        return values[place]


def build_places(areas: pa.Table, relations: pa.Table, lines: pa.Table, edition: int) -> Places:
    """Build the places from core__area, with a local quintile added, core__organisation_relation and core__organisation_line."""
    ranks = _numbers(areas.column(f"imd_{edition}_rank"))
    icb = np.array(areas.column("icb_code").to_pylist() or [None], dtype=object)[: areas.num_rows]
    local = pa.array(local_quintiles(ranks, icb), from_pandas=True)
    periods: dict[str, dict[str, list[tuple[int, int, str]]]] = {}
    for row in relations.sort_by([("valid_from", "ascending"), ("parent_code", "ascending")]).to_pylist():
        days = (_day(row["valid_from"]), int(OPEN) if row["valid_to"] is None else _day(row["valid_to"]))
        periods.setdefault(row["relation"], {}).setdefault(row["child_code"], []).append((*days, row["parent_code"]))
    frozen = {relation: {child: tuple(rows) for child, rows in children.items()} for relation, children in periods.items()}
    table = areas.append_column(f"local_{edition}_quintile", local)
    return Places(edition, table, frozen, lines_of_table(lines))


def area_columns(edition: int) -> dict[str, str]:
    """Return the column of core__area for each deprivation feature that is read from a single column."""
    same = [
        f"imd_{edition}_score", f"imd_{edition}_rank", f"imd_{edition}_decile", *(f"{name}_{edition}_{what}" for name in DOMAINS for what in ("rank", "decile")),
        f"idaci_{edition}_score", f"idaopi_{edition}_score", f"local_{edition}_quintile", "is_rural",
    ]  # fmt: skip
    return {name: name for name in same} | {
        f"imd_{edition}_quintile": f"imd_{edition}_decile",
        f"core20_{edition}": f"imd_{edition}_decile",
    }


def _numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    return (
        column.cast(pa.int8() if pa.types.is_boolean(column.type) else column.type)
        .cast(pa.float64())
        .to_numpy(zero_copy_only=False)
    )


def _day(value: object) -> int:
    return int(np.datetime64(str(value), "D").astype(np.int64))
