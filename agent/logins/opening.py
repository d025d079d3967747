# SPDX-License-Identifier: Apache-2.0
"""Opens SNMP sessions with the site's credentials behind a host's door."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.logins.snmp import SnmpCredential, SnmpSession, SnmpUser
from agent.settings import SnmpSecret
from agent.udp_stream import UdpStream
from probes.contract import MOST_PDUS, HeldBack, Mark


@dataclass(slots=True)
class PacedSession:
    """An SNMP session whose every datagram goes through the door: checked, paced, counted, in the journal."""

    stream: UdpStream  # quiet: the session itself writes what it asks and hears
    secret: SnmpSecret
    note: Callable[[Mark, bytes], None]
    most: int = MOST_PDUS
    _session: SnmpSession = field(init=False)

    def __post_init__(self) -> None:
        self._session = SnmpSession(
            self,
            _credential(self.secret),
            say=lambda data: self.note(">", data),
            hear=lambda data: self.note("<", data),
            tell=lambda data: self.note("~", data),
        )

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        """Ask for these variables; gives the lines heard."""
        return await self._session.get(oids)

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        """Ask for the variables below `root`; gives the lines heard."""
        return await self._session.walk(root, most)

    async def send(self, data: bytes) -> None:
        """Send one request of the session; raises HeldBack at the limits of the host."""
        if self._session.pdus >= self.most:
            raise HeldBack(
                f"snmp_limit: 1台への問いは {self.most} 回まで / at most {self.most} requests to a host"
            )
        await self.stream.send(data)

    async def receive(self, most: int) -> bytes:
        """Give the next datagram."""
        return await self.stream.receive(most)

    async def close(self) -> None:
        """Free the sockets and write the journal."""
        self._session.close()
        await self.stream.close()


def _credential(secret: SnmpSecret) -> SnmpCredential | SnmpUser:
    if secret.user:
        return SnmpUser(secret.user, secret.auth, secret.auth_key, secret.privacy, secret.privacy_key)
    return SnmpCredential(secret.community)
