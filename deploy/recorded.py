# SPDX-License-Identifier: Apache-2.0
"""Recorded material as lines: of bounded length whatever the file holds, with progress in bytes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.terminal import errors, plain

MOST_LINE = 1 << 20  # bytes of one line that are kept
_SHOWN = 40  # characters of a name on the bar


class ReadProgress:
    """Bytes read so far of all files: a bar on a terminal, nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=errors,
            disable=not errors.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> "ReadProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, path: Path) -> None:
        """Show which file is being read."""
        self._bar.update(self._task, description=plain(path.name[:_SHOWN]).markup)

    def advance(self, count: float) -> None:
        """Add bytes that have been read."""
        self._bar.advance(self._task, count)


def lines(
    path: Path, progress: ReadProgress, most: int = MOST_LINE, *, share: float = 1.0
) -> Iterator[tuple[int, bytes | None]]:
    """Give every line with its number, without its end; None for one that is longer than `most` bytes.

    `share` is how much of the progress this reading of the file is.
    """
    progress.begin(path)
    with path.open("rb") as file:
        number, pending = 0, 0
        while line := file.readline(most + 1):
            number, pending = number + 1, pending + len(line)
            whole = line.endswith(b"\n") or len(line) <= most
            if not whole:
                pending += _skip_line(file, most)
            if pending > MOST_LINE:
                progress.advance(pending * share)
                pending = 0
            yield number, line.rstrip(b"\r\n") if whole else None
        progress.advance(pending * share)


def _skip_line(file: BinaryIO, most: int) -> int:
    """Pass over the rest of a line; gives its length."""
    passed = 0
    while line := file.readline(most):
        passed += len(line)
        if line.endswith(b"\n"):
            break
    return passed


def objects(path: Path, progress: ReadProgress) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Give every JSON object of a file of JSON lines with its id, or a sentence on what is wrong with a line."""
    for number, line in lines(path, progress):
        place = f"{path}:{number}"
        if line is None:
            yield (
                place,
                f"{number} 行目が長すぎるので読みません。 / Line {number} is too long and is not read.",
            )
        elif line.strip():
            row = _object(line)
            if row is None:
                yield (
                    place,
                    f"{number} 行目は JSON のオブジェクトではありません。 / Line {number} is no JSON object.",
                )
            else:
                yield str(row.get("id", place)), row


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
    return row if isinstance(row, dict) else None
