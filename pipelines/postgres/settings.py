"""How the publishing database is reached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import ProgrammingError
from pydantic import BaseModel, Field

from pipelines.errors import SettingsError

ENCRYPTED = ("require", "verify-ca", "verify-full")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PostgresSettings(BaseModel, extra="forbid", frozen=True):
    """A PostgreSQL database that published runs are copied to. Its address and password never stand in a file of settings."""

    dsn_variable: str = Field(
        default="STRATA_POSTGRES_DSN",
        pattern=r"[A-Z][A-Z0-9_]*",
        description="environment variable that holds the connection string, for instance postgresql://strata@db.example/boards",
    )
    require_tls: bool = Field(default=True, description="refuse a connection over the network that is not encrypted")
    root_certificate: Path | None = Field(
        default=None, description="certificate of the authority that signed the server's; with it the server's name is verified"
    )
    connect_timeout_s: int = Field(default=15, ge=1, le=600, description="seconds to wait for the server to answer")


def connection_string(settings: PostgresSettings, environment: Mapping[str, str] = os.environ) -> str:
    """Give the libpq connection string with the TLS settings applied; a SettingsError says what is missing or not allowed."""
    given = environment.get(settings.dsn_variable, "")
    if not given:
        raise SettingsError(
            f"publish.postgres: the environment variable {settings.dsn_variable} is not set. Set it to the connection string "
            "of the database, or leave the section publish.postgres out"
        )
    try:
        parts = conninfo_to_dict(given)
    except ProgrammingError:  # the message would repeat the string, which may hold a password
        raise SettingsError(f"publish.postgres: {settings.dsn_variable} is not a PostgreSQL connection string") from None
    if settings.root_certificate is not None:
        parts |= {"sslrootcert": str(settings.root_certificate), "sslmode": "verify-full"}
    host = str(parts.get("host") or "")
    over_network = bool(host) and not host.startswith("/") and host not in LOOPBACK
    if settings.require_tls and over_network:
        parts.setdefault("sslmode", "require")
        if parts["sslmode"] not in ENCRYPTED:
            raise SettingsError(
                f"publish.postgres: {settings.dsn_variable} asks for sslmode={parts['sslmode']}, which may send scores in the "
                f"clear. Allowed: {', '.join(ENCRYPTED)}; on a trusted network set publish.postgres.require_tls: false"
            )
    parts.setdefault("connect_timeout", settings.connect_timeout_s)
    parts.setdefault("application_name", "strata")
    return make_conninfo(**{name: str(value) for name, value in parts.items() if value is not None})
