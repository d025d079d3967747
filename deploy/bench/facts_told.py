# SPDX-License-Identifier: Apache-2.0
"""Holds what a scanner told about single hosts against the answer key, fact by fact.

A fact is right, wrong (something else was told) or missing (nothing was told). The same facts are counted for every
scanner: that the host is there, its class, maker, model, serial, a name, its system, each announced version,
each open port, its second network, whether it passes packets on.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deploy.bench.against_key import says, versions_at
from deploy.lab.key import AnswerKey, KeyHost

Device = Mapping[str, Any]
Grade = Literal["right", "wrong", "missing"]
FIELDS = ("model", "serial", "os")  # versions of systems are among the announced ones
_FAMILY = {
    "linux": ("Debian", "DSM", "Red Hat Enterprise Linux")
}  # true of them, and less than the key asks: missing
_MAKERS = {"american power conversion": "apc", "hewlett packard": "hp"}  # one maker under two names


@dataclass(frozen=True, slots=True)
class Told:
    """One fact of one host. `alone`: about a port or host that we send no question to, by design."""

    host: str
    fact: str
    grade: Grade
    said: str = ""
    alone: bool = False


def facts_of(document: Mapping[str, Any], key: AnswerKey, hosts: Iterable[KeyHost]) -> list[Told]:
    """Grade all facts of these hosts, and each row that is no host of the key (`ghost`, always wrong)."""
    devices = list(document["devices"])
    told = [one for host in hosts for one in _of_host(_device_of(devices, host), host)]
    known = {address.ip for host in key.hosts for address in host.addresses} | {key.agent.ip}
    ghosts = [d for d in devices if not {a["ip"] for a in d["addresses"]} & known]
    return told + [Told("-", "ghost", "wrong", str(ghost["addresses"])) for ghost in ghosts]


def grades(told: Iterable[Told]) -> Counter[str]:
    """Count by grade."""
    return Counter(one.grade for one in told)


def _device_of(devices: list[Device], host: KeyHost) -> Device:
    ours = {address.ip for address in host.addresses}
    found = [device for device in devices if ours & {a["ip"] for a in device["addresses"]}]
    return found[0] if found else {}


def _of_host(device: Device, host: KeyHost) -> Iterator[Told]:
    alone = host.fragile or host.device_class == "printer"
    yield _told(host, "there", right=bool(device), said="")
    said = device.get("device_class", "unknown")
    if host.device_class != "unknown":
        yield _told(host, "class", right=said == host.device_class, said="" if said == "unknown" else said)
    for field in ("maker", *FIELDS):
        if truth := getattr(host, field):
            yield _field(device, host, field, truth)
    if host.names:
        wanted = {name.lower() for name in host.names}
        names = [str(name) for name in device.get("names", ())]
        # multicast DNS ends a host's name in .local
        short = (name.lower().rstrip(".").removesuffix(".local") for name in names)
        right = any(name in wanted for name in short) or _in_text(device, host.names)
        yield _told(host, "name", right=right, said=" ".join(names))
    yield from _ports(device, host, alone=alone)
    yield from _networks(device, host)


def _field(device: Device, host: KeyHost, field: str, truth: str) -> Told:
    said = str(device.get(field) or "")
    right = _same_maker(said, truth) if field == "maker" else _same_word(said, truth)
    right = right or (field != "maker" and _in_text(device, (truth,)))
    return _told(host, field, right=right, said="" if truth in _FAMILY.get(said.lower(), ()) else said)


def _ports(device: Device, host: KeyHost, *, alone: bool) -> Iterator[Told]:
    services = {(s["port"], s["transport"]) for s in device.get("services", ())}
    for service in host.services:
        place = (service.port, service.transport)
        quiet = alone or service.silent
        yield _told(host, "open {}/{}".format(*place), right=place in services, said="", alone=quiet)
    for entry in host.announced:
        if entry.version:
            versions = versions_at(device, entry.port, entry.transport) if device else set[str]()
            right = any(says(text, entry.version) for text in versions)
            fact, quiet = f"version {entry.port}/{entry.transport}", alone and entry.port != 161
            yield _told(host, fact, right=right, said=" ".join(sorted(versions)), alone=quiet)


def _networks(device: Device, host: KeyHost) -> Iterator[Told]:
    ours = sorted(device["dual_homed"]["networks"]) if device.get("dual_homed") else []
    if host.dual_homed or ours:
        yield _told(host, "two networks", right=ours == sorted(host.dual_homed or ()), said=" ".join(ours))
    if host.forwards is not None:
        said = device.get("forwards")
        yield _told(host, "forwards", right=said == host.forwards, said="" if said is None else str(said))


def _told(host: KeyHost, fact: str, *, right: bool, said: str, alone: bool = False) -> Told:
    return Told(host.id, fact, "right" if right else "wrong" if said else "missing", said[:120], alone)


def _same_maker(said: str, truth: str) -> bool:
    """Whether both name one maker: registries and devices write it long and short."""
    ours, theirs = ({_MAKERS.get(text, text), text} for text in (said.lower(), truth.lower()))
    first = {re.split(r"[\s,.(]", text)[0] for text in ours if text}
    return bool(first & {re.split(r"[\s,.(]", text)[0] for text in theirs})


def _same_word(said: str, truth: str) -> bool:
    return bool(said) and (truth.lower() in said.lower() or said.lower() in truth.lower())


def _in_text(device: Device, words: Iterable[str]) -> bool:
    """Whether the scanner printed the word anywhere about this host (nmap has no field for most of them)."""
    text = str(device.get("text", "")).lower()
    return any(word.lower() in text for word in words)
