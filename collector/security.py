# SPDX-License-Identifier: Apache-2.0
"""What stands before every page: known Host names only, small forms only, headers that allow no script.

`Doorkeeper` is ASGI middleware written without coroutines of its own: it only wraps calls.
Changes from forms need both a same-site Origin and a token: of somebody signed in it is derived from the session,
before that it is the double-submit token (OWASP CSRF cheat sheet).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from fastapi.datastructures import Headers
from fastapi.responses import Response

from collector.session_cookie import is_tls, session_token

MOST_FORM = 64 * 1024  # bytes of a form; uploads of agents have their own cap
MOST_DOCUMENT = 21 * 1024 * 1024  # of a form with a file; the route itself asks first who sends it
LARGER_FORMS = {
    "/vendor/documents": MOST_DOCUMENT,
    "/documents": MOST_DOCUMENT,
    "/import": MOST_DOCUMENT,
    "/import/columns": 1024 * 1024,
}
TOKEN_COOKIE = "daicho_form"  # noqa: S105 - the cookie's name; over TLS with __Host-, so that no neighbour sets it
_HOST = re.compile(
    r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
)  # RFC 9110 §7.2, no more than we use

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
Refuse = Callable[[Message, int], App]  # answers with no, as the path and the reader's language ask for


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
        app = self._refuse(scope, status) if status else self._app
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            receive = _without_zero(receive)
        return app(scope, receive, _with_headers(send))

    def _objection(self, scope: Message, headers: Headers) -> int:
        if host_name(headers.get("host", "")) not in self._allowed_hosts:
            return 421
        if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
            return 400  # PostgreSQL keeps no such text
        if "transfer-encoding" in headers:  # it overrides a length that stands beside it (RFC 9112 §6.3)
            return 411
        if scope["method"] in ("GET", "HEAD") or scope["path"].startswith("/api/"):
            return 0
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            return 411
        most = LARGER_FORMS.get(scope["path"], MOST_FORM)
        return 413 if len(length) > 12 or int(length) > most else 0


def host_name(host: str) -> str:
    """Give the name in a Host header, lower case, without port and brackets; "" for nonsense."""
    if not _HOST.fullmatch(host):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def form_token(request: Request) -> str:
    """Give the visitor's form token: the session's, else the one of the cookie, else a new one."""
    token = _session_form_token(request) or _form_cookie(request)
    return token if 20 <= len(token) <= 100 else secrets.token_urlsafe(32)


def set_form_cookie(response: Response, request: Request, token: str) -> None:
    """Let the browser bring the token that the form of somebody not signed in must hold too."""
    name, secure = _cookie_name(request), is_tls(request)
    response.set_cookie(name, token, secure=secure, samesite="strict", httponly=True, path="/")


def clear_form_cookie(response: Response, request: Request) -> None:
    """Let the browser forget that token."""
    response.delete_cookie(_cookie_name(request), secure=is_tls(request), path="/")


def _form_cookie(request: Request) -> str:
    return request.cookies.get(_cookie_name(request), "")


def _cookie_name(request: Request) -> str:
    return f"__Host-{TOKEN_COOKIE}" if is_tls(request) else TOKEN_COOKIE


def _session_form_token(request: Request) -> str:
    session = session_token(request)
    return hmac.new(session.encode(), b"daicho form", hashlib.sha256).hexdigest() if session else ""


def is_own_form(request: Request, token: str) -> bool:
    """Say whether a form came from our own page: Origin (or Referer) is ours, and the token is this session's."""
    cookie = _session_form_token(request) or _form_cookie(request)
    origin = request.headers.get("origin") or request.headers.get("referer") or ""
    return (
        _is_ours(origin, request)
        and len(cookie) >= 20
        and secrets.compare_digest(cookie.encode(), token.encode())
    )


def is_own_origin(request: Request) -> bool:
    """Say whether a change comes from our own pages, or from a program that is no browser (no Origin)."""
    origin = request.headers.get("origin")
    fetched = request.headers.get("sec-fetch-site", "same-origin")
    return (origin is None or _is_ours(origin, request)) and fetched in ("same-origin", "none")


def _is_ours(origin: str, request: Request) -> bool:
    """Say whether a page of this origin is ours; over TLS one without TLS is somebody's on the line."""
    downgraded = is_tls(request) and not origin.lower().startswith("https://")
    return not downgraded and _authority(origin) == request.headers.get("host", "").lower() != ""


def _authority(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _without_zero(receive: Receive) -> Receive:
    """Refuse a form with a zero character while it is read: PostgreSQL keeps no such text."""
    last = b""

    async def receive_without_zero() -> Message:
        nonlocal last
        message = await receive()
        read = last + message.get("body", b"")
        if b"%00" in read or b"\0" in read:
            raise HTTPException(400)
        last = read[-2:]
        return message

    return receive_without_zero


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
