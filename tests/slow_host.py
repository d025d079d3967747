# SPDX-License-Identifier: Apache-2.0
"""A host behind a link that becomes slow, in a network namespace of its own: `unshare -n python -m tests.slow_host`.

A TUN device stands for the link. What we send to 10.75.0.2 comes back, late, as if 10.75.0.3 had sent it to us, and our
kernel's answer to that goes back, late, as if 10.75.0.2 had given it: so one real TCP stack talks to itself over a
link whose delay we choose. Scans the host and prints JSON.
"""

import asyncio
import fcntl
import heapq
import json
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address

from agent.plan import tcp_ports
from agent.records import Record
from agent.scope import write_scope
from agent.settings import PaceSection, ScopeSection, Settings
from agent.survey import Survey
from probes.facts import Observation, Sent

ME, HOST, MIRROR = (IPv4Address(f"10.75.0.{last}").packed for last in (1, 2, 3))
QUICK, SLOW, UNTIL = 0.02, 0.25, 6  # seconds each way and in all; handshakes until it becomes slow
_SET_TUN, _TUN, _NO_INFO = 0x400454CA, 0x0001, 0x1000


class Link(threading.Thread):
    """The link: carries packets late, and later from the `UNTIL`th handshake on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.file = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.file, _SET_TUN, struct.pack("16sH", b"slow0", _TUN | _NO_INFO))
        self.handshakes = 0
        self.waiting: list[tuple[float, bytes]] = []

    def run(self) -> None:
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            if select.select([self.file], [], [], pause)[0]:
                self._take(os.read(self.file, 4096))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                os.write(self.file, heapq.heappop(self.waiting)[1])

    def _take(self, packet: bytes) -> None:
        if packet[0] >> 4 != 4 or packet[9] != 6:
            return
        if packet[16:20] == HOST:
            self.handshakes += packet[33] & 0x12 == 2
            turned = _readdressed(packet, MIRROR, ME)
        else:
            turned = _readdressed(packet, HOST, ME)
        delay = SLOW if self.handshakes > UNTIL else QUICK
        heapq.heappush(self.waiting, (time.monotonic() + delay / 2, turned))


def _sum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data)) if len(data) % 2 == 0 else _sum_odd(data)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _sum_odd(data: bytes) -> int:
    return sum(struct.unpack(f"!{len(data) // 2 + 1}H", data + b"\0"))


def _readdressed(packet: bytes, source: bytes, target: bytes) -> bytes:
    """The same TCP packet from and to other addresses, with checksums that hold."""
    length = (packet[0] & 15) * 4
    head = packet[:10] + b"\0\0" + source + target + packet[20:length]
    head = head[:10] + struct.pack("!H", _sum(head)) + head[12:]
    tcp = packet[length:]
    tcp = tcp[:16] + b"\0\0" + tcp[18:]
    pseudo = source + target + struct.pack("!HH", 6, len(tcp))
    return head + tcp[:16] + struct.pack("!H", _sum(pseudo + tcp)) + tcp[18:]


class Lines:
    """A spool in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def put(self, records: Sequence[Record]) -> None:
        self.records += records


def _serve(port: int) -> None:
    server = socket.create_server((str(IPv4Address(ME)), port))
    while True:
        connection, _ = server.accept()
        connection.sendall(b"hello\r\n")
        connection.shutdown(socket.SHUT_WR)
        connection.close()


def main() -> None:
    """Build the link, scan the host behind it."""
    link = Link()
    for words in ("link set lo up", "addr add 10.75.0.1/24 dev slow0", "link set slow0 up"):
        subprocess.run(["ip", *words.split()], check=True)
    link.start()
    for port in tcp_ports("standard"):
        threading.Thread(target=_serve, args=(port,), daemon=True).start()
    time.sleep(0.2)
    spool = Lines()
    settings = Settings(pace=PaceSection(packets_per_host=50, connection_gap=0.0), listen_seconds=0.0)
    scope = write_scope(ScopeSection(), ["10.75.0.2/32"], (), yes_large=False)
    scan = asyncio.run(Survey(settings, scope, spool, privileged=False).run())
    plan = [one.reason for one in spool.records if isinstance(one, Observation) and one.probe == "plan"]
    sent = [one for one in spool.records if isinstance(one, Sent) and one.connections]
    print(
        json.dumps(
            {"state": scan.state, "plan": plan, "connections": len(sent), "ports": len(tcp_ports("standard"))}
        )
    )


if __name__ == "__main__":
    main()
