# SPDX-License-Identifier: Apache-2.0
"""Looks of access tests, made up: who asked which port when, and how far it came."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from inventory_db.device import Device
from probes.facts import Fact, FactKind, Observation, Outcome
from tests.judge_cases import HELD, LAN, NOW, device, service

GATEWAY, ALLOWED_IP, OTHER_IP = "192.168.1.1", "192.168.1.10", "192.168.1.250"
OWN_MAC, MADE_MAC = "00:15:17:00:00:01", "02:00:5e:00:00:01"
_OUTCOMES = {
    "spoke": Outcome.ANSWERED,
    "connected": Outcome.ANSWERED,
    "ended": Outcome.ANSWERED,
    "refused": Outcome.REFUSED,
    "nothing": Outcome.SILENT,
    "held": Outcome.HELD_BACK,
    "fault": Outcome.OUR_FAULT,
}
_SOURCES = {
    "allowed": (ALLOWED_IP, OWN_MAC, "ordinary"),
    "not_allowed": (OTHER_IP, OWN_MAC, "made_address"),
    "unlisted_mac": (OTHER_IP, MADE_MAC, "made_mac"),
}


def gateway(*ports: int, id: str = "gw", ip: str = GATEWAY, names: tuple[str, ...] = ()) -> Device:
    """Make a gateway with these open ports."""
    said = names or ("ssh",) * len(ports)
    found = tuple(service(port, name) for port, name in zip(ports, said, strict=True))
    return device(id, ip, device_class="gateway", services=found)


def look(
    role: str,
    reach: str,
    second: float,
    *,
    port: int = 22,
    address: str = GATEWAY,
    control: bool = False,
    start: datetime = NOW - timedelta(days=1),
    source: str = "",
    status: str = "",
    vantage: str = "v",
    pair: str = "p1",
    declared: bool = True,
) -> Observation:
    """Make one look; `reach` may also be held or fault, for one that was not made."""
    ip, mac, how = _SOURCES[role]
    facts = [Fact(FactKind.ACCESS_PAIR, pair)] if pair else []
    facts += [Fact(FactKind.ACCESS_SOURCE, role)] if declared else []
    facts += [Fact(FactKind.ACCESS_FROM, f"{source or ip} {mac} {how}")]
    facts += [Fact(FactKind.ACCESS_REACH, reach if reach not in ("held", "fault") else "nothing")]
    facts += [Fact(FactKind.ACCESS_CONTROL, "yes")] if control else []
    facts += [Fact(FactKind.HTTP_STATUS, status)] if status else []
    return Observation(
        scan="a1",
        vantage=vantage,
        at=start + timedelta(seconds=second),
        probe="access",
        address=address,
        network=LAN,
        port=0 if control and reach == "spoke" else port,
        transport="icmp" if control else "tcp",
        outcome=_OUTCOMES[reach],
        facts=tuple(facts),
    )


def run(
    reaches: Iterable[str],
    *,
    roles: str = "ANNA",
    control: bool = True,
    port: int = 22,
    address: str = GATEWAY,
    start: datetime = NOW - timedelta(days=1),
    pair: str = "p1",
    other: str = "not_allowed",
) -> tuple[Observation, ...]:
    """Make a whole test of one port: allowed and the other source in this order, and the control."""
    named = {"A": "allowed", "N": other, "U": "unlisted_mac"}
    looks = [
        look(named[role], reach, 3.0 * place, port=port, address=address, start=start, pair=pair)
        for place, (role, reach) in enumerate(zip(roles, reaches, strict=True))
    ]
    strange = [role for role in roles if role != "A"]
    if control and strange:
        looks.append(
            look(
                named[strange[0]], "spoke", 4.0, port=0, address=address, control=True, start=start, pair=pair
            )
        )
    return tuple(looks)


LIMITED = ("spoke", "nothing", "nothing", "spoke")
OPEN = ("spoke", "spoke", "spoke", "spoke")
ATTACHED = HELD
