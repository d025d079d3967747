# SPDX-License-Identifier: Apache-2.0
"""Opens SNMP sessions with the site's credentials behind a host's door."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.door import Door
from agent.guard import Permit
from agent.logins.snmp import SnmpCredential, SnmpSession, SnmpUser
from agent.settings import SnmpSecret
from probes.contract import MOST_PDUS, HeldBack, Mark

_PDU_BYTES = 100  # payload of one request as the journal counts it: an estimate, the library sends it


@dataclass(slots=True)
class PacedSession:
    """An SNMP session whose every request waits at the door and stands in the journal."""

    door: Door
    port: int
    probe: str
    why: str
    secret: SnmpSecret
    note: Callable[[Mark, bytes], None]
    most: int = MOST_PDUS
    started: float = 0.0
    packets: int = 0
    _session: SnmpSession = field(init=False)

    def __post_init__(self) -> None:
        self._session = SnmpSession(
            self.door.address,
            self.port,
            _credential(self.secret),
            say=lambda data: self.note(">", data),
            hear=lambda data: self.note("<", data),
            tell=lambda data: self.note("~", data),
            before_pdu=self._enter,
        )

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        """Ask for these variables; gives the lines heard."""
        return await self._session.get(oids)

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        """Ask for the variables below `root`; gives the lines heard."""
        return await self._session.walk(root, most)

    async def close(self) -> None:
        """Free the socket and write the journal."""
        self._session.close()
        if self.packets:
            self.door.journal(
                "snmp question",
                packets=self.packets,
                started=self.started,
                payload_bytes=self.packets * _PDU_BYTES,
                port=self.port,
                transport="udp",
                probe=self.probe,
                why=self.why,
            )
            self.packets = 0

    async def _enter(self) -> None:
        self.door.check("udp", self.port, Permit.SEND)
        if self._session.pdus >= self.most:
            raise HeldBack(
                f"snmp_limit: 1台への問いは {self.most} 回まで / at most {self.most} requests to a host"
            )
        await self.door.enter(1)
        self.door.leave(1, 1)
        self.started = self.started or self.door.clock.steady()
        self.packets += 1


def _credential(secret: SnmpSecret) -> SnmpCredential | SnmpUser:
    if secret.user:
        return SnmpUser(secret.user, secret.auth, secret.auth_key, secret.privacy, secret.privacy_key)
    return SnmpCredential(secret.community)
