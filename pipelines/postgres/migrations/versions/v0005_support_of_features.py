"""Drift has the support of each feature, and whether it was constant in training. Rows of earlier runs have no value."""

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS = """
SET LOCAL ROLE strata_writer;

ALTER TABLE strata.monitoring__drift
    ADD COLUMN "was_constant" boolean,
    ADD COLUMN "support_training" double precision,
    ADD COLUMN "support" double precision,
    ADD COLUMN "support_factor" double precision,
    ADD COLUMN "support_may_be_chance" boolean;

RESET ROLE;
"""


def upgrade() -> None:
    """Add the columns."""
    op.get_bind().exec_driver_sql(STATEMENTS)
