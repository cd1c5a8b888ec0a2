"""A database of an earlier version is upgraded: readers keep their views, columns and grants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from expectations.tables.equity import AUDIT_FOR_READERS
from expectations.tables.risk import RUNS
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import follow
from pipelines.postgres.schema import MIGRATIONS

VIEWS = ("equity__published_audit", "equity__published_rates")


def first_version(database: str) -> None:
    """Create the schema of the first version."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database), poolclass=NullPool)
    settings = Config()
    settings.set_main_option("script_location", MIGRATIONS)
    with engine.connect() as bound:
        settings.attributes["connection"] = bound
        command.upgrade(settings, "0001")
        bound.commit()


def ask(database: str, query: str, role: str = "") -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        if role:
            connection.execute(f"SET ROLE {role}")  # type: ignore[arg-type]
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def columns(database: str) -> list[tuple[Any, ...]]:
    names = ", ".join(f"'{view}'" for view in VIEWS)
    return ask(
        database,
        f"SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_name IN ({names}) ORDER BY 1, ordinal_position",
    )


def test_views_keep_their_columns_their_grants_and_the_views_built_on_them(
    lake: Lake, publish: Callable[..., str], rows: Callable[..., Any], database: str
) -> None:
    first_version(database)
    before = columns(database)
    with psycopg.connect(database) as connection:
        connection.execute("CREATE VIEW public.of_a_reader AS SELECT metric, value FROM strata.equity__published_audit")
        connection.execute("GRANT SELECT ON public.of_a_reader TO strata_reader")
    publish(lake, 1)

    follow(lake, database)  # the lake of an earlier version has no safe audit

    assert columns(database) == before
    assert {table for table, *_ in before} == set(VIEWS)
    assert ask(database, "SELECT count(*) FROM strata.equity__published_audit", "strata_reader") == [(0,)]
    assert ask(database, "SELECT count(*) FROM public.of_a_reader", "strata_reader") == [(0,)]
    run = lake.read(RUNS.name).to_pylist()[0]
    current = {"outcome": run["outcome"], "model_version": run["model_version"], "metric": "auroc", "value": 0.789}
    lake.write(AUDIT_FOR_READERS, rows(AUDIT_FOR_READERS, 1, training_id="t1", **current), {"training_id": "t1"})
    lake.write(
        AUDIT_FOR_READERS,
        rows(AUDIT_FOR_READERS, 1, training_id="t2", **{**current, "model_version": "old"}),
        {"training_id": "t2"},
    )

    follow(lake, database)

    assert ask(database, "SELECT * FROM public.of_a_reader", "strata_reader") == [("auroc", 0.789)]  # only of the champion


def test_the_views_of_inequality_only_select(database: str, lake: Lake) -> None:
    follow(lake, database)
    for view in VIEWS:
        ((definition,),) = ask(database, f"SELECT pg_get_viewdef('strata.{view}'::regclass)")
        assert not {"round(", "CASE", "BETWEEN"} & set(definition.replace("(", "( ").split()), view
