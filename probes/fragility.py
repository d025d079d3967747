# SPDX-License-Identifier: Apache-2.0
"""May we ask this host, and what is it? Judged from its MAC, its open ports and what it said so far.

Pure. The lists are data: `recognised/fragile.yaml` and `recognised/oui_classes.yaml`. Reasons are
for people: Japanese first, English after " / ".
"""

import enum
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probes.facts import Sure
from probes.oui import maker_of, virtual_kind
from probes.recognise import Recognition
from probes.rows import load

_DICOM = frozenset({104, 2761, 2762, 4242, 11112})
_SHORT = 256  # characters of a name that is remembered
_COMPUTERS = frozenset({"computer", "pc", "server", "network", "gateway"})
_SYSTEMS = re.compile(
    r"windows(?! ce)|linux|debian|ubuntu|red hat|centos|rocky|alma|suse|fedora|bsd|esxi|mac ?os|solaris"
    r"|cisco ios|nx-os|junos|fortios|routeros",
    re.IGNORECASE,
)


class Temper(enum.StrEnum):
    """How a host is expected to take questions."""

    ROBUST = "robust"
    UNKNOWN = "unknown"
    FRAGILE = "fragile"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A host's temper, its class if that is what decided, and the reason as "日本語 / English"."""

    temper: Temper
    device_class: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Kind:
    ja: str
    en: str
    device_class: str


def temper_of(mac: str, recognitions: Iterable[Recognition], open_ports: Iterable[int]) -> Judgement:
    """Judge before asking. Anything that speaks for fragile wins; doubt is UNKNOWN."""
    said, ports = tuple(recognitions), frozenset(open_ports)
    return (
        _fragile_maker(mac)
        or _fragile_port(ports)
        or _fragile_answer(said)
        or _robust_answer(said, ports)
        or _robust_maker(mac, ports)
        or Judgement(
            Temper.UNKNOWN, None, "機器の種類がまだ分かりません / Nothing says yet what this device is"
        )
    )


def class_by_maker(maker: str) -> str | None:
    """Likely device class by the registered maker of the interface; only ever a guess.

    None for a maker of servers and PCs alike.
    """
    kind = _kind_by_name(maker)
    device_class = kind.device_class if kind else _sold_by(maker)
    return None if device_class == "computer" else device_class


def makes_computers(maker: str) -> bool:
    """Whether the maker sells servers and PCs alike."""
    return _sold_by(maker) == "computer"


def _sold_by(maker: str) -> str | None:
    return _seller(maker) if len(maker) <= _SHORT else _seller.__wrapped__(maker)


@functools.lru_cache(maxsize=4096)
def _seller(maker: str) -> str | None:
    return next((sold for pattern, sold in _class_patterns() if pattern.search(maker)), None)


def fragile_kind(mac: str) -> tuple[str, str] | None:
    """What fragile thing this MAC belongs to, as (device class, "日本語 / English"), or None."""
    kind = _kind_of(mac)
    return None if kind is None else (kind.device_class, f"{kind.ja} / {kind.en}")


def _fragile_maker(mac: str) -> Judgement | None:
    kind = _kind_of(mac)
    if kind is None:
        return None
    reason = f"MACアドレスの登録者から{kind.ja}とみられます / The MAC belongs to a maker of: {kind.en}"
    return Judgement(Temper.FRAGILE, kind.device_class, reason)


def _fragile_port(ports: frozenset[int]) -> Judgement | None:
    for port in sorted(ports & _ports().keys()):
        kind = _ports()[port]
        reason = f"{port}番ポート（{kind.ja}）が開いています / Port {port} ({kind.en}) is open"
        return Judgement(Temper.FRAGILE, kind.device_class, reason)
    return None


def _fragile_answer(said: tuple[Recognition, ...]) -> Judgement | None:
    """It said itself that it is medical, or its maker is one of the fragile ones."""
    for one in said:
        if one.sure is Sure.GUESS:
            continue
        kind = _kind_by_name(one.maker) if one.maker else None
        device_class = kind.device_class if kind else one.device_class
        if kind or device_class == "medical":
            name = one.maker or one.product or one.channel
            return Judgement(
                Temper.FRAGILE,
                device_class,
                f"応答（{name}）から止まりやすい機器とみられます / It answered as {name}",
            )
    return None


def _robust_answer(said: tuple[Recognition, ...], ports: frozenset[int]) -> Judgement | None:
    for one in said:
        system = one.os or one.product or ""
        if one.sure is not Sure.GUESS and (_SYSTEMS.search(system) or one.product == "OpenSSH"):
            return Judgement(Temper.ROBUST, None, f"{system} が応答しました / {system} answered")
    if {135, 445} <= ports or 3389 in ports:
        return Judgement(Temper.ROBUST, None, "Windows のポートが開いています / Windows ports are open")
    return None


def _robust_maker(mac: str, ports: frozenset[int]) -> Judgement | None:
    """A general-purpose maker, unless a DICOM port says that this computer may drive a modality."""
    if ports & _DICOM:
        return Judgement(
            Temper.UNKNOWN,
            None,
            "DICOMポートがあり、撮影装置かもしれません / A DICOM port is open: maybe a modality",
        )
    if virtual_kind(mac):
        return Judgement(Temper.ROBUST, None, "仮想マシン等のMACアドレスです / The MAC is a virtual one")
    maker = maker_of(mac)
    sold = _sold_by(maker) if maker else None
    if sold in _COMPUTERS:
        return Judgement(
            Temper.ROBUST,
            class_by_maker(maker or ""),
            f"{maker} の汎用機器とみられます / General-purpose device of {maker}",
        )
    return None


def _kind_of(mac: str) -> _Kind | None:
    digits = re.sub(r"[:.\-]", "", mac[:32]).lower()[:6]
    group = _fragile()["prefixes"].get(digits)
    if group:
        return _kind(group)
    maker = maker_of(mac)
    return _kind_by_name(maker) if maker else None


def _kind_by_name(maker: str) -> _Kind | None:
    return _named(maker) if len(maker) <= _SHORT else _named.__wrapped__(maker)


@functools.lru_cache(maxsize=4096)
def _named(maker: str) -> _Kind | None:
    for pattern, group in _fragile_patterns():
        if pattern.search(maker):
            return _kind(group)
    return None


def _kind(group: str) -> _Kind:
    return _Kind(**_fragile()["groups"][group])


@functools.cache
def _fragile() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = load("fragile.yaml")
    return table


@functools.cache
def _fragile_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(row["pattern"]), row["group"]) for row in load("fragile.yaml")["makers"])


@functools.cache
def _class_patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    rows = load("oui_classes.yaml")["makers"]
    return tuple((re.compile(row["pattern"]), row["device_class"]) for row in rows)


@functools.cache
def _ports() -> dict[int, _Kind]:
    return {int(port): _Kind(**kind) for port, kind in load("fragile.yaml")["ports"].items()}
