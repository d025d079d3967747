# SPDX-License-Identifier: Apache-2.0
"""Drives the virtual hospital: up, down, status, and what tests need of a running one.

Everything of a lab lives in one pid namespace without any link to this machine's networks, so its end is
complete even when the supervisor is killed. Functions return data and never print.
"""

import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from deploy.lab import rootfs
from deploy.lab.daemons import recording
from deploy.lab.errors import LabBusy, LabDown, LabError, LabUnavailable
from deploy.lab.host import EXITED
from deploy.lab.layout import Layout, read_layout
from deploy.lab.paths import layout_file, state_folder

__all__ = ["Counters", "Lab", "Status", "down", "execute", "running", "status", "up"]

_UP_WITHIN = 120.0
_NAMESPACES = ("unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child")


@dataclass(frozen=True, slots=True)
class Counters:
    """Frames and bytes of one card since it exists, as the kernel counts them."""

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int


class _State(msgspec.Struct, frozen=True):
    """What the state file says."""

    pid: int
    born: int
    layout: str
    hosts: dict[str, int]


class _Answer(msgspec.Struct, frozen=True):
    """What the supervisor reports once."""

    pid: int = 0
    hosts: dict[str, int] = {}
    error: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Whether a lab is up, since which layout, its hosts, and daemons that ended by themselves."""

    up: bool
    layout: str | None = None
    pid: int | None = None
    hosts: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab; `hosts` maps a name to the pid of its init as this machine sees it."""

    layout: Layout
    layout_path: Path
    pid: int
    hosts: Mapping[str, int]

    def nsenter(self, host: str, *, inside: bool = False) -> list[str]:
        """Return the argv prefix that runs a program of this machine in the host's network namespace.

        With `inside` it runs a program of the host instead: its root, mounts, name and processes.
        """
        prefix = ["nsenter", "-t", str(self._pid(host)), "-n"]
        return [*prefix, "-m", "-u", "-p", "-r", "-w", "--"] if inside else [*prefix, "--"]

    def root(self, host: str) -> Path:
        """Return the host's root folder as this machine can read it."""
        return Path(f"/proc/{self._pid(host)}/root")

    def recorded_bytes(self, host: str, port: int = 9100) -> bytes:
        """Return every byte a recorder got on this port; b'' when it never got any."""
        file = self.root(host) / recording(port).lstrip("/")
        return file.read_bytes() if file.exists() else b""

    def counters(self, host: str) -> dict[str, Counters]:
        """Return the counters of every card of a host ('eth0' …)."""
        found = _run([*self.nsenter(host), "ip", "-j", "-s", "link", "show"])
        cards = [link for link in json.loads(found) if link["ifname"].startswith("eth")]
        return {
            link["ifname"]: Counters(
                rx_packets=link["stats64"]["rx"]["packets"],
                tx_packets=link["stats64"]["tx"]["packets"],
                rx_bytes=link["stats64"]["rx"]["bytes"],
                tx_bytes=link["stats64"]["tx"]["bytes"],
            )
            for link in cards
        }

    @contextmanager
    def capture(self, host: str, file: Path, *, nic: str = "eth0", only: str = "") -> Iterator[Path]:
        """Record every frame at a host's card into a pcap file while the block runs; `only` is a BPF filter.

        Frames are cut after 2,048 bytes. Raises LabError when the kernel dropped any.
        """
        dump = [
            "tcpdump",
            "-i",
            nic,
            "-s",
            "2048",  # the ring holds whole slots of this size: a larger one drops frames in a burst
            "-B",
            "16384",
            "-U",
            "-n",
            "--immediate-mode",
            "-Z",
            "root",
            "-w",
            str(file),
            *only.split(),
        ]
        with subprocess.Popen([*self.nsenter(host), *dump], stderr=subprocess.PIPE, text=True) as process:
            try:
                _await_listening(process)
                yield file
            finally:
                time.sleep(0.1)  # frames the kernel still holds for tcpdump
                process.send_signal(signal.SIGINT)
                _, told = process.communicate(timeout=20)
            if not re.search(r"^0 packets dropped by kernel", told, re.MULTILINE):
                raise LabError(
                    f"記録に抜けがあります。もう一度実行してください。 / The capture is incomplete: {told}"
                )

    def _pid(self, host: str) -> int:
        try:
            return self.hosts[host]
        except KeyError:
            names = ", ".join(self.hosts)
            raise LabDown(
                f"{host} という機器はこの仮想病院にありません。あるのは: {names}"
                f" / This lab has no host called {host}; it has: {names}"
            ) from None


