"""Read a team's own folder of code lists: Strata's format, OpenCodelists, reference sets, QOF clusters and a dm+d map.

A CSV with the columns list, system, code, match, description and source needs nothing else. Any other file has a row in the folder's
`index.csv`, which names the list, the system and the file. The header of the file shows what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from features.code_halves import MATCHES, PRODUCTS, SYSTEMS, CodeEntry, CodeListError, Half
from features.code_list_files import INDEX, checked_code, entry_of, half_of, header_of, read_rows, with_source
from features.product_map import PRODUCT_COLUMNS, follow_map, follow_renumbered, read_product_map

Halves = dict[tuple[str, str], Half]
LINE_COLUMNS = ("list", "system", "code", "match", "description", "source")
EVERY_CLUSTER = "*"


@dataclass(frozen=True)
class Layout:
    """How a published file of codes is written: the column of codes and, where a file holds several sets, the column that names the set."""

    name: str
    code: str
    label: str = ""
    chosen_by: str = ""
    active: str = ""  # a column whose value 0 marks a code that is no longer in the set

    def holds(self, row: Mapping[str, str], chosen: str) -> bool:
        """Return whether a row's code is in the chosen set now; '' chooses every set."""
        is_chosen = not chosen or not self.chosen_by or row[self.chosen_by] == chosen
        return is_chosen and not (self.active and row[self.active] == "0")


@dataclass(frozen=True)
class IndexedFile:
    """A file that a row of the index names, and the place of the row."""

    path: Path
    row: Mapping[str, str]
    place: str

    @property
    def is_map(self) -> bool:
        """Return whether the file is a dm+d map."""
        return (self.row["list"], self.row["system"]) == (PRODUCTS, "dmd") and set(header_of(self.path)[0]) >= set(
            PRODUCT_COLUMNS
        )


# The first layout whose columns the header has is that of the file.
LAYOUTS = (
    Layout("QOF cluster file (primary care domain reference sets)", "snomed_code", "snomed_code_description", "cluster_id"),
    Layout("reference set (RF2)", "referencedcomponentid", chosen_by="refsetid", active="active"),
    Layout("dm+d list of OpenCodelists", "dmd_id", "dmd_name"),
    Layout("list of codes", "code", "term"),
    Layout("list of codes", "id", "name"),
    Layout("list of codes", "snomedcode", "term"),
)


def apply_team_files(halves: Mapping[tuple[str, str], Half], folder: Path) -> Halves:
    """Return the halves with those of a team's folder, which replace the same half of a list; raise CodeListError where a file is wrong."""
    indexed = list(_indexed_files(folder))
    lists = [file for file in indexed if not file.is_map]
    found = [(file.path.name, half) for file in lists for half in _halves_of_file(file.path, file.row, file.place, halves)]
    other = sorted({*folder.glob("*.csv")} - {folder / INDEX, *(file.path for file in indexed)})
    found += [(path.name, half) for path in other for half in _halves_of_lines(path)]
    merged = dict(halves) | follow_renumbered(_each_in_one_file(found))
    for file in indexed:
        merged = follow_map(merged, read_product_map(file.path)) if file.is_map else merged
    return merged


def _indexed_files(folder: Path) -> Iterator[IndexedFile]:
    if not folder.is_dir():
        raise CodeListError(f"The folder of code lists {folder} does not exist. Correct `study.code_lists`.")
    index = folder / INDEX
    for place, row in read_rows(index, ("list", "system", "file")) if index.exists() else ():
        yield IndexedFile(_file_of(folder, row["file"], place), row, place)


def _each_in_one_file(found: Iterable[tuple[str, Half]]) -> Halves:
    """Return the halves of a team's files; raise CodeListError where two files have the same one."""
    own: Halves = {}
    homes: dict[tuple[str, str], str] = {}
    for file, half in found:
        key = (half.name, half.system)
        if key in homes:
            raise CodeListError(
                f"{file}: the {half.system} codes of the list {half.name!r} are also in {homes[key]}. Keep each half in one file."
            )
        own[key], homes[key] = half, file
    return own


