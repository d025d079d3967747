# SPDX-License-Identifier: Apache-2.0
"""A log → who called which service of remote control or VPN: counted, with first, last and an example line."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from collector.imports import logs
from collector.imports.logs.heard import Heard
from probes.remote_names import Service, service_of

MOST_CALLS = 20_000  # different (source, service) kept of one file
_NOT_FORMATS = frozenset(("heard", "calls"))
_SETTLED = 20  # lines of one format, after which only that one is tried first
Reader = Callable[[str, int], Heard | None]


@dataclass(slots=True)
class Calls:
    """All calls of one machine to one service."""

    source: str
    service: Service
    name: str  # as called first
    line: int
    first: datetime
    last: datetime
    count: int = 1


@dataclass(slots=True)
class LogRead:
    """What a log said: `formats` by lines understood, `lines` in all."""

    calls: dict[tuple[str, str], Calls]
    formats: dict[str, int]
    lines: int = 0
    too_many: int = 0


@functools.cache
def formats() -> dict[str, Reader]:
    """The formats that we read, by name."""
    names = [info.name for info in pkgutil.iter_modules(logs.__path__) if info.name not in _NOT_FORMATS]
    return {name: importlib.import_module(f"collector.imports.logs.{name}").read_line for name in names}


def read_log(lines: Iterable[str], year: int) -> LogRead:
    """Read a log of any format that we know; memory is bounded by the different callers, not by the file."""
    read = LogRead({}, {})
    order = list(formats().items())
    for number, line in enumerate(lines, 1):
        read.lines = number
        for place, (name, reader) in enumerate(order):
            found = reader(line[:8192], year)
            if found is None:
                continue
            read.formats[name] = read.formats.get(name, 0) + 1
            if place and read.formats[name] > _SETTLED:
                order.insert(0, order.pop(place))
            _count(read, found, number)
            break
    return read


def _count(read: LogRead, found: Heard, number: int) -> None:
    service = service_of(found.name)
    if service is None:
        return
    key = found.source, service.product
    known = read.calls.get(key)
    if known is not None:
        known.count += 1
        known.first, known.last = min(known.first, found.at), max(known.last, found.at)
    elif len(read.calls) < MOST_CALLS:
        read.calls[key] = Calls(found.source, service, found.name, number, found.at, found.at)
    else:
        read.too_many += 1
