# SPDX-License-Identifier: Apache-2.0
"""The contract between probes and the engine: what a probe is handed, and what it may raise.

A probe is a module `probes/<touch>/<name>.py`; file name = probe name, folder = touch.

    listen/  `claims(frame: bytes) -> bool` and `read(transcript) -> tuple[Fact, ...]`; sends nothing.
             The transcript holds one heard frame (Ethernet header included). The facts MAC and
             ADDRESS among those read say which host the frame is about.
    ask/     `PORTS: tuple[int, ...]`, `TRANSPORT: "tcp" | "udp"`, `SPEAKS_FIRST: bool` (the server
             talks without being asked, so listening costs it no byte of ours),
             `async ask(wire, port) -> None` and `read(transcript) -> tuple[Fact, ...]`.
    login/   as ask/, with `CREDENTIAL: str` naming the kind of credential (e.g. "snmp").

`ask` only talks; `read` is pure and total: hostile bytes give `Malformed` and never another
exception. One recorded text file is unit test, fuzz seed, documentation and evidence at once.

Error tree::

    ProbeError
    ├── Malformed        the bytes are not this protocol (only `read` raises it)
    └── WireError        raised by the wire into `ask`; a probe lets it pass
        ├── Silent       nothing (more) came within the deadline
        ├── Refused      the host said no: RST, ICMP unreachable
        ├── Closed       the peer ended the connection before what was needed came
        ├── HeldBack     we chose not to send: scope, guard, pace or budget
        └── OurFault     our machine failed (no route, no descriptor …)
"""

import ast
import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from probes.facts import Fact

MOST_TRANSCRIPT = 64 * 1024  # bytes of answers kept of one question
MOST_PDUS = 14  # requests of one SNMP session; with the discovery of SNMPv3 a host gets 15


class ProbeError(Exception):
    """Anything that a probe or its wire can raise."""


class Malformed(ProbeError):
    """The bytes are not this protocol."""


class WireError(ProbeError):
    """The wire could not do what the probe asked."""


class Silent(WireError):
    """Nothing, or nothing more, came within the deadline."""


class Refused(WireError):
    """The host said no."""


class Closed(WireError):
    """The peer ended the connection."""


class HeldBack(WireError):
    """We chose not to send; the text is the reason."""


class OurFault(WireError):
    """Our own machine failed; says nothing about the device."""


class Touch(enum.StrEnum):
    """How much a probe touches a device; the folder it lies in."""

    LISTEN = "listen"
    ASK = "ask"
    LOGIN = "login"


class Stream(Protocol):
    """One TCP connection or one UDP conversation with one port of one host."""

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""

    async def receive(self, most: int = 4096) -> bytes:
        """Give the next 1..most bytes (UDP: one datagram, cut to `most`); b"" when the peer closed.

        Raises Silent at the deadline and Refused on a reset.
        """

    async def start_tls(self) -> None:
        """Go on under TLS without verifying, any version from 1.0, any cipher.

        Notes `tls.version`, `tls.cipher` and `tls.certificate` (DER, hex) in the transcript.
        Raises Refused when the handshake is turned down.
        """


class Session(Protocol):
    """An SNMP session with a credential that the site gave. Read-only by its shape.

    Every answered variable is in the transcript as a heard line `OID|tag|value`
    (tag = BER tag as decimal number, with `x` appended when the value is hex), the form of a recorded walk.
    """

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        """Ask for these variables; gives the lines heard, absent ones have none."""

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        """Ask for the variables below `root`, at most `most` of them; gives the lines heard.

        A note `whole OID` follows them where these are all that the agent has.
        """


class CommandSession(Protocol):
    """A login with a credential that the site gave, for the read-only commands of `device_commands` and no others."""

    @property
    def family(self) -> str:
        """Which family of devices the site says it is; a key of `device_commands.FAMILIES`."""

    async def run(self, command: str) -> bytes:
        """Give one command of the family's list; gives its output, which is in the transcript as heard.

        Raises HeldBack for any other command, Silent, Closed, Refused.
        """


class Wire(Protocol):
    """The only way to a device. Scope, guard, pace, caps, deadlines, journal and transcript lie behind it."""

    @property
    def address(self) -> str:
        """IP address of the host."""

    async def tcp(self, port: int) -> Stream:
        """Connect. Raises Refused, Silent, HeldBack, OurFault."""

    async def udp(self, port: int) -> Stream:
        """Open a UDP conversation; sends nothing yet. Raises HeldBack, OurFault."""

    async def session(self, kind: str, port: int, most: int = MOST_PDUS) -> Session:
        """Open a session with the site's credential of this kind; the request after `most` is held back.

        Raises HeldBack if there is no credential.
        """

    async def login(self, kind: str, port: int) -> CommandSession:
        """Connect and log in with the site's credential of this kind, once.

        Raises HeldBack if there is none, if it was turned down before, or if the host key is not the one of last time;
        Refused if it is turned down now.
        """


