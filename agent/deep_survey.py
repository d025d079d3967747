# SPDX-License-Identifier: Apache-2.0
"""The deep look at hosts for which the site allows it: nmap at the open ports that nobody could name.

nmap talks to a relay of ours and not to the device: what it sends spends from the host's budget, at the
host's pace, and stands in the journal packet by packet like everything else.
"""

import msgspec

from agent.deep_look import DeepService, look_deeply
from agent.guard import Permit, rule_on
from agent.host import HostSurvey
from agent.nmap_relay import NmapRelay
from probes.contract import HeldBack, OurFault
from probes.facts import Fact, FactKind, Observation, Outcome, Sure, fact

PACKETS_PER_PORT = 28  # that must be left before it begins: 4 light connections of up to 7 packets
MOST_PORTS = 3  # of one host and scan


async def look(host: HostSurvey) -> None:
    """Have nmap name what is open and unnamed on this host; records every outcome, also why not."""
    ports = unnamed(host)
    if not ports:
        return
    try:
        found, not_asked = await _ask(host, ports)
    except HeldBack as held:
        _record(host, 0, Outcome.HELD_BACK, str(held))
    except OurFault as fault:
        _record(host, 0, Outcome.OUR_FAULT, str(fault)[:300])
    else:
        for service in found:
            facts = tuple(_facts(service))
            if not facts and service.port in not_asked:
                _record(host, service.port, Outcome.HELD_BACK, str(not_asked[service.port]))
            else:
                _record(host, service.port, Outcome.ANSWERED if facts else Outcome.SILENT, "", facts)


def unnamed(host: HostSurvey) -> list[int]:
    """Open ports that no probe of ours could name, that may be asked, if the site allows a deep look."""
    if "deep" not in host.door.allowed or host.door.permit < Permit.SEND:
        return []
    named = {port for _, port in host.answered}
    free = (port for port in sorted(host.open_ports - named) if rule_on("tcp", port).permit is Permit.SEND)
    return list(free)[:MOST_PORTS]


async def _ask(host: HostSurvey, ports: list[int]) -> tuple[tuple[DeepService, ...], dict[int, HeldBack]]:
    """Give what nmap says of these ports, and which of them were not asked to the end, with the reason."""
    door, packets = host.door, PACKETS_PER_PORT * len(ports)
    for port in ports:
        door.check("tcp", port, Permit.SEND)
    if not door.pace.affords(door.handle, packets):
        raise HeldBack(
            "budget: nmap には残りの数が足りない / too little of the host's budget is left for nmap"
        )
    async with NmapRelay(door, ports, "deep look allowed by the site") as relay:
        found = await look_deeply(relay.address, list(relay.ports))
    if relay.held and not found:
        raise next(iter(relay.held.values()))
    return tuple(msgspec.structs.replace(one, port=relay.ports[one.port]) for one in found), relay.held


def _facts(service: DeepService) -> list[Fact]:
    if not service.probed:
        return []  # nmap only looked the number up
    kinds = (
        (FactKind.SERVICE, service.name),
        (FactKind.PRODUCT, service.product),
        (FactKind.VERSION, service.version),
    )
    return [fact(kind, text, Sure.LIKELY) for kind, text in kinds if text]


def _record(host: HostSurvey, port: int, outcome: Outcome, reason: str, facts: tuple[Fact, ...] = ()) -> None:
    door = host.door
    host.records.add(
        Observation(
            scan=door.scan,
            vantage=door.vantage,
            at=door.clock.now(),
            probe="nmap",
            address=door.address,
            mac=door.mac,
            network=host.network,
            port=port,
            transport="tcp",
            outcome=outcome,
            reason=reason,
            facts=facts,
        )
    )
