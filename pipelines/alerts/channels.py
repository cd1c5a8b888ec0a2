"""How a message leaves: a webhook by HTTP, or mail by SMTP. What fails is raised without the address or the password."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from http.client import HTTPException
from urllib.parse import urlsplit

from pipelines.alerts.notification import slack_message, teams_message
from pipelines.alerts.settings import EmailSettings, WebhookSettings
from pipelines.errors import StrataError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SHAPES = {"teams": teams_message, "slack": slack_message}


class UndeliveredError(StrataError):
    """A message did not arrive; the words hold no secret."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse to follow: a redirected POST would arrive without its content."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(webhook: WebhookSettings, heading: str, lines: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Post a message to a webhook; an UndeliveredError says why it did not arrive."""
    url = _given(environment, webhook.url_variable)
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise UndeliveredError(f"the address in {webhook.url_variable} must begin with https://")
    content = json.dumps(SHAPES[webhook.shape](heading, lines)).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=webhook.timeout_s):
            return
    except urllib.error.HTTPError as error:
        raise UndeliveredError(f"the webhook answered {error.code}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise UndeliveredError(f"the webhook cannot be reached ({type(_cause(error)).__name__})") from None


def mail(email: EmailSettings, heading: str, lines: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
    """Send a message by mail; an UndeliveredError says why it did not leave."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = email.sender, ", ".join(email.recipients), heading
    message.set_content("\n\n".join(lines) + "\n")
    user = _given(environment, email.user_variable) if email.user_variable else ""
    password = _given(environment, email.password_variable) if email.password_variable else ""
    if user and email.security == "none" and email.host not in LOOPBACK:
        raise UndeliveredError("a password is sent over an encrypted connection only: set alerts.email.security")
    try:
        with _connected(email) as relay:
            if user:
                relay.login(user, password)
            refused = relay.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise UndeliveredError(f"the mail relay answered {error.smtp_code}") from None
    except (OSError, ValueError) as error:  # every other error of smtplib is an OSError
        raise UndeliveredError(f"the mail relay cannot be used ({type(error).__name__})") from None
    if refused:
        raise UndeliveredError("the mail relay refused a recipient")


def _connected(email: EmailSettings) -> smtplib.SMTP:
    if email.security == "tls":
        return smtplib.SMTP_SSL(email.host, email.port, timeout=email.timeout_s, context=ssl.create_default_context())
    relay = smtplib.SMTP(email.host, email.port, timeout=email.timeout_s)
    if email.security == "starttls":
        try:
            relay.starttls(context=ssl.create_default_context())
        except BaseException:
            relay.close()
            raise
    return relay


def _given(environment: Mapping[str, str], variable: str) -> str:
    if not environment.get(variable):
        raise UndeliveredError(f"the environment variable {variable} is not set")
    return environment[variable]


def _cause(error: Exception) -> object:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else error
