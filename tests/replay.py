# SPDX-License-Identifier: Apache-2.0
"""The replay player: a Wire that answers from a recording and fails on one byte more than it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from probes.contract import Closed, Line, Recording, Refused, Silent, Transcript


class PromiseBroken(AssertionError):
    """The probe did something that the recording does not hold."""


@dataclass
class Player:
    """Plays one recording; `finish()` checks that all of it was used."""

    recording: Recording
    address: str = "192.0.2.1"
    position: int = 0
    played: list[Line] = field(default_factory=list)

    async def tcp(self, port: int) -> "PlayedStream":
        self._expect("~", f"open tcp {port}".encode())
        if self._next_note("refused"):
            raise Refused("refused")
        if self._next_note("silent"):
            raise Silent("silent")
        return PlayedStream(self)

    async def udp(self, port: int) -> "PlayedStream":
        self._expect("~", f"open udp {port}".encode())
        return PlayedStream(self, datagrams=True)

    async def session(self, kind: str, port: int, most: int = 0) -> "PlayedSession":
        self._expect("~", f"open {kind} {port}".encode())
        return PlayedSession(self)

    async def login(self, kind: str, port: int) -> "PlayedLogin":
        self._expect("~", f"open {kind} {port}".encode())
        if self._next_note("refused"):
            raise Refused("refused")
        family = ""
        while (line := self.peek()) is not None and line.mark == "~" and line.data.startswith(b"ssh."):
            family = line.data.removeprefix(b"ssh.family ").decode() if b"family" in line.data else family
            self.step()
        return PlayedLogin(self, family)

    @property
    def transcript(self) -> Transcript:
        return Transcript(tuple(self.played))

    def finish(self) -> None:
        left = self.recording.transcript.lines[self.position :]
        if any(line.mark == ">" or line.data.startswith(b"open ") for line in left):
            raise PromiseBroken(f"the probe stopped before {left[0]!r}")

    def peek(self) -> Line | None:
        lines = self.recording.transcript.lines
        return lines[self.position] if self.position < len(lines) else None

    def step(self) -> Line:
        line = self.peek()
        if line is None:
            raise PromiseBroken("the recording is at its end")
        self.position += 1
        self.played.append(line)
        return line

    def _expect(self, mark: str, data: bytes) -> None:
        line = self.peek()
        if line is None or line.mark != mark or line.data != data:
            raise PromiseBroken(f"the probe did {mark} {data!r}, the recording holds {line!r}")
        self.step()

    def _next_note(self, note: str) -> bool:
        line = self.peek()
        if line is not None and line.mark == "~" and line.data == note.encode():
            self.step()
            return True
        return False


@dataclass
class PlayedStream:
    """A stream whose answers come from the recording."""

    player: Player
    datagrams: bool = False
    rest: bytes = b""
    unsaid: bytes = b""

    async def send(self, data: bytes) -> None:
        while data:
            if not self.unsaid:
                line = self.player.step()
                if line.mark != ">":
                    raise PromiseBroken(f"the probe said {data!r}, the recording holds {line!r}")
                self.unsaid = line.data
            part = self.unsaid[: len(data)]
            if data[: len(part)] != part:
                raise PromiseBroken(f"the probe said {data!r}, the recording holds {part!r}")
            self.unsaid, data = self.unsaid[len(part) :], data[len(part) :]

    async def receive(self, most: int = 4096) -> bytes:
        if self.rest:
            part, self.rest = self.rest[:most], self.rest[most:]
            return part
        line = self.player.peek()
        if line is None or (line.mark == "~" and line.data in (b"silent",)):
            self._pass(line)
            raise Silent("silent")
        if line.mark == "~" and line.data in (b"closed",):
            return b""
        if line.mark == "~" and line.data in (b"reset",):
            self._pass(line)
            raise Refused("reset")
        if line.mark != "<":
            raise Silent("nothing heard here in the recording")
        self.player.step()
        part, rest = line.data[:most], line.data[most:]
        self.rest = b"" if self.datagrams else rest
        return part

    async def start_tls(self) -> None:
        line = self.player.peek()
        seen = False
        while line is not None and line.mark == "~" and line.data.startswith((b"tls.", b"tls failed")):
            seen = True
            self.player.step()
            if line.data.startswith(b"tls failed"):
                raise Refused("tls failed")
            line = self.player.peek()
        if not seen:
            raise PromiseBroken("the probe began TLS, the recording does not")

    def _pass(self, line: Line | None) -> None:
        if line is not None:
            self.player.step()


@dataclass
class PlayedSession:
    """An SNMP session whose variables come from the recording (`> b'get …'`, `> b'walk …'`)."""

    player: Player

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        return self._say(b"get " + " ".join(oids).encode())

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        return self._say(f"walk {root} {most}".encode())

    def _say(self, said: bytes) -> tuple[bytes, ...]:
        line = self.player.step()
        if line.mark != ">" or line.data != said:
            raise PromiseBroken(f"the probe asked {said!r}, the recording holds {line!r}")
        following = self.player.peek()
        heard: list[bytes] = []
        while following is not None and following.mark == "<":
            heard.append(self.player.step().data)
            following = self.player.peek()
        if following is not None and following.mark == "~" and following.data.startswith(b"whole "):
            self.player.step()
            following = self.player.peek()
        if following is not None and following.mark == "~" and following.data == b"silent":
            self.player.step()
            raise Silent("silent")
        if following is not None and following.mark == "~" and following.data == b"closed":
            raise Closed("closed")
        return tuple(heard)


@dataclass
class PlayedLogin:
    """A login whose outputs come from the recording."""

    player: Player
    family: str

    async def run(self, command: str) -> bytes:
        line = self.player.step()
        if line.mark != ">" or line.data != command.encode():
            raise PromiseBroken(f"the probe gave the command {command!r}, the recording holds {line!r}")
        heard = b""
        while (line_ := self.player.peek()) is not None and line_.mark == "<":
            heard += self.player.step().data
        return heard
