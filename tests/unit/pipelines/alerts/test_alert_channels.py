"""Messages against servers on this machine: shapes, failures, and that no secret stands in an error."""

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pipelines.alerts.channels import UndeliveredError, mail, post
from pipelines.alerts.settings import AlertSettings, EmailSettings, WebhookSettings

SECRET = "s3cret-token"
LINES = ["NEW feature_shifted - age_years: moved", "RECOVERED scores_stale - o"]


@pytest.fixture
def webhook_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a server that keeps what it is sent and returns the answers set for it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((self.path, self.headers["Content-Type"], json.loads(content)))
            self.send_response(server.answer)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server: Any = HTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.answer = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def relay() -> Iterator[Any]:
    """Return a mail relay without encryption that keeps what it is sent."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 relay")
            while line := self.rfile.readline().decode().strip():
                word = line.split(":")[0].split(" ")[0].upper()
                if word == "DATA":
                    self.say("354 go on")
                    server.received.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                if word in ("MAIL", "RCPT"):
                    server.envelope.append(line)
                refused = word in server.refuses
                self.say(f"550 {SECRET}" if refused else "221 bye" if word == "QUIT" else "250 ok")
                if word == "QUIT":
                    return

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.received, server.envelope, server.refuses = True, [], [], ()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def hook(shape: Any) -> WebhookSettings:
    return WebhookSettings(name="team", shape=shape, url_variable="HOOK_URL", timeout_s=5)


def to_relay(relay: Any, **given: Any) -> EmailSettings:
    values = {
        "host": "127.0.0.1",
        "port": relay.server_address[1],
        "security": "none",
        "sender": "strata@example.org",
        "timeout_s": 5,
    }
    return EmailSettings(**(values | {"recipients": ("data@example.org", "duty@example.org")} | given))


def test_teams_gets_an_adaptive_card(webhook_server: Any) -> None:
    post(hook("teams"), "Strata: alerts", LINES, {"HOOK_URL": webhook_server.url})
    path, kind, content = webhook_server.received[0]
    assert (path, kind) == (f"/{SECRET}", "application/json")
    assert content["type"] == "message"
    card = content["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert [block["text"] for block in card["content"]["body"]] == ["Strata: alerts", *LINES]


def test_slack_gets_text_and_blocks_without_markup(webhook_server: Any) -> None:
    post(hook("slack"), "Strata: alerts", LINES, {"HOOK_URL": webhook_server.url})
    content = webhook_server.received[0][2]
    assert content["text"] == "Strata: alerts"
    assert [block["text"] for block in content["blocks"]] == [
        {"type": "plain_text", "text": text} for text in ("Strata: alerts", *LINES)
    ]


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_of_a_webhook_that_refuses_only_the_answer_is_reported(webhook_server: Any, answer: int) -> None:
    webhook_server.answer = answer
    with pytest.raises(UndeliveredError, match=f"^the webhook answered {answer}$"):
        post(hook("slack"), "Strata: alerts", LINES, {"HOOK_URL": webhook_server.url})
    assert len(webhook_server.received) == 1


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "HOOK_URL is not set"),
        ({"HOOK_URL": f"http://hooks.example/{SECRET}"}, "must begin with https"),
        ({"HOOK_URL": f"file:///{SECRET}"}, "must begin with https"),
        ({"HOOK_URL": f"http://127.0.0.1:1/{SECRET}"}, "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_never_repeated(
    environment: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(UndeliveredError, match=words) as refused:
        post(hook("teams"), "Strata: alerts", LINES, environment)
    assert SECRET not in str(refused.value)


def test_mail_goes_to_everyone_in_one_message(relay: Any) -> None:
    mail(to_relay(relay), "Strata: alerts", LINES)
    assert "Subject: Strata: alerts" in relay.received[0]
    assert all(line in relay.received[0].replace("\r\n", "\n") for line in LINES)
    assert sorted(line.split(":")[0].upper() for line in relay.envelope) == ["MAIL FROM", "RCPT TO", "RCPT TO"]


def test_of_a_relay_that_refuses_only_the_answer_is_reported(relay: Any) -> None:
    relay.refuses = ("MAIL",)
    with pytest.raises(UndeliveredError, match=r"^the mail relay answered 550$"):
        mail(to_relay(relay), "Strata: alerts", LINES)


def test_nothing_is_sent_in_the_clear_where_encryption_was_asked_for(relay: Any) -> None:
    with pytest.raises(UndeliveredError, match="cannot be used"):
        mail(to_relay(relay, security="starttls"), "Strata: alerts", LINES)
    assert relay.received == relay.envelope == []
    outside = to_relay(relay, host="relay.example", user_variable="USER_OF", password_variable="WORD_OF")
    with pytest.raises(UndeliveredError, match="encrypted"):
        mail(outside, "Strata: alerts", LINES, {"USER_OF": "strata", "WORD_OF": SECRET})


def test_channels_have_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="needs its own name"):
        AlertSettings(webhooks=(hook("teams"), hook("slack")))
