"""A map of dm+d products: the virtual therapeutic moiety of each product, and the code it had before.

With it, a list covers a product whose moiety or whose earlier or later code is listed, and different medicines are different moieties. A new
product is also on a list if every product of its moiety that Strata knows is. Where some are on the list and others are not, as tablets and eye
drops, the product is undecided: the team decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from features.code_halves import PRODUCTS, CodeEntry, Half, assemble
from features.code_list_files import OWN_FOLDER, RENUMBERED, checked_code, read_rows

PRODUCT_COLUMNS = ("product", "moiety", "moiety_name")
PREVIOUS = "previous"  # an optional column: the code of the product before it was renumbered (VPIDPREV of dm+d)
FORM = "form"  # an optional column: the form and route of the product (ONT form and route of dm+d, such as tablet.oral)


@dataclass(frozen=True)
class ProductMap:
    """The moiety and the name of the moiety by product, and the pairs of a product and its previous code."""

    file: str
    moiety: Mapping[str, str]
    name: Mapping[str, str]  # of products and of moieties
    previous: tuple[tuple[str, str], ...]
    form: Mapping[str, str]  # of products, where the map has it


def read_product_map(path: Path) -> ProductMap:
    """Read a map; raise CodeListError where a code is none."""
    moiety: dict[str, str] = {}
    names: dict[str, str] = {}
    forms: dict[str, str] = {}
    previous = []
    for place, row in read_rows(path, PRODUCT_COLUMNS):
        product = checked_code("dmd", row["product"], place)
        if row["moiety"]:
            moiety[product] = checked_code("dmd", row["moiety"], place)
            names[product] = names[moiety[product]] = row["moiety_name"] or moiety[product]
        if row.get(FORM):
            forms[product] = row[FORM].casefold()
        if row.get(PREVIOUS):
            previous.append((product, checked_code("dmd", row[PREVIOUS], place)))
    return ProductMap(path.name, moiety, names, tuple(previous), forms)


def follow_map(halves: Mapping[tuple[str, str], Half], products: ProductMap) -> dict[tuple[str, str], Half]:
    """Return the halves with the products that the map adds to each list of medicines, and with the substances of the map."""
    same = _same_product(products.previous)
    of_moiety: dict[str, list[str]] = {}
    for product, moiety in products.moiety.items():
        of_moiety.setdefault(moiety, []).append(product)
    known = _known_products(halves, same)
    listed = {
        key: half if half.name == PRODUCTS else _extended(half, of_moiety, same) for key, half in _of_products(halves).items()
    }
    lists = assemble({**halves, **listed})
    followed = {
        key: _substances(half, products, same)
        if half.name == PRODUCTS
        else _extended(
            _with_new(half, _new_products(set(lists[half.name].codes("dmd")), known, of_moiety, products.form)), {}, same
        )
        for key, half in listed.items()
    }
    return {**halves, **followed}


def _of_products(halves: Mapping[tuple[str, str], Half]) -> dict[tuple[str, str], Half]:
    return {key: half for key, half in halves.items() if half.system == "dmd"}


def _known_products(halves: Mapping[tuple[str, str], Half], same: Mapping[str, set[str]]) -> set[str]:
    """Return the products that a list of Strata or of the team has, or `medicines`, under every code."""
    known = {entry.code for half in _of_products(halves).values() for entry in half.entries}
    return known.union(*(same[code] for code in known if code in same))


@dataclass(frozen=True)
class _New:
    """The new products of a map that a list has, each with a listed product of its moiety, and those that are undecided."""

    on_list: Mapping[str, str]
    undecided: tuple[str, ...]


def _new_products(listed: set[str], known: set[str], of_moiety: Mapping[str, list[str]], form: Mapping[str, str]) -> _New:
    """Return the new products of each moiety of which a list has a product.

    They are decided by all products of the moiety, else by those of the same form.
    """
    on_list: dict[str, str] = {}
    undecided: list[str] = []
    for products in of_moiety.values():
        has_listed = not listed.isdisjoint(products)
        new = [product for product in products if has_listed and product not in known and product not in listed]
        of_all = _decision(products, listed, known) if new else None
        by_form = {
            one: of_all
            or (_decision([product for product in products if form.get(product) == one], listed, known) if one else None)
            for one in {form.get(product, "") for product in new}
        }
        for product in new:
            decision = by_form[form.get(product, "")]
            if decision:
                on_list[product] = next(other for other in products if other in listed)
            elif decision is None:
                undecided.append(product)
    return _New(on_list, tuple(undecided))


def _decision(products: Iterable[str], listed: set[str], known: set[str]) -> bool | None:
    """Return whether a list has the new ones among some products: None where the known ones disagree or fewer are known than new."""
    products = set(products)
    on, off = products & listed, (products & known) - listed
    if (on and off) or len(on | off) < len(products - known - listed):
        return None
    return bool(on) if on or off else None


def _with_new(half: Half, new: _New) -> Half:
    entries = {entry.code: entry for entry in half.entries}
    for product, alike in new.on_list.items():
        like = entries.get(alike) or CodeEntry("dmd", alike, "exact", half.label or half.name, half.source)
        entries.setdefault(product, like._replace(code=product, match="exact"))
    return replace(half, entries=tuple(entries.values()), undecided=(*half.undecided, *new.undecided))


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
