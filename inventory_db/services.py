# SPDX-License-Identifier: Apache-2.0
"""What speaks on a device's ports, which of it lets people in from elsewhere, and whether it forwards."""

import functools
import re
from collections import defaultdict
from collections.abc import Container, Hashable, Iterable, Sequence

from inventory_db.device import Confidence, Evidence, RemotePath, Service, brief
from inventory_db.observations import Stored
from inventory_db.sightings import is_life
from inventory_db.traits import recognised_in
from probes.facts import FactKind, Outcome, Sure
from probes.recognise import Recognition

_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}
_TALKING = frozenset({Outcome.ANSWERED, Outcome.OTHER_PROTOCOL})
_REFUSED, _SILENT, _ANNOUNCED = Outcome.REFUSED, Outcome.SILENT, FactKind.MDNS_SERVICE
_VAGUE = frozenset({"tls", "tcp", "udp", "unknown", "ssl"})
_SERVICE, _REMOTE_PATH = FactKind.SERVICE, FactKind.REMOTE_PATH
_PASSING = frozenset({FactKind.FORWARDS, FactKind.FORWARDING})
MOST_EVIDENCE = 5
MOST_MUTE = 3  # ports that take a connection and say nothing; who has more of them takes every connection
_TOOK = "nothing came"  # the reason that the agent gives where a connection was taken and no word followed
Port = tuple[int, str]


def open_ports(seen: Iterable[Stored]) -> dict[Port, list[Stored]]:
    """Give what was said on each open port, oldest first; a port later found closed is gone."""
    at: dict[tuple[str, int, str], list[Stored]] = defaultdict(list)
    for one in seen:
        if one.outcome in _TALKING and one.port and one.transport != "heard":
            at[one.address, one.port, one.transport].append(one)
        elif one.outcome is _REFUSED and not _took_connection(one):
            for port in _closed(one):
                at.pop((one.address, port, one.transport), None)
        for port, transport in _announced(one):
            at[one.address, port, transport].append(one)
    ports: dict[Port, list[Stored]] = defaultdict(list)
    for (_, port, transport), many in sorted(at.items()):
        ports[port, transport] += many
    return dict(ports)


def mute_ports(seen: Iterable[Stored]) -> dict[Port, list[Stored]]:
    """Give the open TCP ports on which nothing was ever said; none of a tarpit, or of a host that no card stands for.

    A port that takes our connection is open whatever it says; what answers for hosts behind a router may be the router.
    """
    at: dict[tuple[str, int, str], list[Stored]] = defaultdict(list)
    for one in seen:
        if one.transport != "tcp":
            continue
        if one.outcome is _SILENT and one.reason == _TOOK and one.mac:
            at[one.address, one.port, "tcp"].append(one)
        elif one.outcome is _REFUSED or one.outcome is _SILENT:
            for port in () if _took_connection(one) else _closed(one):
                at.pop((one.address, port, "tcp"), None)
    ports: dict[Port, list[Stored]] = defaultdict(list)
    for (_, port, transport), many in sorted(at.items()):
        if port:
            ports[port, transport] += many
    return dict(ports) if len(ports) <= MOST_MUTE else {}


def heeded(one: Stored) -> Hashable:
    """Give all of its reason that devices are derived from; an answer is read by its facts alone."""
    if one.outcome is _REFUSED:
        return is_life(one), _took_connection(one)
    if one.outcome is _SILENT:
        return one.reason == _TOOK, _took_connection(one), "closed" in one.reason
    return one.reason if one.outcome is Outcome.HELD_BACK else ""


def _took_connection(one: Stored) -> bool:
    """Whether it turned down a question after taking the connection (no SMB 1, no old TLS): the port is open."""
    said = one.reason.casefold()
    return bool(said) and one.probe != "ports" and "refused" not in said and "unreachable" not in said


def _closed(one: Stored) -> Iterable[int]:
    listed = " ".join(one.of(FactKind.PORTS)).split()
    return {one.port, *(int(port) for port in listed if port.isdecimal() and len(port) <= 5)}


def _announced(one: Stored) -> Iterable[Port]:
    """Ports that the device announces itself by mDNS: "_ipp._tcp 631"."""
    for value in one.of(_ANNOUNCED):
        service, _, port = value.rpartition(" ")
        transport = service.rpartition("._")[2]
        if port.isdecimal() and 0 < int(port[:6]) < 65536 and transport in ("tcp", "udp"):
            yield int(port), transport


def services_of(ports: dict[Port, list[Stored]]) -> tuple[Service, ...]:
    """Name the service on each open port, by number."""
    return tuple(_service(port, transport, seen) for (port, transport), seen in sorted(ports.items()))


def _service(port: int, transport: str, seen: Sequence[Stored]) -> Service:
    product, version, by = _told(seen)
    shown = _shown_by(seen, by)
    return Service(port, transport, _name(port, seen), brief(product) or None, brief(version) or None, shown)


def _told(seen: Sequence[Stored]) -> tuple[str, str, frozenset[str]]:
    """Give product and version of one program, never of two, and the ids of what names them; "" for what nobody says.

    What an answer calls itself in so many words goes before what is read out of a text, unless that is another
    program and was said later.
    """
    best = _best(seen)
    product, version = _product_and_version(best[1]) if best else (None, None)
    by = seen[best[0]].id if best else ""
    at, told = _last(seen, FactKind.PRODUCT)
    same = (product or "").casefold() == told.casefold()
    if not told or (best and not same and best[0] > at):
        return product or "", version or "", frozenset({by})
    number = next(filter(None, seen[at].of(FactKind.VERSION)), "")
    if not number and same and version:
        return told, version, frozenset({seen[at].id, by})
    return told, number, frozenset({seen[at].id})


