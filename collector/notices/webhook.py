# SPDX-License-Identifier: Apache-2.0
"""A notice as a signed POST of JSON to the one address that the administrator wrote.

`Daicho-Signature: sha256=HEX` is HMAC-SHA256 over `Daicho-Time`, a full stop and the body, by the secret
of the settings; a receiver refuses old times and ids (`Daicho-Delivery`) that it has seen. Redirects are
not followed, no proxy of the environment is asked, and of the answer only the status counts.
"""

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from collector.notices.mail import NotSent
from collector.notices.wording import entry
from collector.sections import Webhook, read_secret
from collector.settings import Settings
from inventory_db.notices import Message

SCHEMA = "daicho/notice/1"
TIMEOUT, MOST_SECONDS = 10.0, 30.0  # without an answer; in all


def make_body(message: Message, facility: int, settings: Settings) -> bytes:
    """Give the JSON that is posted."""
    content = {
        "schema": SCHEMA,
        "id": message.id,
        "facility": facility,
        "made": message.made.isoformat(),
        "notices": [entry(news, settings) for news in message.news],
    }
    return msgspec.json.encode(content)


def sign(secret: str, time: str, body: bytes) -> str:
    """Give the value of Daicho-Signature."""
    return "sha256=" + hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(webhook: Webhook, id: str, body: bytes, now: datetime) -> None:
    """Post it; raises NotSent unless the answer is a 2xx."""
    try:
        secret = read_secret(webhook.secret_file)
        status = _exchange(webhook, _headers(id, secret, body, now), body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotSent(type(error).__name__) from error
    if not 200 <= status < 300:
        raise NotSent(f"HTTP {status}")


def _headers(id: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    time = now.isoformat()
    return {
        "Content-Type": "application/json",
        "User-Agent": "daicho",
        "Daicho-Delivery": id,
        "Daicho-Time": time,
        "Daicho-Signature": sign(secret, time, body),
        "Connection": "close",
    }


def _exchange(webhook: Webhook, headers: dict[str, str], body: bytes) -> int:
    parts = urlsplit(webhook.url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, webhook.ca_file)
    end = threading.Timer(MOST_SECONDS, _cut, (connection,))  # an answer that drips has an end too
    end.daemon = True
    try:
        connection.connect()
        end.start()
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    finally:
        end.cancel()
        connection.close()


def _connection(scheme: str, host: str, port: int | None, ca_file: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return http.client.HTTPSConnection(host, port, timeout=TIMEOUT, context=context)


def _cut(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError):
        if connection.sock:
            connection.sock.shutdown(socket.SHUT_RDWR)
