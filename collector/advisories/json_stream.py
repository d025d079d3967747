# SPDX-License-Identifier: Apache-2.0
"""Records of a JSON feed one by one, however large it is; depth, size and place are watched."""

from collections.abc import Iterator
from typing import IO, Any

import ijson
from ijson.common import IncompleteJSONError, JSONError, ObjectBuilder

from collector.advisories.feed import MOST_FILE, MOST_RECORD, BadFeed, refuse

MOST_DEPTH = 40
MOST_TOP = 100  # scalars at the top of a document that are looked at
_SCALARS = frozenset({"string", "number", "boolean", "null"})


class _Counted:
    """A file that knows how far it was read and ends a feed that is too large."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self.file = file
        self.where = where
        self.position = 0

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(min(size, 65536) if size and size > 0 else size)
        self.position += len(data)
        if self.position > MOST_FILE:
            raise refuse(self.where, "大きすぎます", "it is too large")
        return data


def records(file: IO[bytes], arrays: tuple[str, ...], where: str, top: dict[str, Any]) -> Iterator[Any]:
    """Give the records of the first of these top-level arrays ("" is the document itself).

    Scalars at the top of the document go into `top`. Raises BadFeed, with the byte and the record,
    for text that is cut off, is no JSON, or nests too deep.
    """
    counted = _Counted(file, where)
    count = 0
    try:
        for record in _records(counted, arrays, where, top):
            count += 1
            yield record
    except IncompleteJSONError as error:
        place = f"{where} ({counted.position:,} bytes, record {count + 1})"
        raise refuse(place, "途中で切れているか、JSON ではありません", "it is cut off or no JSON") from error
    except (JSONError, UnicodeDecodeError, ValueError, OverflowError) as error:
        place = f"{where} ({counted.position:,} bytes, record {count + 1})"
        raise refuse(place, "JSON として読めません", "it cannot be read as JSON") from error


def _records(file: _Counted, arrays: tuple[str, ...], where: str, top: dict[str, Any]) -> Iterator[Any]:
    paths = {f"{name}.item" if name else "item" for name in arrays}
    builder: ObjectBuilder | None = None
    depth, started = 0, 0
    for prefix, event, value in ijson.parse(file, use_float=True):
        if event in ("start_map", "start_array"):
            depth += 1
            if depth > MOST_DEPTH:
                raise refuse(f"{where} ({file.position:,} bytes)", "入れ子が深すぎます", "it nests too deep")
        if builder is None and prefix in paths and event == "start_map":
            builder, started, inner = ObjectBuilder(), file.position, depth  # type: ignore[no-untyped-call]
        if builder is not None:
            builder.event(event, value)  # type: ignore[no-untyped-call]
            if file.position - started > MOST_RECORD + 65536:
                raise refuse(f"{where} ({started:,} bytes)", "1件が大きすぎます", "one record is too large")
        elif event in _SCALARS and prefix and "." not in prefix and len(top) < MOST_TOP:
            top.setdefault(prefix[:60], value)
        if event in ("end_map", "end_array"):
            if builder is not None and depth == inner:
                yield builder.value
                builder = None
            depth -= 1


def whole(file: IO[bytes], where: str, most: int = MOST_RECORD) -> bytes:
    """Read a small file whole; raises BadFeed where it is larger than `most` bytes."""
    data = file.read(most + 1)
    if len(data) > most:
        raise refuse(where, "大きすぎます", "it is too large")
    return data


__all__ = ["BadFeed", "records", "whole"]
