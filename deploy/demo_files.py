# SPDX-License-Identifier: Apache-2.0
"""The files of the made-up hospital: its ledger, settings to look at it with, and a folder for keys of its own.

With keys of its own its papers are never signed by the key that signs the real hospital's. It is looked at on a
loopback address of its own: cookies know no ports (RFC 6265 §8.5), so who signs in here stays signed in there.
"""

import contextlib
import json
import socket
import sqlite3
import tomllib
from itertools import count
from pathlib import Path

_HOST, _FIRST_PORT = "127.0.0.2", 8000


def settings_of(ledger: Path) -> Path:
    """Give the path of the settings beside this ledger."""
    return ledger.with_suffix(".toml")


def keys_of(ledger: Path) -> Path:
    """Give the folder of the keys beside this ledger."""
    return ledger.with_name(f"{ledger.stem}-keys")


def write_settings(ledger: Path) -> Path:
    """Write the settings for `daicho serve`, with a port that is free now; gives their path."""
    whole = ledger.absolute()
    values = {"ledger": str(whole), "state_folder": str(keys_of(whole)), "host": _HOST, "port": _free_port()}
    lines = ["# 見本の病院 / the made-up hospital", *(f"{key} = {json.dumps(values[key])}" for key in values)]
    keys_of(ledger).mkdir(mode=0o700)
    settings_of(ledger).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return settings_of(ledger)


def there_already(ledger: Path) -> Path | None:
    """Give the first of the files that is there already."""
    files = (ledger, settings_of(ledger), keys_of(ledger))
    return next((one for one in files if one.exists() or one.is_symlink()), None)


def is_open(ledger: Path) -> bool:
    """Say whether another program has the ledger open: only alone can one end SQLite's write-ahead log."""
    with contextlib.closing(sqlite3.connect(ledger, timeout=1)) as connection:
        try:
            return bool(connection.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",))
        except sqlite3.OperationalError:
            return True


def remove(ledger: Path) -> None:
    """Remove the ledger, and settings and keys beside it where they are those that `write_settings` wrote for it."""
    if _are_ours(ledger):
        for key in keys_of(ledger).iterdir():
            if not key.is_dir():
                key.unlink()
        with contextlib.suppress(OSError):  # somebody put a folder there
            keys_of(ledger).rmdir()
        settings_of(ledger).unlink()
    for one in (*(ledger.with_name(ledger.name + ending) for ending in ("-wal", "-shm")), ledger):
        one.unlink(missing_ok=True)


def _are_ours(ledger: Path) -> bool:
    whole = ledger.absolute()
    if keys_of(ledger).is_symlink() or not keys_of(ledger).is_dir() or settings_of(ledger).is_symlink():
        return False
    try:
        said = tomllib.loads(settings_of(ledger).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (said.get("ledger"), said.get("state_folder")) == (str(whole), str(keys_of(whole)))


def _free_port() -> int:
    for port in count(_FIRST_PORT):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, port))
            return port
    raise AssertionError("count ends never")
