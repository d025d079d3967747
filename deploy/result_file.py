# SPDX-License-Identifier: Apache-2.0
"""Files that a person asked for: refused before the work when they cannot be written, written whole or not at all."""

import os
import tempfile
from pathlib import Path

from agent.refusal import Refusal


def check_result(path: Path) -> None:
    """Raise Refusal if the file could not be written; changes nothing."""
    folder = path.parent
    if path.is_dir():
        raise Refusal(
            f"{path} はフォルダなので、そこには書けません。ファイル名を指定してください。",
            f"{path} is a folder and cannot be written to. Give the name of a file.",
        )
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise Refusal(
            f"{path} に書けません。フォルダがあるか、書き込みの権限があるかを確かめてください。",
            f"Cannot write {path}. Check that its folder exists and may be written to.",
        )


def write_result(path: Path, data: bytes) -> None:
    """Write the file whole, readable by its owner only; raises Refusal, and leaves an older file as it was."""
    check_result(path)
    try:
        if path.exists() and not path.is_file():  # a device or pipe: there is nothing to replace
            path.write_bytes(data)
            return
        _replace(path, data)
    except OSError as error:
        raise Refusal(
            f"{path} に書けませんでした（{error.strerror}）。空き容量と権限を確かめてください。",
            f"Could not write {path} ({error.strerror}). Check free space and permissions.",
        ) from error


def _replace(path: Path, data: bytes) -> None:
    """Put a new file in the place of the old one; of a failed attempt nothing stays."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(data)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
