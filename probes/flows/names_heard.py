# SPDX-License-Identifier: Apache-2.0
"""Services of remote control and VPN by the names that are spoken in clear: TLS and QUIC hello, DNS, HTTP, certificates."""

import re
from collections.abc import Iterator

from probes import dns_message
from probes.capture import quic, tls_heard
from probes.capture.flow import Claim, Family, Flow
from probes.contract import Malformed
from probes.cursor import Cursor
from probes.remote_names import service_of

TRANSPORTS = ("tcp", "udp")

_HOST = re.compile(rb"(?:\r\nHost: ?|^CONNECT )([A-Za-z0-9.-]{4,253})", re.IGNORECASE)
_ASKS = re.compile(rb"[A-Z]{3,8} ")
_FAMILIES = {"remote": Family.REMOTE, "vpn": Family.VPN, "medical": Family.MEDICAL}
# Texts of certificates that products make for themselves; the name is the product's.
_CERTIFICATES = ((b"AnyDesk Client", "AnyDesk"), (b"AnyNet Relay", "AnyDesk"), (b"AnyNet Root CA", "AnyDesk"))


def read(flow: Flow) -> Iterator[Claim]:
    """Name the service whose name is heard; the machine inside that calls it is what lets people in."""
    for name, how in names_of(flow):
        service = service_of(name)
        if service is not None:
            why = f"{how} {name[:120]}"
            yield Claim(
                service.protocol,
                _FAMILIES[service.family],
                service.sure,
                service.product,
                service.kind,
                why,
                about="client",
            )
            return
    if flow.transport == "tcp" and tls_heard.is_tls(flow.asked):
        for text, product in _CERTIFICATES:
            if text in flow.asked or text in flow.said:
                why = f"certificate {text.decode()}"
                yield Claim(product, Family.REMOTE, product=product, path="remote_tool", why=why)
                return


def names_of(flow: Flow) -> Iterator[tuple[str, str]]:
    """Host names spoken in clear, each with how: "TLS name", "QUIC name", "DNS question", "HTTP host"."""
    if flow.transport == "tcp":
        hello = tls_heard.hello_of(flow.asked)
        if hello is not None and hello.name:
            yield hello.name, "TLS name"
        elif _ASKS.match(flow.asked) and (found := _HOST.search(flow.asked[:4096])):
            yield found[1].decode("ascii"), "HTTP host"
            hidden = tls_heard.hello_of(_behind_connect(flow.asked))
            if hidden is not None and hidden.name:
                yield hidden.name, "TLS name"
    elif flow.transport == "udp":
        yield from _datagram_names(flow)


def _behind_connect(asked: bytes) -> bytes:
    return asked.partition(b"\r\n\r\n")[2] if asked.startswith(b"CONNECT ") else b""


def _datagram_names(flow: Flow) -> Iterator[tuple[str, str]]:
    if 53 in flow.ports or 5353 in flow.ports:
        for piece in flow.sent[:8] + flow.answered[:8]:
            for name in _questions(piece):
                yield name, "DNS question"
        return
    first = flow.sent[:1]
    if first and first[0][:1] == b"\x16":
        hello = tls_heard.datagram_hello(flow.sent)
    elif first and first[0][:1] >= b"\xc0" and len(first[0]) >= 600:
        hello = quic.hello_of(flow.sent)
    else:
        return
    if hello is not None and hello.name:
        yield hello.name, "QUIC name" if first[0][:1] != b"\x16" else "TLS name"


def _questions(piece: bytes) -> tuple[str, ...]:
    """The name of the first question; there is hardly ever another."""
    if len(piece) < 17 or piece[4:6] == b"\0\0" or piece[2] & 0x78:
        return ()
    try:
        return (".".join(dns_message.read_name(Cursor(piece, 12))),)
    except Malformed:  # not DNS, or cut
        return ()
