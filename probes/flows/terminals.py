# SPDX-License-Identifier: Apache-2.0
"""SSH (RFC 4253 §4.2), Telnet (RFC 854), rlogin (RFC 1282) and rsh."""

import re
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow

TRANSPORTS = ("tcp",)

_SSH = re.compile(rb"SSH-(?:1\.[0-9]{1,2}|2\.0)-[\x20-\x7e]{1,250}[\r\n]")
_SSH_LATER = re.compile(rb"\A[\x20-\x7e\r\n\t]{0,2048}\nSSH-(?:1\.[0-9]{1,2}|2\.0)-[\x20-\x7e]{1,250}[\r\n]")
_OPTIONS = re.compile(rb"(?:\xff[\xfb-\xfe][\x00-\x31\xff]|\xff\xfa[^\xff]{1,64}\xff\xf0)")
_RSH = re.compile(rb"(?:[0-9]{1,5})?\0[\x21-\x7e]{1,32}\0[\x21-\x7e]{1,32}\0[\x20-\x7e]{1,512}\0")
_RSH_PORT = re.compile(rb"[0-9]{1,5}\0")
_RLOGIN = re.compile(rb"\0[\x21-\x7e]{1,32}\0[\x21-\x7e]{1,32}\0[\x21-\x7e]{1,32}/[0-9]{2,6}\0")


def read(flow: Flow) -> Iterator[Claim]:
    """Name terminals by how both ends begin."""
    if flow.transport != "tcp":
        return
    if _SSH.match(flow.said) or _SSH.match(flow.asked) or _SSH_LATER.match(flow.said):
        yield Claim("SSH", Family.REMOTE, path="ssh", why="SSH identification string")
    elif _is_telnet(flow):
        yield Claim("Telnet", Family.REMOTE, path="telnet", why="option negotiation")
    elif _RLOGIN.match(flow.asked) and flow.said[:1] == b"\0":
        yield Claim("rlogin", Family.REMOTE, path="telnet", why="names and terminal speed, then a zero byte")
    elif _is_rsh(flow):
        yield Claim("RSH", Family.REMOTE, path="telnet", why="port, names and command, each ended by zero")


def _is_telnet(flow: Flow) -> bool:
    """Both ends negotiate; or one does, twice, or on the port of Telnet."""
    one, other = _OPTIONS.match(flow.said), _OPTIONS.match(flow.asked)
    first = one or other
    if first is None:
        return False
    text = flow.said if one else flow.asked
    return bool((one and other) or 23 in flow.ports or _OPTIONS.match(text, first.end()))


def _is_rsh(flow: Flow) -> bool:
    if _RSH.match(flow.asked):
        return True
    return 514 in flow.ports and flow.opened and _RSH_PORT.fullmatch(flow.asked[:6]) is not None
