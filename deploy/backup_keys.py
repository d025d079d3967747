# SPDX-License-Identifier: Apache-2.0
"""With what a backup is sealed and opened: from a file or a prompt, never from the command line or environment."""

import getpass
import stat
import sys
from pathlib import Path

from agent.refusal import Refusal
from inventory_db.backups.sealing import LEAST_PASSPHRASE, Key, Lock

_MOST = 64 * 1024  # bytes of a file with a passphrase or identities


def read_lock(passphrase_file: Path | None, recipients: list[str]) -> Lock:
    """Give what to seal with; asks twice on a terminal where neither is named. Raises Refusal."""
    if recipients and passphrase_file:
        raise Refusal(
            "--to と --passphrase-file は一度に使えません。どちらかにしてください。何も作っていません。",
            "Use either --to or --passphrase-file, not both. Nothing was made.",
        )
    if recipients:
        return Lock(recipients=tuple(recipients))
    if passphrase_file:
        return Lock(passphrase=_first_line(passphrase_file))
    first = _ask(f"パスフレーズ（{LEAST_PASSPHRASE}文字以上） / passphrase: ")
    if first != _ask("もう一度 / again: "):
        raise Refusal("二つが違います。何も作っていません。", "The two differ. Nothing was made.")
    return Lock(passphrase=first)


def read_key(passphrase_file: Path | None, identity: Path | None) -> Key:
    """Give what to open with; asks on a terminal where neither is named. Raises Refusal."""
    if identity:
        lines = [line.strip() for line in _secret(identity).splitlines()]
        return Key(identities=tuple(line for line in lines if line and not line.startswith("#")))
    if passphrase_file:
        return Key(passphrase=_first_line(passphrase_file))
    return Key(passphrase=_ask("パスフレーズ / passphrase: "))


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise Refusal(
            "パスフレーズを尋ねる画面がありません。--passphrase-file でファイルを指定してください。何も変更していません。",
            "There is no terminal to ask for the passphrase. Name a file with --passphrase-file. Nothing was changed.",
        )
    return getpass.getpass(prompt, stream=sys.stderr)


def _first_line(path: Path) -> str:
    return (_secret(path).splitlines() or [""])[0]


def _secret(path: Path) -> str:
    """Read a file that only its owner may read; raises Refusal."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST)
        open_to = stat.S_IMODE(path.stat().st_mode) & 0o077 if path.is_file() else 0
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "UTF-8"
        raise Refusal(
            f"{path} を読めません（{why}）。場所と権限を確かめてください。何も変更していません。",
            f"Cannot read {path} ({why}). Check its place and permissions. Nothing was changed.",
        ) from error
    if open_to:
        raise Refusal(
            f"{path} をほかの利用者も読めます。chmod 600 を実行してから、もう一度実行してください。何も変更していません。",
            f"Others can read {path}. Run chmod 600 on it, then run this again. Nothing was changed.",
        )
    return text
