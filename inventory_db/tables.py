# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger, and how a ledger is opened: SQLite or PostgreSQL by one target.

What was seen (`observations`, `transcripts`, `journal`) and what people typed (`human_entries`) is
append-only; triggers in the database refuse to change it. `devices` is derived and may be rebuilt
at any time; `numbers` holds the 管理番号, which are never used twice.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from inventory_db.binding import FIRST, bind, bound_to, every, install, owned, owner_column
from inventory_db.ledger_errors import (
    LedgerError,
    LedgerUnreadable,
    LedgerUnwritten,
    NewerLedger,
    NotOurLedger,
    absent,
    foreign,
    newer,
    not_a_target,
    unreadable,
    unwritten,
)
from inventory_db.same_database import heed_losses
from inventory_db.schema import migrations, newest_revision, revision_of
from inventory_db.upgrading import upgrade
from inventory_db.writers import turn_of

__all__ = [
    "LedgerError",
    "LedgerUnreadable",
    "LedgerUnwritten",
    "NewerLedger",
    "NotOurLedger",
    "counter",
    "devices",
    "file_of",
    "human_entries",
    "journal",
    "lock",
    "look_at",
    "marks",
    "metadata",
    "migrations",
    "newest_revision",
    "numbers",
    "observations",
    "open_ledger",
    "scans",
    "server",
    "transcripts",
    "vantages",
    "writing",
]

APPLICATION_ID = 0x64616963  # "daic", in the header of every SQLite ledger
MOST_CONNECTIONS = (
    15  # of one process to a PostgreSQL; they stay, for making one costs more than a page's questions
)
_LOCK = 0x64616963  # key of the PostgreSQL advisory lock that writers of derived tables take

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counter = BigInteger().with_variant(Integer(), "sqlite")

