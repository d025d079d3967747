# SPDX-License-Identifier: Apache-2.0
"""How fast captures are read, and in how much memory: our reader, and scapy's dissection of the same file.

Makes a capture of about the given size (1 GB unless told) in the temporary folder and removes it again: many
machines that talk TLS, SSH, RDP, HL7, Modbus, DNS and bulk data, each conversation whole.

    python -m deploy.bench.captures [MEGABYTES]
"""

import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_SCAPY_PACKETS = 50_000
_HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_OPENINGS = (
    (443, b"\x16\3\1\0\xc8\1\0\0\xc4\3\3" + bytes(190), b"\x16\3\3\0\x4a\2\0\0\x46\3\3" + bytes(70)),
    (22, b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"),
    (3389, bytes.fromhex("030000130ee000000000000100080003000000"), bytes.fromhex("030000130ed000000000000200080002000000")),
    (2575, b"\x0bMSH|^~\\&|LAB|H|HIS|H|202601010000||ORU^R01|1|P|2.5\r\x1c\r", b"\x0bMSH|^~\\&|HIS|H|LAB|H|2||ACK|1|P|2.5\rMSA|AA|1\r\x1c\r"),
    (502, b"\0\1\0\0\0\6\1\3\0\0\0\2", b"\0\1\0\0\0\7\1\3\4\0\0\0\0"),
    (445, b"\0\0\0\x40\xfeSMB" + bytes(60), b"\0\0\0\x40\xfeSMB" + bytes(60)),
)  # fmt: skip


def main() -> int:
    """Measure in processes of their own, so that memory is each one's; prints the figures and the ratio."""
    if sys.argv[1:2] == ["--ours"]:
        return _ours(Path(sys.argv[2]))
    size = int(float(sys.argv[1]) * 1e6) if len(sys.argv) > 1 else 1_000_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.pcap"
        count = make(path, size)
        print(f"made: {path.stat().st_size / 1e6:.0f} MB, {count} packets")
        ours = _run("deploy.bench.captures", "--ours", str(path))
        scapy = _run("agent.packets.dissection", str(path), str(_SCAPY_PACKETS))
    packets, seconds, megabytes, flows = ours
    rate, other = packets / seconds, scapy[0] / scapy[1]
    print(
        f"ours:  {rate:10.0f} packets/s ({seconds:.1f} s of one core, most memory {megabytes:.0f} MB, {flows:.0f} flows named)"
    )
    print(f"scapy: {other:10.0f} packets/s (first {scapy[0]:.0f} packets, dissection only)")
    print(f"ratio: {rate / other:10.1f}")
    return 0


def _run(*command: str) -> list[float]:
    done = subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, text=True)
    return [float(word) for word in done.stdout.split()]


def _ours(path: Path) -> int:
    from deploy.captured import read_capture  # noqa: PLC0415 - the other process must not load it
    from deploy.reading.pcap import opened  # noqa: PLC0415

    began = time.process_time()
    with path.open("rb") as file:
        gathered = read_capture(opened(file, lambda count: None)[0], path.name)
        gathered.devices()
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(gathered.dissector.frames, seconds, memory, len(gathered.flows))
    return 0


def make(path: Path, size: int) -> int:
    """Write a capture of about `size` bytes; gives the packets in it."""
    chance, count = random.Random(2026), 0
    with path.open("wb") as file:
        file.write(_HEAD)
        while file.tell() < size:
            for _ in range(200):
                records = list(_conversation(chance))
                count += len(records)
                file.write(b"".join(records))
    os.sync()
    return count


def _conversation(chance: random.Random) -> Iterator[bytes]:
    """One TCP conversation from handshake to data, or a DNS question with its answer."""
    ends = bytes((10, 0, chance.randrange(64), chance.randrange(1, 255), 10, 1, chance.randrange(4), chance.randrange(1, 255)))  # fmt: skip
    source = chance.randrange(1024, 65536)
    if chance.random() < 0.4:
        asked = b"\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\7example\2jp\0\0\1\0\1"
        yield _record(_packet(17, ends, struct.pack(">HHHH", source, 53, 8 + len(asked), 0) + asked))
        return
    port, ask, answer = chance.choice(_OPENINGS)
    back = ends[4:] + ends[:4]
    yield _record(_segment(ends, source, port, 0, 2, b""))
    yield _record(_segment(back, port, source, 0, 18, b""))
    yield _record(_segment(ends, source, port, 1, 24, ask))
    yield _record(_segment(back, port, source, 1, 24, answer))
    place, bulk = 1 + len(answer), bytes(1400)
    for _ in range(min(400, int(chance.paretovariate(0.55)))):
        yield _record(_segment(back, port, source, place, 24, bulk))
        place += len(bulk)
        if place % 2:
            yield _record(_segment(ends, source, port, 1 + len(ask), 16, b""))


def _segment(ends: bytes, source: int, target: int, place: int, flags: int, data: bytes) -> bytes:
    return _packet(
        6, ends, struct.pack(">HHIIBBHHH", source, target, place, 1, 0x50, flags, 8192, 0, 0) + data
    )


def _packet(protocol: int, ends: bytes, body: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0x4000, 64, protocol, 0)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + head + ends + body


def _record(frame: bytes) -> bytes:
    return struct.pack("<IIII", 1_700_000_000, 0, len(frame), len(frame)) + frame


if __name__ == "__main__":
    sys.exit(main())
