# SPDX-License-Identifier: Apache-2.0
"""A real collector for benches: `daicho serve` as a process of its own on loopback, measured and killed from outside."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from deploy.bench.forked import Forked
from deploy.lab.errors import LabUnavailable

READY_WITHIN = 60.0


def free_port() -> int:
    """Give a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class CollectorProcess:
    """`daicho serve` on one ledger and one port; may be killed and started again."""

    def __init__(self, target: str, state: Path, port: int = 0, *, forked: bool = False) -> None:
        self.target, self.state, self.port, self.forked = target, state, port or free_port(), forked
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.restarts = 0

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, come back when it answers. Raises LabUnavailable."""
        arguments = ["serve", "--ledger", self.target, "--port", str(self.port)]
        more = {"XDG_STATE_HOME": str(self.state)}
        if self.forked:
            self.process = Forked("deploy", arguments, more)
        else:
            command = [sys.executable, "-m", "deploy", *arguments]
            nowhere = subprocess.DEVNULL
            self.process = subprocess.Popen(command, env=os.environ | more, stdout=nowhere, stderr=nowhere)
        if wait:
            self.await_ready()

    def await_ready(self) -> None:
        """Come back when it answers."""
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            if self.process is None or self.process.poll() is not None:
                break
            if answers(self.port):
                return
            time.sleep(0.05)
        raise LabUnavailable("台帳サーバーが立ち上がりません / the collector does not come up")

    def kill(self) -> None:
        """End it by SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        """End it as a person would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)

    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    def memory(self) -> int:
        """Give the most bytes that were resident so far."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text("ascii", "replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def processor(self) -> float:
        """Give the seconds of processor time that it has used so far."""
        assert self.process is not None
        fields = (
            Path(f"/proc/{self.process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers(port: int) -> bool:
    """Whether a collector answers on this port of loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
