"""The new products of a team's dm+d map of which it is not clear whether a list has them: some products of the moiety are on it, others are not.

`python -m features.undecided_products FOLDER` writes them as CSV for the team, which decides.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from features.code_halves import PRODUCTS, CodeList
from features.code_lists import load_code_lists

COLUMNS = ("list", "product", "moiety_name")


def undecided_products(lists: Mapping[str, CodeList]) -> list[tuple[str, str, str]]:
    """Return the list, the product and the name of its moiety for each undecided product."""
    return [
        (name, product, lists[PRODUCTS].meaning("dmd", product))
        for name in sorted(lists)
        for half in lists[name].halves
        for product in half.undecided
    ]


if __name__ == "__main__":
    csv.writer(sys.stdout, lineterminator="\n").writerows([COLUMNS, *undecided_products(load_code_lists(Path(sys.argv[1])))])
