"""Write a complete synthetic board to a landing folder: every feed, the reference files and the list of planted defects.

Files:
`landing/<feed>/<feed>_<delivery>.csv` (parts `_part-001` on a large board), `landing/reference/` (see `reference_files.py`),
`landing/planted_defects.csv` (feed, row_key, defect, reason) and `landing/synthetic_board.json`, which is written first and completed last.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.errors import RefusalError, SettingsError
from pipelines.sources.synthetic import gp_extracts, hospital_extracts
from pipelines.sources.synthetic.areas_and_practices import Places, made_up_places, real_places
from pipelines.sources.synthetic.block import Block, block_count, draw_block
from pipelines.sources.synthetic.csv_files import FeedFiles
from pipelines.sources.synthetic.defects import DEFECTS_FILE, list_table_defects, plant
from pipelines.sources.synthetic.extracts import SHORT_PRACTICE, Delivery, Extract
from pipelines.sources.synthetic.people import RESOLVED, day
from pipelines.sources.synthetic.planting import PlantedDefects
from pipelines.sources.synthetic.random_streams import BLOCK_PEOPLE
from pipelines.sources.synthetic.reference_files import write_reference
from pipelines.sources.synthetic.settings import SyntheticSettings

MANIFEST = "synthetic_board.json"
GENERATOR_VERSION = 4  # increased when the same settings produce different data
FEEDS: dict[str, Callable[[SyntheticSettings, Places, Block, Delivery], Extract]] = {
    "patients": gp_extracts.patients,
    "registrations": gp_extracts.registrations,
    "addresses": gp_extracts.addresses,
    "gp_observations": gp_extracts.gp_observations,
    "gp_medication_orders": gp_extracts.gp_medication_orders,
    "opt_outs": gp_extracts.opt_outs,
    "actions": gp_extracts.actions,
    "admissions": hospital_extracts.admissions,
    "emergency_attendances": hospital_extracts.emergency_attendances,
    "outpatient_appointments": hospital_extracts.outpatient_appointments,
}
PUBLISHED_FOR_EACH_SENT = 3  # people on the short practice's published list for each person it sends


@dataclass
class BoardSummary:
    """Counts and names of what was written."""

    people: int = 0
    practices: int = 0
    areas: int = 0
    rows: dict[str, int] = field(default_factory=dict)  # by feed, over all deliveries
    files: list[str] = field(default_factory=list)  # relative to the landing folder
    planted: dict[str, int] = field(default_factory=dict)  # by reason


def write_board(
    settings: SyntheticSettings, landing: Path, areas: pd.DataFrame | None = None, practices: pd.DataFrame | None = None
) -> BoardSummary:
    """Write the board; with `areas` and `practices` (see `real_places`) its people live there and register there."""
    if (areas is None) != (practices is None):
        raise SettingsError(
            "A synthetic board in real areas needs both areas and practices, and one of them is missing. "
            "Set `reference.lsoa_places` and `reference.organisations` in the configuration."
        )
    places = made_up_places(settings) if areas is None or practices is None else real_places(settings, areas, practices)
    writers = _writers(settings, landing)
    _clear_landing(settings, landing, writers)
    planted = PlantedDefects(landing / DEFECTS_FILE)
    list_table_defects(settings, places, planted)
    lists = np.zeros((len(places.practices), len(places.areas) + 1), dtype=np.int64)
    for number in range(block_count(settings)):
        block = draw_block(settings, places, number)
        _count_lists(settings, block, lists)
        for position, delivery in enumerate(_deliveries(settings)):
            for feed, write in FEEDS.items():
                draft = plant(settings, number, delivery, write(settings, places, block, delivery))
                location = writers[position][feed].write(number, draft.final_rows(), draft.changed_lines)
                planted.add_rows(feed, location, draft.planted)
    for of_delivery in writers:
        for writer in of_delivery.values():
            writer.close()
    planted.close()
    reference = write_reference(settings, places, landing / "reference", _list_sizes(settings, places, lists))
    return _finish(settings, landing, places, writers, reference, planted.counts)


def board_is_there(settings: SyntheticSettings, landing: Path) -> bool:
    """Check whether the landing folder contains exactly this board, complete and unchanged."""
    content = _read_manifest(landing)
    if content.get("state") != "complete" or content.get("made_from") != _board_inputs(settings):
        return False
    digests = content["digests"]
    return all((landing / name).is_file() and file_digest(landing / name) == digests[name] for name in content["files"])


def file_digest(path: Path) -> str:
    """Return a digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()[:32]


