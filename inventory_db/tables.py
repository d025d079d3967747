# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger, and how a ledger is opened: SQLite or PostgreSQL by one target.

What was seen (`observations`, `transcripts`, `journal`) and what people typed (`human_entries`) is
append-only; triggers in the database refuse to change it. `devices` is derived and may be rebuilt
at any time; `numbers` holds the 管理番号, which are never used twice.
"""

import os
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

APPLICATION_ID = 0x64616963  # "daic", in the header of every SQLite ledger
_alembic = threading.Lock()  # alembic keeps what it works on in module globals
_MAGIC = b"SQLite format 3\x00"
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
    Column("id", String(32), primary_key=True),  # blake2b-128 of the UTF-8 text
    Column("data", LargeBinary, nullable=False),  # zlib
)
observations = Table(
    "observations",
    metadata,
    Column("id", String(32), primary_key=True),  # content address
    Column("at", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("received", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("scan", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("transcript", String(32), ForeignKey("transcripts.id")),
    Column("body", LargeBinary, nullable=False),  # JSON of observations.Stored
    Index(None, "at", "id"),
    Index(None, "address", "at"),
    Index(None, "scan", "at"),
)
journal = Table(
    "journal",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("scan", String(255), nullable=False),
    Column("address", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Sent
    Index(None, "at", "id"),
    Index(None, "address", "at"),
    Index(None, "scan", "at"),
)
scans = Table(
    "scans",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("started", BigInteger, nullable=False),
    Column("agent", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Scan
)
vantages = Table(
    "vantages",
    metadata,
    Column("id", String(255), primary_key=True),
    Column("agent", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of probes.facts.Vantage
)
numbers = Table(
    "numbers",
    metadata,
    Column("number", counter, primary_key=True),  # 管理番号, never used twice
    Column("device_id", String(32), nullable=False, unique=True),
    Column("anchor", String(32), nullable=False),  # observation that the id was made from
    Column("assigned", BigInteger, nullable=False),
)
devices = Table(
    "devices",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("number", counter, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),  # JSON of identify.Device
)
human_entries = Table(
    "human_entries",
    metadata,
    Column("entry", counter, primary_key=True),
    Column("device_id", String(32), nullable=False),
    Column("column", String(64), nullable=False),
    Column("value", Text),  # NULL: back to what the scan says
    Column("who", String(255), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "device_id"),
)


class LedgerError(Exception):
    """A ledger that cannot be used; `ja` and `en` say what happened, what it means, what to do next."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


class NotOurLedger(LedgerError):
    """The file or database holds something else; it was not touched."""


class NewerLedger(LedgerError):
    """The ledger was written by a newer version; it was not touched."""


class LedgerUnreadable(LedgerError):
    """The ledger is absent, damaged, locked or unreachable."""


class LedgerUnwritten(LedgerError):
    """The disk is full, somebody else holds the ledger, or it may not be written; nothing was changed."""

    unfinished = True


def open_ledger(target: str | Path, *, create: bool = True) -> Engine:
    """Open the ledger at a file path or database URL and bring its tables up to date.

    An absent file or an empty database becomes a new ledger unless `create` is false.
    Raises NotOurLedger, NewerLedger (both leave the target untouched) and LedgerUnreadable.
    """
    path = _file_of(target)
    try:
        if path is None:
            return _open_server(str(target), create)
        return _open_file(path, create)
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise _unreadable(path or "PostgreSQL", error) from error


def lock(connection: Connection) -> None:
    """Become the only writer until the end of the transaction; waits for the other."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    else:
        connection.execute(marks.update().where(marks.c.key == "product").values(value="daicho"))


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that holds the writer's lock from its first moment; raises LedgerUnwritten."""
    try:
        with engine.begin() as connection:
            lock(connection)
            yield connection
    except OperationalError as error:
        raise _unwritten(error) from error


def _file_of(target: str | Path) -> Path | None:
    if isinstance(target, Path):
        return target
    for prefix in ("sqlite+pysqlite:///", "sqlite:///"):
        if target.startswith(prefix):
            return Path(target.removeprefix(prefix))
    return None if "://" in target else Path(target)


def _open_file(path: Path, create: bool) -> Engine:
    if not path.exists() or path.stat().st_size == 0:
        if not create:
            raise _absent(path)
        _create_file(path)
    _check_file(path)
    return _migrate(_file_engine(path))


