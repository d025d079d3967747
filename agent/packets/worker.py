# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop: commands from the pipe to the wire, frames from the wire to the pipe, until the pipe ends."""

import os
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import msgspec

from agent.packets.limits import Limits
from agent.packets.messages import MOST_MESSAGE, Command, Event, Refused, Setup, decode_command, framed
from agent.packets.sockets import Link

CALM = 0.2  # seconds between two looks of a worker that only hears
_MOST_AT_ONCE = 128  # frames of one interface before the pipe is looked at again


@dataclass(slots=True)
class Inbox:
    """The incoming side of the pipe, cut into messages."""

    descriptor: int
    buffer: bytearray = field(default_factory=bytearray)

    def fill(self) -> bool:
        """Read what there is; false at the end of the pipe."""
        part = os.read(self.descriptor, 1 << 16)
        self.buffer += part
        return bool(part)

    def messages(self) -> Iterator[bytes]:
        """Give the whole messages so far; raises ValueError on an impossible length."""
        while len(self.buffer) >= 4:
            end = 4 + int.from_bytes(self.buffer[:4], "big")
            if end > MOST_MESSAGE:
                raise ValueError(f"message of {end} bytes")
            if len(self.buffer) < end:
                return
            message = bytes(self.buffer[4:end])
            del self.buffer[:end]
            yield message


@dataclass(frozen=True, slots=True)
class Worker:
    """Carries out commands; everything it can send is in `_frame` and `_route`."""

    setup: Setup
    links: dict[str, Link]
    icmp: dict[int, socket.socket]
    limits: Limits
    output: int  # descriptor of the pipe

    def run(self, inbox: Inbox) -> None:
        """Work until the pipe ends; raises BrokenPipeError when nobody listens any more."""
        with selectors.DefaultSelector() as selector:
            selector.register(inbox.descriptor, selectors.EVENT_READ)
            for link in self.links.values():
                selector.register(link.socket, selectors.EVENT_READ, link)
            while True:
                if not self.setup.allowed:
                    time.sleep(CALM)  # nobody waits for an answer: the kernel keeps what comes until then
                for key, _ in selector.select():
                    if key.data is not None:
                        self.tell(*self._hear(key.data))
                    elif not self._obey(inbox):
                        for link in self.links.values():
                            self.tell(*self._hear(link))  # the last that our kernel sent is counted, too
                        return

    def tell(self, *events: Event) -> None:
        """Write events to the pipe, all of them."""
        data = memoryview(b"".join(framed(event) for event in events))
        while data:
            data = data[os.write(self.output, data) :]

    def _hear(self, link: Link) -> Iterator[Event]:
        for _ in range(_MOST_AT_ONCE):
            try:
                heard = link.receive()
            except OSError:
                return  # the interface went down: the kernel says so once, and goes on when it is up
            if heard is None:
                return
            data, outgoing, vlan = heard
            if not (vlan and outgoing):  # what left by a VLAN's own interface is told there
                yield Event(
                    "frame", interface=link.name, at=time.time_ns(), outgoing=outgoing, data=data, vlan=vlan
                )

    def _obey(self, inbox: Inbox) -> bool:
        if not inbox.fill():
            return False
        self.tell(*(self._carry_out(decode_command(message)) for message in inbox.messages()))
        return True

    def _carry_out(self, command: Command) -> Event:
        try:
            if not self.setup.allowed:
                raise Refused("scope: this worker was handed no network, it only hears")
            self.limits.check(command)
            link = self.links.get(command.interface)
            if link is None:
                raise Refused(f"scope: {command.interface[:20]!r} is not an open interface")
            if command.do == "echo" and not command.mac:
                self._route(command)
            else:
                link.socket.send(self._frame(link.mac, command))
        except Refused as error:
            return Event("refused", command.id, str(error))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            return Event("failed", command.id, f"{command.interface}: {error}")
        return Event("done", command.id)

    def _frame(self, mine: str, command: Command) -> bytes:
        from agent.packets import frames  # noqa: PLC0415 - scapy is not loaded where nothing is sent

        ident, sequence = self.setup.ident, command.sequence
        source, target, mac = command.source, command.target, command.mac
        if command.do == "arp":
            return frames.arp_request(mine, source, target, mac)
        if command.do == "solicit":
            return frames.solicitation(mine, source, target)
        if command.do == "echo":
            return frames.echo_request(mine, source, target, mac, ident=ident, sequence=sequence)
        if command.do == "forward":
            return frames.forward_request(mine, source, mac, ident=ident, sequence=sequence)
        raise Refused(f"no command {command.do[:20]!r}")

    def _route(self, command: Command) -> None:
        raw = self.icmp.get(ip_address(command.target).version)
        if raw is None:
            raise OSError("this kernel does not speak the address family")
        from agent.packets import frames  # noqa: PLC0415 - as above

        message = frames.echo_message(command.target, self.setup.ident, command.sequence)
        raw.sendto(message, (command.target, 0))
