# SPDX-License-Identifier: Apache-2.0
"""POST /api/v1/agents/{id}/key {"public_key", "proof"} → {"agent", "sequence"}: an agent's new key.

The request is signed by the key that is known, as an upload is; `proof` is the new key's signature
over the same request with "old key, newline, new key" (base64) as its body, so nobody can enter a key
that he does not hold. A request in which both are the known key is answered yes: so an agent finds out
that its last change, whose answer got lost, was taken.
"""

import base64
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Body, Path, Request
from fastapi.responses import JSONResponse, Response

from collector.agent_problems import Problem, refusal
from collector.agents import MEDIA, CappedRoute, Stamp, check_clock, of_agent, read_stamp, refused
from collector.api.declared import says_to_agents
from collector.api.shapes.people import KeyChanged
from inventory_db import agents
from inventory_db.agent_keys import change_key
from inventory_db.agents import Engine
from inventory_db.audit import Action, record
from inventory_db.facilities import bind, every
from inventory_db.tables import writing
from probes.facts import signing_input

_log = logging.getLogger(__name__)


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of the request."""

    public_key: str  # base64 of the 32 bytes of an Ed25519 public key
    proof: str  # base64 of the new key's signature


def router(engine: Engine, now: Callable[[], datetime]) -> APIRouter:
    """Make the route; nothing is touched before the first request."""
    routes = APIRouter(prefix="/api/v1/agents", route_class=CappedRoute)

    @routes.post("/{id}/key", summary="Change an agent's key", **says_to_agents(KeyChanged))
    def new_key(
        id: Annotated[str, Path(max_length=64)],
        request: Request,
        body: Annotated[bytes, Body(media_type=MEDIA)] = b"",
    ) -> Response:
        try:
            return JSONResponse(_change(engine, id, request, body, now()))
        except Problem as problem:
            refused(request, "agent", id, problem, now())
            return problem.response()

    return routes


def _change(engine: Engine, id: str, request: Request, body: bytes, now: datetime) -> dict[str, object]:
    stamp, path = read_stamp(request), f"/api/v1/agents/{id}/key"
    with every(engine).connect() as connection:
        known = agents.find_agent(connection, id)
    if known is None:
        raise Problem("not-known")
    stamp.verify(known.public_key, path, body)
    if known.revoked is not None:
        raise Problem("revoked")
    if known.closed:
        raise Problem("facility-closed")
    check_clock(stamp, now)
    new = _proven(body, stamp, path, known.public_key)
    try:
        with writing(bind(engine, known.facility)) as connection:
            change_key(connection, id, known.public_key, new, stamp.sequence, now, stamp.at - now)
            record(connection, of_agent(request, Action.AGENT_KEY, known, now))
    except agents.AgentRefused as error:
        raise refusal(error) from error
    _log.info("agent %s has a new key", known.id)
    return {"agent": known.id, "sequence": stamp.sequence}


def _proven(body: bytes, stamp: Stamp, path: str, old: bytes) -> bytes:
    """Give the new key; raises Problem unless whoever asks holds it."""
    try:
        wish = msgspec.json.decode(body, type=NewKey)
        new = base64.b64decode(wish.public_key, validate=True)
        proof = base64.b64decode(wish.proof, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("bad-content") from error
    both = f"{base64.b64encode(old).decode()}\n{base64.b64encode(new).decode()}"
    signed = signing_input("POST", path, stamp.time, stamp.sequence, both.encode())
    try:
        Ed25519PublicKey.from_public_bytes(new).verify(proof, signed)
    except (InvalidSignature, ValueError) as error:
        raise Problem("bad-content") from error
    return new
