"""Versions of the publishing schema, applied in order by Alembic."""
