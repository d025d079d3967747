# SPDX-License-Identifier: Apache-2.0
"""Which device of the scan a row of the facility's own ledger is. Pure; with reasons, and never by a guess.

A MAC address or a serial number decides alone; IP address and computer name together too; one of them
alone only if nothing speaks against it. Whatever points to several devices is shown and not linked.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory_db.device import Device
from inventory_db.networks import normal_ip, normal_mac
from inventory_db.typed_values import folded, ips_in, is_nothing, macs_in, names_in

# Columns beside the official twelve that imported ledgers often have, by the name that we keep them under.
OTHER_COLUMNS = (
    "MACアドレス",
    "製造番号",
    "機種",
    "種別",
    "使用用途",
    "管理部門",
    "ウイルス対策",
    "管理者権限",
    "脆弱性対応",
    "リモート保守",
    "保守事業者",
    "購入日",
    "機器名",
)
_WORDS = {
    "mac": ("MACアドレス", "MAC address"),
    "serial": ("製造番号", "serial number"),
    "ip": ("IPアドレス", "IP address"),
    "name": ("コンピュータ名", "computer name"),
}
_STRONG = frozenset(("mac", "serial"))


@dataclass(frozen=True, slots=True)
class Marks:
    """What tells a device apart, in comparable form: kind (mac, serial, name, ip) → values."""

    mac: frozenset[str] = frozenset()
    serial: frozenset[str] = frozenset()
    name: frozenset[str] = frozenset()
    ip: frozenset[str] = frozenset()

    def of(self, kind: str) -> frozenset[str]:
        """The values of one kind."""
        values: frozenset[str] = getattr(self, kind)
        return values


@dataclass(frozen=True, slots=True)
class Match:
    """Which device a listed row is; `device` "" with candidates means that it could not be decided."""

    device: str = ""
    by: tuple[str, ...] = ()  # kinds that say so
    candidates: tuple[str, ...] = ()  # device ids
    ja: str = ""
    en: str = ""


NONE = Match()


def marks_of_cells(cells: Mapping[str, str]) -> Marks:
    """Read the marks from a listed row."""
    serial = folded(cells.get("製造番号", ""))
    return Marks(
        mac=frozenset(filter(None, map(normal_mac, macs_in(cells.get("MACアドレス", ""))[0]))),
        serial=frozenset() if is_nothing(serial) else frozenset([serial]),
        name=frozenset(names_in(cells.get("コンピュータ名", ""))),
        ip=frozenset(filter(None, map(normal_ip, ips_in(cells.get("IPアドレス", ""))[0]))),
    )


def marks_of_device(device: Device) -> Marks:
    """Read the marks from a device that was seen."""
    return Marks(
        mac=frozenset(mac for a in device.addresses if a.mac for mac in macs_in(a.mac)[0]),
        serial=frozenset([folded(device.serial)] if device.serial else []),
        name=frozenset(one for name in device.names for one in names_in(name)),
        ip=frozenset(a.ip for a in device.addresses if a.ip),
    )


class Finder:
    """Finds the device that a listed row is, among those that were seen."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._marks = {device.id: marks_of_device(device) for device in devices}
        self._index: dict[tuple[str, str], list[str]] = defaultdict(list)
        for id, marks in self._marks.items():
            for kind in _WORDS:
                for value in marks.of(kind):
                    self._index[kind, value].append(id)

    def find(self, cells: Mapping[str, str]) -> Match:
        """Give the device with the reason; none, with the candidates, where it is not clear."""
        return self.find_by(marks_of_cells(cells))

    def find_by(self, marks: Marks) -> Match:
        """Give the device that has these marks, as `find` does."""
        hits = self._hits(marks)
        if not hits:
            return NONE
        chosen = _best(hits)
        if chosen is None:
            return _unclear(hits)
        against = _against(marks, self._marks[chosen], hits[chosen])
        if against:
            return _contradicted(hits, hits[chosen], against)
        by = tuple(kind for kind in _WORDS if kind in hits[chosen])
        words_ja, words_en = _join(by)
        return Match(chosen, by, tuple(hits), f"{words_ja}が同じです。", f"Same {words_en}.")

    def _hits(self, marks: Marks) -> dict[str, set[str]]:
        hits: dict[str, set[str]] = defaultdict(set)
        for kind in _WORDS:
            for value in marks.of(kind):
                for id in self._index.get((kind, value), ()):
                    hits[id].add(kind)
        return dict(hits)


def _best(hits: Mapping[str, set[str]]) -> str | None:
    """Give the one device that the marks point to; None if they point to several alike."""
    for wanted in (
        [id for id, kinds in hits.items() if kinds & _STRONG],
        [id for id, kinds in hits.items() if {"ip", "name"} <= kinds],
        list(hits),
    ):
        if wanted:
            return wanted[0] if len(wanted) == 1 else None
    return None


def _against(listed: Marks, seen: Marks, by: set[str]) -> str:
    """Give the kind that speaks against a match by one weak mark alone, "" if none does."""
    if by & _STRONG or len(by) > 1:
        return ""
    kinds = ("mac", "serial", "name") if "ip" in by else ("mac", "serial")
    for kind in kinds:
        if listed.of(kind) and seen.of(kind) and not listed.of(kind) & seen.of(kind):
            return kind
    return ""


def _unclear(hits: Mapping[str, set[str]]) -> Match:
    ja, en = _join(kind for kind in _WORDS if any(kind in kinds for kinds in hits.values()))
    return Match(
        candidates=tuple(hits),
        ja=f"{ja}の合う機器が {len(hits)} 台あり、どれか決められません。",
        en=f"{len(hits)} devices have this {en}; which one cannot be told.",
    )


def _contradicted(hits: Mapping[str, set[str]], by: Iterable[str], against: str) -> Match:
    ja, en = _join(by)
    other_ja, other_en = _WORDS[against]
    return Match(
        candidates=tuple(hits),
        ja=f"{ja}は同じですが、{other_ja}が違います。",
        en=f"Same {en}, but another {other_en}.",
    )


def _join(kinds: Iterable[str]) -> tuple[str, str]:
    words = [_WORDS[kind] for kind in kinds]
    return "と".join(ja for ja, _ in words), " and ".join(en for _, en in words)
