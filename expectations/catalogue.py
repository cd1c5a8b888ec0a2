"""All declared tables by name. The feature columns of `features__person` are declared in the feature catalogue."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from expectations import tables
from expectations.feeds import DECLARED
from expectations.table import Table
from expectations.tables.caseload import CASELOAD_TABLES
from expectations.tables.core import CORE_TABLES
from expectations.tables.core_places import PLACE_TABLES
from expectations.tables.decisions import DECISION_TABLES
from expectations.tables.equity import EQUITY_TABLES
from expectations.tables.features import FEATURE_TABLES
from expectations.tables.monitoring import MONITORING_TABLES
from expectations.tables.raw_omop import OMOP_TABLES
from expectations.tables.records import RECORD_TABLES
from expectations.tables.risk import RISK_TABLES

# The raw table of each feed, in the order of ingest.
RAW_TABLES: dict[str, Table] = {feed.name: feed.table for feed in DECLARED if feed.table}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *RAW_TABLES.values(),
        *OMOP_TABLES,
        *RECORD_TABLES,
        *CORE_TABLES,
        *PLACE_TABLES,
        *FEATURE_TABLES,
        *RISK_TABLES,
        *CASELOAD_TABLES,
        *EQUITY_TABLES,
        *MONITORING_TABLES,
        *DECISION_TABLES,
    )
}
# What is delivered and validated. The columns of a feature table are declared from its settings, so it is listed here by name alone.
DELIVERED_FEEDS = (*sorted(table.feed for table in TABLES.values() if table.feed), "feature_table")


def _raw_tables_declared() -> Iterator[tuple[str, Table]]:
    """Yield every raw table that a module of `expectations/tables/` declares, with the module's name."""
    for module in pkgutil.iter_modules(tables.__path__):
        if module.name.startswith("raw_"):
            declared = vars(import_module(f"{tables.__name__}.{module.name}")).values()
            yield from ((module.name, value) for value in declared if isinstance(value, Table) and value.feed)


for _module, _table in _raw_tables_declared():
    if _table.name not in TABLES:
        raise ValueError(
            f"expectations/tables/{_module}.py declares {_table.name}, and no feed has it: its rows would never be read. "
            f"Declare the feed {_table.feed} in expectations/feeds.py"
        )
