# SPDX-License-Identifier: Apache-2.0
"""Recognisers of flows: each names its protocol from bytes written after its specification, and nothing else."""

import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.all_flows import all_flows, recognise_flow
from probes.capture import quic
from probes.capture.flow import Flow
from probes.facts import Sure
from probes.flows.grid import crc_dnp
from probes.flows.plc import crc_ccitt
from probes.remote_names import service_of
from tests.capture_cases import captured, conversation, protocols

SID, OTHER = b"\x11" * 8, b"\x22" * 8


def isakmp(version: int, exchange: int, payload: int, body: bytes, answer: bytes = bytes(8)) -> bytes:
    head = SID + answer + bytes((payload, version, exchange, 8)) + bytes(4)
    return head + (28 + len(body)).to_bytes(4, "big") + body


def hello(name: str) -> bytes:
    """A TLS client hello with one cipher and a server name, in one record."""
    host = name.encode()
    entry = b"\0" + len(host).to_bytes(2, "big") + host
    listed = len(entry).to_bytes(2, "big") + entry
    extension = b"\0\0" + len(listed).to_bytes(2, "big") + listed
    body = (
        b"\3\3" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + len(extension).to_bytes(2, "big") + extension
    )
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


def question(name: str) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"


def tpkt(cotp: bytes) -> bytes:
    return b"\3\0" + (4 + len(cotp)).to_bytes(2, "big") + cotp


def radmin(content: bytes) -> bytes:
    words = [int.from_bytes(content[at : at + 4], "little") for at in range(0, len(content), 4)]
    return b"\1" + struct.pack(">II", len(content), sum(words)) + content


def dnp(control: int) -> bytes:
    head = bytes((5, 0x64, 5, control, 1, 0, 2, 0))
    return head + crc_dnp(head).to_bytes(2, "little")


def sbus(kind: int, rest: bytes) -> bytes:
    body = (10 + len(rest) + 1).to_bytes(4, "big") + b"\1\0\0\1" + bytes((kind,)) + rest
    return body + crc_ccitt(body).to_bytes(2, "big")


def enip(command: int, session: int, data: bytes = b"") -> bytes:
    return struct.pack("<HHII", command, len(data), session, 0) + bytes(12) + data


def ads(state: int, data: bytes = b"") -> bytes:
    body = bytes(6) + b"\x51\3" + bytes(6) + b"\x01\x80" + struct.pack("<HHIII", 4, state, len(data), 0, 7)
    return b"\0\0" + (len(body) + len(data)).to_bytes(4, "little") + body + data


