"""The declared tables that the database has."""

from __future__ import annotations

from expectations.catalogue import TABLES
from expectations.table import Table
from expectations.tables import caseload, risk
from expectations.tables.decisions import DECISION
from expectations.tables.measurement_units import UNITS
from expectations.tables.monitoring import LIST_USE, LIST_USE_BY_PRACTICE

SCHEMA = "strata"
RUNS = risk.RUNS
RUN_TABLES = (risk.SCORES, risk.DRIVERS, caseload.CASELOAD, caseload.RISING)  # one partition per run
_ANALYSTS = ("equity__", "monitoring__")
# Decisions name accounts of the operating system. The use of code lists and units is for the data team.
_LAKE_ONLY = (DECISION.name, LIST_USE.name, LIST_USE_BY_PRACTICE.name, UNITS.name)


def analyst_tables() -> tuple[Table, ...]:
    """Return the audit and monitoring tables, which are replaced completely each time."""
    return tuple(table for name, table in sorted(TABLES.items()) if name.startswith(_ANALYSTS) and name not in _LAKE_ONLY)
