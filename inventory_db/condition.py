# SPDX-License-Identifier: Apache-2.0
"""How the database stands: reachable, up to date, how large, how much room, and whether its rules bind us."""

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from inventory_db.account_tables import moment
from inventory_db.audit import Action, Outcome, audit
from inventory_db.schema import newest_revision, revision_of


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of one database. What we could not find out is None."""

    kind: str  # sqlite or postgresql
    fault: str = ""  # why it cannot be reached: the kind of error, nothing it said
    revision: str = ""
    newest: str = ""
    size: int | None = None  # bytes
    free: int | None = None  # bytes left where the file stands; None for a server
    above_rules: bool | None = None  # PostgreSQL: our role passes by row-level security

    @property
    def is_current(self) -> bool:
        """Whether its tables are those of this version."""
        return not self.fault and self.revision == self.newest


def look_at(engine: Engine) -> Condition:
    """Look at the database; never raises."""
    kind, newest = engine.dialect.name, newest_revision()
    try:
        with engine.connect() as connection:
            revision = revision_of(connection) or ""
            size, above = _size(connection), _is_above_rules(connection)
    except SQLAlchemyError as error:
        fault = type(getattr(error, "orig", None) or error).__name__
        return Condition(kind, fault, newest=newest, free=free_space(engine))
    return Condition(kind, "", revision, newest, size, free_space(engine), above)


def newest_backup(engine: Engine) -> datetime | None:
    """Give when a backup was made last, as the audit log tells it; None: never. Raises SQLAlchemyError."""
    if not inspect(engine).has_table(audit.name):
        return None
    with engine.connect() as connection:
        at = connection.execute(
            select(func.max(audit.c.at)).where(
                audit.c.action == Action.BACKUP.value, audit.c.outcome == Outcome.DONE.value
            )
        ).scalar()
    return None if at is None else moment(at)


def _size(connection: Connection) -> int | None:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    return int(pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def _is_above_rules(connection: Connection) -> bool | None:
    if connection.dialect.name != "postgresql":
        return None
    asked = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return bool(connection.execute(text(asked)).scalar_one())


def free_space(engine: Engine) -> int | None:
    """Give the bytes left where the ledger's file stands; None for a server, whose disk we cannot see."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        return None
    try:
        return shutil.disk_usage(Path(name).absolute().parent).free
    except OSError:
        return None