RESET = b"\x38" + SID + b"\0\0\0\0\0"
RESET_BACK = b"\x40" + OTHER + b"\1\0\0\0\0" + SID + b"\0\0\0\0"
WG_FIRST = b"\1\0\0\0" + b"\7\0\0\0" + b"k" * 108 + b"m" * 16 + bytes(16)
WG_SECOND = b"\2\0\0\0" + b"\x09\0\0\0" + b"\7\0\0\0" + b"k" * 80
PPTP = b"\0\x9c\0\1\x1a\x2b\x3c\x4d\0\1" + bytes(146)
L2TP = b"\xc8\2\0\x14" + bytes(8) + b"\x80\x08\0\0\0\0\0\1"
ASSOCIATE = b"\1\0\0\0\0\xb0\0\1\0\0" + b"A" * 64 + b"\x10\0\0\x15" + b"1.2.840.10008.3.1.1.1" + bytes(90)
BACNET = b"\x81\x0a\0\x08\1\0\x10\x08"
PROFINET = b"\4\0\x20\0\0\0\0\0" + struct.pack(">IHH", 0xDEA00001, 0x6C97, 0x11D1) + b"\x82\x71" + bytes(70)
MMS = tpkt(b"\x02\xf0\x80\x0d\x20" + b"\x28\xca\x22\x02\x01" + bytes(20))
TELEGRAM = b"\x3d\x1c" * 8
CASES: list[tuple[str, str, int, list[bytes], list[bytes]]] = [
    ("SSH", "tcp", 2222, [b"SSH-2.0-PuTTY_Release_0.78\r\n"], [b"hello\r\nSSH-2.0-OpenSSH_9.2\r\n"]),
    ("Telnet", "tcp", 23, [b"\xff\xfc\x18"], [b"\xff\xfd\x18\xff\xfd\x20"]),
    ("RSH", "tcp", 514, [b"1022\0", b"me\0you\0id\0"], [b"\1no.\n"]),
    ("rlogin", "tcp", 513, [b"\0me\0you\0vt100/9600\0"], [b"\0"]),
    ("RDP", "tcp", 3390, [tpkt(b"\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0")], [tpkt(b"\x0e\xd0\0\0\0\0\0\2\0\x08\0\2\0\0\0")]),
    ("RDP", "tcp", 3389, [tpkt(b"\x1e\xe0\0\0\0\0\0Cookie: mstshash=admin\r\n")], []),
    ("RDP", "udp", 3389, [b"\xff\xff\xff\xff\0\x40\0\1" + bytes(20)], []),
    ("VNC", "tcp", 5999, [b"RFB 003.008\n"], [b"RFB 003.008\n"]),
    ("XDMCP", "udp", 177, [b"\0\1\0\2\0\1\0"], []),
    ("Citrix", "tcp", 1494, [b"\x7f\x7fICA\0"], [b"\x7f\x7fICA\0"]),
    ("NoMachine", "tcp", 4000, [b"NXSH-8.10.1\n"], [b"NXD-8.10.1\n"]),
    ("NoMachine", "udp", 4000, [b"\1\0\1\0\x0a\0\0\0\0\0"], [b"\2\0\1\0\x0a\0\0\0\0\0"]),
    ("Radmin", "tcp", 5000, [radmin(b"\x08")], [radmin(b"\x08\2\0\0\x0a\0\0")]),
    ("VMware", "tcp", 902, [], [b"220 VMware Authentication Daemon Version 1.10\r\n"]),
    ("TeamViewer", "tcp", 5938, [b"\x17\x24\x0b\x20" + bytes(20)], [b"\x17\x24\x0b\x20"]),
    ("TeamViewer", "udp", 5938, [b"\0" + b"z" * 10 + b"\x17\x24" + bytes(9)], []),
    ("Splashtop", "tcp", 6783, [], [b"SRS:Ready\0"]),
    ("RustDesk", "tcp", 21116, [b"\x10\x4a\x02\x08\x01"], []),
    ("Netop", "tcp", 6502, [b"\xd6\x81\x81\0\0\xf9\0"], []),
    ("OpenVPN", "udp", 443, [RESET], [RESET_BACK]),
    ("OpenVPN", "tcp", 443, [b"\0\x0e" + RESET], [b"\0\x1a" + RESET_BACK]),
    ("OpenVPN", "udp", 1194, [RESET, b"\x28" + SID + b"\1\0\0\0\0" + OTHER], []),
    ("WireGuard", "udp", 51820, [WG_FIRST], [WG_SECOND]),
    ("WireGuard", "udp", 4000, [b"\4\0\0\0\7\0\0\0" + struct.pack("<Q", n) + bytes(32) for n in (4, 5, 7)], []),
    ("Tailscale", "udp", 41641, [b"TS\xf0\x9f\x92\xac" + bytes(80)], []),
    ("ZeroTier", "udp", 9993, [bytes(8) + b"AAAAABBBBB" + bytes(20)], [bytes(8) + b"BBBBBAAAAA" + bytes(20)]),
    ("IPsec", "udp", 500, [isakmp(0x10, 2, 1, bytes(60))], []),
    ("IPsec", "udp", 4500, [bytes(4) + isakmp(0x20, 34, 33, bytes(60))], []),
    ("IPsec", "udp", 4500, [b"\1\2\3\4" + n.to_bytes(4, "big") + bytes(40) for n in (1, 2, 3)], []),
    ("L2TP", "udp", 1701, [L2TP], []),
    ("PPTP", "tcp", 1723, [PPTP], []),
    ("SSTP", "tcp", 80, [b"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/ HTTP/1.1\r\n"], []),
    ("SoftEther", "tcp", 80, [b"POST /vpnsvc/connect.cgi HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n"], []),
    ("SoftEther", "udp", 5004, [b"A"], [b"IP=192.0.2.10,PORT=51381"]),
    ("tinc", "tcp", 655, [b"0 one 17.7\n"], [b"0 two 17.0\n"]),
    ("AnyConnect", "udp", 443, [b"\x16\1\0" + bytes(8) + b"\0\x30\1" + bytes(47)], []),
    ("Teredo", "udp", 3544, [b"\x60\0\0\0\0\0\x3b\x40" + bytes(32)], []),
    ("HL7", "tcp", 2575, [b"\x0bMSH|^~\\&|LAB|HOSP|HIS|HOSP|202601010000||ORU^R01|1|P|2.5\r\x1c\r"], []),
    ("DICOM", "tcp", 11112, [ASSOCIATE], []),
    ("ASTM", "tcp", 5000, [b"\5", b"\x021H|\\^&|||analyser\r"], [b"\6"]),
    ("BACnet", "udp", 47808, [BACNET], []),
    ("KNXnet/IP", "udp", 3671, [b"\6\x10\2\1\0\x0e\x08\1" + bytes(6)], []),
    ("Niagara Fox", "tcp", 1911, [b"fox a 1 -1 fox hello\n{\n"], []),
    ("MQTT", "tcp", 1883, [b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4abcd"], [b"\x20\2\0\0"]),
    ("CoAP", "udp", 5683, [b"\x40\1\x12\x34\xb3abc"], []),
    ("Modbus", "tcp", 502, [b"\0\1\0\0\0\6\1\3\0\0\0\2"], [b"\0\1\0\0\0\7\1\3\4\0\0\0\0"]),
    ("UMAS", "tcp", 502, [b"\0\1\0\0\0\4\0\x5a\0\2"], [b"\0\1\0\0\0\4\0\x5a\0\xfe"]),
    ("S7comm", "tcp", 102, [tpkt(b"\x11\xe0\0\0\0\1\0" + bytes(11)), tpkt(b"\2\xf0\x80\x32\1" + bytes(8))], []),
    ("S7CommPlus", "tcp", 102, [tpkt(b"\2\xf0\x80\x72\1" + bytes(8))], []),
    ("IEC 61850 MMS", "tcp", 102, [MMS], []),
    ("EtherNet/IP", "tcp", 44818, [enip(0x65, 0, b"\1\0\0\0")], [enip(0x65, 9, b"\1\0\0\0")]),
    ("CIP", "udp", 2222, [b"\2\0\2\x80\x08\0" + bytes(8) + b"\xb1\0\4\0abcd"], []),
    ("FINS", "udp", 9600, [b"\x80\0\2\0\1\0\0\2\0\0\5\1"], []),
    ("FINS", "tcp", 9600, [b"FINS\0\0\0\x0c" + bytes(12)], []),
    ("MELSEC", "tcp", 5007, [b"\x50\0\0\xff\xff\3\0\x0c\0" + bytes(12)], [b"\xd0\0\0\xff\xff\3\0\4\0" + bytes(4)]),
    ("Beckhoff ADS", "tcp", 48898, [ads(4)], [ads(5, b"abc")]),
    ("HART-IP", "udp", 5094, [b"\1\0\0\0\0\2\0\x0d\1\0\0\x75\x30"], []),
    ("Ether-S-Bus", "udp", 5050, [sbus(0, b"\x1b")], []),
    ("IEC 60870", "tcp", 2404, [b"\x68\4\7\0\0\0"], [b"\x68\4\x0b\0\0\0"]),
    ("DNP3", "tcp", 20000, [dnp(0xC4)], [dnp(0x44)]),
    ("OPC UA", "tcp", 4840, [b"HELF\x20\0\0\0" + bytes(24)], [b"ACKF\x1c\0\0\0" + bytes(20)]),
    ("PROFINET IO", "udp", 34964, [PROFINET], []),
    ("AnyDesk", "tcp", 443, [hello("relay-1234abcd.net.anydesk.com")], []),
    ("TeamViewer", "udp", 53, [question("router7.teamviewer.com")], []),
    ("オンライン資格確認", "udp", 53, [question("hweb.base.oqs-pdl.org")], []),
    ("LogMeIn", "tcp", 8080, [b"CONNECT control.logmein.com:443 HTTP/1.1\r\nHost: control.logmein.com\r\n\r\n"], []),
]  # fmt: skip
NOT_THESE: list[tuple[str, str, int, list[bytes], list[bytes]]] = [
    ("HTTP on the port of Modbus", "tcp", 502, [b"GET / HTTP/1.1\r\n\r\n"], [b"HTTP/1.1 200 OK\r\n\r\n"]),
    ("noise on 1194", "udp", 1194, [TELEGRAM], [TELEGRAM]),
    ("noise on 500", "udp", 500, [TELEGRAM * 4], []),
    ("Diameter looks like HART-IP", "tcp", 3868, [b"\1\0\0\x14\x80\0\1\x01" + bytes(12)], [b"\1\0\0\x14" + bytes(16)]),
    ("S7 is not RDP", "tcp", 3389, [tpkt(b"\x11\xe0\0\0\0\1\0\xc1\2\1\0\xc2\2\1\2\xc0\1\x0a")], []),
    ("a site with the same ending", "udp", 53, [question("www.notanydesk.com")], []),
    ("TLS to anywhere", "tcp", 443, [hello("www.example.jp")], []),
    ("DNP3 with a wrong checksum", "tcp", 20000, [dnp(0xC4)[:-1] + b"\0"], []),
    ("Radmin with a wrong sum", "tcp", 4899, [radmin(b"abcd")[:-1] + b"x"], []),
    ("a mail mentions SSH", "tcp", 25, [b"EHLO me\r\n"], [b"220 mx SSH-2.0-none here\r\n"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]} {case[2]}")
def test_a_protocol_is_named_by_its_structure(case: tuple[str, str, int, list[bytes], list[bytes]]) -> None:
    name, transport, port, sent, answered = case
    found = protocols(captured(conversation(transport, 50123, port, sent, answered)))
    assert name in found
    assert set(found) <= {name, "Modbus"}


@pytest.mark.parametrize("case", NOT_THESE, ids=lambda case: case[0])
def test_what_is_not_sure_is_not_named(case: tuple[str, str, int, list[bytes], list[bytes]]) -> None:
    _, transport, port, sent, answered = case
    assert protocols(captured(conversation(transport, 50123, port, sent, answered))) == []


def test_every_recogniser_has_a_case() -> None:
    named = set()
    for _, transport, port, sent, answered in CASES:
        flow = Flow(transport, "192.0.2.1", 50123, "192.0.2.2", port, tuple(sent), tuple(answered), True, 0, 0.0, b"".join(sent), b"".join(answered))  # fmt: skip
        named |= {name for name, module in all_flows().items() if list(module.read(flow))}
    assert named == set(all_flows())


def quic_initial(content: bytes, target: bytes = b"8bytesid") -> bytes:
    """Seal a client's Initial of QUIC version 1 (RFC 9001 §5), padded to 1,200 bytes."""
    head = b"\xc3\0\0\0\1\x08" + target + b"\0\0"
    plain = content.ljust(1162 - 16, b"\0")
    head += (0x4000 | 4 + len(plain) + 16).to_bytes(2, "big")
    salt, label, _ = quic._SALTS[1]
    key, iv, _ = quic._keys(salt, target, label, bytes(16))
    sealed = AESGCM(key).encrypt(iv, plain, head + bytes(4))
    mask = quic._keys(salt, target, label, sealed[:16])[2]
    number = bytes(a ^ b for a, b in zip(bytes(4), mask[1:], strict=False))
    return bytes((head[0] ^ mask[0] & 15,)) + head[1:] + number + sealed


def test_the_name_in_a_quic_hello_is_read_and_damage_is_survived() -> None:
    message = hello("boot.net.anydesk.com")[5:]
    frame = b"\6\0" + (0x4000 | len(message)).to_bytes(2, "big") + message
    packet = quic_initial(frame)
    (found,) = captured(conversation("udp", 50123, 443, [packet], [])).flows
    assert (found[1].protocol, found[1].why) == ("AnyDesk", "QUIC name boot.net.anydesk.com")
    for damaged in (packet[:700], packet[:600].ljust(1200, b"\0"), packet[:16] + b"\x40\x05" + packet[18:]):
        assert protocols(captured(conversation("udp", 50123, 443, [damaged], []))) == []


def dns_answer(name: str, address: bytes) -> bytes:
    asked = question(name)
    return asked[:2] + b"\x81\x80\0\1\0\1" + asked[8:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address


def test_an_address_that_dns_gave_for_a_tool_names_flows_without_a_name() -> None:
    address = bytes((192, 0, 2, 20))
    dns = conversation(
        "udp", 40000, 53, [question("r.net.anydesk.com")], [dns_answer("r.net.anydesk.com", address)]
    )
    later = conversation("tcp", 50123, 443, [b"\x01\x02secret"], [b"\x03\x04secret"])
    found = captured(dns + later).flows
    assert [(claim.protocol, claim.sure, flow.server_port) for flow, claim in found] == [
        ("AnyDesk", Sure.LIKELY, 53),
        ("AnyDesk", Sure.LIKELY, 443),
    ]
    shared = conversation("tcp", 50123, 443, [hello("www.example.jp")], [b"\x16\3\3\0\0"])
    assert [flow.server_port for flow, _ in captured(dns + shared).flows] == [53]
    other = conversation("udp", 40000, 53, [question("a.example.jp")], [dns_answer("a.example.jp", address)])
    assert protocols(captured(other + later)) == []


def test_encrypted_datagrams_of_a_tinc_connection_belong_to_it() -> None:
    data = conversation("udp", 655 + 1000, 655 + 1000, [b"\x91" * 60], [b"\x17" * 70])
    tcp = conversation("tcp", 50123, 655 + 1000, [b"0 one 17.7\n"], [b"0 two 17.0\n"])
    assert protocols(captured(data + tcp)) == ["tinc", "tinc"]
    assert protocols(captured(data)) == []


@pytest.mark.parametrize("kind", [0x8892, 0x88B8, 0x88BA])
def test_frames_without_ip_are_flows_between_cards(kind: int) -> None:
    frame = b"\x01\x0c\xcd\1\0\1" + b"\2\0\0\0\0\1" + kind.to_bytes(2, "big") + bytes(40)
    (flow, claim), = captured([frame, frame]).flows  # fmt: skip
    assert (flow.transport, flow.client, flow.client_port) == ("ethernet", "02:00:00:00:00:01", 0)
    assert claim.family == "building and OT"


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("relay.net.AnyDesk.com.", "AnyDesk"),
        ("magicconnect.net", "マジックコネクト"),
        ("com", None),
        ("anydesk.com.evil.example", None),
        ("." * 300, None),
        ("xteamviewer.com", None),
    ],
)
def test_names_match_whole_labels_from_the_right(name: str, product: str | None) -> None:
    found = service_of(name)
    assert (found.product if found else None) == product


def _flow(
    transport: str, ports: tuple[int, int], sent: list[bytes], answered: list[bytes], kind: int
) -> Flow:
    return Flow(
        transport, "192.0.2.1", ports[0], "192.0.2.2", ports[1], tuple(sent), tuple(answered), True, kind, 0.0,
        b"".join(sent), b"".join(answered),
    )  # fmt: skip


PORTS = st.one_of(st.sampled_from(sorted({case[2] for case in CASES})), st.integers(0, 65535))
SEEDS = [piece for case in CASES for piece in (*case[3], *case[4])]


def _changed(piece: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    data = bytearray(piece)
    for at, value in changes:
        if data:
            data[at % len(data)] = value
    return bytes(data[: len(data) - cut % (len(data) + 1)])


PIECE = st.one_of(
    st.binary(max_size=200),
    st.builds(
        _changed,
        st.sampled_from(SEEDS),
        st.lists(st.tuples(st.integers(0, 4096), st.integers(0, 255)), max_size=4),
        st.one_of(st.just(0), st.integers(0, 400)),
    ),
)
TRANSPORTS = st.sampled_from(["tcp", "udp", "gre", "esp", "ethernet"])


@settings(max_examples=1500, deadline=None)
@given(
    TRANSPORTS, st.tuples(PORTS, PORTS), st.lists(PIECE, max_size=4), st.lists(PIECE, max_size=4), st.sampled_from([0, 4, 0x880B])
)  # fmt: skip
def test_recognisers_survive_anything(
    transport: str, ports: tuple[int, int], sent: list[bytes], answered: list[bytes], kind: int
) -> None:
    for claim in recognise_flow(_flow(transport, ports, sent, answered, kind)):
        assert claim.protocol
        assert claim.sure in Sure
        assert claim.why.isprintable() or claim.path


@settings(max_examples=800, deadline=None)
@given(TRANSPORTS, st.tuples(PORTS, PORTS), st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_noise_is_hardly_ever_a_protocol(transport: str, ports: tuple[int, int], sent: list[bytes]) -> None:
    """Random bytes have no structure; what names them anyway trusts a port."""
    if transport in ("tcp", "udp"):
        assert all(c.sure is not Sure.SURE or len(sent[0]) < 12 for c in recognise_flow(_flow(transport, ports, sent, [], 0)))  # fmt: skip
