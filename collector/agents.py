# SPDX-License-Identifier: Apache-2.0
"""What agents talk to: enrolment with a one-time code, and signed uploads taken in once.

    POST /api/v1/agents/enrol            {"code", "public_key"} → {"agent", "name"}
    POST /api/v1/agents/{id}/uploads     probes.facts.Upload    → {"new", "known", "sequence"[, "stop"]}

`stop` names scans of this agent that people asked to stop; the agent is never asked for anything else.

Both bodies are `application/octet-stream` (the second one plain or gzip JSON) and are signed:
`Daicho-Time` (RFC 3339), `Daicho-Sequence` (strictly increasing per agent; 0 at enrolment),
`Daicho-Signature` (base64 Ed25519, RFC 8032, over `probes.facts.signing_input`). Errors are
`application/problem+json` (RFC 9457) with the sentences `ja` and `en`.

An upload and its sequence become durable in one transaction, so an answer that got lost costs
nothing: the agent sends again, the records are known, none is doubled. Devices are derived by a job
(collector.job_runner) that the same transaction asks for. Who comes when there is no room is told
when to come again (collector.back_pressure).
"""

import base64
import logging
import zlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Body, Path, Request
from fastapi.datastructures import Headers
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError

from collector.agent_problems import Problem, refusal, trouble
from collector.api.declared import says_to_agents
from collector.api.shapes.people import Enrolled, Taken
from collector.audit_queue import AuditQueue
from collector.auditing import sender
from collector.back_pressure import Admission
from collector.security import Message, Receive, Send
from collector.settings import Settings
from inventory_db import agents, ingest
from inventory_db.agents import Agent, Engine, create_enrolment
from inventory_db.audit import Action, Event, Outcome, record
from inventory_db.condition import free_space
from inventory_db.facilities import bind, every
from inventory_db.ingest import Envelope
from inventory_db.stops import stops_of
from inventory_db.tables import LedgerError, writing
from probes.facts import UPLOAD_SCHEMA, Upload, decode_upload, signing_input

__all__ = ["create_enrolment", "router"]

MOST_BODY = 8 * 1024 * 1024  # bytes of a body as sent; an agent's batch is 4 MiB before packing
MOST_UPLOAD = 16 * 1024 * 1024  # bytes of an upload's JSON, unpacked
LEAST_FREE = 64 * 1024 * 1024  # bytes on the ledger's disk, below which nothing more is taken in
MOST_SKEW = timedelta(minutes=15)  # that an agent's clock may differ from ours
MEDIA = "application/octet-stream"
_log = logging.getLogger(__name__)

