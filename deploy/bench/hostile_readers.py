# SPDX-License-Identifier: Apache-2.0
"""Feeds generated inputs to every reader: `python -m deploy.bench.hostile_readers --inputs N [--seed S] [--seconds T]`.

With `--seconds` it ends then, however many inputs that were. Reports crashes (anything but Malformed), readings over 100 ms and the memory it took. Inputs are recordings,
examples and grammar seeds, changed at random; the same seed gives the same inputs. An input that found
something is written to `--keep FOLDER`, so that it can become a recording or a test.
"""

import argparse
import functools
import gc
import io
import itertools
import random
import resource
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from deploy.captured import read_capture
from probes import command_output, labels, structured, wording
from probes.all_flows import recognise_flow
from probes.all_probes import Probe, all_probes
from probes.capture.flow import Flow
from probes.capture.hearing import listen
from probes.capture.records import Capture
from probes.contract import Line, Malformed, Transcript, parse_transcript
from probes.patterns import compiled
from probes.recognise import recognise
from probes.rows import all_rows
from probes.walk import Walk, facts_of

RECORDINGS = Path(__file__).parents[2] / "tests" / "transcripts"
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
_LONGEST = 0.1  # seconds
_MOST_SIZE = 16384  # bytes of one input
_LOOK = 1000  # inputs between two looks at the clock and the memory
_TELL = 1_000_000  # inputs between two lines of progress
_OUTPUTS = Path(__file__).parents[2] / "tests" / "command_outputs.yaml"
_SEEDS_OF_WALKS = (
    b"1.3.6.1.2.1.1.1.0|4|Box 9, Version 1.2.3\n1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1\n1.3.6.1.2.1.4.20.1.2.10.0.0.1|2|1",
    b"1.3.6.1.2.1.47.1.1.1.1.5.1|2|3\n1.3.6.1.2.1.47.1.1.1.1.11.1|4x|414243\n1.3.6.1.4.1.99.1.0|4e|\\x41\\x42",
)
_SEEDS_OF_COMMANDS = (
    b"Cisco IOS Software, C9 Software (C9-M), Version 15.9(1)T\nProcessor board ID FTX9999A9ZZ\nr1 uptime is 1 day\n",
    b'NAME: "Chassis", DESCR: "x"\nPID: Z9 , VID: V0 , SN: FTX9\nMod Ports Serial No.\n--- ----- ----------\n1 2 SAL9999\n',
    b'{"serialNumber": "Z9"}\n<serial-number>Z9</serial-number>\nModel Name ........ ZZ-9\n',
)

Read = Callable[[bytes], object]


def main() -> int:
    """Feed; returns 1 where something was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    readers = dict(_readers())
    for read, seeds in readers.values():
        for seed in seeds:  # tables and patterns are made ready at first use, which is not the input's doing
            _feed(read, seed)
    gc.freeze()  # the tables stay; looking through them again and again is not the input's doing either
    seen = _Seen(len(readers))
    for number, (name, data) in enumerate(_inputs(readers, random.Random(asked.seed), asked.inputs)):
        if number % _LOOK == 0:
            if seen.seconds() >= asked.seconds:
                break
            seen.look(number, more=2 * number <= asked.inputs and 2 * seen.seconds() <= asked.seconds)
        fault, spent = _feed(readers[name][0], data)
        if fault.startswith("slow"):  # once more: something else in the process may have been why
            fault, spent = _feed(readers[name][0], data)
        seen.slowest = max(seen.slowest, (spent, name))
        if fault:
            seen.found[f"{name}: {fault}"] += 1
            _keep(asked.keep, name, number, data)
        seen.number = number + 1
    seen.tell()
    for what, times in seen.found.most_common(50):
        print(f"{times:8d}  {what}")
    print(f"crashes and readings over 100 ms: {seen.found.total()}")
    return 1 if seen.found else 0


class _Seen:
    """What was found so far."""

    def __init__(self, readers: int) -> None:
        self.readers, self.number, self.found, self.slowest = readers, 0, Counter[str](), (0.0, "")
        self.before = self.half = _most_memory()
        self.began, self.worked = time.monotonic(), time.process_time()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def look(self, number: int, *, more: bool) -> None:
        """Look at the memory; tell what was seen, now and then."""
        if more:
            self.half = _most_memory()
        if number and number % _TELL == 0:
            self.tell()

    def tell(self) -> None:
        """Print where we are."""
        most = _most_memory()
        worked = time.process_time() - self.worked
        print(
            f"{self.number} inputs over {self.readers} readers in {self.seconds():.0f} s, {worked:.0f} s of a processor"
        )
        print(f"slowest reading {1000 * self.slowest[0]:.1f} ms ({self.slowest[1]})")
        print(
            f"memory grew by {(most - self.before) / 1024:.0f} MB at most, "
            f"{(most - self.half) / 1024:.0f} MB of it in the second half, to {most / 1024:.0f} MB; "
            f"found {self.found.total()}",
            flush=True,
        )


def _inputs(
    readers: dict[str, tuple[Read, list[bytes]]], chance: random.Random, count: int
) -> Iterator[tuple[str, bytes]]:
    """Give one input for each reader in turn, and so on."""
    for name in itertools.islice(itertools.cycle(sorted(readers)), count):
        yield name, _changed(chance, chance.choice(readers[name][1]))


def _most_memory() -> int:
    """Give the most memory that we ever held, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _feed(read: Read, data: bytes) -> tuple[str, float]:
    """Give what went wrong ("" if nothing) and the seconds of our own processor time it took."""
    began, fault = time.process_time(), ""
    try:
        read(data)
    except Malformed:
        fault = ""
    except Exception as error:
        fault = f"{type(error).__name__}: {str(error)[:80]}"
    spent = time.process_time() - began
    return fault or (f"slow: {1000 * spent:.0f} ms" if spent > _LONGEST else ""), spent


