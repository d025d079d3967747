# SPDX-License-Identifier: Apache-2.0
"""One host of the lab: the init process that holds its namespaces and runs its daemons.

`start` forks it from the supervisor. When it dies, the kernel ends every daemon of that host; when the
supervisor's pid namespace ends, the kernel ends this one.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from deploy.lab import kernel
from deploy.lab.daemons import File, Port, Recipe
from deploy.lab.layout import Host, Layout, Nic

__all__ = ["EXITED", "Ground", "start"]

EXITED = "/run/lab/exited"
_LOGS = Path("/var/log/lab")
_READY_WITHIN = 120.0
_NAMESPACES = (
    kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWPID
)
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
    "LC_ALL": "C",
}
_DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}


@dataclass(frozen=True, slots=True)
class Ground:
    """What every host is built on: the shared root file system, a tmpfs for changes, two pipes."""

    rootfs: Path
    scratch: Path
    go: int
    report: int


@dataclass(slots=True)
class _Running:
    """Daemons by pid, and the ports we wait for."""

    names: dict[int, str] = field(default_factory=dict)
    ports: list[Port] = field(default_factory=list)
    leased: bool = True

    def missing(self) -> list[str]:
        """Return what is not there yet: ports that are not bound, an address not leased."""
        self.leased = self.leased or Path("/run/lab/leased").exists()
        names = [
            f"{port.number}/{port.transport}"
            for port in self.ports
            if port.number not in _bound(port.transport)
        ]
        return names if self.leased else [*names, "dhcp"]


def start(name: str, layout: Layout, ground: Ground) -> int:
    """Fork a host into namespaces of its own; return the pid of its init as this process sees it."""
    reader, writer = os.pipe()
    if middle := os.fork():
        os.close(writer)
        with os.fdopen(reader) as answer:
            pid = int(answer.read())
        os.waitpid(middle, 0)
        return pid
    kernel.unshare(_NAMESPACES)
    if inner := os.fork():
        os.write(writer, str(inner).encode())
        os._exit(0)
    os.close(writer)
    os.close(reader)
    return _be_host(name, layout, ground)


def _be_host(name: str, layout: Layout, ground: Ground) -> NoReturn:
    try:
        outer = int(os.readlink("/proc/self"))
        recipes = _recipes(name, layout)
        _prepare(name, layout, ground)
        os.read(ground.go, 1)
        running = _bring_up(layout, layout.hosts[name], recipes)
        missing = _wait_for(running)
        _greet_router(layout.hosts[name])
        _tell(ground, {"host": name, "pid": outer, "missing": missing + _last_words(missing)})
        _reap(running)
    except BaseException:  # the last frame of a forked process: report, then end it
        _tell(ground, {"host": name, "error": traceback.format_exc(limit=-3)})
    finally:
        os._exit(1)


def _tell(ground: Ground, message: dict[str, object]) -> None:
    os.write(ground.report, (json.dumps(message)[:4000] + "\n").encode())


def _prepare(name: str, layout: Layout, ground: Ground) -> None:
    """Take a root of our own: overlay, /dev, /proc, /run; then write the files of all daemons."""
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    socket.sethostname(name)
    _settle_ipv6(layout.hosts[name])
    root = ground.scratch / name / "root"
    upper, work = root.with_name("upper"), root.with_name("work")
    for folder in (root, upper, work):
        folder.mkdir(parents=True)
    kernel.mount("overlay", root, f"lowerdir={ground.rootfs},upperdir={upper},workdir={work}")
    kernel.mount("tmpfs", root / "run", "mode=755")
    kernel.mount("tmpfs", root / "dev", "mode=755")
    _make_devices(root / "dev")
    os.chroot(root)
    os.chdir("/")
    kernel.mount("proc", Path("/proc"))
    kernel.mount("sysfs", Path("/sys"))
    _write_identity(name, layout)


def _make_devices(dev: Path) -> None:
    for name, (major, minor) in _DEVICES.items():
        kernel.make_device(dev / name, major, minor)
    kernel.make_device(dev / "net" / "tun", 10, 200)
    (dev / "pts").mkdir()
    kernel.mount("devpts", dev / "pts", "newinstance,ptmxmode=0666,mode=620")
    (dev / "ptmx").symlink_to("pts/ptmx")
    (dev / "fd").symlink_to("/proc/self/fd")
    (dev / "shm").mkdir(mode=0o1777)


def _settle_ipv6(host: Host) -> None:
    for scope in ("all", "default"):
        folder = Path("/proc/sys/net/ipv6/conf") / scope
        if folder.is_dir():
            (folder / "disable_ipv6").write_text("0" if host.ipv6 else "1")
            (folder / "accept_dad").write_text("0")


def _write_identity(name: str, layout: Layout) -> None:
    _LOGS.mkdir(parents=True, exist_ok=True)
    Path("/run/lab").mkdir(parents=True)
    Path("/etc/hostname").write_text(name + "\n")
    Path("/etc/resolv.conf").write_text("")
    own = "".join(f"{address} {name}\n" for address in layout.place(name).addresses[:1])
    Path("/etc/hosts").write_text("127.0.0.1 localhost\n" + own)


def _recipes(name: str, layout: Layout) -> dict[str, Recipe]:
    """Make keys and configurations while this machine's Python can still be reached (imports are lazy)."""
    place = layout.place(name)
    return {
        f"{number}-{type(daemon).__name__.lower()}": daemon.recipe(place)
        for number, daemon in enumerate(layout.hosts[name].daemons)
    }


