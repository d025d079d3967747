# SPDX-License-Identifier: Apache-2.0
"""What it takes to start a daemon on a lab host: files, commands, and the ports that show it is up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

__all__ = ["Daemon", "File", "Place", "Port", "Recipe", "tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Port:
    """A transport port that is bound once the daemon is ready."""

    transport: Literal["tcp", "udp"]
    number: int


def tcp(*numbers: int) -> tuple[Port, ...]:
    """Return TCP ports."""
    return tuple(Port("tcp", number) for number in numbers)


def udp(*numbers: int) -> tuple[Port, ...]:
    """Return UDP ports."""
    return tuple(Port("udp", number) for number in numbers)


@dataclass(frozen=True, slots=True)
class File:
    """A file to write into the host's own root: absolute path, content, mode, optional owner."""

    path: str
    content: str | bytes
    mode: int = 0o644
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """What a daemon may know of its host: name, addresses ('10.20.1.5/24'), first MAC, a stable seed."""

    host: str
    interfaces: tuple[str, ...]
    mac: str
    seed: str

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the IPv4 addresses without their prefix length."""
        return tuple(text.partition("/")[0] for text in self.interfaces)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Files first, then `before` to completion, then every command in the foreground, or `serve` forked.

    `serve` runs in a forked child inside the host's root, so it must not import anything.
    """

    files: tuple[File, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()
    serve: Callable[[], None] | None = None
    ready: tuple[Port, ...] = ()


class Daemon(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The parameters of one daemon as the layout writes them; `kind` picks the subclass."""

    def recipe(self, place: Place) -> Recipe:
        """Return how to start it on this host (pure, except for making keys): by itself, nothing to start."""
        del place
        return Recipe()
