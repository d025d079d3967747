# SPDX-License-Identifier: Apache-2.0
"""One line, and one figure, for each request: id, route's template, status, duration, who; ASGI middleware."""

import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from collector.security import App, Message, Receive, Send

UNKNOWN_ROUTE = "(none)"
_log = logging.getLogger("collector.requests")

Observe = Callable[[str, str, int, float], None]  # method, route, status, seconds


@dataclass(slots=True)
class _Seen:
    status: int = 0
    told: bool = False


class RequestLog:
    """Tells of every request when its answer has gone out, or when there was none."""

    def __init__(self, app: App, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass the request on, and tell of it at its end; a fault counts as 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen, began, id = _Seen(), time.monotonic(), secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = id

        def tell() -> None:
            if not seen.told:
                seen.told = True
                self._tell(scope, id, seen.status or 500, time.monotonic() - began)

        try:
            await self._app(scope, receive, _watched(send, seen, id, tell))
        finally:
            tell()

    def _tell(self, scope: Message, id: str, status: int, seconds: float) -> None:
        method, route = _method(scope), route_of(scope)
        self._observe(method, route, status, seconds)
        visitor = scope.get("state", {}).get("visitor")
        extra = {
            "request": id,
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "facility": getattr(visitor, "facility", None),
            "account": getattr(visitor, "account", None),
        }
        _log.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra=extra)


def route_of(scope: Message) -> str:
    """Give the template of the route that answered, which holds nothing that a visitor wrote."""
    template = getattr(scope.get("route"), "path", None)
    return template if isinstance(template, str) and template else UNKNOWN_ROUTE


def _method(scope: Message) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"


def _watched(send: Send, seen: _Seen, id: str, tell: Callable[[], None]) -> Send:
    def watch(message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            seen.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", id.encode())]
        sending = send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            tell()
        return sending

    return watch
