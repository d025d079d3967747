# SPDX-License-Identifier: Apache-2.0
"""Which agents may write to the ledger: one-time enrolment codes, keys, last accepted sequence.

A code is 128 random bits, so a plain SHA-256 of it is enough: a slow hash (argon2) protects what
people choose and others can guess, and there is nothing to guess here.

Error tree::

    AgentRefused
    ├── CodeUnknown    nobody made this code
    ├── CodeUsed       another key has enrolled with it
    ├── CodeExpired    it was not used in time
    ├── KeyKnown       the key belongs to an agent already
    ├── AgentRevoked   the agent was turned away by a person
    ├── AgentOfClosed  its facility is closed: only read from then on
    └── Replayed       the sequence is not above the last accepted one (`last`)
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    LargeBinary,
    Row,
    String,
    Table,
    select,
)

from inventory_db.binding import owner_column
from inventory_db.facilities import facilities
from inventory_db.observations import microseconds
from inventory_db.tables import metadata

__all__ = [
    "Agent",
    "AgentOfClosed",
    "AgentRefused",
    "AgentRevoked",
    "CodeExpired",
    "CodeUnknown",
    "CodeUsed",
    "Connection",  # the collector names these two types, and leaves sqlalchemy to this room
    "Engine",
    "KeyKnown",
    "Replayed",
    "accept",
    "agents",
    "create_enrolment",
    "enrol",
    "enrolments",
    "find_agent",
    "list_agents",
    "metadata",
    "revoke",
]

agents = Table(
    "agents",
    metadata,
    owner_column(),
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("public_key", LargeBinary, nullable=False, unique=True),  # 32 bytes, Ed25519 (RFC 8032)
    Column("enrolled", BigInteger, nullable=False),  # microseconds since 1970 UTC, as all times here
    Column("revoked", BigInteger),
    Column("sequence", BigInteger, nullable=False),  # of the last accepted upload
    Column("last_seen", BigInteger),
    Column("skew", BigInteger),  # microseconds that its clock was ahead of ours
)
enrolments = Table(
    "enrolments",
    metadata,
    owner_column(),
    Column("code_hash", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("agent", String(32), ForeignKey("agents.id")),  # who used it
)


class AgentRefused(Exception):
    """An agent may not do what it asked."""


class CodeUnknown(AgentRefused):
    """Nobody made this code."""


class CodeUsed(AgentRefused):
    """Another key has enrolled with the code."""


class CodeExpired(AgentRefused):
    """The code was not used in time."""


class KeyKnown(AgentRefused):
    """The key belongs to an agent already."""


class AgentRevoked(AgentRefused):
    """A person has turned the agent away."""


class AgentOfClosed(AgentRefused):
    """The agent's facility is closed."""


class Replayed(AgentRefused):
    """The sequence is not above the last accepted one."""

    def __init__(self, last: int) -> None:
        super().__init__(f"the last accepted sequence is {last}")
        self.last = last


@dataclass(frozen=True, slots=True)
class Agent:
    """One enrolled agent."""

    id: str
    name: str
    public_key: bytes  # 32 bytes, Ed25519
    enrolled: datetime
    revoked: datetime | None
    sequence: int  # of the last accepted upload; 0 before the first
    last_seen: datetime | None
    skew: timedelta | None  # how far its clock was ahead at the last upload
    facility: int
    closed: bool = False  # its facility is


_KNOWN = select(agents, facilities.c.closed).join(
    facilities, facilities.c.id == agents.c.facility, isouter=True
)


