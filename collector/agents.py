# SPDX-License-Identifier: Apache-2.0
"""What agents talk to: enrolment with a one-time code, and signed uploads taken in once.

    POST /api/v1/agents/enrol            {"code", "public_key"} → {"agent", "name"}
    POST /api/v1/agents/{id}/uploads     probes.facts.Upload    → {"new", "known", "sequence"}

Both bodies are `application/octet-stream` (the second one plain or gzip JSON) and are signed:
`Daicho-Time` (RFC 3339), `Daicho-Sequence` (strictly increasing per agent; 0 at enrolment),
`Daicho-Signature` (base64 Ed25519, RFC 8032, over `probes.facts.signing_input`). Errors are
`application/problem+json` (RFC 9457) with the sentences `ja` and `en`.

An upload and its sequence become durable in one transaction, so an answer that got lost costs
nothing: the agent sends again, the records are known, none is doubled.
"""

import base64
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, BackgroundTasks, Body, Request
from fastapi.datastructures import Headers
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from collector.agent_problems import Problem, refusal
from collector.security import Message, Receive, Send
from collector.settings import Settings
from inventory_db import agents, observations
from inventory_db.agents import Connection, Engine, create_enrolment
from inventory_db.tables import writing
from probes.facts import UPLOAD_SCHEMA, Upload, decode_upload, signing_input

__all__ = ["create_enrolment", "router"]

MOST_BODY = 16 * 1024 * 1024  # bytes of a body as sent
MOST_UPLOAD = 64 * 1024 * 1024  # bytes of an upload's JSON, unpacked
MOST_SKEW = timedelta(minutes=15)  # that an agent's clock may differ from ours
MEDIA = "application/octet-stream"

Now = Callable[[], datetime]
Refresh = Callable[[Connection], object]


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of an enrolment."""

    code: str
    public_key: str  # base64 of the 32 bytes of an Ed25519 public key


@dataclass(frozen=True, slots=True)
class Stamp:
    """The signature headers of a request, read but not yet verified."""

    time: str
    at: datetime  # with offset
    sequence: int
    signature: bytes

    def verify(self, key: bytes, path: str, body: bytes) -> None:
        """Raise Problem not-known unless the key signed exactly this."""
        signed = signing_input("POST", path, self.time, self.sequence, body)
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, signed)
        except (InvalidSignature, ValueError) as error:
            raise Problem("not-known") from error


class CappedRoute(APIRoute):
    """A route that looks at length and media type before a byte of the body is read."""

    def handle(self, scope: Message, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer an objection here; the server itself holds a client to its Content-Length."""
        problem = _objection(Headers(scope=scope)) if scope["method"] == "POST" else None
        answer = problem.response() if problem else super().handle
        return answer(scope, receive, send)


def router(
    settings: Settings,
    engine: Engine,
    *,
    refresh: Refresh | None = None,
    now: Now = lambda: datetime.now(UTC),
) -> APIRouter:
    """Make the agents' part of the API on this ledger; nothing is touched before the first request.

    `refresh` derives the devices when an uploaded scan has ended; no agent waits for it.
    """
    routes = APIRouter(prefix="/api/v1/agents", route_class=CappedRoute)

    @routes.post("/enrol")
    def enrol(request: Request, body: Annotated[bytes, Body(media_type=MEDIA)] = b"") -> Response:
        try:
            return JSONResponse(_enrol(engine, request, body, now()))
        except Problem as problem:
            return problem.response()

    @routes.post("/{id}/uploads")
    def upload(
        id: str,
        request: Request,
        after: BackgroundTasks,
        body: Annotated[bytes, Body(media_type=MEDIA)] = b"",
    ) -> Response:
        try:
            batch, answer = _take(engine, id, request, body, now())
        except Problem as problem:
            return problem.response()
        if refresh and any(scan.ended is not None for scan in batch.scans):
            after.add_task(_derive, engine, refresh)
        return JSONResponse(answer)

    return routes


