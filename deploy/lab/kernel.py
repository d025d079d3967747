# SPDX-License-Identifier: Apache-2.0
"""The few Linux calls that Python 3.11 does not have: unshare, mount, and one ethtool switch.

Source: unshare(2), mount(2), linux/ethtool.h. Errors: OSError, as from os.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

__all__ = [
    "CLONE_NEWIPC", "CLONE_NEWNET", "CLONE_NEWNS", "CLONE_NEWPID", "CLONE_NEWUTS",
    "make_device", "mount", "unshare", "write_checksums_ourselves",
]  # fmt: skip

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

_MS_REC = 0x4000
_MS_PRIVATE = 0x40000
_SIOCETHTOOL = 0x8946
_ETHTOOL_STXCSUM = 0x17
_LIBC = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave the namespaces named by flags (CLONE_NEW…) for fresh ones; mounts become private first."""
    _check(_LIBC.unshare(flags), "unshare")
    if flags & CLONE_NEWNS:
        _check(_LIBC.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None), "/")


def mount(kind: str, target: Path, options: str = "", flags: int = 0) -> None:
    """Mount a file system of this kind (tmpfs, overlay, proc, devpts…) on an existing folder."""
    where, what = os.fsencode(target), kind.encode()
    _check(_LIBC.mount(what, where, what, ctypes.c_ulong(flags), options.encode() or None), str(target))


def make_device(path: Path, major: int, minor: int) -> None:
    """Make a character device that everybody may open, such as null (1, 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mknod(path, 0o020666, os.makedev(major, minor))
    path.chmod(0o666)


def write_checksums_ourselves(interface: str) -> None:
    """Switch transmit checksum offload off, so that frames on a veth carry the checksums of a real wire."""
    value = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
