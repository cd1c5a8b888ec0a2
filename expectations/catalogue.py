"""Every declared table, collected by name; the features of `features__person` themselves stand in the feature catalogue."""

from __future__ import annotations

from expectations.table import Table
from expectations.tables.caseload import CASELOAD_TABLES
from expectations.tables.core import CORE_TABLES
from expectations.tables.decisions import DECISION_TABLES
from expectations.tables.equity import EQUITY_TABLES
from expectations.tables.features import FEATURE_TABLES
from expectations.tables.monitoring import MONITORING_TABLES
from expectations.tables.raw_actions import ACTIONS
from expectations.tables.raw_gp import ADDRESSES, GP_MEDICATION_ORDERS, GP_OBSERVATIONS, OPT_OUTS, PATIENTS, REGISTRATIONS
from expectations.tables.raw_hospital import ADMISSIONS, EMERGENCY_ATTENDANCES, OUTPATIENT_APPOINTMENTS
from expectations.tables.raw_omop import OMOP_TABLES
from expectations.tables.records import RECORD_TABLES
from expectations.tables.risk import RISK_TABLES

# In the order they are taken in: the list first, for births and organisations are looked up in it.
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
        *DECISION_TABLES,
    )
}
# A feature table's columns are declared from its settings, so it stands here by its feed alone.
FEEDS = (*sorted(table.feed for table in TABLES.values() if table.feed), "feature_table")
