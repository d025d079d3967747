# SPDX-License-Identifier: Apache-2.0
"""What comes unencrypted from another machine is refused; who is this machine itself.

X-Forwarded-* are read before this by uvicorn's own middleware, and only from proxies that the settings
name (`behind_proxy`); nobody else is believed.
"""

import ipaddress
from collections.abc import Awaitable

from fastapi.datastructures import Headers
from starlette.requests import HTTPConnection

from collector.security import App, Message, Receive, Refuse, Send

FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded", "via")
UPGRADE = (b"upgrade", b"TLS/1.2")
HSTS = (b"strict-transport-security", b"max-age=31536000")


class EncryptedOnly:
    """ASGI middleware: plain HTTP from this machine itself only; HSTS (RFC 6797) on what is encrypted."""

    def __init__(self, app: App, refuse: Refuse) -> None:
        self._app = app
        self._refuse = refuse

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Let an encrypted or local request in, or answer it here."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        if scope.get("scheme") == "https":
            return self._app(scope, receive, _with(send, HSTS))
        if is_near(scope):
            return self._app(scope, receive, send)
        return self._refuse(scope, 426)(scope, receive, _with(send, UPGRADE))


def is_near(scope: Message) -> bool:
    """Say whether the other end of the line is this machine (or a socket file of it)."""
    client = scope.get("client")
    if not client:
        return True
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except ValueError:  # what is no address came over no network, unless a proxy wrote it
        return not _is_forwarded(Headers(scope=scope))


def is_local(request: HTTPConnection) -> bool:
    """Say whether a person or program on this machine asks, and nobody through a proxy on it."""
    return is_near(request.scope) and not _is_forwarded(request.headers)


def _is_forwarded(headers: Headers) -> bool:
    return any(name in headers for name in FORWARDED)


def _with(send: Send, header: tuple[bytes, bytes]) -> Send:
    def send_with_header(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), header]
        return send(message)

    return send_with_header