def up(
    layout: str | Path = "hospital", *, die_with: int | None = None, say: Callable[[str], None] | None = None
) -> Lab:
    """Start a lab and return when every daemon of every host is bound; `die_with` is a pid whose end ends it.

    Raises LayoutError, LabUnavailable (not root, no debootstrap…), LabBusy (one is up), LabError (did not start).
    """
    read_layout(layout)
    if os.geteuid() != 0:
        raise LabUnavailable(
            "仮想病院を動かすには管理者権限（root）が必要です。sudo で実行してください。"
            " / Running the virtual hospital needs root; run it with sudo."
        )
    tree = rootfs.build(say or (lambda _line: None))
    folder = state_folder()
    (folder / "scratch").mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        if not _take(lock.fileno()) or _read_state() is not None:
            raise LabBusy(
                "仮想病院はすでに動いています。`daicho lab down` で止めてから、もう一度実行してください。"
                " / A virtual hospital is already up; stop it with `daicho lab down`, then try again."
            )
        answer = _start(layout_file(layout).resolve(), tree, folder, die_with)
        _write_state(_State(answer.pid, _born(answer.pid), str(layout_file(layout).resolve()), answer.hosts))
    return running()


def running() -> Lab:
    """Return the lab that is up; LabDown when there is none."""
    if (state := _read_state()) is None:
        raise LabDown(
            "仮想病院は動いていません。`daicho lab up` で始められます。"
            " / No virtual hospital is up; start one with `daicho lab up`."
        )
    return Lab(read_layout(state.layout), Path(state.layout), state.pid, state.hosts)


def down() -> bool:
    """End the lab and everything in it; False when none was up."""
    state = _read_state()
    if state is None:
        return False
    networks = {name for pid in state.hosts.values() if (name := _network_of(pid))}
    descriptor = os.pidfd_open(state.pid)
    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    select.select([descriptor], [], [], 30)
    os.close(descriptor)
    _end_visitors(networks)
    (state_folder() / "state.json").unlink(missing_ok=True)
    return True


def status() -> Status:
    """Return what is up now."""
    state = _read_state()
    if state is None:
        return Status(up=False)
    ended = tuple(f"{name}: {line}" for name, pid in state.hosts.items() for line in _ended(pid))
    return Status(True, read_layout(state.layout).name, state.pid, tuple(state.hosts), ended)


def execute(host: str, command: Sequence[str], *, inside: bool = False) -> int:
    """Run a command in a host's network (or `inside` the host) on this terminal; return its exit code."""
    return subprocess.run([*running().nsenter(host, inside=inside), *command], check=False).returncode


def _start(layout: Path, tree: Path, folder: Path, die_with: int | None) -> _Answer:
    reader, writer = os.pipe()
    watch = os.pidfd_open(die_with) if die_with else None
    supervisor = [sys.executable, "-m", "deploy.lab.supervisor", str(layout), "--rootfs", str(tree)]
    supervisor += ["--scratch", str(folder / "scratch"), "--report", str(writer)]
    supervisor += ["--watch", str(watch)] if watch is not None else []
    inherited = [descriptor for descriptor in (writer, watch) if descriptor is not None]
    with (folder / "lab.log").open("wb") as log:
        process = subprocess.Popen(
            [*_NAMESPACES, *supervisor], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=inherited,
            start_new_session=True, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
    for descriptor in inherited:
        os.close(descriptor)
    try:
        answer = _report(reader, folder / "lab.log")
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = 0  # it outlives us; pid 1 of its namespace is what down() ends
    return answer


def _report(reader: int, log: Path) -> _Answer:
    deadline, text = time.monotonic() + _UP_WITHIN, b""
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while not text.endswith(b"\n"):
            ready = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]
            chunk = pipe.read(65536) if ready else b""
            if not chunk:
                raise LabError(
                    f"仮想病院を始められませんでした。記録 {log} を見てください。"
                    f" / The virtual hospital did not start; see {log}."
                )
            text += chunk
    answer = msgspec.json.decode(text, type=_Answer)
    if answer.error:
        raise LabError(answer.error)
    return answer


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_state(state: _State) -> None:
    file = state_folder() / "state.json"
    draft = file.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(file)


def _read_state() -> _State | None:
    """Return the state of a lab that still lives; a stale file counts as nothing."""
    try:
        state = msgspec.json.decode((state_folder() / "state.json").read_bytes(), type=_State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return state if _born(state.pid) == state.born else None


def _born(pid: int) -> int:
    """Return when a process started (clock ticks since boot), 0 when it is gone: pids are used again."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _ended(pid: int) -> list[str]:
    file = Path(f"/proc/{pid}/root{EXITED}")
    return file.read_text("utf-8").splitlines() if file.exists() else []


def _network_of(pid: int | str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def _end_visitors(networks: set[str]) -> None:
    """End programs of this machine that somebody started inside the lab's networks (nsenter)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _network_of(entry.name) in networks:
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue


def _await_listening(process: subprocess.Popen[str]) -> None:
    lines = []
    for line in process.stderr or ():
        lines.append(line.strip())
        if "listening on" in line:
            return
    raise LabError(
        "通信を記録できません。tcpdump が入っているか確かめてください。 / Cannot capture: " + " ".join(lines)
    )


def _run(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        raise LabUnavailable(
            f"{command[0]} がありません。util-linux を入れてください。 / {command[0]} is missing."
        )
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