def _create_file(path: Path) -> None:
    """Make a whole new ledger beside `path` and put it there at once, unless somebody else just did."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner only
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as raw:
            raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            raw.execute("PRAGMA journal_mode = WAL")
        _migrate(_file_engine(Path(name))).dispose()
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
    return engine


def _check_file(path: Path) -> None:
    """Refuse what is not ours by its header, then what is newer, without writing a byte."""
    with path.open("rb") as file:
        header = file.read(100)
    ours = header[:16] == _MAGIC and int.from_bytes(header[68:72], "big") == APPLICATION_ID
    if not ours:
        raise _foreign(path)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as raw:
        (found,) = raw.execute("PRAGMA user_version").fetchone()
    if found > int(newest_revision()):
        raise _newer(path)


def _prepare_sqlite(raw: Any, _record: object) -> None:
    raw.isolation_level = None  # SQLAlchemy's begin event says BEGIN, so DDL is transactional too
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "trusted_schema = OFF"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _open_server(url: str, create: bool) -> Engine:
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.partition("://")[2]
    if not url.startswith("postgresql+psycopg://"):
        raise _not_a_target()
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except ArgumentError as error:
        raise _not_a_target() from error
    try:
        with engine.connect() as connection:
            _check_server(connection, create)
        return _migrate(engine)
    except BaseException:
        engine.dispose()
        raise


def _check_server(connection: Connection, create: bool) -> None:
    found = inspect(connection).get_table_names()
    if not found and not create:
        raise _absent("PostgreSQL")
    if found and "daicho_marks" not in found:
        raise _foreign("PostgreSQL")
    current = _revision(connection) if found else None
    if current is not None and int(current) > int(newest_revision()):
        raise _newer("PostgreSQL")


def migrations() -> Config:
    """Give alembic's configuration of our migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """Give the newest schema revision that this version knows: a decimal number as text."""
    return ScriptDirectory.from_config(migrations()).get_current_head() or "0"


def _migrate(engine: Engine) -> Engine:
    with engine.connect() as connection:
        if _revision(connection) == newest_revision():
            return engine
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            lock(connection)
        else:  # writing anything first makes us wait for whoever is creating the tables now
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        config = migrations()
        config.attributes["connection"] = connection
        with _alembic:
            command.upgrade(config, "head")
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA user_version = {int(newest_revision())}")
    return engine


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _foreign(where: object) -> NotOurLedger:
    return NotOurLedger(
        f"{where} は daicho の台帳ではありません。中身には触れていません。"
        "台帳のファイルを選び直すか、新しいファイル名を指定してください。",
        f"{where} is not a daicho ledger. It was not touched."
        " Choose the ledger file, or give a new file name.",
    )


def _newer(where: object) -> NewerLedger:
    return NewerLedger(
        f"{where} は新しい版の daicho で作られた台帳です。この版では正しく読めません。"
        "中身には触れていません。daicho を更新してから開いてください。",
        f"{where} was written by a newer version of daicho. This version cannot read it correctly, so it was"
        " not touched. Update daicho, then open it again.",
    )


def _absent(where: object) -> LedgerUnreadable:
    return LedgerUnreadable(
        f"{where} に台帳がありません。まだ調査していないか、場所が違います。"
        "先に daicho scan を実行するか、--ledger で台帳の場所を指定してください。",
        f"There is no ledger at {where}. Nothing was scanned yet, or the place is another."
        " Run daicho scan first, or name the ledger with --ledger.",
    )


def _not_a_target() -> LedgerUnreadable:
    return LedgerUnreadable(
        "台帳の場所の書き方が正しくないため、開けません。"
        "ファイル名か、postgresql+psycopg:// で始まる URL を指定してください。",
        "The place of the ledger is not written correctly, so it cannot be opened."
        " Give a file name or a URL that begins with postgresql+psycopg://.",
    )


def _unreadable(where: object, error: Exception) -> LedgerUnreadable:
    kind = type(getattr(error, "orig", None) or error).__name__
    return LedgerUnreadable(
        f"{where} の台帳を開けません（{kind}）。"
        "壊れているか、使用中か、読み書きの権限がないか、接続できません。台帳は変更していません。"
        "場所と権限、サーバーの状態を確かめ、必要ならバックアップから戻してください。",
        f"The ledger at {where} cannot be opened ({kind}):"
        " it is damaged, in use, not permitted or unreachable. The ledger was not changed."
        " Check place, permissions and server; restore a backup if needed.",
    )


_WHY_UNWRITTEN = {  # what SQLite calls it
    "SQLITE_FULL": ("ディスクがいっぱいです", "the disk is full"),
    "SQLITE_BUSY": ("ほかの処理が台帳を使い続けています", "something else keeps the ledger busy"),
    "SQLITE_READONLY": ("台帳を書く権限がありません", "the ledger may not be written"),
}


def _unwritten(error: OperationalError) -> LedgerUnwritten:
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    ja, en = _WHY_UNWRITTEN.get(name, (f"{name or '接続の誤り'}", f"{name or 'the connection failed'}"))
    return LedgerUnwritten(
        f"台帳に書けませんでした（{ja}）。何も変更していません。空き容量と権限を確かめ、もう一度実行してください。",
        f"The ledger could not be written: {en}. Nothing was changed. Check space and permissions, then run it again.",
    )
