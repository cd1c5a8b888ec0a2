"""Readers of the published rates see whom they exclude because of the national data opt-out."""

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS = """
SET LOCAL ROLE strata_writer;

CREATE TABLE strata.equity__planning_population (
    "period" text NOT NULL,
    "opt_out_rule" text NOT NULL,
    "people" bigint,
    "people_excluded" bigint,
    "share_excluded" double precision NOT NULL,
    "decision_id" text NOT NULL,
    PRIMARY KEY (period)
);
CREATE VIEW strata.equity__published_population AS SELECT * FROM strata.equity__planning_population;
GRANT SELECT ON strata.equity__planning_population TO strata_analyst;
GRANT SELECT ON strata.equity__published_population TO strata_reader, strata_analyst;

RESET ROLE;
"""


def upgrade() -> None:
    """Create the table and the view that readers use."""
    op.get_bind().exec_driver_sql(STATEMENTS)