def _board_inputs(settings: SyntheticSettings) -> dict[str, object]:
    return {"generator": GENERATOR_VERSION, "settings": settings.model_dump(mode="json")}


def _read_manifest(landing: Path) -> dict[str, Any]:
    """Read the manifest of an earlier board; empty if there is none or it cannot be read."""
    try:
        return dict(json.loads((landing / MANIFEST).read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def _deliveries(settings: SyntheticSettings) -> list[Delivery]:
    days = [day(delivery) for delivery in settings.deliveries]
    return [Delivery(number, position, position == len(days) - 1) for position, number in enumerate(days)]


def _writers(settings: SyntheticSettings, landing: Path) -> list[dict[str, FeedFiles]]:
    blocks = max(1, settings.people_per_file // BLOCK_PEOPLE)
    parts = -(-block_count(settings) // blocks)
    return [
        {feed: FeedFiles(landing, feed, delivery.isoformat(), blocks, parts, settings.gzip) for feed in FEEDS}
        for delivery in settings.deliveries
    ]


def _clear_landing(settings: SyntheticSettings, landing: Path, writers: list[dict[str, FeedFiles]]) -> None:
    """Remove the files of an earlier synthetic board; raise RefusalError if the folder contains other extracts."""
    landing.mkdir(parents=True, exist_ok=True)
    earlier = {landing / name for name in _read_manifest(landing).get("files", [])}
    present = {path for feed in FEEDS for path in (landing / feed).glob("*")}
    foreign = sorted(path for path in present - earlier if not path.name.endswith(".partial"))
    if foreign:
        raise RefusalError(
            f"{foreign[0]} was not written by a synthetic board, and a synthetic board is never mixed with other extracts. "
            "Set another landing folder, or move the file out of this one."
        )
    for path in present | earlier:
        path.unlink(missing_ok=True)
    _write_manifest(
        landing / MANIFEST, {"state": "writing", "made_from": _board_inputs(settings), "files": _files(landing, writers)}
    )


def _files(landing: Path, writers: list[dict[str, FeedFiles]]) -> list[str]:
    return [
        writer.path(part).relative_to(landing).as_posix()
        for of in writers
        for writer in of.values()
        for part in range(writer.parts)
    ]


def _count_lists(settings: SyntheticSettings, block: Block, lists: np.ndarray) -> None:
    """Add a block's people on the registered list at the data cut to `lists` (practices x areas).

    The last column counts people without an area.
    """
    end = day(settings.data_cut_date)
    rows = np.flatnonzero((gp_extracts.registered_from(block) < end) & gp_extracts.on_list_at_end(block))
    days = np.full(len(rows), end)
    area = np.where(block.people.residence[rows] == RESOLVED, block.people.area_at(rows, days), lists.shape[1] - 1)
    np.add.at(lists, (block.people.practice_at(rows, days), area), 1)


def _list_sizes(settings: SyntheticSettings, places: Places, lists: np.ndarray) -> pd.DataFrame:
    lists = lists.copy()
    if settings.defects.enabled and settings.defects.below_published_list and len(lists) > SHORT_PRACTICE:
        lists[SHORT_PRACTICE] *= PUBLISHED_FOR_EACH_SENT
    practice, area = np.nonzero(lists)
    codes = np.append(places.areas["lsoa_code"].to_numpy(), "NO2011")
    return pd.DataFrame(
        {
            "practice_code": places.practices["practice_code"].to_numpy()[practice],
            "lsoa_code": codes[area],
            "people": lists[practice, area],
        }
    )


def _finish(
    settings: SyntheticSettings,
    landing: Path,
    places: Places,
    writers: list[dict[str, FeedFiles]],
    reference: list[str],
    planted: Counter[str],
) -> BoardSummary:
    files = _files(landing, writers)
    summary = BoardSummary(
        people=settings.people,
        practices=len(places.practices),
        areas=len(places.areas),
        rows={feed: sum(of[feed].rows for of in writers) for feed in FEEDS},
        files=[*files, *(f"reference/{name}" for name in reference), DEFECTS_FILE],
        planted=dict(sorted(planted.items())),
    )
    content = {
        "state": "complete",
        "made_from": _board_inputs(settings),
        "files": summary.files,
        "digests": {name: file_digest(landing / name) for name in summary.files},
        "summary": asdict(summary),
    }
    _write_manifest(landing / MANIFEST, content)
    return summary


def _write_manifest(path: Path, content: Mapping[str, object]) -> None:
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)
