"""A map of dm+d products: the virtual therapeutic moiety of each product, and the code it had before.

With it, a list covers a product whose moiety or whose earlier or later code is listed, and different medicines are different moieties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from features.code_halves import PRODUCTS, CodeEntry, Half
from features.code_list_files import OWN_FOLDER, RENUMBERED, checked_code, read_rows

PRODUCT_COLUMNS = ("product", "moiety", "moiety_name")
PREVIOUS = "previous"  # an optional column: the code of the product before it was renumbered (VPIDPREV of dm+d)


@dataclass(frozen=True)
class ProductMap:
    """The moiety and the name of the moiety by product, and the pairs of a product and its previous code."""

    file: str
    moiety: Mapping[str, str]
    name: Mapping[str, str]  # of products and of moieties
    previous: tuple[tuple[str, str], ...]


def read_product_map(path: Path) -> ProductMap:
    """Read a map; raise CodeListError where a code is none."""
    moiety: dict[str, str] = {}
    names: dict[str, str] = {}
    previous = []
    for place, row in read_rows(path, PRODUCT_COLUMNS):
        product = checked_code("dmd", row["product"], place)
        if row["moiety"]:
            moiety[product] = checked_code("dmd", row["moiety"], place)
            names[product] = names[moiety[product]] = row["moiety_name"] or moiety[product]
        if row.get(PREVIOUS):
            previous.append((product, checked_code("dmd", row[PREVIOUS], place)))
    return ProductMap(path.name, moiety, names, tuple(previous))


def follow_map(halves: Mapping[tuple[str, str], Half], products: ProductMap) -> dict[tuple[str, str], Half]:
    """Return the halves with the products that the map adds to each list of medicines, and with the substances of the map."""
    same = _same_product(products.previous)
    of_moiety: dict[str, list[str]] = {}
    for product, moiety in products.moiety.items():
        of_moiety.setdefault(moiety, []).append(product)
    return {
        key: _substances(half, products, same) if half.name == PRODUCTS else _extended(half, of_moiety, same)
        for key, half in halves.items()
        if half.system == "dmd"
    } | {key: half for key, half in halves.items() if half.system != "dmd"}


def follow_renumbered(halves: Mapping[tuple[str, str], Half]) -> dict[tuple[str, str], Half]:
    """Return the halves with the codes of the same products before and after the renumbering that Strata knows of."""
    pairs = [(row["code"], row["previous"]) for _, row in read_rows(OWN_FOLDER / RENUMBERED, ("code", "previous"))]
    same = _same_product(pairs)
    return {key: _extended(half, {}, same) if half.system == "dmd" else half for key, half in halves.items()}


def _same_product(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return for each code that was renumbered every code of the same product."""
    groups: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = groups.get(one, {one}) | groups.get(other, {other})
        groups |= dict.fromkeys(joined, joined)
    return groups


def _extended(half: Half, of_moiety: Mapping[str, list[str]], same: Mapping[str, set[str]]) -> Half:
    """Return a half with the products of every moiety that it lists under any of its codes, and with every code of each product."""
    entries = {entry.code: entry for entry in half.entries}
    for entry in half.entries:
        for moiety in sorted(same.get(entry.code, {entry.code})):
            for product in of_moiety.get(moiety, ()):
                entries.setdefault(product, entry._replace(code=product))
    for entry in tuple(entries.values()):
        for code in sorted(same.get(entry.code, ())):
            entries.setdefault(code, entry._replace(code=code))
    return replace(half, entries=tuple(entries.values()))


def _substances(half: Half, products: ProductMap, same: Mapping[str, set[str]]) -> Half:
    """Return Strata's substances with those of the map, which count where both have one."""
    entries = {entry.code: entry for entry in half.entries}
    for code, name in products.name.items():
        for each in sorted(same.get(code, {code})):
            entries[each] = CodeEntry("dmd", each, "exact", name, products.file)
    return replace(half, entries=tuple(entries.values()))
