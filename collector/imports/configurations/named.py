# SPDX-License-Identifier: Apache-2.0
"""Named groups that may name other groups: each is resolved once, and a circle ends in not known. Pure."""

from collections.abc import Callable, Iterable

from collector.imports.configurations.sources import Sources, tidy

DEEPEST = 30


class Named:
    """Remembers what every name stands for."""

    def __init__(self, resolve: Callable[[str], Sources | None]) -> None:
        self._resolve = resolve
        self._known: dict[str, Sources | None] = {}
        self._open: set[str] = set()

    def __call__(self, name: str) -> Sources | None:
        """Give the sources of a name; None if it is not defined, not known, or part of itself."""
        if name not in self._known:
            if name in self._open or len(self._open) >= DEEPEST:
                return None
            self._open.add(name)
            self._known[name] = self._resolve(name)
            self._open.discard(name)
        return self._known[name]


def together(parts: Iterable[Sources | None]) -> Sources | None:
    """Join the members of a group; None if one of them is not known."""
    found: list[str] = []
    for part in parts:
        if part is None:
            return None
        found.extend(part)
    return tidy(found)
