"""Mail over an encrypted connection, against a relay of this machine whose certificate the test has made."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from pipelines.alerts.channels import UndeliveredError, mail
from pipelines.alerts.settings import EmailSettings

x509 = pytest.importorskip("cryptography.x509", reason="cryptography makes the test's certificate")
WORD = "w0rd-of-the-relay"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a certificate for 127.0.0.1 and its key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "relay of a test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("relay") / "certificate.pem"
    encoded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(made.public_bytes(encoded[0]) + key.private_bytes(*encoded))
    return file


class Relay:
    """A relay that takes one message, and notes what was said before and after encryption."""

    def __init__(self, certificate: Path, security: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.security, self.clear, self.encrypted, self.messages = security, [], [], []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.listening.settimeout(10)
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        try:
            connection, _ = self.listening.accept()
            connection.settimeout(10)
            if self.security == "tls":
                connection = self.context.wrap_socket(connection, server_side=True)
            self._talk(connection, self.encrypted if self.security == "tls" else self.clear)
        except OSError:  # the client went away, as it must where it does not trust the certificate
            return

    def _talk(self, connection: socket.socket, said: list[str], greeted: bool = False) -> None:
        with connection, connection.makefile("rb") as lines:
            if not greeted:
                connection.sendall(b"220 relay\r\n")
            while line := lines.readline().decode().strip():
                said.append(line)
                word = line.split()[0].upper()
                if word == "STARTTLS":
                    connection.sendall(b"220 go on\r\n")
                    self._talk(self.context.wrap_socket(connection, server_side=True), self.encrypted, True)
                    break
                if word == "DATA":
                    connection.sendall(b"354 go on\r\n")
                    self.messages.append(b"".join(iter(lines.readline, b".\r\n")).decode())
                ehlo = b"250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n"
                connection.sendall({"EHLO": ehlo, "AUTH": b"235 ok\r\n", "QUIT": b"221 bye\r\n"}.get(word, b"250 ok\r\n"))
                if word == "QUIT":
                    break

    def end(self) -> None:
        self.thread.join(15)
        self.listening.close()


@pytest.fixture(params=["starttls", "tls"])
def relay(request: pytest.FixtureRequest, certificate: Path) -> Iterator[Any]:
    started = Relay(certificate, request.param)
    yield started
    started.end()


def to(relay: Any) -> EmailSettings:
    return EmailSettings(
        host="127.0.0.1", port=relay.listening.getsockname()[1], security=relay.security, sender="strata@example.org",
        recipients=("data@example.org",), user_variable="RELAY_USER", password_variable="RELAY_WORD", timeout_s=5,
    )  # fmt: skip


def test_message_and_password_go_encrypted(relay: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mail(to(relay), "Strata: alerts", ["NEW scores_stale"], {"RELAY_USER": "strata", "RELAY_WORD": WORD})
    relay.end()
    assert "NEW scores_stale" in relay.messages[0]
    assert any(line.startswith("AUTH ") for line in relay.encrypted)
    assert [line.split()[0].upper() for line in relay.clear] == (["EHLO", "STARTTLS"] if relay.security == "starttls" else [])


def test_a_relay_whose_certificate_no_authority_signed_receives_nothing(relay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(UndeliveredError, match="SSLCertVerificationError") as refused:
        mail(to(relay), "Strata: alerts", ["NEW scores_stale"], {"RELAY_USER": "strata", "RELAY_WORD": WORD})
    relay.end()
    assert WORD not in str(refused.value)
    assert relay.messages == relay.encrypted == []
