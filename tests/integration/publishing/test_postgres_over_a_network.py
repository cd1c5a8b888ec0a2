"""Scores over a network: encrypted and only to the right server."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pipelines.errors import PublishingError
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import follow
from pipelines.postgres.settings import PostgresSettings, connection_string

NAME = "board.test"  # not a loopback name, so that the settings treat it as a server over the network
Publish = Callable[..., str]


@contextmanager
def over_tcp(database: str, tls: ssl.SSLContext | None) -> Iterator[int]:
    """Yield a port that leads to the server's socket, with or without TLS in front of it."""
    parts = psycopg.conninfo.conninfo_to_dict(database)
    loop, listening, ports = asyncio.new_event_loop(), threading.Event(), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # a client asks for TLS before it says anything else
        writer.write(b"S" if tls else b"N")
        if tls:
            await writer.start_tls(tls)
            from_server, to_server = await asyncio.open_unix_connection(f"{parts['host']}/.s.PGSQL.5432")
            await asyncio.gather(_pass_on(reader, to_server), _pass_on(from_server, writer))
        writer.close()

    async def listen() -> None:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(listener.sockets[0].getsockname()[1])
        listening.set()

    loop.create_task(listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listening.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
        writer.close()
    except (ConnectionError, ssl.SSLError):
        return


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a certificate for the server's name; the file also has its key."""
    openssl = shutil.which("openssl") or pytest.skip("no openssl here to make a certificate")
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    named = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(file), "-out", str(file)]
    subprocess.run([openssl, *request, *named], check=True, capture_output=True)
    return file


@pytest.fixture
def encrypted(certificate: Path, database: str) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with over_tcp(database, context) as port:
        yield port


def dsn(port: int, settings: PostgresSettings, name: str = NAME) -> str:
    address = f"postgresql://postgres@{name}:{port}/board?hostaddr=127.0.0.1"
    return connection_string(settings, {settings.dsn_variable: address})


def test_a_server_without_tls_gets_no_scores(lake: Lake, publish: Publish, database: str) -> None:
    publish(lake, 1, people=5)
    with over_tcp(database, None) as port, pytest.raises(PublishingError, match="does not support SSL"):
        follow(lake, dsn(port, PostgresSettings()))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regnamespace('strata')").fetchone() == (None,)


def test_scores_go_encrypted_to_the_server_that_the_certificate_names(
    lake: Lake, publish: Publish, certificate: Path, encrypted: int
) -> None:
    run_id = publish(lake, 1, people=5)
    conninfo = dsn(encrypted, PostgresSettings(root_certificate=certificate))
    assert follow(lake, conninfo).loaded == [run_id]
    with psycopg.connect(conninfo) as connection:
        assert connection.pgconn.ssl_in_use
    with psycopg.connect(dsn(encrypted, PostgresSettings())) as connection:  # encrypted, but the name is not checked
        assert connection.pgconn.ssl_in_use


def test_another_server_with_the_same_authority_is_refused(
    lake: Lake, publish: Publish, certificate: Path, encrypted: int
) -> None:
    publish(lake, 1, people=5)
    with pytest.raises(PublishingError, match='does not match host name "other'):
        follow(lake, dsn(encrypted, PostgresSettings(root_certificate=certificate), name="other.test"))
