# SPDX-License-Identifier: Apache-2.0
"""What stands before every page: known Host names only, small forms only, headers that allow no script.

`Doorkeeper` is ASGI middleware written without coroutines of its own: it only wraps calls.
Changes from forms need both a same-site Origin and the double-submit token (OWASP CSRF cheat sheet).
"""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.datastructures import Headers

MOST_FORM = 64 * 1024  # bytes of a form; uploads of agents have their own cap
TOKEN_COOKIE = "daicho_form"  # noqa: S105 - the cookie's name

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Refuse = Callable[[Headers, int], App]  # makes the page that says no, in the reader's language


class Doorkeeper:
    """ASGI middleware: refuses unknown Host names and big forms, and sets the security headers."""

    def __init__(self, app: App, allowed_hosts: frozenset[str], refuse: Refuse) -> None:
        self._app = app
        self._allowed_hosts = allowed_hosts
        self._refuse = refuse

    def __call__(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            return self._app(scope, receive, send)
        headers = Headers(scope=scope)
        status = self._objection(scope, headers)
        app = self._refuse(headers, status) if status else self._app
        return app(scope, receive, _with_headers(send))

    def _objection(self, scope: Message, headers: Headers) -> int:
        if host_name(headers.get("host", "")) not in self._allowed_hosts:
            return 421
        if scope["method"] in ("GET", "HEAD") or scope["path"].startswith("/api/"):
            return 0
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return 411
        return 413 if int(length) > MOST_FORM else 0


def host_name(host: str) -> str:
    """Give the name in a Host header, lower case, without port and brackets; "" for nonsense."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def form_token(request: Request) -> str:
    """Give the visitor's form token: the one of the cookie, or a new one."""
    token = request.cookies.get(TOKEN_COOKIE, "")
    return token if 20 <= len(token) <= 100 else secrets.token_urlsafe(32)


def is_own_form(request: Request, token: str) -> bool:
    """Say whether a form came from our own page: Origin (or Referer) is ours, and the token is the cookie's."""
    cookie = request.cookies.get(TOKEN_COOKIE, "")
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    ours = _authority(origin) == request.headers.get("host", "").lower() != ""
    return ours and len(cookie) >= 20 and secrets.compare_digest(cookie.encode(), token.encode())


def is_own_origin(headers: Headers) -> bool:
    """Say whether a change comes from our own pages, or from a program that is no browser (no Origin)."""
    origin = headers.get("origin")
    fetched = headers.get("sec-fetch-site", "same-origin")
    ours = origin is None or _authority(origin) == headers.get("host", "").lower() != ""
    return ours and fetched in ("same-origin", "none")


def _authority(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    def send_with_headers(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            message["headers"] = _complete(message.get("headers", []))
        return send(message)

    return send_with_headers


def _complete(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    wanted = ((name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items())
    return [*headers, *(header for header in wanted if header[0] not in present)]
