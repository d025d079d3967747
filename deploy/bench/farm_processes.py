# SPDX-License-Identifier: Apache-2.0
"""The processes that the farms' benchmark starts: recorded devices on loopback, and a honeypot beside them."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.bench.recorded import DATA, rows_of

_START_SECONDS, _STOP_SECONDS = 60.0, 20.0
_CANARY_PORTS = {"ftp": 21, "ssh": 22, "telnet": 23, "http": 80, "mysql": 3306, "vnc": 5900, "rdp": 3389}
_FIRST_OF_A_SERVICE = 2000
_ATTEMPT = {
    2000,
    2001,
    3001,
    4002,
    6001,
    7001,
    8001,
    9001,
    9002,
    12001,
    20001,
}  # OpenCanary's logins by logtype
_NAMED = (
    "USERNAME",
    "PASSWORD",
)  # it also writes down who asks RDP for its security, by name if one was given


@dataclass(frozen=True, slots=True)
class Farm:
    """One farm script, what it serves, and where it writes which address is what and what each received."""

    script: str
    arguments: tuple[str, ...]
    mapped: Path
    log: Path

    def map(self) -> list[dict[str, Any]]:
        """Which address serves which row."""
        return rows_of(self.mapped)

    def counted(self) -> list[dict[str, Any]]:
        """What each address received; there once the farm has ended."""
        return rows_of(self.log)

    def networks(self) -> list[str]:
        """Each address for itself: of a network the edges would be left out as nobody's."""
        return [f"{row['ip']}/32" for row in self.map()]


@contextlib.contextmanager
def farm_running(farm: Farm) -> Iterator[Farm]:
    """Serve until the block ends; the counts are written then. Raises RuntimeError if it does not start."""
    command = [sys.executable, str(DATA / "judge" / f"{farm.script}.py"), *farm.arguments]
    command += ["--map", str(farm.mapped), "--log", str(farm.log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # a pipe was asked for
        try:
            if not process.stdout.readline().startswith("serving"):
                raise RuntimeError(f"{farm.script} did not start")
            yield farm
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


@contextlib.contextmanager
def canary_running(venv: str, folder: Path, address: str) -> Iterator[Path | None]:
    """Run OpenCanary at `address`; gives its log, None where there is no OpenCanary."""
    if not venv:
        yield None
        return
    place, log = folder / "canary", folder / "canary.log"
    place.mkdir()
    (place / "opencanary.conf").write_text(json.dumps(_canary_settings(address, log)), "utf-8")
    tac = Path(venv) / "bin" / "opencanary.tac"
    command = [str(Path(venv) / "bin" / "twistd"), "-n", "-y", str(tac), "--pidfile", str(place / "pid")]
    errors = (place / "errors").open("wb")
    with errors, subprocess.Popen(command, cwd=place, stdout=errors, stderr=errors) as process:
        try:
            _wait_for_log(log, process)
            yield log
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)


def _canary_settings(address: str, log: Path) -> dict[str, Any]:
    settings: dict[str, Any] = {"device.node_id": "beside-the-farms", "device.listen_addr": address}
    for service, port in _CANARY_PORTS.items():
        settings |= {f"{service}.enabled": True, f"{service}.port": port}
    settings |= {"http.skin": "basicLogin", "ssh.version": "SSH-2.0-OpenSSH_9.2p1 Debian-2"}
    settings["ftp.banner"] = "FTP server ready"
    handler = {"class": "logging.FileHandler", "filename": str(log)}
    settings["logger"] = {
        "class": "PyLogger",
        "kwargs": {"formatters": {"plain": {"format": "%(message)s"}}, "handlers": {"file": handler}},
    }
    return settings


def _wait_for_log(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until it has written that it runs."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if log.is_file() and "running" in log.read_text("utf-8", "replace"):
            return
        time.sleep(0.2)
    raise RuntimeError("OpenCanary did not start")


def canary_attempts(log: Path) -> tuple[list[dict[str, Any]], int]:
    """Give the lines that tell of an attempt to log in, and how many lines tell of anything at all."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    seen = [row for row in rows if row.get("logtype", 0) >= _FIRST_OF_A_SERVICE]
    named = [row for row in seen if any(row.get("logdata", {}).get(name) for name in _NAMED)]
    return [row for row in seen if row["logtype"] in _ATTEMPT or row in named], len(seen)
