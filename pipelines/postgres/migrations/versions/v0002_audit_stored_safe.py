"""The audit that readers see is stored under disclosure control, so the view only selects it."""

from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENTS = """
SET LOCAL ROLE strata_writer;

CREATE TABLE strata.equity__audit_for_readers (
    "training_id" text NOT NULL,
    "outcome" text NOT NULL,
    "candidate" text NOT NULL,
    "model_version" text NOT NULL,
    "group_kind" text NOT NULL,
    "group_name" text NOT NULL,
    "metric" text NOT NULL,
    "value" double precision,
    "lower" double precision,
    "upper" double precision,
    "people" bigint,
    "events" bigint,
    "suppressed" boolean NOT NULL,
    PRIMARY KEY (training_id, outcome, candidate, group_kind, group_name, metric)
);
GRANT SELECT ON strata.equity__audit_for_readers TO strata_analyst;

-- Of the models whose scores are current. Replaced in place: grants, and views that others have built on it, stay.
CREATE OR REPLACE VIEW strata.equity__published_audit AS
SELECT * FROM strata.equity__audit_for_readers
WHERE (outcome, model_version) IN (SELECT outcome, model_version FROM strata.risk__current_run);

RESET ROLE;
"""


def upgrade() -> None:
    """Create the table and put the view over it."""
    op.get_bind().exec_driver_sql(STATEMENTS)
