# SPDX-License-Identifier: Apache-2.0
"""The neighbour tables of our own gateways, read with the site's credential before anybody behind them is pinged."""

from collections.abc import Callable, Iterable

from agent.guard import Permit
from agent.host import HostSurvey, was_not_put
from agent.plan import Question
from probes.contract import parse_transcript
from probes.facts import FactKind, Observation
from probes.neighbour_tables import ARP, ARP_ANY, names_only_some

SNMP_PORT = 161


async def read_tables(hosts: Iterable[HostSurvey], found: Callable[[str, str], None], why: str) -> bool:
    """Tell `found` every address and MAC that the tables name, which names the fragile.

    True where a table was cut short, or not asked for because nothing more may leave for that gateway now (as after a
    kill): whoever it did not name may be fragile too. Who told already what it is, is asked only for its tables again.
    """
    cut = False
    for host in hosts:
        host.door.permit = Permit.SEND
        for probe in ("snmp_tables",) if ("snmp", SNMP_PORT) in host.answered else ("snmp", "snmp_tables"):
            seen = await host.put(Question(probe, SNMP_PORT, why))
            cut |= is_cut(seen)
            for line in seen.of(FactKind.NEIGHBOUR):
                address, _, mac = line.partition(" ")
                found(address, mac)
    return cut


def is_cut(seen: Observation) -> bool:
    """Say whether this names hosts from a table that was not heard to its end, or whether we did not let it be asked for."""
    if seen.probe != "snmp_tables":
        return False
    transcript = parse_transcript(seen.transcript)
    whole = frozenset(transcript.notes("whole"))
    return names_only_some(transcript.heard_lines(), whole) or (
        was_not_put(seen) and whole.isdisjoint((ARP, ARP_ANY))
    )
