# SPDX-License-Identifier: Apache-2.0
"""Addresses that DNS answers gave for services of remote control, and the flows that go to them without a name."""

from dataclasses import dataclass, field

from probes import dns_message
from probes.capture.flow import Claim, Family, Flow
from probes.contract import Malformed
from probes.facts import Sure
from probes.flows.names_heard import names_of
from probes.remote_names import Service, service_of

MOST_ADDRESSES = 10_000
_FAMILIES = {"remote": Family.REMOTE, "vpn": Family.VPN, "medical": Family.MEDICAL}


@dataclass(slots=True)
class Answers:
    """What is known so far of one capture: (who asked, address) → the name asked for and its service."""

    known: dict[tuple[str, str], tuple[str, Service]] = field(default_factory=dict)

    def learn(self, flow: Flow) -> None:
        """Take the addresses in the answers of a DNS flow about such a service."""
        for piece in flow.answered[:4] if flow.server_port == 53 else ():
            try:
                message = dns_message.read_message(piece)
                name = ".".join(message.questions[0][0]) if message.questions else ""
                service = service_of(name)
                if service is None or service.sure is Sure.GUESS:
                    continue
                for record in message.records:
                    if record.kind in (dns_message.A, dns_message.AAAA) and len(self.known) < MOST_ADDRESSES:
                        address = dns_message.address_of(message, record)
                        self.known[flow.client, address] = (name, service)
            except Malformed:  # cut, or no DNS
                continue

    def claim(self, flow: Flow) -> tuple[Claim, ...]:
        """Name a flow that nothing else names: the same machine asked for this address by such a name.

        A flow that speaks another name itself goes to somebody who only shares the address.
        """
        found = self.known.get((flow.client, flow.server))
        if found is None or any(True for _ in names_of(flow)):
            return ()
        name, service = found
        why = f"DNS gave this address for {name[:120]}"
        return (
            Claim(
                service.protocol,
                _FAMILIES[service.family],
                Sure.LIKELY,
                service.product,
                service.kind,
                why,
                about="client",
            ),
        )
