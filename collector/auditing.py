# SPDX-License-Identifier: Apache-2.0
"""What the audit log is told of a request: who it was, from where, what it was about, and what came of it.

Every route's action stands beside its permission (collector.permissions). What is only read is written here, after
the route has made its answer and before a byte of it leaves: nothing is shown that the log does not hold. What
changes something writes its own entry in the transaction of the change (`told`), with old and new values.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from fastapi import HTTPException, Request

from collector.audit_queue import AuditQueue
from collector.visitor import NotAllowed, NotSignedIn, Visitor, Witness, visitor_of
from inventory_db.audit import INSTALLATION, Action, Event, Outcome

_ASKED = ("address", "at", "since", "until", "history", "edition")  # of a question; never free text
_REFUSED = (401, 403)
_LETS_IN = "word"  # of a link: whoever reads it could come in


def make_witness(queue: AuditQueue, now: Callable[[], datetime]) -> Witness:
    """Make what stands around every route and writes what it saw."""

    @contextmanager
    def witness(request: Request, visitor: Visitor) -> Iterator[None]:
        try:
            yield
        except (NotSignedIn, NotAllowed):
            queue.refuse(_refusal(request, visitor), now())
            raise
        except HTTPException as error:
            if error.status_code in _REFUSED:
                queue.refuse(_refusal(request, visitor), now())
            else:
                _write(queue, request, visitor, Outcome.FAILED)
            raise
        except Exception:
            _write(queue, request, visitor, Outcome.FAILED)
            raise
        else:
            _write(queue, request, visitor, Outcome.DONE)

    return witness


def told(
    request: Request, *, kind: str = "", key: str = "", detail: Mapping[str, object] | None = None
) -> Event:
    """Give the entry of a change by this visitor, for `inventory_db.audit.record` in the change's own transaction."""
    visitor = visitor_of(request)
    event = _event(request, visitor, visitor.rule.action or Action.CHANGE)
    return replace(
        event, kind=kind or event.kind, key=key or event.key, detail={**event.detail, **(detail or {})}
    )


def sender(request: Request) -> str:
    """Give the address that a request comes from."""
    return request.client.host if request.client else ""


def _write(queue: AuditQueue, request: Request, visitor: Visitor, outcome: Outcome) -> None:
    action = visitor.rule.action
    if action is not None and request.method in ("GET", "HEAD"):
        queue.write([replace(_event(request, visitor, action), outcome=outcome)])


def _refusal(request: Request, visitor: Visitor) -> Event:
    event = _event(request, visitor, Action.REFUSED)
    return replace(event, outcome=Outcome.REFUSED)


def _event(request: Request, visitor: Visitor, action: Action) -> Event:
    who, route = visitor.who, request.scope["route"].path
    kind, key = _object(route, request.path_params)
    asked = {name: request.query_params[name] for name in _ASKED if request.query_params.get(name)}
    if who and who.bound_to:
        asked["bound_to"] = who.bound_to  # of people from outside: to which release or contract
    return Event(
        action=action,
        facility=who.facility if who else INSTALLATION,
        account=who.account if who else "",
        name=who.name if who else "",
        role=str(who.role) if who else "",
        origin=sender(request),
        kind=kind,
        key=key,
        detail={"route": f"{request.method} {route}", **_further(request.path_params), **asked},
    )


def _object(route: str, given: Mapping[str, object]) -> tuple[str, str]:
    """Say what a route is about: a device by its id, else the page by its path."""
    if route.startswith(("/devices/{id}", "/api/v1/devices/{id}")):
        return "device", str(given.get("id", ""))
    path = route.removeprefix("/api/v1").strip("/") or "ledger"
    return path.split("/")[0].split(".")[0], "/".join(
        str(value) for name, value in given.items() if name != _LETS_IN
    )


def _further(given: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in given.items() if name not in ("id", _LETS_IN)}
