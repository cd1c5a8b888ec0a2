"""The pages and CSV files of a published run's caseloads, place by place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.caseloads.place_caseloads import place_caseloads
from pipelines.lake.storage import Lake
from pipelines.lake.whole_files import write_whole
from pipelines.reports.caseload.page import caseload_csv, caseload_page

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")


def write_caseloads(
    lake: Lake, run: Mapping[str, Any], folder: Path, left_out: Sequence[str], place_code: str | None = None, only_again: bool = False
) -> list[Path]:  # fmt: skip
    """Write the page and the CSV of one place, or of every place; a RefusalError lists the places there are.

    With `only_again`, write only the files that are there already.
    """
    written = []
    for place in place_caseloads(lake, run, left_out, place_code):
        name = _NOT_PLAIN.sub("_", f"{place.place_code}_{run['outcome']}_{run['index_date']}")
        for ending, content in (("html", caseload_page), ("csv", caseload_csv)):
            file = folder / f"{name}.{ending}"
            if file.exists() or not only_again:
                written.append(write_whole(file, content(place)))
    return written
