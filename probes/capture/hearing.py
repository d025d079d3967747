# SPDX-License-Identifier: Apache-2.0
"""What the ends of a flow say of themselves, read by the same readers that read answers to our own questions.

Gives `Said`: whose words, on which port, and the facts. A server's words carry the probe's name that
would have got them by asking.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes import isakmp, ntlm
from probes.ask import banner, dicom, ssh, vnc
from probes.capture import hospital_heard, snmp_heard, tls_heard
from probes.capture.flow import Claim, Flow
from probes.capture.port_mappings import mappings_of
from probes.capture.smb_native import native_system
from probes.contract import Line, Malformed, Transcript
from probes.facts import Fact, FactKind, fact
from probes.flows.ipsec import is_isakmp
from probes.greeting import one_line, read_reply
from probes.http_answer import read_web
from probes.walk import Walk, facts_of
from probes.x509 import read_certificate

_HEADER = re.compile(rb"\r\n(Server|User-Agent): *([^\r\n]{1,300})", re.IGNORECASE)
_SIP = re.compile(rb"(?:SIP/2\.0 [1-6][0-9]{2} |[A-Z]{3,12} sips?:[^\r\n ]{1,200} SIP/2\.0\r\n)")
_VIA = re.compile(rb"\r\n(?:Via|v) *:[^\r\n]{1,1000}", re.IGNORECASE)
_OWN_ANSWER = re.compile(rb"\r\nCSeq *: *[0-9]{1,10} (?:REGISTER|OPTIONS)\r\n", re.IGNORECASE)
_HTTP_ASK = re.compile(rb"[A-Z]{3,8} \S{1,4000} HTTP/1\.[01]\r\n")
_SERVICES = {"Telnet": "telnet", "RDP": "rdp", "VNC": "vnc", "SSH": "ssh", "DICOM": "dicom", "HL7": "hl7"}


@dataclass(frozen=True, slots=True)
class Said:
    """Facts about one end of a flow; `port` is 0 where they are about the host, not a service."""

    address: str
    port: int
    transport: str
    probe: str
    facts: tuple[Fact, ...]


def listen(flow: Flow, claims: Iterable[Claim]) -> Iterator[Said]:
    """Everything that both ends say; damage in one of them takes nothing from the others."""
    for reader in _READERS.get(flow.transport, ()):
        try:
            facts = tuple(reader.read(flow))
        except Malformed:  # these bytes are not that protocol
            continue
        if facts:
            end, port = (flow.server, flow.server_port) if reader.server else (flow.client, flow.client_port)
            yield Said(end, port if reader.port else 0, flow.transport, reader.probe, facts)
    for host, mapping in mappings_of(flow):
        yield Said(host, 0, flow.transport, "port_mappings", (mapping,))
    for claim in claims:
        yield from _by_claim(flow, claim)


def _by_claim(flow: Flow, claim: Claim) -> Iterator[Said]:
    product = (fact(FactKind.PRODUCT, claim.product, claim.sure),) if claim.product else ()
    path = (fact(FactKind.REMOTE_PATH, claim.path, claim.sure),) if claim.path else ()
    if claim.about == "client":
        heard = fact(FactKind.REMOTE_NAME, claim.why)
        yield Said(flow.client, 0, flow.transport, "names_heard", (*path, *product, heard))
    elif not path:
        return
    elif flow.answered or flow.transport in ("esp", "ah"):
        service = fact(FactKind.SERVICE, _SERVICES.get(claim.protocol, claim.protocol.lower()), claim.sure)
        yield Said(flow.server, flow.server_port, flow.transport, "flows", (service, *path, *product))


def _heard(*pieces: bytes) -> Transcript:
    return Transcript((Line("~", b"open tcp 0"), *(Line("<", piece) for piece in pieces)))


def _greeting(flow: Flow) -> Iterable[Fact]:
    """SSH, VNC, telnet, FTP, SMTP, POP3, IMAP, MySQL: whoever talks first (or SSH at all)."""
    if not flow.said:
        return ()
    if flow.said.startswith(b"SSH-"):
        return ssh.read(_heard(flow.said))
    if flow.said.startswith(b"RFB "):
        return vnc.read(_heard(flow.said))
    if flow.said[:4] in (b"220 ", b"220-"):
        return _reply(flow)
    if flow.said[:1] in (b"*", b"+", b"-") or flow.said[3:5] in (b"\0\x0a", b"\0\xff"):
        facts = banner.read(_heard(flow.said))
        return facts if facts[0].kind is FactKind.SERVICE else ()
    return ()


def _reply(flow: Flow) -> Iterable[Fact]:
    """FTP or SMTP, by what the client says or the greeting itself."""
    _, text = read_reply(flow.said)
    asked = flow.asked[:5].upper()
    lowered = text.lower()
    if asked.startswith((b"EHLO", b"HELO")) or "smtp" in lowered or "mail" in lowered:
        return fact(FactKind.SERVICE, "smtp"), fact(FactKind.SMTP_BANNER, text)
    if (
        asked.startswith((b"USER", b"AUTH ", b"FEAT", b"OPTS", b"SYST"))
        or "ftp" in lowered
        or 21 in flow.ports
    ):
        return fact(FactKind.SERVICE, "ftp"), fact(FactKind.FTP_BANNER, text)
    return ()


def _web(flow: Flow) -> Iterable[Fact]:
    if not flow.said.startswith(b"HTTP/1."):
        return ()
    # whether a login page is a way in can only be said of a page that we asked for
    return (one for one in read_web(flow.said, "http") if one.kind is not FactKind.REMOTE_PATH)


def _agent(flow: Flow) -> Iterator[Fact]:
    if _HTTP_ASK.match(flow.asked[:4096]):
        found = _HEADER.search(flow.asked[:4096])
        if found and found[1].lower() == b"user-agent":
            yield fact(FactKind.HTTP_USER_AGENT, one_line(found[2]))


def _client_ssh(flow: Flow) -> Iterator[Fact]:
    if flow.asked.startswith(b"SSH-"):
        yield fact(FactKind.BANNER, one_line(flow.asked[:255].splitlines()[0]))


def _certificate(flow: Flow) -> Iterator[Fact]:
    version = tls_heard.version_of(flow.said)
    if version:
        yield fact(FactKind.SERVICE, "https" if 443 in flow.ports else "tls")
        yield fact(FactKind.TLS_VERSION, version)
        for der in tls_heard.certificates(flow.said)[:1]:
            yield from read_certificate(der)


def _windows(flow: Flow) -> Iterable[Fact]:
    if b"NTLMSSP\0\x02\0\0\0" not in flow.said:
        return ()
    return ntlm.read_challenge(flow.said)


def _server_native(flow: Flow) -> Iterator[Fact]:
    return native_system(flow.said)


def _client_native(flow: Flow) -> Iterator[Fact]:
    return native_system(flow.asked)


def _association(flow: Flow) -> Iterable[Fact]:
    if flow.said[:2] not in (b"\x02\0", b"\x03\0") or flow.asked[:2] != b"\x01\0":
        return ()
    return dicom.read(_heard(flow.said))


def _exchange(pieces: tuple[bytes, ...]) -> Iterator[Fact]:
    """Version and vendor ids; an encrypted message still shows its version."""
    for piece in pieces[:4]:
        message = piece[4:] if piece[:4] == b"\0\0\0\0" else piece
        if not is_isakmp(message):
            continue
        major = message[17] >> 4
        yield fact(FactKind.IKE_VERSION, major)
        if message[19] & 1 and major == 1:  # encrypted
            continue
        with contextlib.suppress(Malformed):  # what cannot be taken apart says no more
            for body in isakmp.read_any(message).of(13 if major == 1 else 43):
                yield fact(FactKind.IKE_VENDOR_ID, body.hex())


def _gateway(flow: Flow) -> Iterable[Fact]:
    if not {500, 4500} & set(flow.ports):
        return ()
    return dict.fromkeys(_exchange(flow.answered))


def _initiator(flow: Flow) -> Iterable[Fact]:
    if not {500, 4500} & set(flow.ports):
        return ()
    return dict.fromkeys(_exchange(flow.sent))


def _variables(flow: Flow) -> Iterable[Fact]:
    if 161 not in flow.ports:
        return ()
    pieces = flow.answered if flow.server_port == 161 else flow.sent
    lines = [line for piece in pieces for line in snmp_heard.lines_of(piece)]
    return facts_of(Walk.of(lines)) if lines else ()


def _sip(pieces: tuple[bytes, ...]) -> Iterator[Fact]:
    for piece in pieces[:12]:
        for found in _HEADER.finditer(piece[:4096]) if _is_own(piece[:4096]) else ():
            kind = FactKind.SIP_SERVER if found[1].lower() == b"server" else FactKind.SIP_USER_AGENT
            yield fact(kind, one_line(found[2]))


def _is_own(message: bytes) -> bool:
    """Tell whether a SIP message is the sender's own: a proxy adds its Via (RFC 3261 16.6) and leaves the rest.

    An answer has lost the proxies' Via at its end, so only those that a registrar gives itself count.
    """
    if not _SIP.match(message):
        return False
    if message.startswith(b"SIP/2.0"):
        return bool(_OWN_ANSWER.search(message))
    ways = _VIA.findall(message)
    return len(ways) == 1 and b"," not in ways[0]


def _sip_server(flow: Flow) -> Iterable[Fact]:
    return dict.fromkeys(_sip(flow.answered))


def _sip_client(flow: Flow) -> Iterable[Fact]:
    return dict.fromkeys(_sip(flow.sent))


def _bacnet_server(flow: Flow) -> Iterable[Fact]:
    return hospital_heard.bacnet_device(flow.answered)


def _bacnet_client(flow: Flow) -> Iterable[Fact]:
    return hospital_heard.bacnet_device(flow.sent)


@dataclass(frozen=True, slots=True)
class _Reader:
    """One reader: whose word it is, and whether it is about the port (else about the host)."""

    probe: str
    read: Callable[[Flow], Iterable[Fact]]
    server: bool = True
    port: bool = True


_READERS: dict[str, tuple[_Reader, ...]] = {
    "tcp": (
        _Reader("banner", _greeting),
        _Reader("http", _web),
        _Reader("http", _agent, server=False, port=False),
        _Reader("ssh", _client_ssh, server=False, port=False),
        _Reader("tls", _certificate),
        _Reader("smb", _windows),
        _Reader("smb1", _server_native),
        _Reader("smb1", _client_native, server=False, port=False),
        _Reader("dicom", _association),
        _Reader("dicom", hospital_heard.dicom_caller, server=False, port=False),
        _Reader("hl7", hospital_heard.hl7_sender, server=False, port=False),
        _Reader("hl7", hospital_heard.hl7_receiver),
        _Reader("rdp", hospital_heard.rdp_client, server=False, port=False),
        _Reader("sip", _sip_server),
        _Reader("sip", _sip_client, server=False, port=False),
    ),
    "udp": (
        _Reader("ike", _gateway),
        _Reader("ike", _initiator, server=False, port=False),
        _Reader("snmp", _variables),
        _Reader("bacnet", _bacnet_server),
        _Reader("bacnet", _bacnet_client, server=False),
        _Reader("sip", _sip_server),
        _Reader("sip", _sip_client, server=False, port=False),
    ),
}
