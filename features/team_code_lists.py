"""Read a team's own folder of code lists: Strata's format, OpenCodelists, reference sets, QOF clusters and a dm+d map.

A file with the columns list, system, code, match, description and source needs nothing else. Any other file has a row in the folder's
`index.csv`, which names the list, the system and the file. The header of the file shows what it is. `features/code_membership.py` says which
rows of a file count. A new name of a list is refused unless something reads the list or the team says that it is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from features.analytes import ANALYTES
from features.code_halves import MATCHES, PRODUCTS, SYSTEMS, CodeEntry, CodeListError, Half, assemble
from features.code_list_files import INDEX, checked_code, entry_of, half_of, header_of, read_rows, with_source
from features.code_membership import Row, is_counted, is_yes, latest_rows
from features.long_term_conditions import CONDITIONS, resolved_list
from features.product_map import PRODUCT_COLUMNS, follow_map, follow_renumbered, read_product_map

Halves = dict[tuple[str, str], Half]
LINE_COLUMNS = ("list", "system", "code", "match", "description", "source")
EVERY_CLUSTER = "*"
READ = (".csv", ".tsv", ".txt")  # the ends of the names of files that are read, in any letter case


@dataclass(frozen=True)
class Layout:
    """How a published file of codes is written: the column of codes and, where a file holds several sets, the column that names the set."""

    name: str
    code: str
    label: str = ""
    chosen_by: str = ""
    needs: tuple[str, ...] = ()  # columns without which a file is not of this kind
    member: str = ""  # of a file that may have several rows of a member: the column that identifies it
    time: str = ""  # and the column of the day from which a row counts

    def set_column(self, columns: Iterable[str]) -> str:
        """Return the column that names the set of a row; '' if the file has none."""
        return self.chosen_by or next((name for name in SET_COLUMNS if name in columns), "")

    def counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows of a set whose code is in it now."""
        current = latest_rows(rows, self.member, self.code, self.time) if self.member else rows
        yield from ((place, row) for place, row in current if is_counted(row, place))


@dataclass(frozen=True)
class TeamHalf:
    """A half that a team's file has, where, and whether the team says that its list is new."""

    file: str
    place: str
    half: Half
    is_new: bool = False
    places: Mapping[str, str] = field(default_factory=dict)  # of each code


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


# Columns of other files that name the set of a row.
SET_COLUMNS = ("cluster_id", "cluster", "refsetid", "refset_id", "pcd_refset_id", "codelist", "codelist_id", "list")
NEW = "new"  # an optional column: yes in it says that a list with a new name is meant
# The first layout whose columns the header has is that of the file.
LAYOUTS = (
    Layout("QOF cluster file (primary care domain reference sets)", "snomed_code", "snomed_code_description", "cluster_id"),
    Layout("reference set (RF2)", "referencedcomponentid", "", "refsetid", ("active",), "id", "effectivetime"),
    Layout("dm+d list of OpenCodelists", "dmd_id", "dmd_name"),
    Layout("list of codes", "code", "term"),
    Layout("list of codes", "id", "name"),
    Layout("list of codes", "snomedcode", "term"),
)


def apply_team_files(halves: Mapping[tuple[str, str], Half], folder: Path) -> Halves:
    """Return the halves with those of a team's folder, which replace the same half of a list; raise CodeListError where a file is wrong."""
    indexed = list(_indexed_files(folder))
    lists = [file for file in indexed if not file.is_map]
    found = [team for file in lists for team in _halves_of_file(file, halves)]
    other = _files_of(folder) - {_index_of(folder), *(file.path for file in indexed)}
    found += [team for path in sorted(other) for team in _halves_of_lines(path)]
    merged = dict(halves) | follow_renumbered(_each_in_one_file(found))
    _refuse_unread(found, halves, merged)
    _refuse_two_units(found, merged)
    for file in indexed:
        merged = follow_map(merged, read_product_map(file.path)) if file.is_map else merged
    return merged


