"""What is documented of the deliveries that were validated: plain data, and the classes that make pages of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeliveryRules:
    """One delivery: each rule with whether it is broken, its figure and its limits, broken ones first."""

    title: str
    rows: list[list[object]]


@dataclass(frozen=True)
class DataDocs:
    """The folder of the pages and the classes that write them; Great Expectations makes objects of these classes by name.

    `delivery_page` gives a page of DeliveryRules (`render`), `index` writes the first page of the site (`build`).
    """

    folder: Path
    delivery_page: type
    index: type
