# SPDX-License-Identifier: Apache-2.0
"""The deep look at hosts for which the site allows it: nmap at the open ports that nobody could name.

nmap sends for itself, so its packets are estimated from above, counted against the host's
budget before it starts, and stand in the journal as an estimate.
"""

from collections.abc import Iterable

from agent.deep_look import DeepService, look_deeply
from agent.guard import Permit, rule_on
from agent.host import HostSurvey
from probes.contract import HeldBack, OurFault
from probes.facts import Fact, FactKind, Observation, Outcome, Sure, fact

PACKETS_PER_PORT = 28  # at the most: 4 light connections of up to 7 packets
CONNECTIONS_PER_PORT = 4
MOST_PORTS = 3  # of one host and scan


async def look_at_all(hosts: Iterable[HostSurvey]) -> None:
    """Look at one host after the other."""
    for host in hosts:
        await look(host)


async def look(host: HostSurvey) -> None:
    """Have nmap name what is open and unnamed on this host; records every outcome, also why not."""
    ports = unnamed(host)
    if not ports:
        return
    try:
        found = await _ask(host, ports)
    except HeldBack as held:
        _record(host, 0, Outcome.HELD_BACK, str(held))
    except OurFault as fault:
        _record(host, 0, Outcome.OUR_FAULT, str(fault)[:300])
    else:
        for service in found:
            facts = tuple(_facts(service))
            _record(host, service.port, Outcome.ANSWERED if facts else Outcome.SILENT, "", facts)


def unnamed(host: HostSurvey) -> list[int]:
    """Open ports that no probe of ours could name, that may be asked, if the site allows a deep look."""
    if "deep" not in host.door.allowed or host.door.permit < Permit.SEND:
        return []
    named = {port for _, port in host.answered}
    free = (port for port in sorted(host.open_ports - named) if rule_on("tcp", port).permit is Permit.SEND)
    return list(free)[:MOST_PORTS]


async def _ask(host: HostSurvey, ports: list[int]) -> tuple[DeepService, ...]:
    door, packets = host.door, PACKETS_PER_PORT * len(ports)
    for port in ports:
        door.check("tcp", port, Permit.SEND)
    if door.pace.spent(door.address) + packets > door.pace.budget:
        raise HeldBack(
            "budget: nmap には残りの数が足りない / too little of the host's budget is left for nmap"
        )
    started = door.clock.steady()
    try:
        found = await look_deeply(door.address, ports)
    except OurFault as fault:
        if not str(fault).startswith("no_nmap"):  # it may have sent something before it failed
            _count(host, ports, packets, started)
        raise
    _count(host, ports, packets, started)
    return found


def _count(host: HostSurvey, ports: list[int], packets: int, started: float) -> None:
    host.door.leave(0, packets)
    host.door.journal(
        "nmap service detection",
        packets=packets,
        started=started,
        connections=CONNECTIONS_PER_PORT * len(ports),
        transport="tcp",
        probe="nmap",
        why=f"deep look allowed by the site; ports {' '.join(map(str, ports))}; packets estimated from above",
    )


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
