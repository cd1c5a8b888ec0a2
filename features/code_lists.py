"""Code lists: the codes that mean a condition, a measurement or a medicine.

A list has a half for each terminology. Strata's halves are in `features/codelists/<system>/<list>.csv`, and `index.csv` has the label,
source, version, date, licence and note of each. A half may include those of other lists. A team's own folder may add halves or replace
them: the other halves of the list stay.
"""

from __future__ import annotations

from pathlib import Path

from features.code_halves import PRODUCTS, CodeEntry, CodeList, CodeListError, NumberedCodes, assemble, code_members
from features.code_list_files import read_strata_halves
from features.team_code_lists import apply_team_files

__all__ = ["PRODUCTS", "CodeEntry", "CodeList", "CodeListError", "NumberedCodes", "code_members", "load_code_lists"]


def load_code_lists(extra_folder: Path | None = None) -> dict[str, CodeList]:
    """Read Strata's lists, then those of a team's folder, whose halves replace those of the same list and terminology."""
    halves = dict(read_strata_halves())
    return assemble(halves if extra_folder is None else apply_team_files(halves, extra_folder))
