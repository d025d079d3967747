# SPDX-License-Identifier: Apache-2.0
"""One device as its page shows it: what we believe, who says so, what was asked, what was sent. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.ledger_view import Document
from collector.sameness import Line
from collector.techniques import Way
from inventory_db.device import Part
from inventory_db.observations import Stored
from inventory_db.official import COLUMNS, Cell
from probes.facts import Sent, Sure, Vantage

IDENTITY = ("names", "maker", "model", "serial", "os", "os_version", "firmware_version", "device_class")
COLUMN_OF = {f"c{place}": column for place, column in enumerate(COLUMNS, 1)} | {
    "kind": "種別",
    "declared": "2系統接続の届出",
}  # key in forms → column of inventory_db
HUMAN = ("c8", "c9", "c10", "c11", "c12")
SCANNED = ("c2", "c3", "c4", "c5", "c6", "c7")
MOST_OBSERVATIONS = 200  # on one page, beside what the device's values rest on


@dataclass(frozen=True, slots=True)
class Field:
    """One of the 12 official cells on the device page."""

    key: str  # c1 … c12
    cell: Cell

    @property
    def human(self) -> bool:
        """Say whether this is a column that only people fill in."""
        return self.key in HUMAN

    @property
    def typed(self) -> str:
        """What a person typed; "" if nobody did."""
        return self.cell.value if self.cell.source == "person" else ""


@dataclass(frozen=True, slots=True)
class Believed:
    """One field of the identity, how sure it is, why, and which observations say so."""

    name: str
    value: str
    sure: str = ""
    reason: object = ""  # a text, or {"ja", "en"}
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentLine:
    """Everything of one kind that we sent to the device."""

    action: str
    probe: str = ""
    port: int = 0
    transport: str = ""
    packets: int = 0
    connections: int = 0
    payload_bytes: int = 0


@dataclass(frozen=True, slots=True)
class DeviceView:
    """Everything on the page of one device."""

    device: Document
    cells: tuple[Field, ...]
    identity: tuple[Believed, ...]
    observations: tuple[Stored, ...]
    earlier: int  # observations left off the first page
    sent: tuple[SentLine, ...]
    vantages: Mapping[str, str]
    places: Mapping[str, int] = field(default_factory=dict)  # observation id → number on this page
    typed: tuple[Mapping[str, Any], ...] = ()  # what people typed, newest first: column, value, who, at
    ways: tuple[Way, ...] = ()  # how we know on which networks it stands, and what did not answer
    parts: tuple[Part, ...] = ()  # what a person may take away as another device
    decided: tuple[Line, ...] = ()  # what people decided about which devices are this one, newest first
    back: int = 0  # which page of observations this is; 0: the newest
    pages: int = 1

    @property
    def scanned(self) -> tuple[str, ...]:
        """The keys of the cells that a scan fills and a person may correct."""
        return SCANNED

    @property
    def sent_total(self) -> SentLine:
        """The sum of everything that we sent."""
        return SentLine(
            "",
            packets=sum(line.packets for line in self.sent),
            connections=sum(line.connections for line in self.sent),
            payload_bytes=sum(line.payload_bytes for line in self.sent),
        )

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its IP addresses, each once."""
        found = (address["ip"] for address in self.device["addresses"] if address["ip"])
        return tuple(dict.fromkeys(found))

    def number(self, observation: str) -> int:
        """Give the number of an observation on this page."""
        return self.places[observation]

    def numbers(self, observations: Iterable[str]) -> list[int]:
        """Give the numbers of those observations that stand on this page."""
        return sorted(self.places[one] for one in observations if one in self.places)

    def vantage(self, id: str) -> str:
        """Give a vantage in words, or its id where nothing more is known."""
        return self.vantages.get(id, id)


def believe(device: Document, seen: Sequence[Stored], named: object) -> tuple[Believed, ...]:
    """Give each field of the identity with how sure it is, why, and who says so.

    `named` is the reason to give for a name that observations among `seen` hold.
    """
    fields = tuple(_believed(device, name) for name in IDENTITY[1:])
    return (_believed_name(device["names"], seen, named), *fields)


def choose_observations(every: Sequence[str], cited: Sequence[str], back: int) -> list[str]:
    """Choose of a device's observations (oldest first) those of one page; on the first also what its values rest on."""
    last = len(every) - back * MOST_OBSERVATIONS
    newest = every[max(0, last - MOST_OBSERVATIONS) : max(0, last)]
    known = set(every)
    also = [id for id in cited if id in known][:MOST_OBSERVATIONS] if back == 0 else []
    return list(dict.fromkeys([*newest, *also]))


def pages_of(observations: int) -> int:
    """Give how many pages so many observations fill."""
    return max(1, -(-observations // MOST_OBSERVATIONS))


def number_observations(
    seen: Sequence[Stored], most: int = MOST_OBSERVATIONS
) -> tuple[tuple[Stored, ...], int, dict[str, int]]:
    """Choose what the page shows (the newest answer to each question first), oldest first, numbered from 1.

    Gives (shown, how many were left off, id → number).
    """
    newest_first = sorted(seen, key=lambda one: one.at, reverse=True)
    asked: set[tuple[Any, ...]] = set()
    latest: list[Stored] = []
    older: list[Stored] = []
    for one in newest_first:
        question = (one.probe, one.address, one.port, one.transport, one.vantage, one.outcome)
        (older if question in asked else latest).append(one)
        asked.add(question)
    shown = tuple(sorted((latest + older)[:most], key=lambda one: (one.at, one.probe, one.port)))
    return shown, len(seen) - len(shown), {one.id: place for place, one in enumerate(shown, 1)}


def summarise_sent(journal: Iterable[Sent]) -> tuple[SentLine, ...]:
    """Add up the journal by what was sent, most packets first."""
    sums: dict[tuple[str, str, int, str], list[int]] = {}
    for sent in journal:
        line = sums.setdefault((sent.action, sent.probe, sent.port, sent.transport), [0, 0, 0])
        for place, amount in enumerate((sent.packets, sent.connections, sent.payload_bytes)):
            line[place] += amount
    lines = (SentLine(*key, *amounts) for key, amounts in sums.items())
    return tuple(
        sorted(lines, key=lambda line: (-line.packets, line.action, line.port, line.probe, line.transport))
    )


def describe_vantages(vantages: Iterable[Vantage]) -> dict[str, str]:
    """Give each vantage as "host interface (network)"."""
    return {one.id: f"{one.host} {one.interface} ({one.network})" for one in vantages}


def official_cells(cells: Sequence[Cell]) -> tuple[Field, ...]:
    """Give the 12 cells with the keys that forms and words use for them."""
    return tuple(Field(f"c{place}", cell) for place, cell in enumerate(cells, 1))


def _believed_name(names: Sequence[str], seen: Sequence[Stored], named: object) -> Believed:
    wanted = names[0].casefold() if names else ""
    said = [(one, fact) for one in seen for fact in one.facts if fact.value.rstrip(".").casefold() == wanted]
    if not wanted or not said:
        return Believed("names", "、".join(names))
    sure = min((fact.sure for _, fact in said), key=list(Sure).index)
    ids = tuple(dict.fromkeys(one.id for one, _ in said))
    return Believed("names", "、".join(names), sure, named, ids)


def _believed(device: Document, name: str) -> Believed:
    value = device[name] or ""
    mark = device["confidence"].get(name)
    if mark is None:
        return Believed(name, value)
    reason = {"ja": mark["reason"], "en": mark["reason_en"]}
    return Believed(name, value, mark["sure"], reason, tuple(mark["observations"]))
