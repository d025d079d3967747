# SPDX-License-Identifier: Apache-2.0
"""The audit log: who did what, when, from where; append-only, every entry chained to the one before.

There is one chain per facility, numbered 1, 2, 3 … without gaps, and chain 0 of the installation itself
(logins of nobody known, backups, settings). A facility's administrator can so check the own log whole without
learning that others exist, and writers of different facilities do not wait for each other. The table is
therefore no owned one: every reading function takes the facility, and any connection may append to any chain.

An entry's hash is the SHA-256 (hex) of these fields as netstrings ("5:hello," - decimal length of the UTF-8
bytes, colon, bytes, comma), one after the other, numbers in decimal:

    daicho-audit/1 · facility · number · at (microseconds since 1970 UTC) · account · name · role · origin ·
    action · kind · key · detail (JSON text as stored) · outcome · previous (hash of the entry before, 64 zeros
    before the first)

What the chain alone shows: a changed, moved, inserted or removed entry. What it cannot show: that its end was
cut off, or that all of it was written anew by somebody who may change the database. For that its `Head` is told
to places that the database does not reach (log, backup, pack), and `audit_check.check` compares with it.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)
from sqlalchemy.exc import OperationalError

from inventory_db import tables
from inventory_db.binding import unbound
from inventory_db.ledger_errors import unwritten
from inventory_db.observations import microseconds
from probes.facts import printable

FORM = "daicho-audit/1"
BEFORE_ALL = "0" * 64
INSTALLATION = 0  # number of the chain that belongs to no facility
MOST_DETAIL = 2000  # characters of JSON
MOST_VALUE = 200  # characters of one text in it
_LOCK = 0x61756469  # "audi": first half of the advisory lock of a chain; the second is the facility
_SECRET = re.compile(
    "pass(word|phrase|wd)|secret|token|cookie|credential|authorization|private", re.IGNORECASE
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

audit = Table(
    "audit",
    tables.metadata,
    Column("facility", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("account", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("role", String(32), nullable=False),
    Column("origin", String(64), nullable=False),
    Column("action", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("key", String(1000), nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("outcome", String(16), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "facility", "at"),
    Index(None, "facility", "account", "number"),
    Index(None, "facility", "name", "number"),
    Index(None, "facility", "action", "number"),
    Index(None, "facility", "key", "number"),
)


class Action(StrEnum):
    """What somebody did; the audit log knows no other words."""

    LOGIN = "login"
    LOGIN_REFUSED = "login_refused"
    LOGOUT = "logout"
    SECOND_FACTOR = "second_factor"
    PASSWORD = "password"  # changed or set anew  # noqa: S105 - the action's name
    SESSION_ENDED = "session_ended"
    READ_LEDGER = "read_ledger"
    READ_DEVICE = "read_device"
    READ_EVIDENCE = "read_evidence"
    READ_JOURNAL = "read_journal"
    READ_ATTACHMENT = "read_attachment"
    READ_VERDICTS = "read_verdicts"
    READ_STATEMENTS = "read_statements"
    READ_AUDIT = "read_audit"
    READ_PEOPLE = "read_people"
    READ_SETTINGS = "read_settings"
    CHANGE = "change"
    STATEMENT = "statement"
    IMPORT = "import"
    EXPORT = "export"
    DOWNLOAD = "download"
    RELEASE = "release"
    INVITE = "invite"
    ACCEPT = "accept"
    RIGHTS = "rights"
    TOKEN = "token"  # noqa: S105 - made or ended
    AGENT_ENROLLED = "agent_enrolled"
    AGENT_REVOKED = "agent_revoked"
    AGENT_KEY = "agent_key"
    INGEST_REFUSED = "ingest_refused"
    REFUSED = "refused"
    BACKUP = "backup"
    RESTORE = "restore"
    RETENTION = "retention"
    SETTINGS = "settings"
    FACILITY = "facility"
    NOTICE = "notice"
    AUDIT_HEADS = "audit_heads"


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that somebody did or was refused. No secrets: names of secrets in `detail` lose their value."""

    action: Action
    facility: int = INSTALLATION
    account: str = ""  # id of the account; "" for nobody known
    name: str = ""  # as people are shown; of a program, what it calls itself
    role: str = ""
    origin: str = ""  # address, or "console"
    kind: str = ""  # of what it was done to: "device", "statement", "account", "file" …
    key: str = ""  # which one
    detail: Mapping[str, object] = field(default_factory=dict)  # small: JSON values
    outcome: Outcome = Outcome.DONE
    at: datetime | None = None  # None: now


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a chain, as it stands in the database and in an export."""

    facility: int
    number: int
    at: int  # microseconds since 1970 UTC
    account: str
    name: str
    role: str
    origin: str
    action: str
    kind: str
    key: str
    detail: str
    outcome: str
    previous: str
    hash: str = ""

    @property
    def moment(self) -> datetime:
        """When it was, in UTC."""
        return _EPOCH + timedelta(microseconds=self.at)

    def digest(self) -> str:
        """Give the hash that this entry must have."""
        fields = (FORM, *(getattr(self, name) for name in self.__struct_fields__[:-1]))
        return hashlib.sha256(b"".join(map(_netstring, fields))).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry of a chain: whoever keeps it elsewhere notices when the chain was cut or made anew."""

    facility: int
    number: int = 0
    hash: str = BEFORE_ALL

    def __str__(self) -> str:
        """Write it as `audit_check.read_head` reads it: facility:number:hash."""
        return f"{self.facility}:{self.number}:{self.hash}"


