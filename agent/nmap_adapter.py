# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of its own around python-nmap: one JSON question on stdin, one JSON answer on stdout.

Question: `{"address", "ports", "never", "rate", "host_seconds"}`. Answer: `{"services": […]}` or
`{"error", "text"}`. Only a parsed IP address and integer ports reach nmap, with one fixed profile:
version detection, light, plain TCP connections, one at a time; never -O, never a script.
python-nmap splits its arguments like a shell, so nothing else may ever be put into them.
"""

import contextlib
import ipaddress
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nmap

NEVER = (  # ports that get no payload whatever the question says: first, last
    *((9100, 9107), (6101, 6101), (9200, 9200), (515, 515), (2575, 2575)),  # print, LPD, HL7
    *((104, 104), (2761, 2762), (4242, 4242), (11112, 11112)),  # DICOM
    *((771, 771), (2101, 2132), (4001, 4016), (10001, 10001), (30718, 30718)),  # serial servers
    *((102, 102), (502, 502), (1911, 1911), (4911, 4911), (20000, 20000), (44818, 44818)),  # controllers
)
MOST_PORTS = 32
MEMORY = 1 << 30  # bytes of address space for us and for nmap; seen to grow to 10 GB where it goes astray
_KEPT = ("name", "product", "version", "extrainfo", "cpe")
_DATA = ("/usr/share/nmap", "/usr/local/share/nmap")
_PROFILE = (
    "-sT -sV --version-light --unprivileged -Pn -n --disable-arp-ping --max-retries 1 "
    "--max-parallelism 1 --max-hostgroup 1 --scan-delay 200ms --max-rate {rate} "
    "--host-timeout {seconds}s --datadir {data}"
)


class Refused(Exception):
    """A question that must not be carried out: code and sentence."""


def main() -> int:
    """Answer one question; 0 answered, 2 bad question, 3 refused, 4 nmap failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))  # so that the temporary directory goes
    with contextlib.suppress(OSError, ValueError):  # under a lower limit, or a filter that forbids the call
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    answer: dict[str, Any]
    try:
        question = json.loads(sys.stdin.buffer.read(1 << 16))
        answer, code = {"services": look(question)}, 0
    except ValueError as error:
        answer, code = {"error": "bad_question", "text": str(error)[:300]}, 2
    except Refused as error:
        answer, code = {"error": error.args[0], "text": error.args[1]}, 3
    except (nmap.PortScannerError, OSError) as error:
        missing = "not found" in str(error)
        answer, code = {"error": "no_nmap" if missing else "nmap_failed", "text": str(error)[:300]}, 4
    os.write(1, json.dumps(answer).encode())
    return code


def look(question: Any) -> list[dict[str, Any]]:
    """Ask nmap about the ports of one host; raises ValueError, Refused, PortScannerError."""
    if not isinstance(question, dict):
        raise ValueError("the question is not an object")
    address = ipaddress.ip_address(_text(question, "address"))
    ports = _ports(question)
    rate, seconds = _number(question, "rate", 1, 10), _number(question, "host_seconds", 5, 600)
    scanner: Any = nmap.PortScanner()  # type: ignore[no-untyped-call]
    with _data_without_scripts() as data:
        profile = _PROFILE.format(rate=rate, seconds=seconds, data=data)
        result = scanner.scan(
            hosts=str(address),
            ports=",".join(map(str, ports)),
            arguments=profile + (" -6" if address.version == 6 else ""),
            timeout=seconds + 10,
        )
    return list(_services(result.get("scan", {}).get(str(address), {})))


def _text(question: Mapping[str, Any], key: str) -> str:
    value = question.get(key)
    if not isinstance(value, str) or "%" in value:  # no IPv6 zone: it may hold anything
        raise ValueError(f"{key} is not an IP address")
    return value


def _number(question: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = question.get(key, most)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{key} is not a whole number from {least} to {most}")
    return value


def _ports(question: Mapping[str, Any]) -> tuple[int, ...]:
    ports, never = question.get("ports"), question.get("never", [])
    if not isinstance(ports, list) or not 0 < len(ports) <= MOST_PORTS:
        raise ValueError(f"ports is not a list of 1 to {MOST_PORTS} ports")
    if not isinstance(never, list):
        raise ValueError("never is not a list of ports")
    for port in (*ports, *never):
        if type(port) is not int or not 0 < port < 65536:
            raise ValueError(f"{port!r} is not a port"[:80])
    held = sorted(port for port in set(ports) if port in never or _is_never(port))
    if held:
        raise Refused("never_send", f"ports that get no bytes: {', '.join(map(str, held))}")
    return tuple(sorted(set(ports)))


def _is_never(port: int) -> bool:
    return any(first <= port <= last for first, last in NEVER)


@contextlib.contextmanager
def _data_without_scripts() -> Iterator[str]:
    """Give a data directory of nmap with an empty script database: -sV alone would run scripts."""
    source = next((Path(path) for path in _DATA if Path(path, "nse_main.lua").is_file()), None)
    if source is None:
        raise FileNotFoundError("the data files of nmap were not found")
    with tempfile.TemporaryDirectory(prefix="deep-look-") as made:
        for entry in source.iterdir():
            if entry.name != "scripts":
                Path(made, entry.name).symlink_to(entry)
        Path(made, "scripts").mkdir()
        Path(made, "scripts", "script.db").touch()
        yield made


def _services(host: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for port, row in sorted(host.get("tcp", {}).items()):
        if row.get("state") == "open":
            texts = {key: str(row.get(key, ""))[:300] for key in _KEPT}
            yield {"port": int(port), "probed": str(row.get("conf", "")) == "10", **texts}


if __name__ == "__main__":
    sys.exit(main())