def _shown_by(seen: Sequence[Stored], by: Container[str]) -> tuple[str, ...]:
    """Give a few of them: those by which it was named, and the latest of the others."""
    ids = tuple(dict.fromkeys(one.id for one in seen))
    others = [id for id in ids if id not in by]
    left = set(others[: max(0, len(ids) - MOST_EVIDENCE)])
    return tuple(id for id in ids if id not in left)


def _product_and_version(said: Recognition) -> tuple[str | None, str | None]:
    """What speaks there; where only a system names itself (sysDescr), the system and its version."""
    if said.product:
        return said.product, said.version or said.firmware_version
    return said.os, said.os_version or said.firmware_version


def _name(port: int, seen: Sequence[Stored]) -> str | None:
    names = [brief(name) for one in reversed(seen) for name in one.of(_SERVICE)]
    for one in reversed(seen):
        names += [
            brief(v.partition("._")[0].lstrip("_")) for v in one.of(_ANNOUNCED) if v.endswith(f" {port}")
        ]
    return min(names, key=lambda name: name in _VAGUE, default=None)


def _best(seen: Sequence[Stored]) -> tuple[int, Recognition] | None:
    """The place of an answer and what is recognised in it: what names best what speaks there."""
    found = [(stated(one, seen[order]), order, one) for order, many in _standing(seen) for one in many]
    if not found:
        return None
    _, order, best = min(found, key=_order) if len(found) > 1 else found[0]
    return order, best


def _standing(seen: Sequence[Stored]) -> Iterable[tuple[int, list[Recognition]]]:
    """What is recognised in each answer, but for programs that the same question's last telling answer names no more."""
    found, last = list[tuple[int, list[Recognition]]](), dict[tuple[str, str], set[str | None]]()
    for order, stored in enumerate(seen):
        if stored.transport != "heard":
            named = [one for one in recognised_in(stored) if one.product or one.os]
            if named:
                found.append((order, named))
                last[stored.probe, stored.address] = {one.product or one.os for one in named}
    for order, named in found:
        now = last[seen[order].probe, seen[order].address]
        yield order, [one for one in named if (one.product or one.os) in now]


def _order(found: tuple[bool, int, Recognition]) -> tuple[bool, bool, int, bool, int, str]:
    """A version as it was said, then any version, then the surer, one with a product, the later."""
    stated, at, one = found
    version = _product_and_version(one)[1]
    return not (version and stated), not version, _RANK[one.sure], not one.product, -at, _written(one)


@functools.lru_cache(maxsize=8192)
def _written(one: Recognition) -> str:
    return repr(one)


def stated(one: Recognition, stored: Stored) -> bool:
    """Whether the version stands in the answer itself, and was not concluded from it."""
    version = _product_and_version(one)[1] or ""
    texts = [fact.value for fact in stored.facts if version in fact.value] if version else []
    if not texts or version in texts:
        return bool(texts)
    return any(map(_alone(version).search, texts))


@functools.lru_cache(maxsize=4096)
def _alone(version: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.]){re.escape(version)}(?![\w.])")


def _last(seen: Sequence[Stored], kind: FactKind) -> tuple[int, str]:
    """Give the place of what said something of this kind last, and what it said; -1 and "" for nothing."""
    for order in reversed(range(len(seen))):
        for value in seen[order].of(kind):
            if value:
                return order, value
    return -1, ""


def remote_paths_of(ports: dict[Port, list[Stored]], services: Iterable[Service]) -> tuple[RemotePath, ...]:
    """Give the ways in from elsewhere, by kind and port."""
    products = {(service.port, service.transport): service.product for service in services}
    found: dict[tuple[str, int], dict[str, Evidence]] = defaultdict(dict)
    named: dict[tuple[str, int], str | None] = {}
    for (port, transport), seen in sorted(ports.items()):
        for one in seen:
            for kind, product in _paths(one):
                found[kind, port][one.id] = _said_by(one, kind)
                named[kind, port] = product or named.get((kind, port)) or products.get((port, transport))
    return tuple(
        RemotePath(kind, named[kind, port], port, tuple(evidence.values())[-MOST_EVIDENCE:])
        for (kind, port), evidence in sorted(found.items())
    )


def _paths(one: Stored) -> Iterable[tuple[str, str | None]]:
    said = recognised_in(one)
    for kind in one.of(_REMOTE_PATH):
        product = next((r.product for r in said if r.remote_path == kind and r.product), None)
        yield brief(kind), product and brief(product)
    for found in said:
        if found.remote_path and found.sure is not Sure.GUESS:
            yield found.remote_path, found.product and brief(found.product)


def _said_by(one: Stored, kind: str) -> Evidence:
    port = f"{one.port}/{one.transport}"
    return Evidence(
        one.id, f"{port} の {one.probe} の応答が {kind} を示します。", f"{one.probe} on {port}: {kind}."
    )


def forwarding(seen: Sequence[Stored]) -> tuple[bool | None, Confidence | None]:
    """Whether it passes packets on: our test or its own word, the latest of them; yes before no."""
    found: list[tuple[int, bool, str, bool]] = []
    for order, one in enumerate(seen):
        for fact in one.facts:
            if fact.kind in _PASSING and fact.value in ("yes", "no"):
                found.append((order, fact.value == "yes", one.id, fact.kind is FactKind.FORWARDS))
    if not found:
        return None, None
    _, passes, id, tested = max(found)
    ja = "中継の試験に応答しました。" if tested else "機器自身が SNMP でそう答えています。"
    en = "It answered the forwarding test." if tested else "The device itself says so by SNMP."
    return passes, Confidence(Sure.SURE, ja, en, (id,))