Now = Callable[[], datetime]
UNTOLD = ("busy", "slow", "backlog", "disk-full", "unavailable")  # our trouble, not the sender's: no refusal


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

    admission: Admission | None = None  # None: nobody waits here

    def handle(self, scope: Message, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer an objection here; the server itself holds a client to its Content-Length."""
        problem = _objection(Headers(scope=scope)) if scope["method"] == "POST" else None
        if problem:
            return problem.response()(scope, receive, send)
        if self.admission is None or scope["method"] != "POST":
            return super().handle(scope, receive, send)
        length = int(Headers(scope=scope)["content-length"])
        return self.admission.admit(super().handle, scope, receive, send, length)


def router(
    settings: Settings,
    engine: Engine,
    *,
    asked: Callable[[], None] = lambda: None,
    now: Now = lambda: datetime.now(UTC),
    taken: Callable[[int, int], None] = lambda new, known: None,
    admission: Admission | None = None,
) -> APIRouter:
    """Make the agents' part of the API on this ledger; nothing is touched before the first request.

    `asked` hears that devices wait to be derived; no agent waits for it. `taken` hears how many
    records were new and how many known.
    """
    route = type("UploadRoute", (CappedRoute,), {"admission": admission or Admission()})
    routes = APIRouter(prefix="/api/v1/agents", route_class=route)

    @routes.post("/enrol", summary="Enrol an agent with a one-time code", **says_to_agents(Enrolled))
    def enrol(request: Request, body: Annotated[bytes, Body(media_type=MEDIA)] = b"") -> Response:
        try:
            return JSONResponse(_enrol(engine, request, body, now()))
        except Problem as problem:
            refused(request, "enrolment", "", problem, now())
            return problem.response()

    @routes.post("/{id}/uploads", summary="Take in what an agent saw", **says_to_agents(Taken))
    def upload(
        id: Annotated[str, Path(max_length=64)],
        request: Request,
        body: Annotated[bytes, Body(media_type=MEDIA)] = b"",
    ) -> Response:
        try:
            answer, stop = _take(engine, id, request, body, now())
        except Problem as problem:
            refused(request, "agent", id, problem, now())
            return problem.response()
        taken(answer["new"], answer["known"])
        asked()
        return JSONResponse({**answer, **({"stop": stop} if stop else {})})

    return routes


def _objection(headers: Headers) -> Problem | None:
    """Say why a body is not even read."""
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return Problem("length-required")
    if len(length) > 12 or int(length) > MOST_BODY:
        return Problem("too-large", most=MOST_BODY)
    return None if headers.get("content-type") == MEDIA else Problem("media-type")


def _enrol(engine: Engine, request: Request, body: bytes, now: datetime) -> dict[str, object]:
    stamp = read_stamp(request)
    try:
        wish = msgspec.json.decode(body, type=Enrolment)
        key = base64.b64decode(wish.public_key, validate=True)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("bad-content") from error
    stamp.verify(key, "/api/v1/agents/enrol", body)
    check_clock(stamp, now)
    try:
        with writing(every(engine)) as connection:
            agent = agents.enrol(connection, wish.code, key, now)
            record(connection, of_agent(request, Action.AGENT_ENROLLED, agent, now))
    except agents.AgentRefused as error:
        raise refusal(error) from error
    except (LedgerError, SQLAlchemyError) as error:
        raise trouble(error) from error
    return {"agent": agent.id, "name": agent.name}


def of_agent(request: Request, action: Action, agent: Agent, now: datetime) -> Event:
    """Give the entry of something that an agent did."""
    return Event(
        action=action,
        facility=agent.facility,
        name=agent.name,
        role="agent",
        origin=sender(request),
        kind="agent",
        key=agent.id,
        at=now,
    )


def refused(request: Request, kind: str, id: str, problem: Problem, now: datetime) -> None:
    """Tell the audit log of the installation that an agent, or who says so, was refused.

    Trouble of our own is no refusal, and trouble of the log changes no answer.
    """
    if problem.name in UNTOLD:
        return
    queue: AuditQueue = request.app.state.audit
    event = Event(
        action=Action.INGEST_REFUSED,
        origin=sender(request),
        role="agent",
        kind=kind,
        key=id,
        detail={"why": problem.name},
        outcome=Outcome.REFUSED,
    )
    try:
        queue.refuse(event, now)
    except (LedgerError, SQLAlchemyError) as error:
        _log.error("a refusal could not be written to the audit log: %s", type(error).__name__)


def _take(
    engine: Engine, id: str, request: Request, body: bytes, now: datetime
) -> tuple[dict[str, int], list[str]]:
    """Verify, read and store one upload, all of it in one transaction; gives what it brought and which scans shall stop."""
    stamp = read_stamp(request)
    try:
        agent = _find_sender(engine, id, stamp, body)
        check_clock(stamp, now)
        batch = _read(id, _unpacked(request.headers.get("content-encoding", "identity"), body))
        _check_space(engine)
        envelope = Envelope(id, stamp.sequence, len(body), now, stamp.at - now)
        done = ingest.take_in(bind(engine, agent.facility), envelope, batch)
        with bind(engine, agent.facility).connect() as connection:
            stop = stops_of(connection, id)
    except agents.AgentRefused as error:
        raise refusal(error) from error
    except ingest.Backlogged as error:
        raise Problem("backlog") from error
    except (LedgerError, SQLAlchemyError) as error:
        raise trouble(error) from error
    new, known = done.observations_new + done.sent_new, done.observations_known + done.sent_known
    return {"new": new, "known": known, "sequence": stamp.sequence}, stop


def _check_space(engine: Engine) -> None:
    """Raise Problem while there is still room for the ledger's own work, not when it is gone."""
    free = free_space(engine)
    if free is not None and free < LEAST_FREE:
        raise Problem("disk-full")


def read_stamp(request: Request) -> Stamp:
    """Give the signature headers; raises Problem where they are no such ones."""
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


def _find_sender(engine: Engine, id: str, stamp: Stamp, body: bytes) -> Agent:
    with every(engine).connect() as connection:
        agent = agents.find_agent(connection, id)
    if agent is None:
        raise Problem("not-known")
    stamp.verify(agent.public_key, f"/api/v1/agents/{id}/uploads", body)
    if agent.revoked is not None:
        raise Problem("revoked")
    if agent.closed:
        raise Problem("facility-closed")
    return agent


def check_clock(stamp: Stamp, now: datetime) -> None:
    """Raise Problem clock where the two clocks differ too much for a signature to be fresh."""
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
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Problem("bad-content") from error
    if batch.schema != UPLOAD_SCHEMA or batch.agent not in ("", id):
        raise Problem("bad-content")
    return batch
