# SPDX-License-Identifier: Apache-2.0
"""The session's cookie: HttpOnly, SameSite=Lax, and over TLS bound to this very host (`__Host-`, RFC 6265bis §4.1.3)."""

from fastapi import Request
from fastapi.responses import Response

PLAIN, SECURE = "daicho_session", "__Host-daicho_session"


def session_token(request: Request) -> str:
    """Give the token of the session's cookie; "" for none. Over TLS only the bound cookie counts."""
    return request.cookies.get(_name(request), "")[:200]


def set_session(response: Response, request: Request, token: str) -> None:
    """Let the browser keep the session until it is closed; the server says when it ends before."""
    response.set_cookie(
        _name(request), token, secure=is_tls(request), httponly=True, samesite="lax", path="/"
    )


def clear_session(response: Response, request: Request) -> None:
    """Let the browser forget the session."""
    response.delete_cookie(_name(request), secure=is_tls(request), httponly=True, samesite="lax", path="/")


def _name(request: Request) -> str:
    return SECURE if is_tls(request) else PLAIN


def is_tls(request: Request) -> bool:
    """Say whether the visitor's browser speaks TLS to us, or to the proxy that we believe."""
    return request.url.scheme == "https"
