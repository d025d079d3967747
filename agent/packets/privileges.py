# SPDX-License-Identifier: GPL-2.0-or-later
"""From root to an ordinary user that keeps CAP_NET_RAW and nothing else (capabilities(7), prctl(2))."""

import ctypes
import os
import pwd
import signal

CAP_NET_RAW = 13
_LAST_CAPABILITY = 63
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 8, 24, 38
_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop() -> int:
    """Become SUDO_UID or nobody with only CAP_NET_RAW left; give the user id. Raises OSError."""
    if os.geteuid() == 0:
        _become(*_ordinary_user())
    _keep_only(CAP_NET_RAW)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user clears it: last
    return os.geteuid()


def _ordinary_user() -> tuple[int, int]:
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if uid.isdecimal() and gid.isdecimal() and int(uid) > 0:
        return int(uid), int(gid)
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _become(uid: int, gid: int) -> None:
    for capability in range(_LAST_CAPABILITY + 1):
        if capability != CAP_NET_RAW and _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # beyond the kernel's last one, or not ours to drop
    _prctl(_PR_SET_KEEPCAPS, 1)
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except PermissionError:
        return  # root of a container without CAP_SETUID: stays uid 0, and loses the rest all the same


def _keep_only(capability: int) -> None:
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    data[0].effective = data[0].permitted = 1 << capability
    if _libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")
