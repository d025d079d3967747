# SPDX-License-Identifier: Apache-2.0
"""One conversation of a capture as the recognisers see it: who, and the first bytes of both directions."""

import enum
from dataclasses import dataclass, field, replace

from probes.facts import Sure

Pieces = tuple[bytes, ...]


class Family(enum.StrEnum):
    """What a protocol lets people do; the families that a capture's flows are listed for."""

    REMOTE = "remote access"
    VPN = "vpn"
    MEDICAL = "medical"
    BUILDING = "building and OT"


@dataclass(frozen=True, slots=True)
class Flow:
    """One five-tuple. `client` opened it as far as the capture shows; for TCP pieces are in sequence.

    `transport` is tcp, udp, sctp, esp, ah, gre or ethernet (then addresses are MACs and
    `kind` is the ethertype, 4 for LLC). Ports are 0 where there are none.
    """

    transport: str
    client: str
    client_port: int
    server: str
    server_port: int
    sent: Pieces = ()  # payloads from the client, only the first few
    answered: Pieces = ()  # payloads from the server, only the first few
    opened: bool = False  # the beginning is in the capture
    kind: int = 0
    when: float = 0.0  # seconds since 1970 of the first packet
    asked: bytes = field(default=b"", compare=False)  # `sent` joined
    said: bytes = field(default=b"", compare=False)  # `answered` joined

    @property
    def ports(self) -> tuple[int, int]:
        """Both ports, the client's first."""
        return self.client_port, self.server_port

    @property
    def both(self) -> tuple[bytes, bytes]:
        """Both streams, the client's first."""
        return self.asked, self.said

    def bare(self) -> "Flow":
        """The same flow without its payloads, to be kept."""
        return replace(self, sent=(), answered=(), asked=b"", said=b"")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a recogniser says of a flow: the protocol by its usual name, and how it shows."""

    protocol: str
    family: Family
    sure: Sure = Sure.SURE
    product: str = ""
    path: str = ""  # kind of remote_paths where the server's side lets people in
    why: str = ""  # "RFB version from the server"
    about: str = "server"  # whose path it is: "server", "client" (a tool inside that calls out)
