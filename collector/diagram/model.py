# SPDX-License-Identifier: Apache-2.0
"""What the network diagram shows, as values: segments, what stands across or before them, ways in from outside."""

import enum
from dataclasses import dataclass, field


class Mark(enum.StrEnum):
    """What differs from last time."""

    SAME = ""
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"  # answered last time and no longer, or no longer there


@dataclass(frozen=True, slots=True)
class Crowd:
    """The devices of one class on one segment that are not drawn one by one."""

    kind: str  # device class
    count: int
    before: int | None = None  # last time; None where nothing was compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One network that devices share."""

    id: str  # its first network, CIDR
    networks: tuple[str, ...]  # IPv4 and IPv6 of the same wire
    birth: int = 0  # how many scans had begun when it was first seen
    looked_at: bool = True  # False: known only from answers, nobody looked there
    guessed: bool = False  # True: the size of the network is assumed from single addresses
    crowds: tuple[Crowd, ...] = ()
    mark: Mark = Mark.SAME


@dataclass(frozen=True, slots=True)
class Foot:
    """Where a node stands on a segment, and with which addresses."""

    segment: str
    addresses: tuple[str, ...]
    mark: Mark = Mark.SAME


@dataclass(frozen=True, slots=True)
class Way:
    """One way in from outside."""

    kind: str  # as in the ledger's remote_paths
    port: int
    product: str
    match: str  # matched, differs, undeclared, not_found
    mark: Mark = Mark.SAME


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One device that is drawn by itself, or a crowd of devices with the same way in."""

    id: str  # stable: the device's id, "router:IP", "declared:ID" or "crowd:…"
    kind: str  # device class
    device: str = ""  # id of the device in the ledger
    number: str = ""  # 管理番号
    name: str = ""
    product: str = ""
    feet: tuple[Foot, ...] = ()
    outside: tuple[str, ...] = ()  # addresses that it has outside the facility
    ways: tuple[Way, ...] = ()
    routes: bool = False  # a router by trade or by test
    default_gateway: bool = False
    dual: str = ""  # "", declared, undeclared
    silent: bool = False  # asked in the last scan, and no answer
    count: int = 1
    mark: Mark = Mark.SAME

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address it has, inside first."""
        return (*(one for foot in self.feet for one in foot.addresses), *self.outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagram:
    """Everything on the diagram, in its stable order."""

    segments: tuple[Segment, ...] = ()
    nodes: tuple[Node, ...] = ()
    compared: str = ""  # the day it is compared with, "" if with none
    not_scanned: tuple[str, ...] = field(default=())  # networks that the facility names and no scan knows
