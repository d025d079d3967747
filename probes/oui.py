# SPDX-License-Identifier: Apache-2.0
"""Who made a network interface: the IEEE registry by MAC address, and the addresses nobody made.

The registry is the text file inside the package `pymanuf`, lines `00:00:0C<tab><tab>maker` and
`00:1B:C5:00:10:00/36<tab>maker`. It is kept as bytes (2 MB) and searched; the package itself is
not imported, because that builds a table of everything.
"""

import functools
import importlib.util
import re
from pathlib import Path

_MAC = re.compile(r"[0-9a-f]{12}", re.ASCII)
_LOCAL, _GROUP = 0x02, 0x01  # bits of the first octet, IEEE 802
_PORTS_APART = 3  # the first and the last of the four ports of one card

# First hex digits of addresses that software gives out, longest first where they overlap.
_VIRTUAL = {
    "00005e0001": "vrrp",  # RFC 5798, also CARP
    "00005e0002": "vrrp",
    "00000c07ac": "hsrp",
    "00000c9ff": "hsrp",
    "000573a00": "hsrp",
    "0007b400": "glbp",
    "000569": "vmware",
    "000c29": "vmware",
    "001c14": "vmware",
    "005056": "vmware",
    "00155d": "hyper-v",
    "00163e": "xen",
    "001c42": "parallels",
    "080027": "virtualbox",
    "525400": "qemu",
    "bc2411": "proxmox",
    "506b8d": "nutanix",
    "0242": "docker",
    "02bf": "nlb",
    "03bf": "nlb",
}


class NoRegistry(Exception):
    """The package that carries the IEEE registry is not installed."""


def maker_of(mac: str) -> str | None:
    """Registered maker of this MAC, as the registry writes it.

    None for unknown, locally administered and group addresses, and for text that is no MAC.
    Raises NoRegistry if the registry's package is missing.
    """
    digits = _digits(mac)
    if digits is None or int(digits[:2], 16) & (_LOCAL | _GROUP):
        return None
    return _registered(digits[:9])


def is_random(mac: str) -> bool:
    """Whether the address is locally administered and not one that known software gives out."""
    digits = _digits(mac)
    if digits is None or virtual_kind(mac):
        return False
    first = int(digits[:2], 16)
    return bool(first & _LOCAL) and not first & _GROUP


def are_neighbours(one: str, other: str) -> bool:
    """Whether both stand in one maker's block with numbers as near as those of one card's ports.

    False for equal ones and for addresses that nobody made: random, group and software's own.
    """
    mine, theirs = _digits(one), _digits(other)
    if mine is None or theirs is None or mine[:6] != theirs[:6] or virtual_kind(one) or virtual_kind(other):
        return False
    if int(mine[:2], 16) & (_LOCAL | _GROUP):
        return False
    return 0 < abs(int(mine, 16) - int(theirs, 16)) <= _PORTS_APART


def virtual_kind(mac: str) -> str | None:
    """Which software gave this address: vrrp, hsrp, glbp, vmware, hyper-v, docker …; else None."""
    return _virtual(mac[:32])


@functools.lru_cache(maxsize=16384)
def _virtual(mac: str) -> str | None:
    digits = _digits(mac)
    if digits is None:
        return None
    return next((kind for prefix, kind in _VIRTUAL.items() if digits.startswith(prefix)), None)


def _digits(mac: str) -> str | None:
    digits = re.sub(r"[:.\-]", "", mac[:32].strip().lower())
    return digits if _MAC.fullmatch(digits) else None


@functools.cache
def registry() -> bytes:
    """Give the whole registry, a line each; raises NoRegistry."""
    spec = importlib.util.find_spec("pymanuf")
    if spec is None or not spec.submodule_search_locations:
        raise NoRegistry("the package pymanuf is not installed")
    return b"\n" + (Path(spec.submodule_search_locations[0]) / "manuf.txt").read_bytes()


@functools.lru_cache(maxsize=8192)
def _registered(digits: str) -> str | None:
    """Longest block first: 36 bits, 28 bits, 24 bits."""
    if _line(_colons(digits[:6]) + ":"):
        for bits in (36, 28):
            block = digits[: bits // 4].ljust(12, "0")
            name = _line(f"{_colons(block)}/{bits}\t")
            if name:
                return name
    return _line(_colons(digits[:6]) + "\t")


def _colons(digits: str) -> str:
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)).upper()


@functools.lru_cache(maxsize=8192)
def _line(start: str) -> str | None:
    """Rest of the registry's first line that begins so."""
    sought = b"\n" + start.encode()
    at = registry().find(sought)
    if at < 0:
        return None
    end = registry().find(b"\n", at + 1)
    return registry()[at + len(sought) : end].decode("utf-8", "replace").strip() or None