def _refuse_unread(found: Iterable[TeamHalf], strata: Iterable[tuple[str, str]], merged: Mapping[tuple[str, str], Half]) -> None:
    """Raise CodeListError for a list with a new name that nothing reads, unless the team says that the list is new."""
    names = {name for name, _ in strata}
    read = {*names, *map(resolved_list, CONDITIONS), *(name for half in merged.values() for name in half.includes)}
    new = {team.half.name for team in found if team.is_new}
    for team in found:
        if team.half.name not in read | new:
            close = "".join(f"The closest name is {name!r}. " for name in get_close_matches(team.half.name, sorted(read), 1))
            raise CodeListError(
                f"{team.place}: the list {team.half.name!r} is not one of Strata's, and no feature or other list reads it. {close}"
                f"Correct the name. If the list is meant to be new, write yes in the column `{NEW}` of its row."
            )


def _refuse_two_units(found: Iterable[TeamHalf], merged: Halves) -> None:
    """Raise CodeListError, with the line of the team's file, for a code in the lists of two measurements: each has its own unit."""
    lists = assemble(merged)
    measured = {name: set(lists[name].codes("snomed")) for name in ANALYTES}
    for team in found:
        for code, place in team.places.items():
            names = [name for name, codes in measured.items() if team.half.system == "snomed" and code in codes]
            if len(names) > 1:
                raise CodeListError(
                    f"{place}: the code {code} is in the code lists {names[0]} and {names[1]}, and a measurement has one unit. Remove it from one of them."
                )


def _files_of(folder: Path) -> set[Path]:
    """Return the files of a folder that may have codes; raise CodeListError for one in a form that Strata does not read."""
    files = {path for path in folder.rglob("*") if path.is_file() and not is_aside(path.relative_to(folder))}
    if unread := sorted(path for path in files if path.suffix.lower() not in READ):
        raise CodeListError(
            f"{unread[0].name}: Strata reads files that end in {', '.join(READ)}. Save the list as CSV (UTF-8), or move the file out of the folder."
        )
    return files


def is_aside(path: Path) -> bool:
    """Return whether a file of a folder is no list: a hidden file, a readme, a licence or a text in Markdown."""
    hidden = any(part.startswith((".", "~$")) for part in path.parts)
    return hidden or path.suffix.lower() == ".md" or path.stem.lower() in ("readme", "licence", "license")


def _index_of(folder: Path) -> Path:
    """Return the index of a folder, whatever the letter case of its name."""
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() == INDEX), folder / INDEX)


def _indexed_files(folder: Path) -> Iterator[IndexedFile]:
    if not folder.is_dir():
        raise CodeListError(f"The folder of code lists {folder} does not exist. Correct `study.code_lists`.")
    index = _index_of(folder)
    for place, row in read_rows(index, ("list", "system", "file")) if index.exists() else ():
        yield IndexedFile(_file_of(folder, row["file"], place), row, place)


def _each_in_one_file(found: Iterable[TeamHalf]) -> Halves:
    """Return the halves of a team's files; raise CodeListError where two files have the same one."""
    own: Halves = {}
    homes: dict[tuple[str, str], str] = {}
    for team in found:
        key = (team.half.name, team.half.system)
        if key in homes:
            raise CodeListError(
                f"{team.file}: the {key[1]} codes of the list {key[0]!r} are also in {homes[key]}. Keep each half in one file."
            )
        own[key], homes[key] = team.half, team.file
    return own


def _file_of(folder: Path, name: str, place: str) -> Path:
    if not name or not (folder / name).is_file():
        raise CodeListError(f"{place}: there is no file {name!r} in {folder}. Correct the column `file`.")
    return folder / name


def _layout_of(path: Path) -> Layout:
    columns = set(header_of(path)[0])
    for layout in LAYOUTS:
        if {layout.code, *filter(None, (layout.chosen_by,)), *layout.needs} <= columns:
            return layout
    known = "; ".join(f"{layout.name}: {layout.code}" for layout in LAYOUTS)
    raise CodeListError(f"{path.name}: no column has the codes. Strata knows these columns of codes: {known}.")


