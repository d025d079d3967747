# SPDX-License-Identifier: Apache-2.0
"""Source addresses and MACs made for a test on our own interface, with consent, and taken away again.

Nothing that we make outlives us: an address carries a lifetime, so that the kernel takes it away by
itself, and is noted in a file before it is made, so that the next start takes it away sooner; a
macvlan stands in a network namespace that only a thread of ours holds, and goes when we go, also by
kill -9. What is taken away is only what the note names and what looks as we made it (one address,
/32, with a lifetime). pyroute2 (rtnetlink); no packet is sent here.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pyroute2.iproute.linux import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from agent.sockets import Make, bound_to
from agent.vantage import Standing
from probes.contract import OurFault

LIFETIME = 120  # seconds that the kernel keeps a made address without us
_FOREVER = 0xFFFFFFFF
_CLONE_NEWNET = 0x40000000
_NAME = "daicho0"
_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.asynccontextmanager
async def made_address(standing: Standing, address: str, note: Path) -> AsyncIterator[Make]:
    """Have one more address on the interface of `standing` while the block runs. Raises OurFault."""
    adding = asyncio.ensure_future(asyncio.to_thread(_add, standing, address, note))
    try:
        await asyncio.shield(adding)
        yield bound_to(address)
    finally:
        await asyncio.gather(adding, return_exceptions=True)  # its thread goes on although we were stopped
        await asyncio.to_thread(take_away, note)


def _add(standing: Standing, address: str, note: Path) -> None:
    _write(note, {"interface": standing.interface, "index": standing.index, "address": address})
    try:
        with _kernel() as kernel:
            kernel.addr(
                "add",
                index=standing.index,
                address=address,
                prefixlen=32,
                valid_lft=LIFETIME,
                preferred_lft=LIFETIME,
            )
    except (NetlinkError, OSError) as error:
        note.unlink(missing_ok=True)  # it is not ours: it was there before, or could not be made
        raise OurFault(f"address not made: {error}") from error


def take_away(note: Path) -> str:
    """Take away what an earlier or this run made and noted; gives the address, "" if there was none.

    An address that does not look as we made it is left alone. Raises OurFault; the note stays then.
    """
    try:
        made = json.loads(note.read_text("utf-8"))
        index, address = int(made["index"]), str(made["address"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OurFault(f"{note} cannot be read: {error}") from error
    try:
        with _kernel() as kernel:
            lines = kernel.get_addr(family=socket.AF_INET, index=index)
            for line in lines:
                if line["index"] == index and _is_ours(line, address):
                    kernel.addr("del", index=index, address=address, prefixlen=32)
    except (NetlinkError, OSError) as error:
        raise OurFault(f"{address} not taken away: {error}") from error
    note.unlink(missing_ok=True)
    return address


def _is_ours(line: Any, address: str) -> bool:
    lifetime = (line.get_attr("IFA_CACHEINFO") or {}).get("ifa_valid", _FOREVER)
    return bool(line.get_attr("IFA_LOCAL") == address and line["prefixlen"] == 32 and lifetime != _FOREVER)


def _write(note: Path, made: dict[str, object]) -> None:
    try:
        with note.open("w", encoding="utf-8") as file:
            json.dump(made, file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise OurFault(f"{note} cannot be written: {error}") from error


@contextlib.asynccontextmanager
async def made_mac(standing: Standing, address: str, mac: str, gateway: str | None) -> AsyncIterator[Make]:
    """Have an interface with another MAC and this address, in a namespace of our own, while the block runs.

    Sockets made by the value given stand in that namespace. Raises OurFault.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="other-mac") as inside:
        try:
            namespace = await loop.run_in_executor(inside, _leave_network)
            try:
                await asyncio.to_thread(_hand_in, standing.index, mac, namespace)
                await loop.run_in_executor(inside, _settle, address, standing.network, gateway)
            finally:
                os.close(namespace)
        except (NetlinkError, OSError) as error:
            raise OurFault(f"MAC not made: {error}") from error

        def make(family: int, kind: int, protocol: int) -> socket.socket:
            return inside.submit(socket.socket, family, kind, protocol).result()

        try:
            yield make
        finally:
            await loop.run_in_executor(inside, _take_down)


def _leave_network() -> int:
    """Put this thread into a network namespace of its own; give a descriptor of it."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for scope in ("all", "default"):  # no word of IPv6 from it: nobody asked for that
        path = Path("/proc/sys/net/ipv6/conf") / scope / "disable_ipv6"
        if path.exists():
            path.write_text("1", "ascii")
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _hand_in(parent: int, mac: str, namespace: int) -> None:
    with _kernel() as kernel:
        kernel.link(
            "add",
            ifname=_NAME,
            kind="macvlan",
            link=parent,
            macvlan_mode="private",
            address=mac,
            net_ns_fd=namespace,
        )


def _settle(address: str, network: str, gateway: str | None) -> None:
    with _kernel() as kernel:
        (index,) = kernel.link_lookup(ifname=_NAME)
        kernel.addr("add", index=index, address=address, prefixlen=int(network.rpartition("/")[2]))
        kernel.link("set", index=index, state="up")
        if gateway:
            kernel.route("add", dst="default", gateway=gateway)


def _take_down() -> None:
    with _kernel() as kernel:
        for index in kernel.link_lookup(ifname=_NAME):
            kernel.link("del", index=index)


def _kernel() -> AbstractContextManager[Any]:
    opened: AbstractContextManager[Any] = IPRoute()  # type: ignore[no-untyped-call]
    return opened