def create_enrolment(
    connection: Connection, name: str, valid_for: timedelta, *, now: datetime | None = None
) -> str:
    """Make a one-time code for an agent of this name; only its hash is kept, so show it now."""
    code = base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")
    made = now or datetime.now(UTC)
    connection.execute(
        enrolments.insert().values(
            code_hash=_hash(code),
            name=name[:255],
            created=microseconds(made),
            expires=microseconds(made + valid_for),
        )
    )
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def enrol(connection: Connection, code: str, public_key: bytes, now: datetime) -> Agent:
    """Use a code: the key becomes an agent.

    The same code with the same key gives the same agent again, so that an agent whose answer was
    lost can ask once more. The agent is of the facility for which the code was made: the connection
    may see every facility (`facilities.every`). Raises CodeUnknown, CodeUsed, CodeExpired, KeyKnown, AgentRevoked,
    AgentOfClosed. The caller holds the writer's lock (`tables.writing`).
    """
    entry = connection.execute(select(enrolments).where(enrolments.c.code_hash == _hash(code))).one_or_none()
    if entry is None:
        raise CodeUnknown
    if entry.agent is not None:
        return _same(find_agent(connection, entry.agent), public_key)
    if entry.expires <= microseconds(now):
        raise CodeExpired
    if connection.execute(select(facilities.c.closed).where(facilities.c.id == entry.facility)).scalar():
        raise AgentOfClosed
    if connection.execute(select(agents.c.id).where(agents.c.public_key == public_key)).first():
        raise KeyKnown
    return _admit(connection, entry, public_key, now)


def find_agent(connection: Connection, id: str) -> Agent | None:
    """Give the agent with this id, revoked ones included."""
    row = connection.execute(_KNOWN.where(agents.c.id == id)).one_or_none()
    return None if row is None else _agent(row)


def list_agents(connection: Connection) -> tuple[Agent, ...]:
    """Give every agent, by time of enrolment."""
    rows: Sequence[Row[tuple[object, ...]]] = connection.execute(
        _KNOWN.order_by(agents.c.enrolled, agents.c.id)
    ).all()
    return tuple(_agent(row) for row in rows)


def revoke(connection: Connection, id: str, now: datetime) -> None:
    """Turn an agent away for good; what it has uploaded stays."""
    connection.execute(
        agents.update().where(agents.c.id == id, agents.c.revoked.is_(None)).values(revoked=microseconds(now))
    )


def accept(connection: Connection, id: str, sequence: int, now: datetime, skew: timedelta) -> None:
    """Note an upload of this sequence, once, in the caller's transaction; raises Replayed, AgentRevoked."""
    fresh = agents.update().where(agents.c.id == id, agents.c.sequence < sequence, agents.c.revoked.is_(None))
    values = {
        "sequence": sequence,
        "last_seen": microseconds(now),
        "skew": skew // timedelta(microseconds=1),
    }
    if connection.execute(fresh.values(values)).rowcount:
        return
    known = find_agent(connection, id)
    if known is None or known.revoked is not None:
        raise AgentRevoked
    raise Replayed(known.sequence)


def _admit(connection: Connection, entry: Row[tuple[object, ...]], public_key: bytes, now: datetime) -> Agent:
    id = secrets.token_hex(8)
    connection.execute(
        agents.insert().values(
            facility=entry.facility,
            id=id,
            name=entry.name,
            public_key=public_key,
            enrolled=microseconds(now),
            sequence=0,
        )
    )
    used = enrolments.update().where(enrolments.c.code_hash == entry.code_hash)
    connection.execute(used.values(agent=id))
    return Agent(id, entry.name, public_key, now, None, 0, None, None, entry.facility)


def _same(agent: Agent | None, public_key: bytes) -> Agent:
    if agent is None or agent.public_key != public_key:
        raise CodeUsed
    if agent.revoked is not None:
        raise AgentRevoked
    if agent.closed:
        raise AgentOfClosed
    return agent


def _hash(code: str) -> str:
    """Hash a code as people write it: case, blanks and hyphens do not count."""
    plain = "".join(char for char in code.upper() if char.isalnum())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def _agent(row: Row[tuple[object, ...]]) -> Agent:
    return Agent(
        id=row.id,
        name=row.name,
        public_key=bytes(row.public_key),
        enrolled=_moment(row.enrolled),
        revoked=None if row.revoked is None else _moment(row.revoked),
        sequence=row.sequence,
        last_seen=None if row.last_seen is None else _moment(row.last_seen),
        skew=None if row.skew is None else timedelta(microseconds=row.skew),
        facility=row.facility,
        closed=row.closed is not None,
    )


def _moment(value: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
