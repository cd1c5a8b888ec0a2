"""The content of Data Docs: the rules of a validated delivery, and the classes that write pages from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeliveryRules:
    """The rules of one delivery, broken rules first: name, whether it is broken, figure and limits."""

    title: str
    rows: list[list[object]]


@dataclass(frozen=True)
class DataDocs:
    """The folder of the pages and the classes that write them; Great Expectations creates objects of these classes by name.

    `delivery_page` writes a page of DeliveryRules (`render`), and `index` writes the first page of the site (`build`).
    """

    folder: Path
    delivery_page: type
    index: type