def _bring_up(layout: Layout, host: Host, recipes: dict[str, Recipe]) -> _Running:
    _configure_network(layout, host)
    running = _Running()
    for name, recipe in recipes.items():
        _launch(name, recipe, running)
    if any(nic.ip == "dhcp" for nic in host.nics):
        running.leased = False
        client = ("udhcpc", "-f", "-i", "eth0", "-t", "30", "-T", "1", "-s", "/etc/lab/dhcp")
        again = ("sh", "-c", f"while :; do {' '.join(client)} -q; sleep {_AWAKE}; done")
        _spawn("dhcp", again if host.wakes else client, running)
    return running


def _configure_network(layout: Layout, host: Host) -> None:
    net = Path("/proc/sys/net/ipv4")
    (net / "ip_forward").write_text("1" if host.forwards else "0")
    (net / "conf/all/rp_filter").write_text("0")
    (net / "ping_group_range").write_text("0 2147483647")
    lines = ["link set lo up"]
    for number, nic in enumerate(host.nics):
        kernel.write_checksums_ourselves(f"eth{number}")
        (net / f"conf/eth{number}/rp_filter").write_text("0")
        (net / f"conf/eth{number}/proxy_arp").write_text("1" if host.proxy_arp else "0")
        lines += _card_lines(f"eth{number}", layout.interface(nic), only_arp=host.answers == "arp")
        lines += _more_lines(f"eth{number}", layout.interface(nic), nic)
    lines += [line for name, text in host.bridges.items() for line in _bridge_lines(name, text)]
    lines += [f"route add {network} via {via}" for network, via in host.routes.items()]
    lines += [f"route add default via {host.gateway}"] if host.gateway else []
    lines += ["route add blackhole default"] if host.answers == "arp" else []
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)
    Path("/etc/lab").mkdir(exist_ok=True)
    _write(File("/etc/lab/dhcp", _DHCP_SCRIPT, 0o755))


def _card_lines(interface: str, address: str, *, only_arp: bool) -> list[str]:
    """Return `ip` lines for a card; with no route back a host answers ARP and nothing else."""
    text = f"{address.partition('/')[0]}/32" if only_arp else address
    return [f"link set {interface} up", *([f"addr add {text} brd + dev {interface}"] if text else [])]


def _more_lines(interface: str, address: str, nic: Nic) -> list[str]:
    """Return `ip` lines for aliases, and for virtual addresses on a card of their own (as keepalived's use_vmac)."""
    prefix = address.partition("/")[2]
    lines = [f"addr add {ip}/{prefix} dev {interface}" for ip in nic.aliases]
    for number, (mac, ip) in enumerate(nic.virtual.items()):
        name = f"v{number}{interface}"
        lines += [f"link add {name} link {interface} address {mac} type macvlan mode private"]
        lines += [f"addr add {ip}/32 dev {name}", f"link set {name} up"]
    return lines


