"""The documented results of validated deliveries: plain data, and the classes that write its pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeliveryRules:
    """One delivery: each rule with its answer, measurement and limits, broken rules first."""

    title: str
    rows: list[list[object]]


@dataclass(frozen=True)
class DataDocs:
    """The folder of the pages, and the classes that write them; Great Expectations creates objects of these classes by name.

    `delivery_page` returns a page of DeliveryRules (`render`), and `index` writes the first page of the site (`build`).
    """

    folder: Path
    delivery_page: type
    index: type
