"""Bring the database's schema to the version that this code writes."""

from __future__ import annotations

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

MIGRATIONS = "pipelines.postgres:migrations"


def migrate(conninfo: str) -> None:
    """Apply the migrations that the database lacks, in one transaction."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo), poolclass=NullPool)
    settings = Config()
    settings.set_main_option("script_location", MIGRATIONS)
    with engine.connect() as bound:
        settings.attributes["connection"] = bound
        command.upgrade(settings, "head")
        bound.commit()