def _bridge_lines(name: str, address: str) -> list[str]:
    """Return `ip` lines for a bridge with nobody on it, up because one end of a cable is plugged in."""
    stub, end = f"s{name}"[:14], f"e{name}"[:14]
    return [
        f"link add {name} type bridge",
        f"addr add {address} brd + dev {name}",
        f"link add {stub} type veth peer name {end}",
        f"link set {stub} master {name} up",
        f"link set {end} up",
        f"link set {name} up",
    ]


def _greet_router(host: Host) -> None:
    """Say one word to the gateway, as every living host does, so that its ARP table knows us."""
    if host.gateway and host.answers == "all":
        subprocess.run(["ping", "-c1", "-w10", host.gateway], stdout=subprocess.DEVNULL, check=False)


_AWAKE = 5  # seconds that a client that wakes is content with its lease
_DHCP_SCRIPT = """#!/bin/sh
case "$1" in
bound|renew)
  ip addr replace "$ip/$mask" dev "$interface"
  ip route replace default via "$router"
  touch /run/lab/leased ;;
esac
"""


def _launch(name: str, recipe: Recipe, running: _Running) -> None:
    for file in recipe.files:
        _write(file)
    for command in recipe.before:
        with (_LOGS / f"{name}.log").open("ab") as log:
            subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_ENVIRONMENT, check=True
            )
    for number, command in enumerate(recipe.commands):
        _spawn(f"{name}.{number}" if number else name, command, running)
    if recipe.serve:
        _fork(name, recipe.serve, running)
    running.ports.extend(recipe.ready)


def _write(file: File) -> None:
    path = Path(file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content if isinstance(file.content, bytes) else file.content.encode())
    path.chmod(file.mode)


def _spawn(name: str, command: Iterable[str], running: _Running) -> None:
    with (_LOGS / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            tuple(command),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_ENVIRONMENT,
            start_new_session=True,
        )
    running.names[process.pid] = name
    process.returncode = 0  # _reap waits for it, not this object


def _fork(name: str, serve: Callable[[], None], running: _Running) -> None:
    if pid := os.fork():
        running.names[pid] = name
        return
    try:
        serve()
    except BaseException:  # the last frame of a forked process: say why, then end it
        (_LOGS / f"{name}.log").write_text(traceback.format_exc())
    os._exit(1)


def _wait_for(running: _Running) -> list[str]:
    """Return what is still missing when patience ends; [] means that the host is ready."""
    deadline = time.monotonic() + _READY_WITHIN
    while (missing := running.missing()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return missing


def _last_words(missing: list[str]) -> list[str]:
    """Return the last line of every daemon's log when something is missing, to find out why."""
    logs = sorted(_LOGS.glob("*.log")) if missing else []
    texts = {log.stem: log.read_text("utf-8", "replace").strip().rpartition("\n")[2] for log in logs}
    return [f"{name}: {text[:200]}" for name, text in texts.items() if text]


def _bound(transport: str) -> set[int]:
    """Return local ports that listen (tcp) or are bound (udp) in this network namespace."""
    found = set()
    for table in (transport, f"{transport}6"):
        lines = Path("/proc/self/net", table).read_text().splitlines()[1:] if _has(table) else []
        for line in lines:
            local, _, state = line.split()[1:4]
            if transport == "udp" or state == "0A":
                found.add(int(local.rpartition(":")[2], 16))
    return found


def _has(table: str) -> bool:
    return Path("/proc/self/net", table).exists()


def _reap(running: _Running) -> None:
    """Be init until the end: collect the dead, write down daemons that should still live."""
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            signal.pause()
            continue
        if name := running.names.pop(pid, None):
            with Path(EXITED).open("a") as out:
                out.write(f"{name} {os.waitstatus_to_exitcode(status)}\n")
            sys.stderr.write(f"daemon ended: {name} {status}\n")
