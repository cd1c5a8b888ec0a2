"""All declared tables by name. The feature columns of `features__person` are declared in the feature catalogue."""

from __future__ import annotations

from expectations.table import Table
from expectations.tables.caseload import CASELOAD_TABLES
from expectations.tables.core import CORE_TABLES
from expectations.tables.equity import EQUITY_TABLES
from expectations.tables.features import FEATURE_TABLES
from expectations.tables.monitoring import MONITORING_TABLES
from expectations.tables.raw_actions import ACTIONS
from expectations.tables.raw_gp import ADDRESSES, GP_MEDICATION_ORDERS, GP_OBSERVATIONS, OPT_OUTS, PATIENTS, REGISTRATIONS
from expectations.tables.raw_hospital import ADMISSIONS, EMERGENCY_ATTENDANCES, OUTPATIENT_APPOINTMENTS
from expectations.tables.raw_omop import OMOP_TABLES
from expectations.tables.records import RECORD_TABLES
from expectations.tables.risk import RISK_TABLES

# In the order of ingest: the registered list first, because later feeds look up birth dates and practices in it.
RAW_TABLES: dict[str, Table] = {
    table.feed: table
    for table in (
        PATIENTS,
        REGISTRATIONS,
        ADDRESSES,
        OPT_OUTS,
        ADMISSIONS,
        EMERGENCY_ATTENDANCES,
        OUTPATIENT_APPOINTMENTS,
        GP_OBSERVATIONS,
        GP_MEDICATION_ORDERS,
        ACTIONS,
    )
}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *RAW_TABLES.values(),
        *OMOP_TABLES,
        *RECORD_TABLES,
        *CORE_TABLES,
        *FEATURE_TABLES,
        *RISK_TABLES,
        *CASELOAD_TABLES,
        *EQUITY_TABLES,
        *MONITORING_TABLES,
    )
}
# The columns of a ready-made feature table come from its settings, so only its feed is named here.
FEEDS = (*sorted(table.feed for table in TABLES.values() if table.feed), "feature_table")
