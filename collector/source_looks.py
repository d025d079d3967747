# SPDX-License-Identifier: Apache-2.0
"""Observations of access tests as looks: who asked what from where, and how far they came. Pure.

Which source is allowed is what the facility stated (AllowedSources); where it stated nothing, what the
agent's settings declare. Where the two differ, neither counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network

from collector.case import Case
from inventory_db.device import Device
from inventory_db.stated import AllowedSources
from probes.facts import FactKind, Observation, Outcome, Vantage

ALLOWED, NOT_ALLOWED, UNLISTED_MAC, UNKNOWN, DISPUTED = (
    "allowed",
    "not_allowed",
    "unlisted_mac",
    "unknown",
    "disputed",
)
_USABLE = (Outcome.ANSWERED, Outcome.REFUSED, Outcome.SILENT, Outcome.OTHER_PROTOCOL)
_DENIED = frozenset({"403", "444"})  # HTTP statuses by which a service turns a source away


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One question from one source to one service."""

    id: str
    at: datetime
    address: str
    network: str
    port: int
    transport: str
    pair: str
    role: str  # allowed, not_allowed, unlisted_mac, unknown, disputed
    source: str  # IP address as the device sees it
    mac: str
    made_mac: bool
    reach: str  # nothing, refused, ended, connected, spoke
    status: str  # HTTP status, "" if none
    control: bool
    answered: bool  # something came back that shows a working path, be it a refusal
    usable: bool  # it was really asked, and nothing of ours failed

    @property
    def came_through(self) -> bool:
        """Whether a connection was made and not ended at once."""
        return self.reach in ("connected", "spoke")

    @property
    def sender(self) -> tuple[str, str]:
        """Which source it is: address and card."""
        return self.source, self.mac


def looks_of(case: Case) -> tuple[tuple[Device | None, Look], ...]:
    """Give every look of the case with the device that it is about, oldest first."""
    stated = {(one.device, one.transport, one.port): one for one in case.said(AllowedSources)}
    stood = {vantage.id: vantage for vantage in case.vantages}
    held = _holders(case.devices)
    found = []
    for one in case.access:
        device = _device(held, one)
        said = stated.get((device.id, one.transport, one.port)) if device else None
        found.append((device, _look(one, stood.get(one.vantage), said)))
    return tuple(sorted(found, key=lambda pair: (pair[1].at, pair[1].id)))


def _holders(devices: Iterable[Device]) -> Mapping[str, list[tuple[str | None, Device]]]:
    held: dict[str, list[tuple[str | None, Device]]] = {}
    for device in devices:
        for address in device.addresses:
            if address.ip:
                held.setdefault(address.ip, []).append((address.network, device))
    return held


def _device(held: Mapping[str, list[tuple[str | None, Device]]], one: Observation) -> Device | None:
    """Give the one device that has the address on that network; None if none or several may be meant."""
    fits = {
        device.id: device
        for network, device in held.get(one.address, ())
        if not network or not one.network or network == one.network
    }
    return next(iter(fits.values())) if len(fits) == 1 else None


def _look(one: Observation, vantage: Vantage | None, said: AllowedSources | None) -> Look:
    source, _, rest = next(one.of(FactKind.ACCESS_FROM), "").partition(" ")
    mac, _, how = rest.partition(" ")
    source = source if _is_address(source) else vantage.address if vantage else ""
    declared = next(one.of(FactKind.ACCESS_SOURCE), "")
    reach = next(one.of(FactKind.ACCESS_REACH), "nothing")
    told = "unreachable" in one.reason or "prohibited" in one.reason
    return Look(
        id=one.id,
        at=one.at,
        address=one.address,
        network=one.network,
        port=one.port,
        transport=one.transport,
        pair=next(one.of(FactKind.ACCESS_PAIR), ""),
        role=_role(declared, source, said),
        source=source,
        mac=mac if mac != "-" else vantage.mac if vantage else "",
        made_mac=how == "made_mac",
        reach=reach,
        status=next(one.of(FactKind.HTTP_STATUS), ""),
        control=any(one.of(FactKind.ACCESS_CONTROL)),
        answered=one.outcome is Outcome.ANSWERED or (one.outcome is Outcome.REFUSED and not told),
        usable=one.outcome in _USABLE,
    )


def _role(declared: str, source: str, said: AllowedSources | None) -> str:
    if declared == UNLISTED_MAC:
        return UNLISTED_MAC
    known = declared in (ALLOWED, NOT_ALLOWED)
    if said is None or not source:
        return declared if known else UNKNOWN
    stated = ALLOWED if _inside(source, said.networks) else NOT_ALLOWED
    return stated if not known or stated == declared else DISPUTED


def _inside(address: str, networks: Iterable[str]) -> bool:
    ip = ip_address(address)
    for text in networks:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue  # a name or a typing error allows nobody
        if ip in network:
            return True
    return False


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_turned_away(look: Look, beside: Look) -> bool:
    """Whether a service took the connection and then denied it, while it served the other source.

    Saying nothing in time is no denial: a slow look-up of the source's name would look the same.
    """
    if look.reach == "ended" and beside.came_through:
        return True
    return look.status in _DENIED and beside.reach == "spoke" and beside.status not in _DENIED


def is_slow(look: Look, beside: Look) -> bool:
    """Whether it got a connection and no word where the other source got one."""
    return look.reach == "connected" and beside.reach == "spoke"