marks = Table(
    "daicho_marks",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
transcripts = Table(
    "transcripts",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # blake2b-128 of the UTF-8 text
    Column("data", LargeBinary, nullable=False),  # zlib
)
observations = Table(
    "observations",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # content address
    Column("at", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("received", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("scan", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("transcript", String(32)),  # may be gone by rule (retention), so no foreign key
    Column("body", LargeBinary, nullable=False),  # JSON of observations.Stored
    Index(None, "facility", "at", "id"),
    Index(None, "facility", "scan", "at"),
    Index(None, "facility", "received"),
)
arrivals = Table(
    "arrivals",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # by chance
    Column("received", BigInteger, nullable=False),  # of the observations that came together
    Column("scans", Text, nullable=False),  # JSON: scans of the lines of the journal that came
)
journal = Table(
    "journal",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("scan", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Sent
    Index(None, "facility", "at", "id"),
    Index(None, "facility", "address", "at"),
    Index(None, "facility", "scan", "at"),
)
scans = Table(
    "scans",
    metadata,
    owned(),
    Column("id", String(255), primary_key=True),
    Column("started", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Scan
)
vantages = Table(
    "vantages",
    metadata,
    owned(),
    Column("id", String(255), primary_key=True),
    Column("agent", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Vantage
)
numbers = Table(
    "numbers",
    metadata,
    owned(),
    Column("number", counter, primary_key=True, autoincrement=False),  # 管理番号, never used twice
    Column("device_id", String(32), nullable=False),
    Column("anchor", String(32), nullable=False),  # observation that the id was made from
    Column("assigned", BigInteger, nullable=False),
    UniqueConstraint("facility", "device_id"),
    Index(None, "facility", "anchor"),
)
devices = Table(
    "devices",
    metadata,
    owned(),
    Column("device_id", String(32), primary_key=True),
    Column("number", counter, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of identify.Device
    Column("made_of", String(32)),  # of what it was derived, see identify.derive_again
    Column("part", BigInteger),  # see digested.keys
    UniqueConstraint("facility", "number"),
    Index(None, "facility", "part"),
)
human_entries = Table(
    "human_entries",
    metadata,
    owner_column(),
    Column("entry", counter, primary_key=True),
    Column("device_id", String(32), nullable=False),
    Column("column", String(64), nullable=False),
    Column("value", Text),  # NULL: back to what the scan says
    Column("who", String(255), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "facility", "device_id"),
    Index(None, "facility", "entry"),
    Index(None, "facility", "at"),
)


def open_ledger(target: str | Path, *, create: bool = True) -> Engine:
    """Open the ledger at a file path or database URL and bring its tables up to date.

    The engine is bound to facility 1; `facilities.bind` gives one for another. An absent file or an empty database becomes a new ledger unless `create` is false.
    Raises NotOurLedger, NewerLedger (both leave the target untouched) and LedgerUnreadable.
    """
    path = file_of(target)
    try:
        engine = _open_server(str(target), create) if path is None else _open_file(path, create)
        return bind(engine, FIRST)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unreadable(path or "PostgreSQL", error) from error


def lock(connection: Connection, key: int = _LOCK) -> None:
    """Become the only writer of what `key` guards until the end of the transaction; waits for the other.

    On PostgreSQL without a `key`: of this facility's ledger; with one: over all facilities.
    """
    if connection.dialect.name == "postgresql":
        order = text("SELECT pg_advisory_xact_lock(:key, :facility)")
        connection.execute(order, {"key": key, "facility": bound_to(connection) if key == _LOCK else 0})
    else:
        connection.execute(marks.update().where(marks.c.key == "product").values(value="daicho"))


@contextmanager
def writing(engine: Engine, key: int = _LOCK) -> Iterator[Connection]:
    """Open a transaction that holds the writer's lock from its first moment; raises LedgerUnwritten."""
    try:
        with turn_of(engine), engine.begin() as connection:
            lock(connection, key)
            yield connection
    except OperationalError as error:
        raise unwritten(error) from error


def look_at(target: str | Path) -> Engine:
    """Open an existing ledger as it is, of an older version too, for all facilities; raises as open_ledger."""
    path = file_of(target)
    try:
        if path is None:
            engine = server(str(target))
            with engine.connect() as connection:
                _check_server(connection, create=False)
            return engine
        if not path.exists() or path.stat().st_size == 0:
            raise absent(path)
        _check_file(path)
        return every(_file_engine(path))
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise unreadable(path or "PostgreSQL", error) from error


def file_of(target: str | Path) -> Path | None:
    """Give the file that this target names; None for a database server."""
    if isinstance(target, Path):
        return target
    for prefix in ("sqlite+pysqlite:///", "sqlite:///"):
        if target.startswith(prefix):
            return Path(target.removeprefix(prefix))
    return None if "://" in target else Path(target)


def _open_file(path: Path, create: bool) -> Engine:
    if not path.exists() or path.stat().st_size == 0:
        if not create:
            raise absent(path)
        _create_file(path)
    _check_file(path)
    return upgrade(_file_engine(path), path, _first)


def _create_file(path: Path) -> None:
    """Make a whole new ledger beside `path` and put it there at once, unless somebody else just did."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner only
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as raw:
            raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            raw.execute("PRAGMA journal_mode = WAL")
        upgrade(_file_engine(Path(name)), Path(name), _first).dispose()
        if path.exists():
            Path(name).replace(path)  # an empty file
        else:
            with suppress(FileExistsError):
                os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _file_engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), connect_args={"timeout": 60})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return install(engine)


def _check_file(path: Path) -> None:
    """Refuse what is not ours by its header, then what is newer, without writing a byte.

    Only SQLite itself opens the file: closing a descriptor of our own would drop every lock that this process
    holds on it (POSIX), and the next program to end would take the log of what we write away.
    """
    if not _is_ours(path):
        raise foreign(path)
    if _pragma(path, "user_version") > int(newest_revision()):
        raise newer(path)


def _is_ours(path: Path) -> bool:
    try:
        found = _pragma(path, "application_id", "immutable=1")  # no lock, and no file made beside it
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_NOTADB":
            return False
        if error.sqlite_errorname != "SQLITE_CORRUPT":
            raise  # it cannot be opened at all
        # Damaged, or somebody is just bringing the log home: the header goes first and counts pages that follow.
        found = _pragma(path, "application_id")
    return found == APPLICATION_ID


def _pragma(path: Path, name: str, *how: str) -> int:
    uri = "&".join((f"{path.resolve().as_uri()}?mode=ro", *how))
    with closing(sqlite3.connect(uri, uri=True, timeout=60)) as raw:
        (found,) = raw.execute(f"PRAGMA {name}").fetchone()
    return int(found)


def _prepare_sqlite(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # SQLAlchemy's begin event says BEGIN, so DDL is transactional too
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",
        "trusted_schema = OFF",
        "recursive_triggers = ON",
        "cache_size = -16000",  # KiB; ids are hashes, so every insert touches another page
        "wal_autocheckpoint = 8000",  # pages: 32 MiB, some ten uploads
    ):
        raw.execute(f"PRAGMA {pragma}")


def _first(connection: Connection) -> None:
    """Write anything first, so that we wait for whoever is making the tables now."""
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def server(url: str) -> Engine:
    """Give an engine on a PostgreSQL, for all facilities; nothing is asked yet. Raises LedgerUnreadable."""
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.partition("://")[2]
    if not url.startswith("postgresql+psycopg://"):
        raise not_a_target()
    try:
        engine = create_engine(
            url, pool_pre_ping=True, pool_size=MOST_CONNECTIONS, max_overflow=0, pool_use_lifo=True
        )
        heed_losses(engine)
        return every(install(engine))
    except ArgumentError as error:
        raise not_a_target() from error


def _open_server(url: str, create: bool) -> Engine:
    engine = server(url)
    try:
        with engine.connect() as connection:
            _check_server(connection, create)
        return upgrade(engine, None, lock)
    except BaseException:
        engine.dispose()
        raise


def _check_server(connection: Connection, create: bool) -> None:
    found = inspect(connection).get_table_names()
    if not found and not create:
        raise absent("PostgreSQL")
    if found and "daicho_marks" not in found:
        raise foreign("PostgreSQL")
    current = revision_of(connection) if found else None
    if current is not None and int(current) > int(newest_revision()):
        raise newer("PostgreSQL")
