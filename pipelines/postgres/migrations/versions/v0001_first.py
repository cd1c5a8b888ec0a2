"""The first version: runs, scores and drivers by run, audit and monitoring, the views readers use and their roles."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

ROLES = """
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['strata_reader', 'strata_analyst', 'strata_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE 'CREATE ROLE ' || quote_ident(wanted) || ' NOLOGIN';
            EXECUTE 'GRANT ' || quote_ident(wanted) || ' TO CURRENT_USER';
        END IF;
    END LOOP;
END $$;
ALTER SCHEMA strata OWNER TO strata_writer;
ALTER TABLE strata.alembic_version OWNER TO strata_writer;
SET LOCAL ROLE strata_writer;
"""

# The tables of version 1. A run's rows are a separate partition, which is attached when it is complete.
TABLES = Path(__file__).with_name("v0001_tables.sql").read_text(encoding="utf-8")

VIEWS = """
CREATE VIEW strata.risk__published AS
SELECT run_id, outcome, index_date, data_cut_date, recorded_at, purpose, approval, approval_expires, model_name, model_version, "rows"
FROM (
    SELECT DISTINCT ON (run_id) * FROM strata.risk__runs ORDER BY run_id, recorded_at DESC, (status = 'withdrawn') DESC
) AS latest
WHERE status = 'published';

CREATE VIEW strata.risk__current_run AS
SELECT DISTINCT ON (outcome) * FROM strata.risk__published ORDER BY outcome, index_date DESC, recorded_at DESC;

CREATE VIEW strata.risk__current AS
SELECT * FROM strata.risk__scores WHERE run_id = ANY (ARRAY(SELECT run_id FROM strata.risk__current_run));

CREATE VIEW strata.risk__history AS
SELECT * FROM strata.risk__scores WHERE run_id = ANY (ARRAY(SELECT run_id FROM strata.risk__published));

CREATE VIEW strata.risk__current_caseload AS
SELECT * FROM strata.risk__caseload WHERE run_id = ANY (ARRAY(SELECT run_id FROM strata.risk__current_run));

CREATE VIEW strata.risk__current_rising AS
SELECT * FROM strata.risk__rising WHERE run_id = ANY (ARRAY(SELECT run_id FROM strata.risk__current_run));

CREATE VIEW strata.risk__current_drivers AS
SELECT * FROM strata.risk__drivers WHERE run_id = ANY (ARRAY(SELECT run_id FROM strata.risk__current_run));
"""

# What readers see of inequality. Version 2 defines the second view again, over a table under disclosure control, in the same transaction.
# Until then the view has its columns and no rows.
EQUITY_FOR_READERS = """
CREATE VIEW strata.equity__published_rates AS SELECT * FROM strata.equity__outcome_rates;

CREATE VIEW strata.equity__published_audit AS
SELECT training_id, outcome, candidate, model_version, group_kind, group_name, metric, value, lower, upper, people, events, suppressed
FROM strata.equity__model_audit WHERE false;

GRANT SELECT ON strata.equity__published_rates, strata.equity__published_audit TO strata_reader, strata_analyst;
"""

# Readers see scores only through the views, and no view has a withdrawn run. Drivers, caseloads and rising risk are for care teams:
# a database administrator grants them.
GRANTS = """
REVOKE ALL ON SCHEMA strata FROM PUBLIC;
GRANT USAGE ON SCHEMA strata TO strata_reader, strata_analyst;
GRANT SELECT ON strata.risk__published, strata.risk__current_run, strata.risk__current, strata.risk__history
    TO strata_reader, strata_analyst;
GRANT SELECT ON
    strata.equity__model_audit,
    strata.equity__outcome_rates,
    strata.monitoring__access,
    strata.monitoring__alerts,
    strata.monitoring__calibration,
    strata.monitoring__drift,
    strata.monitoring__exclusions,
    strata.monitoring__same_day_emergency_care,
    strata.monitoring__scores,
    strata.monitoring__stages,
    strata.monitoring__validation,
    strata.monitoring__volumes
    TO strata_analyst;
RESET ROLE;
"""


def upgrade() -> None:
    """Create the schema's roles, tables, views and grants."""
    for statements in (ROLES, TABLES, VIEWS, EQUITY_FOR_READERS, GRANTS):
        op.get_bind().exec_driver_sql(statements)
