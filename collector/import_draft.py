# SPDX-License-Identifier: Apache-2.0
"""A ledger that somebody handed in and has not taken in yet: its file and what was chosen for it, one per person."""

import base64
import tempfile
import zlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from collector.imports.ledger_import import Import, Wanted, prepare
from inventory_db.drafts import drop_draft, find_draft, keep_draft

MOST_FILE = 20 * 1024 * 1024  # bytes; `daicho load ledger` takes larger ones


@dataclass(frozen=True, slots=True)
class ImportDraft:
    """A file with what the person asks for besides."""

    name: str
    data: bytes
    wanted: Wanted = field(default_factory=Wanted)


def _form(account: str) -> str:
    return f"import/ledger/{account}"


def keep(connection: Connection, account: str, draft: ImportDraft, by: str, now: datetime) -> None:
    """Keep a file in place of the one before."""
    wanted = draft.wanted
    fields = {
        "name": draft.name,
        "data": base64.b64encode(zlib.compress(draft.data)).decode(),
        "sheet": wanted.sheet,
        "ledger": wanted.name,
        "replace": "1" if wanted.replace else "",
        "columns": msgspec.json.encode(dict(wanted.overrides)).decode(),
    }
    keep_draft(connection, _form(account), fields, by, now)


def find(connection: Connection, account: str) -> ImportDraft | None:
    """Give the file that this person handed in last; None when there is none."""
    draft = find_draft(connection, _form(account))
    if draft is None:
        return None
    kept = draft.fields
    columns = msgspec.json.decode(kept["columns"], type=dict[str, str])
    data = zlib.decompressobj().decompress(base64.b64decode(kept["data"]), MOST_FILE)
    wanted = Wanted(kept["sheet"], columns, kept["ledger"], bool(kept["replace"]))
    return ImportDraft(kept["name"], data, wanted)


def drop(connection: Connection, account: str) -> None:
    """Forget the file."""
    drop_draft(connection, _form(account))


def work_out(connection: Connection, draft: ImportDraft) -> Import:
    """Work out what taking it in would do; changes nothing. Raises collector.imports.trouble.BadImport."""
    with tempfile.TemporaryDirectory(prefix="daicho-import-") as folder:
        path = Path(folder) / draft.name
        path.write_bytes(draft.data)
        return prepare(connection, path, draft.wanted)
