# SPDX-License-Identifier: Apache-2.0
"""Never two scans of one segment at once on this machine, whichever program and user started them.

Each network being scanned stands as an abstract socket of this network namespace (unix(7)); the kernel
takes it away with its process, however that ends, and everybody may read who is there.
"""

import contextlib
import itertools
import os
import socket
from collections.abc import Iterator, Sequence
from ipaddress import collapse_addresses, ip_network
from pathlib import Path

from agent.refusal import Refusal
from agent.scope import Network

_PREFIX = "daicho.scan/"
_TABLE = Path("/proc/net/unix")
_numbers = itertools.count()


@contextlib.contextmanager
def hold(networks: Sequence[Network]) -> Iterator[None]:
    """Hold these networks while a scan runs; raises Refusal where another scan has some of them.

    The loopback is not held: it is nobody else's. Two that begin in the same moment may both be refused.
    """
    wanted = [*_merged(networks, 4), *_merged(networks, 6)]
    mine = f"{_PREFIX}{os.getpid()}.{next(_numbers)}/"
    with contextlib.ExitStack() as stack:
        for network in wanted:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            sock.bind(f"\0{mine}{network}")
        others = [network for name, network in _held() if name != mine]
        for network in wanted:
            if taken := next(
                (o for o in others if o.version == network.version and o.overlaps(network)), None
            ):
                raise _busy(network, taken)
        yield


def _merged(networks: Sequence[Network], version: int) -> list[Network]:
    found = [n for n in networks if n.version == version and not n.is_loopback]
    return list(collapse_addresses(found))  # type: ignore[type-var]


def _held() -> Iterator[tuple[str, Network]]:
    """Give (holder, network) of every scan of this network namespace; lines that say nothing to us are passed by."""
    try:
        lines = _TABLE.read_text("utf-8", "replace").splitlines()
    except OSError:  # a hardened machine hides it: then the state folder's lock is the only one
        return
    for line in lines:
        _, found, rest = line.partition(f"@{_PREFIX}")
        holder, _, network = rest.partition("/")
        if found:
            with contextlib.suppress(ValueError):
                yield f"{_PREFIX}{holder}/", ip_network(network)


def _busy(wanted: Network, taken: Network) -> Refusal:
    return Refusal(
        f"{wanted} は、この機械で動いている別の調べ（{taken}）の範囲に入っています。同じ網を同時に2つは調べません。"
        "先の調べが終わってから、もう一度実行してください。何も送信していません。",
        f"{wanted} is being scanned by this machine already ({taken}); one network is never scanned twice at once. "
        "Run it again when the other scan has ended. Nothing was sent.",
    )
