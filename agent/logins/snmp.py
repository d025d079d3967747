# SPDX-License-Identifier: Apache-2.0
"""SNMP v2c and v3 sessions on gufo-snmp, whose datagrams the caller sends and receives: the library never sees the network.

Sources: RFC 3416 (GET, GETBULK), RFC 3414 (v3 discovery and user security). Requests are GETs of at
most 20 variables and GETBULKs of at most 25 rows; there is nothing here that could write.
"""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    DesKey,
    Md5Key,
    NoSuchInstance,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    User,
)
from gufo.snmp.aio import SnmpSession as GufoSession

from agent.logins.snmp_ber import is_whole
from agent.logins.snmp_lines import variable_line
from probes.contract import HeldBack, OurFault, Refused

MOST_VARIABLES = 20  # of one GET
MOST_ROWS = 25  # of one GETBULK: an answer that fits one packet nearly always, and an agent cuts it where not
_MOST_DATAGRAM = 65535
_MOST_STRAYS = 20  # answers to something else that are passed over; a flood of them never lets the loop go on
_NOWHERE = "127.0.0.1"  # what the library's own socket would be for; it is closed before anything is sent

Auth = Literal["", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"]
Privacy = Literal["", "des", "aes128", "aes192", "aes256"]
T = TypeVar("T")
_AUTH = {
    "md5": Md5Key,
    "sha1": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
_PRIVACY = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}


@dataclass(frozen=True, slots=True)
class SnmpCredential:
    """A v2c community; never shown."""

    community: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SnmpUser:
    """A v3 user with passwords (RFC 3414); "" leaves a step out. The passwords are never shown."""

    name: str
    auth: Auth = ""
    auth_key: str = field(default="", repr=False)
    privacy: Privacy = ""
    privacy_key: str = field(default="", repr=False)


class Datagrams(Protocol):
    """The way to one agent; agent.logins.opening has it behind a host's door."""

    async def send(self, data: bytes) -> None:
        """Send one request; what it raises ends the question."""

    async def receive(self, most: int) -> bytes:
        """Give the next datagram; raises Silent, Refused, OurFault."""


class SnmpSession:
    """A session with one agent, as probes.contract.Session. Opens at the first question.

    `say` gets the question (`get OID …`, `walk OID most`) when its first request has left, `hear` each
    `OID|tag|value`, `tell` the note `discovery` when v3's question for the engine has left, `whole OID` where
    a walk came to the end of what it walks, and `asked 20 of 30` where the rest of a question was held back.
    Raises Silent, Refused (closed port, credential not accepted, no SNMP) and OurFault.
    """

    def __init__(
        self,
        way: Datagrams,
        credential: SnmpCredential | SnmpUser,
        *,
        say: Callable[[bytes], None],
        hear: Callable[[bytes], None],
        tell: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._way, self._credential = way, credential
        self._say, self._hear, self._tell = say, hear, tell
        self._session: _Carried | None = None
        self._told: tuple[Callable[[bytes], None], bytes] | None = (
            None  # what to write down when a request has left
        )
        self.pdus = 0  # requests sent so far

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        """Ask for these variables, 20 at a time; gives the lines heard, absent ones have none."""
        wanted = [oid.strip(".") for oid in oids]
        heard: list[bytes] = []
        async with _translated():
            session = await self._opened()
            self._told = (self._say, b"get " + " ".join(wanted).encode())
            for start in range(0, len(wanted), MOST_VARIABLES):
                asked = self.pdus
                try:
                    await self._get_some(session, wanted[start : start + MOST_VARIABLES], heard)
                except HeldBack:
                    if start and self.pdus == asked:
                        self._tell(f"asked {start} of {len(wanted)}".encode())
                    raise
        return tuple(heard)

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        """Ask for the variables below `root`, at most `most`; stops where an agent runs in circles."""
        heard: list[bytes] = []
        whole = True
        async with _translated():
            session = await self._opened()
            self._told = (self._say, f"walk {root} {most}".encode())
            rows = session.getbulk(root.strip("."), max(1, min(MOST_ROWS, most)))
            whole = await self._take_rows(rows, most, heard)
        if whole:
            self._tell(f"whole {root}".encode())
        return tuple(heard)

    async def _take_rows(
        self, rows: AsyncIterator[tuple[str, object]], most: int, heard: list[bytes]
    ) -> bool:
        """Take rows as long as their OIDs rise; tells whether these were all there are."""
        last: tuple[int, ...] = ()
        taken = 0
        async for oid, value in rows:
            here = tuple(int(arc) for arc in oid.split("."))
            if here <= last:
                return False
            line = variable_line(oid, value)
            if line is not None:
                self._take(line, heard)
            last, taken = here, taken + 1
            if taken >= most:
                return False
        return True

    def close(self) -> None:
        """Free the socket; nothing is sent."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _take(self, line: bytes, heard: list[bytes]) -> None:
        heard.append(line)
        self._hear(line)

    async def _get_some(self, session: "_Carried", wanted: list[str], heard: list[bytes]) -> None:
        found: Mapping[str, object] = await session.get_many(wanted)
        for oid in wanted:
            line = variable_line(oid, found.get(oid))
            if line is not None:
                self._take(line, heard)

    async def _opened(self) -> "_Carried":
        if self._session is None:
            session = _Carried(self._send, self._way.receive, self._credential)
            self._told = (self._tell, b"discovery")
            try:
                await session.refresh()
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session

    async def _send(self, data: bytes) -> None:
        await self._way.send(data)
        self.pdus += 1
        if self._told is not None:
            write, line = self._told
            self._told = None
            write(line)


class _Carried(GufoSession):
    """gufo-snmp's session on a pair of sockets of ours instead of one of its own.

    So each request and answer passes through our hands: the library alone takes a closed port for silence and panics on
    broken BER.
    """

    def __init__(
        self,
        forward: Callable[[bytes], Awaitable[None]],
        hear: Callable[[int], Awaitable[bytes]],
        credential: SnmpCredential | SnmpUser,
    ) -> None:
        if isinstance(credential, SnmpUser):
            super().__init__(_NOWHERE, user=_user(credential))
        else:
            super().__init__(_NOWHERE, community=credential.community)
        self._forward, self._hear = forward, hear
        theirs, self._ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with theirs:
            for end in (theirs, self._ours):
                end.setblocking(False)
            os.dup2(theirs.fileno(), self._fd, inheritable=False)

    async def _send(self, sender: Callable[[], None]) -> None:
        sender()
        await self._forward(self._ours.recv(_MOST_DATAGRAM))

    async def _recv(self, receiver: Callable[[], T]) -> T:
        for _ in range(_MOST_STRAYS):
            data = await self._hear(_MOST_DATAGRAM)
            if not is_whole(data):
                raise Refused("the answer is not SNMP")
            self._ours.send(data)
            with contextlib.suppress(BlockingIOError):  # an answer to something else
                return receiver()
        raise Refused("it answers something else than what it was asked")

    def close(self) -> None:
        self._ours.close()


def _user(given: SnmpUser) -> User:
    auth = _AUTH[given.auth](given.auth_key.encode()) if given.auth else None
    privacy = _PRIVACY[given.privacy](given.privacy_key.encode()) if given.privacy else None
    return User(given.name, auth_key=auth, priv_key=privacy)


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except OSError as error:
        raise OurFault(f"snmp socket: {error}") from error
    except NoSuchInstance:
        return
    except SnmpAuthError as error:
        raise Refused("the SNMP credential was not accepted") from error
    except SnmpError as error:
        raise Refused(f"the answer is not usable SNMP: {error}") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # pyo3's, which cannot be imported
            raise Refused("the answer broke the SNMP library") from error
        raise