Mark = Literal[">", "<", "~"]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript: `>` we said, `<` they said, `~` what happened (as text bytes).

    Notes used: `ssh.family cisco_ios`, `ssh.host_key ssh-ed25519 SHA256:…`, `open tcp 22`, `open udp 161`, `open snmp 161`, `closed`, `reset`, `refused`, `silent`,
    `held back: …`, `tls.version TLSv1.3`, `tls.cipher …`, `tls.certificate 3082…`, `tls failed: …`.
    """

    mark: Mark
    data: bytes


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said and heard, in order; the only input of `read`."""

    lines: tuple[Line, ...] = ()

    @property
    def heard(self) -> bytes:
        """Everything they said, joined."""
        return b"".join(line.data for line in self.lines if line.mark == "<")

    @property
    def said(self) -> bytes:
        """Everything we said, joined."""
        return b"".join(line.data for line in self.lines if line.mark == ">")

    def heard_lines(self) -> Iterator[bytes]:
        """Each thing they said: UDP datagrams, frames, SNMP variables; TCP chunks as they came."""
        return (line.data for line in self.lines if line.mark == "<")

    def notes(self, name: str) -> Iterator[str]:
        """Values of the notes `name value`; "" for a bare note."""
        for line in self.lines:
            if line.mark == "~":
                word, _, value = line.data.decode("utf-8", "replace").partition(" ")
                if word == name:
                    yield value

    def conversations(self) -> Iterator["Transcript"]:
        """The parts that begin with an `open` note each (one per connection)."""
        part: list[Line] = []
        for line in self.lines:
            if line.mark == "~" and line.data.startswith(b"open ") and part:
                yield Transcript(tuple(part))
                part = []
            part.append(line)
        if part:
            yield Transcript(tuple(part))

    def to_text(self) -> str:
        """Write in the recording format: one line each, bytes as a Python literal, notes as text."""
        return "\n".join(
            f"~ {line.data.decode('utf-8', 'replace')}" if line.mark == "~" else f"{line.mark} {line.data!r}"
            for line in self.lines
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """A transcript with the facts that it must read as, and a comment where it comes from."""

    transcript: Transcript
    facts: tuple[str, ...]  # "kind value" or "kind value (likely)", in the order read
    malformed: bool = False  # a line `= malformed`


def parse_transcript(text: str) -> Transcript:
    """Read the recording format; raises ValueError naming the line."""
    return parse_recording(text).transcript


def parse_recording(text: str) -> Recording:
    """Read a recording: `>`, `<`, `~`, `=` and `#` lines; raises ValueError naming the line."""
    lines: list[Line] = []
    facts: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        mark, _, rest = raw.partition(" ")
        if mark in (">", "<"):
            lines.append(Line(mark, _literal(rest, number)))  # type: ignore[arg-type]
        elif mark == "~":
            lines.append(Line("~", rest.encode()))
        elif mark == "=":
            facts.append(rest)
        elif raw and mark != "#":
            raise ValueError(f"line {number}: begins with none of > < ~ = #")
    return Recording(
        Transcript(tuple(lines)), tuple(f for f in facts if f != "malformed"), "malformed" in facts
    )


def _literal(text: str, number: int) -> bytes:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"line {number}: not a bytes literal") from error
    if not isinstance(value, bytes):
        raise ValueError(f"line {number}: not a bytes literal")
    return value


def fact_line(fact: Fact) -> str:
    """Write a fact as a recording shows it after `= `."""
    return f"{fact.kind} {fact.value}" + ("" if fact.sure == "sure" else f" ({fact.sure})")


async def receive_exactly(stream: Stream, count: int) -> bytes:
    """Receive exactly `count` bytes; raises Closed if the peer ends before."""
    got = bytearray()
    while len(got) < count:
        part = await stream.receive(count - len(got))
        if not part:
            raise Closed(f"closed after {len(got)} of {count} bytes")
        got += part
    return bytes(got)


async def receive_until(stream: Stream, ending: bytes, most: int) -> bytes:
    """Receive until `ending` has come, `most` bytes are there, or the peer closed."""
    got = bytearray()
    while ending not in got and len(got) < most:
        part = await stream.receive(most - len(got))
        if not part:
            break
        got += part
    return bytes(got)