def _readers() -> Iterator[tuple[str, tuple[Read, list[bytes]]]]:
    """Every reader by name, with the seeds of its inputs."""
    for name, probe in all_probes().items():
        seeds = [data for path in sorted((RECORDINGS / name).glob("*.txt")) for data in _heard(path)]
        yield f"probe {name}", (functools.partial(_probe, probe), seeds or [b""])
    for channel in sorted({row.channel for row in all_rows()} | {*wording.channels(), *structured.READINGS}):
        texts = [
            example["text"].encode()
            for row in all_rows()
            if row.channel == channel
            for example in row.examples.matches
        ]
        yield f"recognise {channel}", (functools.partial(_recognise, channel), texts or [b"Server/1.2"])
    frames = [data[1:] for name in ("mdns", "ssdp", "dns_heard", "lldp") for data in _seeds_of(name)]
    yield "capture pcap", (_capture, [_FILE + struct.pack("<IIII", 0, 0, len(f), len(f)) + f for f in frames])
    said = [data[1:] for name in all_probes() for data in _seeds_of(name)]
    for transport in ("tcp", "udp", "gre", "ethernet"):
        yield f"flow {transport}", (functools.partial(_flow, transport), said)
    yield "walk", (_walk, list(_SEEDS_OF_WALKS))
    for family in command_output.families():
        for pattern in family.fields:
            compiled(pattern)  # beforehand, as in the command
    shown = [row["text"].encode() for row in yaml.safe_load(_OUTPUTS.read_text("utf-8"))]
    yield "command", (_command, [*_SEEDS_OF_COMMANDS, *shown])
    yield "labels", (_labels, list(_SEEDS_OF_COMMANDS))


def _seeds_of(name: str) -> list[bytes]:
    return [data for path in sorted((RECORDINGS / name).glob("*.txt")) for data in _heard(path)]


def _capture(data: bytes) -> object:
    file = io.BytesIO(data)
    gathered = read_capture(Capture(file.read), "generated")
    return gathered.devices()


def _flow(transport: str, data: bytes) -> object:
    """Read a flow whose ports are the first bytes, and whose second half is the answer."""
    ports = int.from_bytes(data[:2], "big"), (22, 53, 161, 443, 500, 502, 1194, 44818)[len(data) % 8]
    sent, answered = data[2 : len(data) // 2], data[len(data) // 2 :]
    flow = Flow(
        transport, "192.0.2.1", ports[0], "192.0.2.2", ports[1], (sent,), (answered,), True, 0x8892, 0.0, sent, answered
    )  # fmt: skip
    return tuple(listen(flow, recognise_flow(flow)))


def _probe(probe: Probe, data: bytes) -> object:
    return probe.read(_transcript(data))


def _recognise(channel: str, data: bytes) -> object:
    return recognise(channel, _text(data))


def _walk(data: bytes) -> object:
    return facts_of(Walk.of([data]))


def _command(data: bytes) -> object:
    """Read an output as that of one of the families, by its length; of none for one in so many."""
    named = ["", *(one.platforms.partition("|")[0] for one in command_output.families())]
    return command_output.read(named[len(data) % len(named)], "show version", _text(data))


def _labels(data: bytes) -> object:
    return labels.labelled(_text(data))


def _heard(path: Path) -> Iterator[bytes]:
    transcript = parse_transcript(path.read_text("utf-8"))
    yield b"\0\1\2\3".join(line.mark.encode() + line.data for line in transcript.lines if line.mark != ">")


def _transcript(data: bytes) -> Transcript:
    lines = (part for part in data.split(b"\0\1\2\3"))
    return Transcript(tuple(Line("~" if part[:1] == b"~" else "<", part[1:]) for part in lines))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _changed(chance: random.Random, seed: bytes) -> bytes:
    """Change a seed in one of seven ways, at most thrice."""
    data = seed
    for _ in range(chance.randint(1, 3)):
        at, other = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
        way = chance.randrange(7)
        if way == 0:
            data = data[:at]
        elif way == 1:
            data = (
                data[:at]
                + bytes((chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))),))
                + data[at + 1 :]
            )
        elif way == 2:
            data = data[: min(at, other)] + data[max(at, other) :]
        elif way == 3:
            data = data[:at] + data[at : at + chance.randint(1, 40)] * chance.randint(2, 200) + data[at:]
        elif way == 4:
            data = data[:at] + chance.randbytes(chance.randrange(40)) + data[at:]
        elif way == 5:
            data = chance.randbytes(chance.randrange(len(data) * 2 + 40))
        else:
            data = data[:at] + data[other:] + data[:at]
        data = data[:_MOST_SIZE]
    return data


def _keep(folder: Path | None, name: str, number: int, data: bytes) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name.replace(' ', '_').replace('/', '_')}-{number}.bin").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
