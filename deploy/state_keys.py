# SPDX-License-Identifier: Apache-2.0
"""The keys of the state folder, which a backup takes along: without them sealed values and signatures are lost."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from agent.refusal import Refusal
from inventory_db.backups.archive import MOST_FILE, MOST_FILES

_ENDS = (".key", ".pem", ".crt")


def read_keys(folder: Path) -> dict[str, bytes]:
    """Give the key files of this folder by name; none where there is no folder. Raises Refusal."""
    try:
        found = sorted(path for path in folder.iterdir() if _is_key(path)) if folder.is_dir() else []
        data = {path.name: path.read_bytes() for path in found}
    except OSError as error:
        raise Refusal(
            f"鍵のフォルダ {folder} を読めません（{error.strerror}）。何も作っていません。collector と同じ利用者で実行してください。",
            f"The folder of keys {folder} cannot be read ({error.strerror}). Nothing was made. Run it as the user of "
            "the collector.",
        ) from error
    if len(data) > MOST_FILES or any(len(one) > MOST_FILE for one in data.values()):
        raise Refusal(
            f"鍵のフォルダ {folder} に、鍵とは思えない数か大きさのファイルがあります。何も作っていません。鍵だけにしてください。",
            f"The folder of keys {folder} holds more or larger files than keys are. Nothing was made. Leave only keys.",
        )
    return data


@contextmanager
def keys_ready(folder: Path, files: Mapping[str, bytes], now: datetime, put: list[str]) -> Iterator[None]:
    """Write the files beside their places; give them their names when the work inside went well.

    A key that is there and differs is kept under another name. `put` gets a line for each that changed.
    """
    staged = {name: folder / f".{name}.restoring" for name in files}
    try:
        if files:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in files.items():
            _write(staged[name], data)
        yield
        for name, data in files.items():
            put.extend(_place(staged[name], folder / name, data, now))
    except OSError as error:
        raise Refusal(
            f"鍵のフォルダ {folder} に書けません（{error.strerror}）。フォルダの権限と空き容量を確かめ、もう一度実行してください。",
            f"The folder of keys {folder} cannot be written ({error.strerror}). Check permissions and space, run it again.",
        ) from error
    finally:
        for path in staged.values():
            path.unlink(missing_ok=True)


def _is_key(path: Path) -> bool:
    plain = path.suffix in _ENDS and not path.name.startswith(".") and path.name.isascii()
    return plain and stat.S_ISREG(path.lstat().st_mode)


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _place(staged: Path, path: Path, data: bytes, now: datetime) -> Iterator[str]:
    if path.exists():
        if path.read_bytes() == data:
            return
        kept = path.with_name(f"{path.name}.replaced-{now:%Y%m%dT%H%M%S}")
        os.link(path, kept)
        yield kept.name
    staged.replace(path)
    yield path.name
