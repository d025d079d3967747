# SPDX-License-Identifier: Apache-2.0
"""A device as `daicho read` prints it: the ledger's keys, as far as recorded material lets us know them."""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from inventory_db.device import FIELDS
from inventory_db.observations import Stored
from inventory_db.traits import Traits, traits_of
from probes.facts import Fact, FactKind, Observation, Outcome, Sure
from probes.normal_version import normal_version
from probes.systems import system_maker

OF_THE_SYSTEM = {
    "sure": "guess",
    "reason": "OSの作者です。機器の製造元は分かりません。",
    "reason_en": "It makes the operating system; who made the device is not said.",
}
_POINT_TO_POINT = 31  # a longer prefix is no network of several hosts
_WHEN = datetime(2000, 1, 1, tzinfo=UTC)  # recorded material does not say when; never shown
_WINDOWS = re.compile(
    r"Software: Windows (?:NT |2000 )?Version (\d\.\d+ {1,2}\(Build(?: Number:)? \d{3,5})(?= )"
)
_DISTRIBUTION = re.compile(
    r"-\d+-generic|-(?:server|amd64|686|pve|default|lts|cloud|aws|azure|virtual|arch|coreos|v[78]l?\+|rpi)|\d\+$|\.(?:el|fc|amzn)\d"
)


def facts_json(facts: Iterable[Fact]) -> list[dict[str, str]]:
    """Give facts as JSON objects."""
    return [{"kind": str(one.kind), "value": one.value, "sure": str(one.sure)} for one in facts]


def device_row(
    facts: Sequence[Fact], probe: str, services: Sequence[Mapping[str, Any]], *, appliance: bool = False
) -> dict[str, Any]:
    """Give the device that these facts of one source are about, its fields chosen as the ledger chooses them.

    An `appliance` is somebody's product: who makes its Linux, and which, says nothing about it.
    """
    seen = stored(tuple(facts), probe)
    traits = traits_of((seen,), (), ())
    values = dict(traits.values)
    values["os_version"] = _system_version(values, appliance=appliance)
    if (
        values["os_version"]
        and values["firmware_version"]
        and traits.confidence["firmware_version"].sure is Sure.GUESS
    ):
        values["firmware_version"] = None  # a system that says its version has no other one
    confidence = _confidence(traits, values)
    if (
        values["maker"] is None
        and not appliance
        and (maker := _system_maker(values["os"], values["os_version"]))
    ):
        values["maker"], confidence["maker"] = maker, OF_THE_SYSTEM
    networks = list(dict.fromkeys(_networks(facts)))
    normal = normal_version(values["maker"], values["firmware_version"] or values["os_version"])
    values["os_version"] = _as_said(facts, values["os_version"])
    return {
        "addresses": list(_addresses(facts)),
        "names": list(traits.names),
        **{name: values[name] for name in FIELDS},
        "version_normal": normal,
        "services": list(services),
        "dual_homed": {"networks": networks, "declared": False, "evidence": []}
        if len(networks) > 1
        else None,
        "forwards": _forwards(facts),
        "remote_paths": [],
        "confidence": confidence,
    }


def _as_said(facts: Iterable[Fact], version: str | None) -> str | None:
    """Give the version of Windows in the words of its own description, where it has one."""
    said = (_WINDOWS.search(fact.value) for fact in facts if fact.kind is FactKind.SNMP_SYSDESCR)
    return next((" ".join(f"{found[1]})".split()) for found in said if found), version)


def _confidence(traits: Traits, values: Mapping[str, str | None]) -> dict[str, dict[str, str]]:
    return {
        name: {"sure": str(one.sure), "reason": one.ja, "reason_en": one.en}
        for name, one in sorted(traits.confidence.items())
        if values.get(name)
    }


def _system_version(values: Mapping[str, str | None], *, appliance: bool) -> str | None:
    """Give the version of the system; a kernel that no distribution built is an appliance's, not its version."""
    version = values["os_version"]
    own = appliance or values["maker"] or not _DISTRIBUTION.search(version or "")
    return None if values["os"] == "Linux" and own else version


def _system_maker(system: str | None, version: str | None) -> str | None:
    """Give who makes the system of a computer; an appliance's system says nothing about its maker."""
    if system in ("Linux", "FreeBSD") and not _DISTRIBUTION.search(version or ""):
        return None
    return system_maker(system)


def stored(facts: tuple[Fact, ...], probe: str = "snmp") -> Stored:
    """Make the observation that would have held these facts."""
    seen = Observation(
        scan="read", vantage="read", at=_WHEN, probe=probe, outcome=Outcome.ANSWERED, facts=facts
    )
    values = {name: getattr(seen, name) for name in seen.__struct_fields__}
    return Stored(**values, key="")


def _addresses(facts: Iterable[Fact]) -> Iterator[dict[str, str | None]]:
    """Every address that it says is its own, then the hardware addresses of interfaces without one."""
    facts = tuple(facts)
    cards = {card[0]: card[-3] for card in _interfaces(facts)}
    placed = {ip: (index, ip_network) for index, ip, ip_network in _interface_addresses(facts)}
    used = set()
    for fact in facts:
        if fact.kind is FactKind.ADDRESS:
            index, network = placed.get(fact.value, ("", None))
            mac = cards.get(index, "-")
            used.add(mac)
            yield _address(fact.value, mac, network)
    for mac in dict.fromkeys(cards.values()):
        if mac not in used:
            yield _address(None, mac, None)


def _address(ip: str | None, mac: str, network: str | None) -> dict[str, str | None]:
    known = mac if mac.count(":") == 5 else None
    return {"ip": ip, "mac": known, "network": network, "vantage": None, "how": "snmp"}


def _interfaces(facts: Iterable[Fact]) -> Iterator[list[str]]:
    """Words of "index name… mac speed status" of every interface with a hardware address."""
    for fact in facts:
        words = fact.value.split() if fact.kind is FactKind.INTERFACE else []
        if len(words) >= 5 and words[-3].count(":") == 5:
            yield words


def _interface_addresses(facts: Iterable[Fact]) -> Iterator[tuple[str, str, str]]:
    for fact in facts:
        if fact.kind is FactKind.INTERFACE_ADDRESS:
            index, _, written = fact.value.partition(" ")
            yield index, written.partition("/")[0], str(ipaddress.ip_interface(written).network)


def _networks(facts: Iterable[Fact]) -> Iterator[str]:
    """IPv4 networks of several hosts on which the device has an address."""
    for _, _, written in _interface_addresses(facts):
        network = ipaddress.ip_network(written)
        if network.version == 4 and network.prefixlen <= _POINT_TO_POINT and not network.is_link_local:
            yield written


def _forwards(facts: Iterable[Fact]) -> bool | None:
    said = next((one.value for one in facts if one.kind is FactKind.FORWARDING), None)
    return None if said is None else said == "yes"