def _halves_of_file(file: IndexedFile, known: Mapping[tuple[str, str], Half]) -> Iterator[TeamHalf]:
    """Yield the halves that a row of the index makes of a file: one, or one for each known cluster of the file."""
    path, row, place = file.path, file.row, file.place
    layout = _layout_of(path)
    if row["list"] != EVERY_CLUSTER:
        half = half_of(row, place)
        half = replace(half, label=half.label or getattr(known.get((half.name, half.system)), "label", ""))
        yield _filled(half, half.cluster, file, layout, is_yes(row.get(NEW, ""), NEW, place))
        return
    clusters = _clusters_of(path, layout, place)
    replaced = [half for half in known.values() if half.system == row["system"] and _plain_set(half.cluster) in clusters - {""}]
    if not replaced:
        raise CodeListError(
            f"{place}: no list of the system {row['system']} has a cluster that is in {path.name}, so the list {EVERY_CLUSTER} replaces nothing. Correct "
            "`system` and `file`, or name the list and its cluster."
        )
    for half in replaced:
        alone = replace(with_source(half, row), includes=())  # the cluster alone
        yield _filled(alone, half.cluster, file, layout)


def _plain_set(name: str) -> str:
    """Return the name of a set as names are compared: without letter case, and not as a spreadsheet writes a number."""
    return name.strip().removesuffix(".0").casefold()


def _clusters_of(path: Path, layout: Layout, place: str) -> set[str]:
    if not layout.chosen_by:
        raise CodeListError(
            f"{place}: {path.name} does not hold several sets, so the list cannot be {EVERY_CLUSTER}. Name the list."
        )
    return {_plain_set(row[layout.chosen_by]) for _, row in read_rows(path, (layout.code, layout.chosen_by))}


def _filled(half: Half, chosen: str, file: IndexedFile, layout: Layout, is_new: bool = False) -> TeamHalf:
    """Return a half with the codes of a file, of the chosen set where the file holds several."""
    path = file.path
    column = layout.set_column(header_of(path)[0])
    rows = list(read_rows(path, (layout.code,)))
    sets = {_plain_set(row[column]) for _, row in rows} if column else set()
    if not chosen and len(sets) > 1:
        raise CodeListError(
            f"{path.name} holds {len(sets)} sets. Name the set of the list {half.name!r} in the column `cluster` of {INDEX}."
        )
    entries: dict[str, CodeEntry] = {}
    places: dict[str, str] = {}
    wanted = ((place, row) for place, row in rows if not (chosen and column) or _plain_set(row[column]) == _plain_set(chosen))
    for place, row in layout.counted(wanted):
        code = checked_code(half.system, row[layout.code], place)
        places.setdefault(code, place)
        entries.setdefault(code, entry_of({**row, "label": row.get(layout.label, "")}, half, code, place))
    if not entries:
        of_set = f" of the set {chosen}" if chosen else ""
        raise CodeListError(
            f"{path.name}: there is no code{of_set} for the list {half.name!r}. Correct `cluster` or `file` in {INDEX}."
        )
    return TeamHalf(path.name, file.place, replace(half, entries=tuple(entries.values())), is_new, places)


def _halves_of_lines(path: Path) -> Iterable[TeamHalf]:
    """Return the halves of a file whose every line names its list and system."""
    rows: dict[tuple[str, str], list[CodeEntry]] = {}
    places: dict[tuple[str, str], dict[str, str]] = {}
    new: set[str] = set()
    for place, row in read_rows(path, LINE_COLUMNS):
        if not row["list"] or not row["code"] or row["system"] not in SYSTEMS or row["match"] not in MATCHES:
            raise CodeListError(
                f"{place}: a line needs a list, a code, a system ({', '.join(SYSTEMS)}) and a match ({', '.join(MATCHES)})."
            )
        half = Half(row["list"], row["system"], row["description"], source=row["source"])
        code = checked_code(half.system, row["code"], place)
        new |= {half.name} if is_yes(row.get(NEW, ""), NEW, place) else set()
        places.setdefault((half.name, half.system), {}).setdefault(code, place)
        if is_counted(row, place):
            rows.setdefault((half.name, half.system), []).append(entry_of(row, half, code, place))
    if empty := next((key for key in places if key not in rows), None):
        raise CodeListError(
            f"{next(iter(places[empty].values()))}: every {empty[1]} code of the list {empty[0]!r} is marked as inactive or excluded. Correct or remove the rows."
        )
    return [
        TeamHalf(
            path.name,
            next(iter(places[key].values())),
            Half(*key, source=entries[0].source, entries=tuple(entries)),
            key[0] in new,
            places[key],
        )
        for key, entries in rows.items()
    ]
