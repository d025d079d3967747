# SPDX-License-Identifier: Apache-2.0
"""The record of what people state: append-only, with who and when; the last word on a key stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    Select,
    String,
    Table,
    func,
    insert,
    select,
)

from inventory_db import people
from inventory_db.binding import owner_column
from inventory_db.observations import microseconds
from inventory_db.stated import KINDS, DeclaredDual, Statement
from inventory_db.tables import LedgerError, counter, metadata
from probes.facts import encode, printable

MOST_KEY = 1000  # characters
MOST_BODY = 4 * 1024 * 1024  # bytes of one statement
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

statements = Table(
    "statements",
    metadata,
    owner_column(),
    Column("entry", counter, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("key", String(MOST_KEY), nullable=False),
    Column("body", LargeBinary),  # JSON of the statement; NULL: taken back
    Column("who", String(255), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "facility", "kind", "key"),
    Index(None, "facility", "kind", "entry"),
)

S = TypeVar("S", bound=Statement)


class BadStatement(LedgerError):
    """A statement that cannot be kept; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Stated(Generic[S]):
    """A statement as it stands, with who made it and when."""

    said: S
    who: str
    at: datetime
    number: int = 0  # of its entry in the record; the version that stands under its key


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: what was stated of a key, or (None) that it was taken back."""

    kind: str
    key: str
    said: Statement | None
    who: str
    at: datetime
    number: int = 0  # in the record


def state(connection: Connection, said: Statement, who: str, at: datetime) -> None:
    """Keep a statement; it replaces what stood under its key. Raises BadStatement."""
    state_all(connection, [said], who, at)


def state_all(connection: Connection, said: Iterable[Statement], who: str, at: datetime) -> int:
    """Keep many statements, all or none; gives how many. Raises BadStatement."""
    rows = [_row(one, who, at) for one in said]
    if rows:
        connection.execute(insert(statements), rows)
    for row in rows:
        _show(connection, str(row["kind"]), str(row["key"]), people.DECLARED, who, at)
    return len(rows)


def withdraw(connection: Connection, kind: str, key: str, who: str, at: datetime) -> bool:
    """Take back what stands under the key; False if nothing does. The history keeps it."""
    known = KINDS.get(kind)
    if known is None or key not in standing(connection, known):
        return False
    row = {"kind": kind, "key": key, "body": None, "who": _name(who), "at": microseconds(at)}
    connection.execute(insert(statements), [row])
    _show(connection, kind, key, None, who, at)
    return True


def _show(connection: Connection, kind: str, key: str, value: str | None, who: str, at: datetime) -> None:
    """Let a device's row show that it is declared, or no longer; raises BadStatement for a device in no ledger."""
    if kind != DeclaredDual.KIND:
        return
    try:
        people.edit(connection, key, people.DUAL_COLUMN, value, who, at)
    except people.BadEntry as error:
        if value is not None:  # what stands nowhere any more can be taken back all the same
            raise BadStatement(error.ja, error.en) from error


def standing(connection: Connection, kind: type[S], at: datetime | None = None) -> dict[str, Stated[S]]:
    """Give what stands of this kind, by key in the order of first mention, now or as known at `at`."""
    found: dict[str, Stated[S] | None] = {}
    decoder = msgspec.json.Decoder(kind)
    for row in connection.execute(_query(kind.KIND, at)):
        said = None if row.body is None else decoder.decode(row.body)
        found[row.key] = None if said is None else Stated(said, row.who, _time(row.at), row.entry)
    return {key: one for key, one in found.items() if one is not None}


def history(connection: Connection, kind: str, key: str | None = None) -> list[Entry]:
    """Give everything ever stated of this kind (and key), oldest first."""
    decoder = msgspec.json.Decoder(KINDS[kind])
    return [
        Entry(
            kind,
            row.key,
            None if row.body is None else decoder.decode(row.body),
            row.who,
            _time(row.at),
            row.entry,
        )
        for row in connection.execute(_query(kind, None))
        if key is None or row.key == key
    ]


def version_of(connection: Connection, kind: str, key: str) -> int:
    """Give the number of the last word on this key, also where it was taken back; 0 if there is none."""
    last = select(func.max(statements.c.entry)).where(statements.c.kind == kind, statements.c.key == key)
    return connection.execute(last).scalar() or 0


def read_statement(kind: str, data: bytes | str) -> Statement:
    """Read one statement from JSON; raises BadStatement that names the field."""
    known = KINDS.get(kind)
    if known is None:
        raise BadStatement(
            f"「{printable(kind, 40)}」という記入の種類はありません。何も変更していません。"
            f"使えるもの: {'、'.join(KINDS)}。",
            f"There is no statement of kind “{printable(kind, 40)}”. Nothing was changed. Kinds: {', '.join(KINDS)}.",
        )
    try:
        return msgspec.json.decode(data, type=known)
    except msgspec.DecodeError as error:  # ValidationError is one of them
        wrong = printable(str(error), 200)
        raise BadStatement(
            f"記入（{kind}）を読めません: {wrong}。何も変更していません。その項目を直してもう一度送ってください。",
            f"The statement ({kind}) cannot be read: {wrong}. Nothing was changed. Correct that field and send it again.",
        ) from error


def _query(kind: str, at: datetime | None) -> Select[Any]:
    query = select(statements).where(statements.c.kind == kind).order_by(statements.c.entry)
    return query if at is None else query.where(statements.c.at <= microseconds(at))


def _row(said: Statement, who: str, at: datetime) -> dict[str, object]:
    body = encode(said)
    if not said.key and type(said).key is not Statement.key:
        raise BadStatement(
            f"記入（{said.KIND}）に見出しとなる番号がありません。何も変更していません。",
            f"The statement ({said.KIND}) has no key. Nothing was changed.",
        )
    if len(said.key) > MOST_KEY or len(body) > MOST_BODY:
        raise BadStatement(
            f"記入（{said.KIND}）が長すぎます。何も変更していません。短くしてください。",
            f"The statement ({said.KIND}) is too long. Nothing was changed. Make it shorter.",
        )
    return {"kind": said.KIND, "key": said.key, "body": body, "who": _name(who), "at": microseconds(at)}


def _name(who: str) -> str:
    name = printable(who.strip(), 255)
    if not name:
        raise BadStatement(
            "記入した人の名前がありません。何も変更していません。名前を添えてもう一度送ってください。",
            "The name of the person is missing. Nothing was changed. Send it again with the name.",
        )
    return name


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)
