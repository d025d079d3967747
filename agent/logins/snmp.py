# SPDX-License-Identifier: Apache-2.0
"""SNMP v2c and v3 sessions on gufo-snmp: every request goes past the caller's hook first.

Sources: RFC 3416 (GET, GETBULK), RFC 3414 (v3 discovery and user security). Requests are GETs of at
most 20 variables and GETBULKs of at most 25 rows; there is nothing here that could write.
"""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeVar

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
from gufo.snmp.policer import BasePolicer

from agent.logins.snmp_ber import is_whole
from agent.logins.snmp_lines import variable_line
from probes.contract import OurFault, Refused, Silent

MOST_VARIABLES = 20  # of one GET
MOST_ROWS = 25  # of one GETBULK: an answer that fits one packet nearly always, and an agent cuts it where not
TIMEOUT_SECONDS = 2.0
_MOST_DATAGRAM = 65535

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


class SnmpSession:
    """A session with one agent, as probes.contract.Session. Opens at the first question.

    `before_pdu` is awaited before every request, v3 discovery included; what it raises ends the
    question. `say` gets the question (`get OID …`, `walk OID most`), `hear` each `OID|tag|value`,
    `tell` the note `whole OID` where a walk came to the end of what it walks.
    Raises Silent, Refused (closed port, credential not accepted, no SNMP) and OurFault.
    """

    def __init__(
        self,
        address: str,
        port: int,
        credential: SnmpCredential | SnmpUser,
        *,
        say: Callable[[bytes], None],
        hear: Callable[[bytes], None],
        before_pdu: Callable[[], Awaitable[None]],
        tell: Callable[[bytes], None] = lambda _: None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:
        self._say, self._hear, self._tell = say, hear, tell
        self._gate = _Gate(before_pdu)
        self._to = (address, port, credential, timeout)
        self._session: _Watched | None = None

    @property
    def pdus(self) -> int:
        """Requests sent so far."""
        return self._gate.passed

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        """Ask for these variables, 20 at a time; gives the lines heard, absent ones have none."""
        wanted = [oid.strip(".") for oid in oids]
        self._say(b"get " + " ".join(wanted).encode())
        heard: list[bytes] = []
        async with _translated():
            session = await self._opened()
            for start in range(0, len(wanted), MOST_VARIABLES):
                await self._get_some(session, wanted[start : start + MOST_VARIABLES], heard)
        return tuple(heard)

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        """Ask for the variables below `root`, at most `most`; stops where an agent runs in circles."""
        self._say(f"walk {root} {most}".encode())
        heard: list[bytes] = []
        whole = True
        async with _translated():
            session = await self._opened()
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

    async def _get_some(self, session: "_Watched", wanted: list[str], heard: list[bytes]) -> None:
        found: Mapping[str, object] = await session.get_many(wanted)
        for oid in wanted:
            line = variable_line(oid, found.get(oid))
            if line is not None:
                self._take(line, heard)

    async def _opened(self) -> "_Watched":
        if self._session is None:
            address, port, credential, timeout = self._to
            session = _Watched(address, port, credential, timeout, self._gate)
            try:
                await session.refresh()
            except BaseException:
                session.close()
                raise
            self._session = session
        return self._session


class _Gate(BasePolicer):
    """gufo-snmp asks its policer before each request; ours asks the wire."""

    def __init__(self, before_pdu: Callable[[], Awaitable[None]]) -> None:
        self._before, self.passed = before_pdu, 0

    def get_timeout(self, ts: int) -> int | None:
        return None

    async def wait(self) -> None:
        await self._before()
        self.passed += 1


class _Watched(GufoSession):
    """gufo-snmp's session, which alone takes a closed port for silence and panics on broken BER."""

    def __init__(
        self, address: str, port: int, credential: SnmpCredential | SnmpUser, timeout: float, gate: _Gate
    ) -> None:
        if isinstance(credential, SnmpUser):
            super().__init__(address, port, user=_user(credential), timeout=timeout, policer=gate)
        else:
            super().__init__(address, port, credential.community, timeout=timeout, policer=gate)
        self._watch = socket.socket(fileno=os.dup(self._fd))

    async def _recv(self, receiver: Callable[[], T]) -> T:
        def receive() -> T:
            error = self._watch.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error:
                raise OSError(error, os.strerror(error))
            self._look()
            return receiver()

        return await super()._recv(receive)

    def _look(self) -> None:
        if not is_whole(self._watch.recv(_MOST_DATAGRAM, socket.MSG_PEEK)):
            self._watch.recv(_MOST_DATAGRAM)
            raise Refused("the answer is not SNMP")

    def close(self) -> None:
        self._watch.close()


def _user(given: SnmpUser) -> User:
    auth = _AUTH[given.auth](given.auth_key.encode()) if given.auth else None
    privacy = _PRIVACY[given.privacy](given.privacy_key.encode()) if given.privacy else None
    return User(given.name, auth_key=auth, priv_key=privacy)


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Silent("no SNMP answer within the deadline") from error
    except ConnectionRefusedError as error:
        raise Refused("the SNMP port is closed") from error
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
