# SPDX-License-Identifier: Apache-2.0
"""Remote-control products by their own protocols: TeamViewer, AnyDesk, RustDesk, Splashtop, Dameware …

What hides in TLS is named by `names_heard`, from the server's name or certificate.
"""

from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_RUSTDESK_PORTS = frozenset(range(21115, 21120))


def read(flow: Flow) -> Iterator[Claim]:
    """Name the product whose greeting this is."""
    found = _tcp(flow) if flow.transport == "tcp" else _udp(flow) if flow.transport == "udp" else None
    if found:
        name, sure, why = found
        yield Claim(name, Family.REMOTE, sure, product=name, path="remote_tool", why=why)


def _tcp(flow: Flow) -> tuple[str, Sure, str] | None:
    asked, said = flow.both
    if _is_teamviewer(asked, said, 5938 in flow.ports):
        return "TeamViewer", Sure.SURE, "command header 17 24"
    if said.startswith(b"SRS:Ready\0"):
        return "Splashtop", Sure.SURE, "SRS:Ready from the server"
    if said[:4] == b"\x30\x11\0\0" and 6129 in flow.ports:
        return "Dameware", Sure.LIKELY, "first bytes on 6129"
    if asked[:6] == b"\xd6\x81\x81\0\0\xf9" or said[:6] == b"\xd6\x81\x81\0\0\xf9":
        return "Netop", Sure.SURE, "Netop header"
    if said[:5] == b"\0\x58\x08\0\x7d" and 5631 in flow.ports:
        return "pcAnywhere", Sure.LIKELY, "first bytes on 5631"
    if _RUSTDESK_PORTS & set(flow.ports) and _is_rustdesk(asked):
        return "RustDesk", Sure.LIKELY, "framed message on a RustDesk port"
    return None


def _is_teamviewer(asked: bytes, said: bytes, known_port: bool) -> bool:
    starts = [data[:2] == b"\x17\x24" or data[:2] == b"\x11\x30" for data in (asked, said)]
    return all(starts) or (any(starts) and known_port)


def _is_rustdesk(data: bytes) -> bool:
    """One frame: two low bits say how long the length is, the rest is the length; then protobuf."""
    if len(data) < 3:
        return False
    size = (data[0] & 3) + 1
    length = int.from_bytes(data[:size], "little") >> 2
    field = data[size : size + 1]
    return length + size == len(data) and bool(field) and field[0] & 7 == 2 and 1 <= field[0] >> 3 <= 30


def _udp(flow: Flow) -> tuple[str, Sure, str] | None:
    pieces = flow.sent[:4] + flow.answered[:4]
    marked = [p for p in pieces if len(p) > 13 and p[0] == 0 and p[11:13] == b"\x17\x24"]
    if marked and (5938 in flow.ports or len(marked) > 1):
        return "TeamViewer", Sure.SURE, "command header 17 24"
    if {50001, 50002, 50003} & set(flow.ports) and any(p[:2] == b"\x3e\xd1" for p in flow.sent[:2]):
        return "AnyDesk", Sure.LIKELY, "discovery of AnyDesk"
    if 5632 in flow.ports and any(
        p.startswith((b"NQ", b"NR", b"ST")) and len(p) <= 64 for p in flow.sent[:1]
    ):
        return "pcAnywhere", Sure.LIKELY, "status question on 5632"
    return None