def _file_of(folder: Path, name: str, place: str) -> Path:
    if not name or not (folder / name).is_file():
        raise CodeListError(f"{place}: there is no file {name!r} in {folder}. Correct the column `file`.")
    return folder / name


def _layout_of(path: Path) -> Layout:
    columns = set(header_of(path)[0])
    for layout in LAYOUTS:
        if {layout.code, *filter(None, (layout.chosen_by, layout.active))} <= columns:
            return layout
    known = "; ".join(f"{layout.name}: {layout.code}" for layout in LAYOUTS)
    raise CodeListError(f"{path.name}: no column has the codes. Strata knows these columns of codes: {known}.")


def _halves_of_file(path: Path, row: Mapping[str, str], place: str, known: Mapping[tuple[str, str], Half]) -> Iterator[Half]:
    """Yield the halves that a row of the index makes of a file: one, or one for each known cluster of the file."""
    layout = _layout_of(path)
    if row["list"] != EVERY_CLUSTER:
        half = half_of(row, place)
        half = replace(half, label=half.label or getattr(known.get((half.name, half.system)), "label", ""))
        yield _filled(half, half.cluster, path, layout)
        return
    clusters = _clusters_of(path, layout, place)
    for half in known.values():
        if half.system == row["system"] and half.cluster and half.cluster in clusters:
            alone = replace(with_source(half, row), includes=())  # the cluster alone
            yield _filled(alone, half.cluster, path, layout)


def _clusters_of(path: Path, layout: Layout, place: str) -> set[str]:
    if not layout.chosen_by:
        raise CodeListError(
            f"{place}: {path.name} does not hold several sets, so the list cannot be {EVERY_CLUSTER}. Name the list."
        )
    return {row[layout.chosen_by] for _, row in read_rows(path, (layout.code, layout.chosen_by))}


def _filled(half: Half, chosen: str, path: Path, layout: Layout) -> Half:
    """Return a half with the codes of a file, of the chosen set where the file holds several."""
    entries: dict[str, CodeEntry] = {}
    sets: set[str] = set()
    for place, row in read_rows(path, (layout.code,)):
        sets.add(row.get(layout.chosen_by, ""))
        if layout.holds(row, chosen):
            code = checked_code(half.system, row[layout.code], place)
            entries.setdefault(code, entry_of({**row, "label": row.get(layout.label, "")}, half, code, place))
    if layout.chosen_by and not chosen and len(sets) > 1:
        raise CodeListError(
            f"{path.name} holds {len(sets)} sets. Name the set of the list {half.name!r} in the column `cluster` of {INDEX}."
        )
    if not entries:
        of_set = f" of the set {chosen}" if chosen else ""
        raise CodeListError(
            f"{path.name}: there is no code{of_set} for the list {half.name!r}. Correct `cluster` or `file` in {INDEX}."
        )
    return replace(half, entries=tuple(entries.values()))


def _halves_of_lines(path: Path) -> Iterable[Half]:
    """Return the halves of a file whose every line names its list and system."""
    rows: dict[tuple[str, str], list[CodeEntry]] = {}
    for place, row in read_rows(path, LINE_COLUMNS):
        if not row["list"] or not row["code"] or row["system"] not in SYSTEMS or row["match"] not in MATCHES:
            raise CodeListError(
                f"{place}: a line needs a list, a code, a system ({', '.join(SYSTEMS)}) and a match ({', '.join(MATCHES)})."
            )
        half = Half(row["list"], row["system"], row["description"], source=row["source"])
        code = checked_code(half.system, row["code"], place)
        rows.setdefault((half.name, half.system), []).append(entry_of(row, half, code, place))
    return [Half(name, system, source=entries[0].source, entries=tuple(entries)) for (name, system), entries in rows.items()]
