# SPDX-License-Identifier: Apache-2.0
"""The schema's revisions: which one a database has, and the way from one to another.

Alembic is loaded only where there is a way to go: most commands open a ledger that is up to date.
"""

# ruff: noqa: PLC0415

import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect

if TYPE_CHECKING:
    from alembic.config import Config

_alembic = threading.Lock()  # alembic keeps what it works on in module globals
_HERE = Path(__file__).parent / "migrations"


def migrations() -> "Config":
    """Give alembic's configuration of our migrations."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "os")
    return config


@cache
def newest_revision() -> str:
    """Give the newest schema revision that this version knows: a decimal number as text, its file's name begins so."""
    return max(
        (path.name.partition("_")[0] for path in (_HERE / "versions").glob("[0-9]*_*.py")), default="0"
    )


def known_revisions() -> tuple[str, ...]:
    """Give every schema revision that this version knows, oldest first."""
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(migrations()).walk_revisions()
    return tuple(reversed([one.revision for one in found]))


def revision_of(connection: Connection) -> str | None:
    """Give the revision of the schema that is there; None for none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def raise_to(connection: Connection, revision: str = "head") -> None:
    """Bring the schema up to this revision, in the transaction that is open."""
    _run(connection, revision, up=True)


def lower_to(connection: Connection, revision: str) -> None:
    """Bring the schema back to this older revision (or `base`: no tables), in the transaction that is open."""
    _run(connection, revision, up=False)


def _run(connection: Connection, revision: str, *, up: bool) -> None:
    from alembic import command

    config = migrations()
    config.attributes["connection"] = connection
    with _alembic:
        (command.upgrade if up else command.downgrade)(config, revision)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {int(revision_of(connection) or 0)}")
