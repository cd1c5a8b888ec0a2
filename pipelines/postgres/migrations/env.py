"""What Alembic runs before the versions: everything, with its version table, is in the schema `strata`."""

from alembic import context
from sqlalchemy import text

connection = context.config.attributes["connection"]
if not connection.execute(text("SELECT to_regnamespace('strata') IS NOT NULL")).scalar():
    connection.execute(text("CREATE SCHEMA strata"))  # IF NOT EXISTS asks for the right to create even where it exists
context.configure(connection=connection, version_table_schema="strata", transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