def record(connection: Connection, event: Event) -> Entry:
    """Append one entry in the caller's transaction; see `record_all`."""
    return record_all(connection, [event])[0]


def record_all(connection: Connection, events: Iterable[Event]) -> list[Entry]:
    """Append entries in the caller's transaction, in their order, chain by chain.

    From here to the end of the transaction other writers of the same chains wait: call it last, with all of a
    request's events at once. On SQLite the transaction comes from `tables.writing`.
    """
    made: list[Entry] = []
    ordered = sorted(
        events, key=lambda event: event.facility
    )  # so that two writers cannot wait for each other
    for facility, some in groupby(ordered, key=lambda event: event.facility):
        _lock(connection, facility)
        made += _chained(head(connection, facility), some)
    if made:
        connection.execute(insert(audit), [msgspec.structs.asdict(entry) for entry in made])
    return made


def record_now(engine: Engine, events: Iterable[Event]) -> None:
    """Append entries in a transaction of their own; raises inventory_db.tables.LedgerUnwritten."""
    if engine.dialect.name != "postgresql":
        with tables.writing(unbound(engine)) as connection:
            record_all(connection, events)
        return
    try:  # without the writer's lock: reading does not wait for uploads
        with unbound(engine).begin() as connection:
            record_all(connection, events)
    except OperationalError as error:
        raise unwritten(error) from error


def head(connection: Connection, facility: int) -> Head:
    """Give the last entry's number and hash; number 0 before the first."""
    query = select(audit.c.number, audit.c.hash).where(audit.c.facility == facility)
    row = connection.execute(query.order_by(audit.c.number.desc()).limit(1)).first()
    return Head(facility) if row is None else Head(facility, row.number, row.hash)


def heads(connection: Connection) -> list[Head]:
    """Give the head of every chain, the installation's first: what a backup and the nightly log keep."""
    known = connection.execute(select(audit.c.facility).distinct().order_by(audit.c.facility)).scalars().all()
    return [head(connection, facility) for facility in known]


def made_entry(before: Head, event: Event) -> Entry:
    """Make the entry that follows `before`; pure but for the clock when the event has no time."""
    entry = Entry(
        facility=before.facility,
        number=before.number + 1,
        at=microseconds(event.at or datetime.now(UTC)),
        account=printable(event.account, 64),
        name=printable(event.name, 255),
        role=printable(event.role, 32),
        origin=printable(event.origin, 64),
        action=str(event.action),
        kind=printable(event.kind, 32),
        key=printable(event.key, 1000),
        detail=_detail(event.detail),
        outcome=str(event.outcome),
        previous=before.hash,
    )
    return msgspec.structs.replace(entry, hash=entry.digest())


def shortened(text: object, most: int = 80) -> str:
    """Give an old or new value as an entry's detail shows it."""
    whole = printable(str("" if text is None else text), most + 1)
    return whole if len(whole) <= most else f"{whole[:most]}…"


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> dict[str, object]:
    """Give what changed as an entry's detail shows it: name → old and new value, shortened."""
    names = dict.fromkeys((*old, *new))
    return {
        name: [shortened(old.get(name)), shortened(new.get(name))]
        for name in names
        if old.get(name) != new.get(name)
    }


def _chained(before: Head, events: Iterable[Event]) -> list[Entry]:
    made: list[Entry] = []
    for event in events:
        made.append(made_entry(before, event))
        before = Head(before.facility, made[-1].number, made[-1].hash)
    return made


def _lock(connection: Connection, facility: int) -> None:
    """Become the only writer of this chain until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, facility)))
    else:
        tables.lock(connection)


def _netstring(value: object) -> bytes:
    data = str(value).encode()
    return b"%d:%s," % (len(data), data)


def _detail(given: Mapping[str, object]) -> str:
    """Write the detail as small deterministic JSON without secrets and without hidden characters."""
    kept: dict[str, Any] = {}
    for key, value in given.items():
        name = printable(str(key), 40)
        kept[name] = "…" if _SECRET.search(name) else _plain(value)
        if len(_json(kept)) > MOST_DETAIL:
            kept[name] = "…"
            break
    return _json(kept)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {
            printable(str(key), 40): "…" if _SECRET.search(str(key)) else _plain(one)
            for key, one in list(value.items())[:20]
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in list(value)[:20]]
    return shortened(value, MOST_VALUE)


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()
