# SPDX-License-Identifier: Apache-2.0
"""What this machine can do, each line with what to do about it. Looks only; changes and sends nothing."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.vantage import disagreements, vantages
from probes.contract import OurFault

LEAST_DISK = 500 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it is well, what it means, what to do."""

    name: str
    ok: bool
    ja: str
    en: str

    def as_json(self) -> dict[str, object]:
        """The line as JSON values."""
        return asdict(self)


def examine() -> tuple[Finding, ...]:
    """Look at everything; never raises."""
    return tuple(finding for look in _LOOKS for finding in look())


def _python() -> Iterator[Finding]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding("python", True, f"Python {version}", f"Python {version}")


def may_send_frames() -> bool:
    """Whether this process has CAP_NET_RAW, as root has (capabilities(7), bit 13)."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), "0")
    return bool(int(effective, 16) & (1 << 13))


def _privilege() -> Iterator[Finding]:
    ok = may_send_frames()
    yield Finding(
        "raw packets",
        ok,
        "ARP で機器を探せます"
        if ok
        else "権限がないため TCP 接続と近隣表だけで探します。sudo を付けると ARP で探せます",
        "may find devices by ARP"
        if ok
        else "no CAP_NET_RAW: TCP connects and neighbour table only; use sudo",
    )


def _program(name: str, ja: str, en: str) -> Callable[[], Iterator[Finding]]:
    def look() -> Iterator[Finding]:
        path = shutil.which(name)
        yield Finding(name, bool(path), path or ja, path or en)

    return look


def _interfaces() -> Iterator[Finding]:
    try:
        standings = asyncio.run(vantages())
        doubts = asyncio.run(disagreements())
    except OurFault as fault:
        yield Finding(
            "networks", False, f"網の口を調べられません（{fault}）", f"cannot read interfaces ({fault})"
        )
        return
    for standing in standings:
        ways = ", ".join(standing.gateways) or "-"
        text = f"{standing.interface} {standing.address} ({standing.network}) gateway {ways}"
        yield Finding("network", standing.is_up, text, text)
    for doubt in doubts:
        yield Finding("addresses", False, doubt, doubt)


def look_at_clock() -> Iterator[Finding]:
    """Say what time this machine believes it is."""
    ok = time.time() > 1_700_000_000
    zone = "/".join(dict.fromkeys(time.tzname))
    now = time.strftime("%Y-%m-%d %H:%M")
    yield Finding(
        "clock",
        ok,
        f"{now}（時間帯 {zone}）。ずれていれば合わせてください"
        if ok
        else "時計が過去を指しています。時刻を合わせてください",
        f"{now} (zone {zone}); set it if that is wrong" if ok else "the clock is in the past; set it",
    )


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free
    ok = free > LEAST_DISK
    yield Finding(
        "disk",
        ok,
        f"空き {free >> 20} MiB"
        if ok
        else f"空きが {free >> 20} MiB しかありません。500 MiB 以上空けてください",
        f"{free >> 20} MiB free" if ok else f"only {free >> 20} MiB free; make room for 500 MiB",
    )


def look_at_fonts() -> Iterator[Finding]:
    """Say whether the fonts of the papers are there."""
    fonts = Path(__file__).parent.parent / "collector" / "static" / "vendor"
    missing = [name for name in _PAPER_FONTS if not (fonts / name).is_file()]
    yield Finding(
        "fonts",
        not missing,
        f"PDF に要る日本語の字体がありません（{'、'.join(missing)}）。npm を入れ、bash deploy/build_frontend.sh を実行してください"
        if missing
        else "書類（PDF）と画面の日本語の字体があります",
        f"fonts for PDF are missing ({', '.join(missing)}): install npm, run bash deploy/build_frontend.sh"
        if missing
        else "the Japanese fonts of papers (PDF) and pages are there",
    )


def _user() -> Iterator[Finding]:
    who = "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"
    yield Finding("user", True, who, who)


_PAPER_FONTS = (
    "BIZUDGothic-Regular.ttf",
    "BIZUDGothic-Bold.ttf",
    "NotoSansJP-Regular.ttf",
    "NotoSansJP-Bold.ttf",
)
_LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _user,
    _privilege,
    _program(
        "nmap",
        "nmap がありません（許可した機器の詳しい調べだけが省かれます）",
        "no nmap (only deep looks are left out)",
    ),
    _interfaces,
    look_at_clock,
    _disk,
    look_at_fonts,
)
