"""The settings of the connection to the publishing database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import ProgrammingError
from pydantic import BaseModel, Field

from pipelines.errors import SettingsError

ENCRYPTED = ("require", "verify-ca", "verify-full")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class PostgresSettings(BaseModel, extra="forbid", frozen=True):
    """A PostgreSQL database that published runs are copied to. No settings file contains its address or password."""

    dsn_variable: str = Field(
        default="STRATA_POSTGRES_DSN",
        pattern=r"[A-Z][A-Z0-9_]*",
        description="environment variable with the connection string, for instance postgresql://strata@db.example/boards",
    )
    require_tls: bool = Field(default=True, description="refuse a connection over the network that is not encrypted")
    root_certificate: Path | None = Field(
        default=None,
        description="certificate of the authority that signed the server's certificate; if set, the server's name is verified",
    )
    connect_timeout_s: int = Field(default=15, ge=1, le=600, description="seconds to wait for the server to answer")


def connection_string(settings: PostgresSettings, environment: Mapping[str, str] = os.environ) -> str:
    """Return the libpq connection string with the TLS settings applied; a SettingsError names what is missing or not allowed."""
    parts = _parts(settings, environment)
    if settings.root_certificate is not None:
        parts |= {"sslrootcert": str(settings.root_certificate), "sslmode": "verify-full"}
    if settings.require_tls and _is_over_network(parts):
        _require_encryption(settings, parts)
    parts.setdefault("connect_timeout", settings.connect_timeout_s)
    parts.setdefault("application_name", "strata")
    return make_conninfo(**{name: str(value) for name, value in parts.items() if value is not None})


def _parts(settings: PostgresSettings, environment: Mapping[str, str]) -> dict[str, Any]:
    text = environment.get(settings.dsn_variable, "")
    if not text:
        raise SettingsError(
            f"publish.postgres: the environment variable {settings.dsn_variable} is not set. Set it to the connection string "
            "of the database, or remove the section publish.postgres"
        )
    try:
        return dict(conninfo_to_dict(text))
    except ProgrammingError:  # its message would repeat the string, which may have a password
        raise SettingsError(
            f"publish.postgres: {settings.dsn_variable} is not a PostgreSQL connection string. "
            "Write it as postgresql://user@host/database"
        ) from None


def _is_over_network(parts: Mapping[str, Any]) -> bool:
    host = str(parts.get("host") or "")
    return bool(host) and not host.startswith("/") and host not in LOOPBACK


def _require_encryption(settings: PostgresSettings, parts: dict[str, Any]) -> None:
    parts.setdefault("sslmode", "require")
    if parts["sslmode"] not in ENCRYPTED:
        raise SettingsError(
            f"publish.postgres: {settings.dsn_variable} asks for sslmode={parts['sslmode']}, which may send scores unencrypted. "
            f"Allowed: {', '.join(ENCRYPTED)}. On a trusted network set publish.postgres.require_tls: false"
        )
