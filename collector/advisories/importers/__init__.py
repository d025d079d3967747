# SPDX-License-Identifier: Apache-2.0
"""One file per kind of feed, found by place: `recognises(head, name)` and `read(source) -> Loaded`."""

import importlib
import pkgutil
from typing import Protocol, cast

from collector.advisories.feed import Loaded, Source


class Importer(Protocol):
    """What an importer offers; `read` raises BadFeed and never gives half a feed."""

    def recognises(self, head: bytes, name: str) -> bool:
        """Whether the first bytes and the name look like this kind."""
        ...

    def read(self, source: Source) -> Loaded:
        """Read the feed, keeping what concerns products that we know."""
        ...


def kinds() -> list[str]:
    """Give the kinds, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def importer(kind: str) -> Importer:
    """Give the importer of a kind; KeyError if there is none."""
    if kind not in kinds():
        raise KeyError(kind)
    return cast(Importer, importlib.import_module(f"{__name__}.{kind}"))


def kind_of(head: bytes, name: str) -> str | None:
    """Tell the kind of a feed by its first bytes and name; None if no importer knows it."""
    return next((kind for kind in kinds() if importer(kind).recognises(head, name)), None)
