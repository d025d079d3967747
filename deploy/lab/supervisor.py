# SPDX-License-Identifier: Apache-2.0
"""The first process of the lab's own pid namespace: switches, cables, hosts; its end is the lab's end.

Run by `deploy.lab.lab.up` under unshare(1); talks to it by JSON lines on an inherited pipe.
"""

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from deploy.lab import host, kernel
from deploy.lab.errors import LabError
from deploy.lab.layout import Layout, read_layout

__all__ = ["main"]

_PATIENCE = 100.0


def main() -> None:
    """Build the lab, report once on --report, then stay until a signal or until --watch (a pidfd) is ready."""
    parser = argparse.ArgumentParser()
    parser.add_argument("layout")
    parser.add_argument("--rootfs", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    parser.add_argument("--watch", type=int)
    asked = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os._exit(0))
    try:
        answer = _build(read_layout(asked.layout), asked.rootfs, asked.scratch)
    except (LabError, OSError, subprocess.SubprocessError) as error:
        answer = {"error": str(error)}
    os.write(asked.report, json.dumps(answer).encode() + b"\n")
    os.close(asked.report)
    if "error" in answer:
        sys.exit(1)
    _stay(asked.watch)


def _build(layout: Layout, rootfs: Path, scratch: Path) -> dict[str, object]:
    outer = int(os.readlink("/proc/self"))
    kernel.mount("tmpfs", scratch, "size=2g,mode=755")
    go_reader, go_writer = os.pipe()
    report_reader, report_writer = os.pipe()
    ground = host.Ground(rootfs, scratch, go_reader, report_writer)
    inits = {name: host.start(name, layout, ground) for name in layout.hosts}
    _lay_cables(layout, inits)
    os.write(go_writer, b"g" * len(inits))
    os.close(report_writer)
    hosts = _collect(report_reader, len(inits))
    return {"pid": outer, "hosts": hosts}


def _lay_cables(layout: Layout, inits: dict[str, int]) -> None:
    """Make one bridge per segment and one veth per card, in one batch."""
    lines = ["link set lo up"]
    for segment in layout.segments:
        bridge = f"br-{segment}"[:15]
        lines += [f"link add {bridge} type bridge stp_state 0 mcast_snooping 0"]
        lines += [f"link set {bridge} type bridge group_fwd_mask 0x4000", f"link set {bridge} up"]
    for index, (name, machine) in enumerate(layout.hosts.items()):
        for number, nic in enumerate(machine.nics):
            port, bridge = f"p{index}-{number}", f"br-{nic.segment}"[:15]
            peer = f"name eth{number} address {nic.mac} netns {inits[name]}"
            lines += [f"link add {port} type veth peer {peer}"]
            lines += [f"link set {port} master {bridge} up"]
    no_ipv6 = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
    if no_ipv6.exists():
        no_ipv6.write_text("1")
    done = subprocess.run(
        ["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, capture_output=True, check=False
    )
    if done.returncode:
        raise LabError(
            f"ネットワークを組み立てられませんでした。 / Could not wire the lab: {done.stderr.strip()}"
        )


def _collect(reader: int, expected: int) -> dict[str, int]:
    """Wait until every host said that it is ready; LabError names the host and what it lacks."""
    hosts: dict[str, int] = {}
    problems: list[str] = []
    deadline = time.monotonic() + _PATIENCE
    buffer = b""
    while len(hosts) < expected and not problems:
        if not select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            problems.append("timeout")
            break
        buffer += os.read(reader, 65536)
        *lines, buffer = buffer.split(b"\n")
        for message in map(json.loads, lines):
            if message.get("error") or message.get("missing"):
                problems.append(f"{message['host']}: {message.get('error') or message['missing']}")
            else:
                hosts[message["host"]] = message["pid"]
    if problems:
        raise LabError(f"起動しない機器があります。 / These hosts did not come up: {'; '.join(problems)}")
    return hosts


def _stay(watch: int | None) -> None:
    """Reap until the process behind the pidfd is gone; without one, for ever."""
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        if watch is None:
            signal.pause()
        elif select.select([watch], [], [])[0]:
            os._exit(0)


def _reap(*_: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
