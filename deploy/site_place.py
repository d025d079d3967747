# SPDX-License-Identifier: Apache-2.0
"""Which ledger and which folders a command works on, which version of ours does it, and who."""

import dataclasses
import getpass
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from sqlalchemy import Engine, inspect

from collector.settings import Settings, load_settings
from inventory_db import audit
from inventory_db.audit import Action, Event
from inventory_db.tables import writing


def settings_of(config: Path | None, ledger: str) -> Settings:
    """Give the collector's settings with the ledger that the command names; raises SettingsError."""
    settings = load_settings(config) if config else Settings()
    return dataclasses.replace(settings, ledger=ledger or settings.ledger)


def version() -> str:
    """Give the version of this installation."""
    try:
        return f"daicho {metadata.version('daicho')}"
    except metadata.PackageNotFoundError:
        return "daicho"


def note(engine: Engine, action: Action, key: str, detail: Mapping[str, object]) -> None:
    """Tell the ledger's audit log what was done at the console; an older ledger has none. Raises LedgerUnwritten."""
    if inspect(engine).has_table(audit.audit.name):
        event = Event(
            action=action, name=getpass.getuser(), origin="console", kind="file", key=key, detail=detail
        )
        with writing(engine) as connection:
            audit.record(connection, event)
