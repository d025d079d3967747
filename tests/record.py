# SPDX-License-Identifier: Apache-2.0
"""Write a recording: `python -m tests.record PROBE PORT "where it comes from"`, on standard output.

Talks to 192.0.2.1 only, an address that exists inside a network namespace that the developer made
(`unshare -n`, `ip link set lo up`, `ip address add 192.0.2.1/32 dev lo`): nothing ever leaves the
machine, and every recording names the same address.
"""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from probes.all_probes import all_probes
from probes.contract import (
    HeldBack,
    Line,
    Malformed,
    Mark,
    OurFault,
    Refused,
    Silent,
    Transcript,
    WireError,
    fact_line,
)

ADDRESS = "192.0.2.1"
PATIENCE = 3.0  # seconds


@dataclass
class Recorder:
    """A Wire to one address that writes down everything."""

    address: str = ADDRESS
    lines: list[Line] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.lines.append(Line("~", text.encode()))

    def write(self, mark: Mark, data: bytes) -> None:
        self.lines.append(Line(mark, data))

    async def tcp(self, port: int) -> "RecordedStream":
        self.note(f"open tcp {port}")
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(self.address, port)
        except ConnectionRefusedError as error:
            self.note("refused")
            raise Refused("refused") from error
        except OSError as error:
            raise OurFault(str(error)) from error
        return RecordedStream(self, reader, writer)

    async def udp(self, port: int) -> "RecordedDatagrams":
        self.note(f"open udp {port}")
        loop = asyncio.get_running_loop()
        transport, inbox = await loop.create_datagram_endpoint(_Inbox, remote_addr=(self.address, port))
        return RecordedDatagrams(self, transport, inbox)

    async def session(self, kind: str, port: int, most: int = 0) -> "NoSession":
        raise HeldBack("the recorder has no credentials")

    async def login(self, kind: str, port: int) -> NoReturn:
        raise HeldBack("the recorder has no credentials")


@dataclass
class RecordedStream:
    """One TCP connection."""

    recorder: Recorder
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.recorder.write(">", data)
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, most: int = 4096) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                data = await self.reader.read(most)
        except TimeoutError as error:
            self.recorder.note("silent")
            raise Silent("silent") from error
        except ConnectionError as error:
            self.recorder.note("reset")
            raise Refused("reset") from error
        if data:
            self.recorder.write("<", data)
        else:
            self.recorder.note("closed")
        return data

    async def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            async with asyncio.timeout(PATIENCE):
                await self.writer.start_tls(context)
        except (OSError, TimeoutError) as error:
            self.recorder.note(f"tls failed: {type(error).__name__}")
            raise Refused("tls failed") from error
        shown = self.writer.get_extra_info("ssl_object")
        self.recorder.note(f"tls.version {shown.version()}")
        self.recorder.note(f"tls.cipher {shown.cipher()[0]}")
        self.recorder.note(f"tls.certificate {shown.getpeercert(binary_form=True).hex()}")


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.queue.put_nowait(data)


@dataclass
class RecordedDatagrams:
    """One UDP conversation."""

    recorder: Recorder
    transport: asyncio.DatagramTransport
    inbox: _Inbox

    async def send(self, data: bytes) -> None:
        self.recorder.write(">", data)
        self.transport.sendto(data)

    async def receive(self, most: int = 4096) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE):
                data = (await self.inbox.queue.get())[:most]
        except TimeoutError as error:
            self.recorder.note("silent")
            raise Silent("silent") from error
        self.recorder.write("<", data)
        return data

    async def start_tls(self) -> None:
        raise Refused("tls failed")


class NoSession:
    """What the recorder never gives."""

    async def get(self, oids: Iterable[str]) -> tuple[bytes, ...]:
        raise HeldBack("no credentials")

    async def walk(self, root: str, most: int = 200) -> tuple[bytes, ...]:
        raise HeldBack("no credentials")


async def record(name: str, port: int) -> Transcript:
    """Let the probe ask, write down what was said."""
    ask = all_probes()[name].ask
    if ask is None:
        raise SystemExit(f"{name} listens only")
    recorder = Recorder()
    with contextlib.suppress(WireError):  # how it ended is in the transcript
        await ask(recorder, port)
    return Transcript(tuple(recorder.lines))


def main() -> None:
    """Write one recording on standard output."""
    name, port, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    transcript = asyncio.run(record(name, port))
    print(f"# {source}\n{transcript.to_text()}")
    try:
        facts = all_probes()[name].read(transcript)
    except Malformed:
        print("= malformed")
    else:
        for found in facts:
            print(f"= {fact_line(found)}")


if __name__ == "__main__":
    main()
