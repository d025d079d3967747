# SPDX-License-Identifier: Apache-2.0
"""VPNs of makers: AnyConnect, FortiClient, SoftEther, tinc, Teredo, as far as they show themselves unencrypted."""

import re
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.capture.tls_heard import is_tls
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_TINC = re.compile(rb"0 [0-9A-Za-z_^.]{1,64} 1[78](?:\.[0-9]{1,2})?\n")
_SOFTETHER_POST = re.compile(
    rb"(?:POST|GET) /(?:vpnsvc/(?:connect\.cgi|vpn\.cgi)|ddns/ddns\.aspx\?v=[0-9]+|natt/)[^\r\n]{0,64}HTTP/1"
)
_NAT_ANSWER = re.compile(rb"IP=[0-9.]{7,15},PORT=[0-9]{1,5}\Z")
_CISCO_DTLS = re.compile(rb"\x16\x01\x00[\x00-\xff]{8}[\x00-\x40][\x00-\xff]\x01", re.DOTALL)
_FORTI_GREETING = re.compile(rb"(?:FCTVER|FCTSVER|FCPROTOCOL|VER)=[0-9]")
_CISCO_UDP = b"\xfe\x57\x7e\x2b"
_TEXT = re.compile(rb"(?:[A-Z]{3,8} |HTTP/1)")
_CSTP = re.compile(rb"(?:CONNECT /CSCOSSLC/tunnel|\r\nX-(?:CSTP|DTLS)-[A-Za-z-]+: |\r\nX-Aggregate-Auth: )")


def read(flow: Flow) -> Iterator[Claim]:
    """Name the maker's VPN."""
    if flow.transport == "tcp":
        yield from _tcp(flow)
    elif flow.transport == "udp":
        yield from _udp(flow)


def _tcp(flow: Flow) -> Iterator[Claim]:
    asked, said = flow.both
    if _TINC.match(asked) and (_TINC.match(said) or not said):
        yield Claim("tinc", Family.VPN, path="ssl_vpn", product="tinc", why="ID request of protocol 17")
    elif _SOFTETHER_POST.match(asked):
        yield Claim(
            "SoftEther", Family.VPN, path="softether", product="SoftEther VPN", why="HTTP of SoftEther"
        )
    elif _is_forticlient(flow):
        yield Claim("FortiClient", Family.VPN, path="ssl_vpn", product="FortiClient", why="telemetry on 8013")
    elif (_TEXT.match(asked) or _TEXT.match(said)) and (
        _CSTP.search(asked[:2048]) or _CSTP.search(said[:2048])
    ):
        yield Claim("AnyConnect", Family.VPN, path="ssl_vpn", product="Cisco AnyConnect", why="CSTP headers")
    elif flow.ports[1] == 10000 and asked[:4] == b"\x17\1\0\0":
        yield Claim(
            "Cisco VPN", Family.VPN, Sure.LIKELY, path="ipsec", product="Cisco VPN", why="cTCP on 10000"
        )


def _udp(flow: Flow) -> Iterator[Claim]:
    if _is_softether(flow):
        yield Claim("SoftEther", Family.VPN, path="softether", product="SoftEther VPN", why="NAT traversal")
    elif _is_cisco_dtls(flow):
        yield Claim("AnyConnect", Family.VPN, path="ssl_vpn", product="Cisco AnyConnect", why="DTLS 0x0100")
    elif flow.ports == (10000, 10000) and any(p[:4] == _CISCO_UDP for p in flow.sent[:3]):
        yield Claim("Cisco VPN", Family.VPN, Sure.LIKELY, path="ipsec", product="Cisco VPN", why="UDP 10000")
    elif 3544 in flow.ports and any(_is_teredo(piece) for piece in flow.sent[:3] + flow.answered[:3]):
        yield Claim("Teredo", Family.VPN, Sure.SURE, path="", why="IPv6 in UDP on 3544")


def _is_forticlient(flow: Flow) -> bool:
    """Telemetry in clear on 8013, or TLS in which a certificate of Fortinet stands for FortiClient."""
    asked, said = flow.both
    if 8013 in flow.ports and (_FORTI_GREETING.search(asked[:256]) or _FORTI_GREETING.search(said[:256])):
        return True
    if not is_tls(asked):
        return False
    return b"FortiClient" in asked or (b"FortiClient" in said or (8013 in flow.ports and b"Fortinet" in said))


def _is_softether(flow: Flow) -> bool:
    if flow.sent[:1] and b"\0\0\0\x09get_token" in flow.sent[0] and b"opcode\0\0\0" in flow.sent[0]:
        return True
    return bool(flow.answered) and flow.sent[:1] == (b"A",) and bool(_NAT_ANSWER.match(flow.answered[0]))


def _is_cisco_dtls(flow: Flow) -> bool:
    """The DTLS before the standard, with version 0x0100: only Cisco and OpenConnect speak it."""
    return any(
        _CISCO_DTLS.match(piece) and int.from_bytes(piece[11:13], "big") <= len(piece) - 13
        for piece in flow.sent[:2]
    )


def _is_teredo(piece: bytes) -> bool:
    at = 0
    if piece[:2] == b"\0\1" and len(piece) > 4:  # authentication (RFC 4380 §5.1.1)
        at = 13 + piece[2] + piece[3]
    if piece[at : at + 2] == b"\0\0":  # origin indication
        at += 8
    inner = piece[at : at + 40]
    return (
        len(inner) == 40 and inner[0] >> 4 == 6 and int.from_bytes(inner[4:6], "big") == len(piece) - at - 40
    )