def _objection(headers: Headers) -> Problem | None:
    """Say why a body is not even read."""
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        return Problem("length-required")
    if len(length) > 12 or int(length) > MOST_BODY:
        return Problem("too-large", most=MOST_BODY)
    return None if headers.get("content-type") == MEDIA else Problem("media-type")


def _enrol(engine: Engine, request: Request, body: bytes, now: datetime) -> dict[str, object]:
    stamp = _stamp(request)
    try:
        wish = msgspec.json.decode(body, type=Enrolment)
        key = base64.b64decode(wish.public_key, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("bad-content") from error
    stamp.verify(key, "/api/v1/agents/enrol", body)
    _check_clock(stamp, now)
    try:
        with writing(engine) as connection:
            agent = agents.enrol(connection, wish.code, key, now)
    except agents.AgentRefused as error:
        raise refusal(error) from error
    return {"agent": agent.id, "name": agent.name}


def _take(
    engine: Engine, id: str, request: Request, body: bytes, now: datetime
) -> tuple[Upload, dict[str, object]]:
    """Verify, read and store one upload; append and sequence in one transaction."""
    stamp = _stamp(request)
    _check_sender(engine, id, stamp, body)
    _check_clock(stamp, now)
    batch = _read(id, _unpacked(request.headers.get("content-encoding", "identity"), body))
    try:
        with writing(engine) as connection:
            agents.accept(connection, id, stamp.sequence, now, stamp.at - now)
            done = observations.append(connection, batch, id)
    except agents.AgentRefused as error:
        raise refusal(error) from error
    new, known = done.observations_new + done.sent_new, done.observations_known + done.sent_known
    return batch, {"new": new, "known": known, "sequence": stamp.sequence}


def _stamp(request: Request) -> Stamp:
    time, sequence = request.headers.get("daicho-time", ""), request.headers.get("daicho-sequence", "")
    try:
        signature = base64.b64decode(request.headers.get("daicho-signature", ""), validate=True)
        at = datetime.fromisoformat(time)
    except ValueError as error:
        raise Problem("bad-headers") from error
    plain = sequence.isascii() and sequence.isdigit() and len(sequence) <= 18
    if at.tzinfo is None or not plain or len(signature) != 64:
        raise Problem("bad-headers")
    return Stamp(time, at, int(sequence), signature)


def _check_sender(engine: Engine, id: str, stamp: Stamp, body: bytes) -> None:
    with engine.connect() as connection:
        agent = agents.find_agent(connection, id)
    if agent is None:
        raise Problem("not-known")
    stamp.verify(agent.public_key, f"/api/v1/agents/{id}/uploads", body)
    if agent.revoked is not None:
        raise Problem("revoked")


def _check_clock(stamp: Stamp, now: datetime) -> None:
    if abs(stamp.at - now) > MOST_SKEW:
        raise Problem("clock", collector_time=now.isoformat())


def _unpacked(encoding: str, body: bytes) -> bytes:
    """Undo gzip (RFC 1952) up to MOST_UPLOAD bytes; other encodings are refused."""
    if encoding == "identity":
        return body
    if encoding != "gzip":
        raise Problem("media-type")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, MOST_UPLOAD)
    except zlib.error as error:
        raise Problem("bad-content") from error
    if unpacker.unconsumed_tail:
        raise Problem("too-large", most=MOST_UPLOAD)
    if not unpacker.eof or unpacker.unused_data:
        raise Problem("bad-content")
    return plain


def _read(id: str, plain: bytes) -> Upload:
    try:
        batch = decode_upload(plain)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("bad-content") from error
    if batch.schema != UPLOAD_SCHEMA or batch.agent not in ("", id):
        raise Problem("bad-content")
    return batch


def _derive(engine: Engine, refresh: Refresh) -> None:
    with writing(engine) as connection:
        refresh(connection)
