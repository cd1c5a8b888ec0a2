"""The current run of an outcome is the one published last, whatever its index date."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Replaced in place: grants, and views that others have built on it, stay.
STATEMENTS = """
SET LOCAL ROLE strata_writer;

CREATE OR REPLACE VIEW strata.risk__current_run AS
SELECT DISTINCT ON (outcome) * FROM strata.risk__published ORDER BY outcome, recorded_at::timestamptz DESC, index_date DESC;

RESET ROLE;
"""


def upgrade() -> None:
    """Order the view by publication."""
    op.get_bind().exec_driver_sql(STATEMENTS)
