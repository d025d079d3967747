# SPDX-License-Identifier: Apache-2.0
"""Binary, Windows-family, SNMP and listening probes: hostile bytes, scapy as oracle, recorded walks."""

import tarfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import dns_message, frames, netbios
from probes.all_probes import Probe, all_probes
from probes.ask import dns, ike, ikev1, oxid, smb, smb1, snmpv3
from probes.contract import Line, Malformed, Touch, Transcript, parse_recording
from probes.cursor import Cursor
from probes.facts import Fact, FactKind
from probes.login import snmp
from probes.smb_frames import frame
from probes.walk import Walk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # scapy's own
    from scapy.asn1.ber import BERcodec_Object
    from scapy.contrib.ikev2 import IKEv2, IKEv2_KE, IKEv2_Nonce, IKEv2_SA
    from scapy.layers.dcerpc import DceRpc5
    from scapy.layers.dns import DNS, DNSRR, DNSRRSRV
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
    from scapy.layers.isakmp import ISAKMP, ISAKMP_payload_Transform
    from scapy.layers.l2 import ARP, Dot1Q, Ether
    from scapy.layers.netbios import NBNSNodeStatusRequest, NBNSQueryRequest, NBTSession
    from scapy.layers.smb import SMBNegotiate_Request
    from scapy.layers.smb2 import SMB2_Negotiate_Protocol_Request, SMB2_Session_Setup_Request
    from scapy.layers.snmp import ASN1_Class_SNMP
    from scapy.layers.spnego import SPNEGO_negToken
    from scapy.packet import Packet

HERE = Path(__file__).parent
OURS = (
    "snmpv3", "nbns", "smb", "smb1", "oxid", "ike", "ikev1", "openvpn", "openvpn_tcp", "snmp", "dns",
    "arp", "nd", "dhcp", "mdns", "llmnr", "lldp", "cdp", "nbns_heard", "ssdp",
)  # fmt: skip
WALKS = HERE.parents[1] / "shared" / "data"
MAC, PEER = "00:16:3e:11:22:33", "00:16:3e:44:55:66"


def _recorded(name: str) -> list[Transcript]:
    paths = sorted((HERE / "transcripts" / name).glob("*.txt"))
    return [parse_recording(path.read_text(encoding="utf-8")).transcript for path in paths]


def _read(probe: Probe, transcript: Transcript) -> tuple[Fact, ...] | None:
    try:
        return probe.read(transcript)
    except Malformed:
        return None


def _check(facts: tuple[Fact, ...] | None) -> None:
    for found in facts or ():
        assert found.value.isprintable() or "\ufffd" in found.value
        assert all(c == " " or c.isprintable() for c in found.value)
        if found.kind is FactKind.ADDRESS:
            assert frames.is_host_address(found.value)


@pytest.mark.parametrize("name", OURS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_bytes_give_malformed_or_printable_facts(name: str, data: st.DataObject) -> None:
    probe = all_probes()[name]
    seeds = [line.data for transcript in _recorded(name) for line in transcript.lines if line.mark == "<"]
    seed = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, max(0, len(seed) - 1)))
        seed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    cut = data.draw(st.integers(0, len(seed)))
    for wire in (bytes(seed), bytes(seed[:cut]), data.draw(st.binary(max_size=300))):
        if probe.claims is not None:
            assert probe.claims(wire) in (True, False)
        _check(_read(probe, Transcript((Line("<", wire),))))


@pytest.mark.parametrize("name", OURS)
def test_every_cut_of_every_recording(name: str) -> None:
    probe = all_probes()[name]
    for transcript in _recorded(name):
        heard = transcript.heard
        for end in range(0, len(heard), max(1, len(heard) // 64)):
            _check(_read(probe, Transcript((Line("<", heard[:end]),))))


@pytest.mark.parametrize("name", OURS)
def test_nothing_heard_is_nothing_read(name: str) -> None:
    probe = all_probes()[name]
    if probe.touch is not Touch.LISTEN:
        assert probe.read(Transcript()) == ()
        assert probe.read(Transcript((Line("~", b"open tcp 1"), Line(">", b"x"), Line("~", b"silent")))) == ()


@pytest.mark.parametrize("name", OURS)
def test_each_has_a_good_a_hostile_and_where_it_asks_a_silent_recording(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (HERE / "transcripts" / name).glob("*.txt")]
    assert any(text.rstrip().endswith("= malformed") for text in texts)
    assert any("\n= " in text and "= malformed" not in text for text in texts)
    if all_probes()[name].touch is not Touch.LISTEN:
        assert any("\n~ silent" in text and "\n<" not in text for text in texts)


def test_a_listening_probe_claims_only_its_own() -> None:
    listening = {name: probe for name, probe in all_probes().items() if probe.touch is Touch.LISTEN}
    for name in listening:
        for transcript in _recorded(name):
            claimed = {
                other for other, probe in listening.items() if probe.claims and probe.claims(transcript.heard)
            }
            assert claimed <= {name}


# What we send, read by somebody else's dissector.


def test_smb2_negotiate_as_scapy_reads_it() -> None:
    packet = NBTSession(frame(smb.NEGOTIATE_REQUEST))
    request = packet[SMB2_Negotiate_Protocol_Request]
    assert request.Dialects == [0x0202, 0x0210, 0x0300, 0x0302, 0x0311]
    assert [context.ContextType for context in request.NegotiateContexts] == [1, 2]
    assert len(smb.NEGOTIATE_REQUEST) == packet.LENGTH
    assert not packet.haslayer("Raw")


def test_the_dns_question_as_scapy_reads_it() -> None:
    message = DNS(dns.QUESTION)
    assert (message.qdcount, message.rd, message.opcode, message.ancount) == (1, 0, 0, 0)
    question = message.qd[0]
    assert (question.qname, question.qtype, question.qclass) == (b"version.bind.", 16, 3)
    assert bytes(message) == dns.QUESTION


def test_smb2_session_setup_as_scapy_reads_it() -> None:
    request = SMB2_Session_Setup_Request(smb.SETUP_REQUEST[64:])
    token = dict(request.Buffer)["SecurityBlob"].innerToken
    assert isinstance(token, SPNEGO_negToken)
    assert [mechanism.oid.val for mechanism in token.token.mechTypes] == ["1.3.6.1.4.1.311.2.2.10"]
    assert bytes(token.token.mechToken.value).startswith(b"NTLMSSP\0\1")


def test_smb1_negotiate_as_scapy_reads_it() -> None:
    packet = NBTSession(frame(smb1.REQUEST))
    assert [dialect.DialectString for dialect in packet[SMBNegotiate_Request].Dialects] == [b"NT LM 0.12"]


def test_ikev2_as_scapy_reads_it() -> None:
    packet = IKEv2(ike.sa_init())
    assert (packet.version, packet.exch_type, packet.length) == (0x20, 34, len(ike.sa_init()))
    assert packet[IKEv2_KE].group == 14
    assert len(packet[IKEv2_KE].ke) == 256
    assert len(packet[IKEv2_Nonce].nonce) == 32
    assert bytes(packet[IKEv2_SA].prop)[4:5] == b"\1"
    public = int.from_bytes(packet[IKEv2_KE].ke, "big")
    assert 1 < public < ike._PRIME_14 - 1


def test_group_14_prime_is_the_one_of_the_rfc() -> None:
    # RFC 3526 §3: 2^2048 - 2^1984 - 1 + 2^64 * ([2^1918 pi] + 124476)
    prime = ike._PRIME_14
    assert prime.bit_length() == 2048
    assert pow(2, prime - 1, prime) == 1
    assert pow(2, (prime - 1) // 2, prime) in (1, prime - 1)
    assert prime >> 1984 == 2**64 - 1
    assert prime & (2**64 - 1) == 2**64 - 1


def test_ikev1_as_scapy_reads_it() -> None:
    packet = ISAKMP(ikev1.MAIN_MODE)
    assert (packet.version, packet.exch_type, packet.length) == (0x10, 2, len(ikev1.MAIN_MODE))
    first = packet[ISAKMP_payload_Transform]
    assert dict(first.transforms)["Encryption"] == "AES-CBC"
    assert len(ikev1.MAIN_MODE) < 512


def test_snmpv3_discovery_as_scapy_reads_it() -> None:
    decode: Any = BERcodec_Object.dec
    message, rest = decode(snmpv3.DISCOVERY, context=ASN1_Class_SNMP)
    assert rest == b""
    version, header, security, scoped = message.val
    assert version.val == 3
    assert [part.val for part in header.val] == [0x4461, 65507, b"\4", 3]
    inner, _ = decode(security.val)
    assert [part.val for part in inner.val] == [b"", 0, 0, b"", b"", b""]
    assert scoped.val[0].val == b""


def test_oxid_as_scapy_reads_it() -> None:
    bind, request = DceRpc5(oxid.BIND), DceRpc5(oxid.SERVER_ALIVE2)
    assert (bind.ptype, bind.frag_len, request.ptype, request.frag_len) == (11, 72, 0, 24)
    syntax = bind.payload.context_elem[0].abstract_syntax
    assert str(syntax.if_uuid).lower() == "99fcfec4-5260-101b-bbcb-00aa0021347a"
    assert request.payload.opnum == 5


def test_nbns_as_scapy_reads_it() -> None:
    status = NBNSNodeStatusRequest(netbios.question(1, b"*", 0, netbios.NBSTAT)[12:])
    assert status.QUESTION_TYPE == 0x21
    query = NBNSQueryRequest(netbios.question(1, b"HISDB01", 0x20, netbios.NB)[12:])
    assert query.QUESTION_NAME.rstrip() == b"HISDB01"
    assert "File Server" in query.sprintf("%SUFFIX%")
    assert query.QUESTION_TYPE == 0x20


# What we hear, written by somebody else.


@pytest.mark.parametrize(
    "packet",
    [
        Ether(src=MAC, dst=PEER) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"hello",
        Ether(src=MAC, dst=PEER) / Dot1Q(vlan=7) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"hello",
        Ether(src=MAC, dst=PEER) / Dot1Q(type=0x8100) / Dot1Q(vlan=7) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=2) / b"hello",
        Ether(src=MAC, dst=PEER) / IP(src="192.0.2.1", dst="192.0.2.2", options=[("NOP")]) / UDP(sport=1, dport=2) / b"hello",
        Ether(src=MAC, dst=PEER) / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=1, dport=2) / b"hello",
    ],
    ids=["plain", "vlan", "two tags", "ip options", "ipv6"],
)  # fmt: skip
def test_udp_frames_as_scapy_writes_them(packet: Packet) -> None:
    wire = bytes(packet) + bytes(9)  # padding to the shortest frame must not count
    datagram = frames.udp(wire)
    assert (datagram.source_port, datagram.destination_port, datagram.payload) == (1, 2, b"hello")
    assert (datagram.frame.source, datagram.frame.destination) == (MAC, PEER)
    assert frames.udp_ports(wire) == (1, 2)


def test_ipv6_extension_headers_and_fragments() -> None:
    head = Ether(src=MAC, dst=PEER) / IPv6(src="2001:db8::1", dst="2001:db8::2")
    extended = head / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / b"hello"
    assert frames.udp(bytes(extended)).payload == b"hello"
    with pytest.raises(Malformed):
        frames.udp(bytes(head / IPv6ExtHdrFragment(offset=8, nh=17) / b"rest"))
    with pytest.raises(Malformed):
        frames.udp(bytes(Ether() / IP(frag=3, proto=17) / b"rest of a fragment"))


def test_tcp_and_arp_as_scapy_writes_them() -> None:
    wire = Ether(src=MAC, dst=PEER) / IP(src="192.0.2.1", dst="192.0.2.2")
    segment = TCP(sport=22, dport=4000, seq=7, ack=8, flags="SA", options=[("MSS", 1460)])
    read = frames.tcp(frames.ip(frames.ethernet(bytes(wire / segment / b"x"))))
    assert read == frames.Segment(22, 4000, 7, 8, 0x12, b"x")
    asked = frames.arp(
        frames.ethernet(bytes(Ether(src=MAC) / ARP(op=1, hwsrc=MAC, psrc="192.0.2.1", pdst="192.0.2.9")))
    )
    assert (asked.operation, asked.sender_mac, asked.sender_ip, asked.target_ip) == (
        1,
        MAC,
        "192.0.2.1",
        "192.0.2.9",
    )


def test_an_arp_probe_is_not_claimed() -> None:
    probe = all_probes()["arp"]
    assert probe.claims is not None
    asking = Ether(src=MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=MAC, psrc="0.0.0.0", pdst="192.0.2.1")
    assert not probe.claims(bytes(asking))
    assert probe.read(Transcript((Line("<", bytes(asking)),))) == ()


def test_mdns_services_as_scapy_writes_them() -> None:
    answer = DNS(
        qr=1, aa=1, qd=[],
        an=[
            DNSRR(rrname="_ipp._tcp.local.", type="PTR", rdata="Printer 1._ipp._tcp.local."),
            DNSRRSRV(rrname="Printer 1._ipp._tcp.local.", port=631, target="printer.local."),
            DNSRR(rrname="_raw._udp.local.", type="PTR", rdata="x._raw._udp.local."),
        ],
        ar=[DNSRR(rrname="printer.local.", type="A", rdata="192.0.2.1")],
    )  # fmt: skip
    head = Ether(src=MAC, dst="01:00:5e:00:00:fb") / IP(src="192.0.2.1", dst="224.0.0.251")
    heard = Transcript((Line("<", bytes(head / UDP(sport=5353, dport=5353) / answer)),))
    facts = {(found.kind, found.value) for found in all_probes()["mdns"].read(heard)}
    assert (FactKind.MDNS_SERVICE, "_ipp._tcp 631") in facts
    assert (FactKind.MDNS_SERVICE, "_raw._udp -") in facts
    assert (FactKind.MDNS_HOST, "printer.local") in facts


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_names_end_whatever_they_point_at(data: bytes) -> None:
    for at in range(0, len(data), 7):
        try:
            assert len(dns_message.read_name(Cursor(data, at))) <= 64
        except Malformed:
            continue


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=15), st.integers(0, 255))
def test_netbios_names_survive_the_encoding(raw: bytes, suffix: int) -> None:
    encoded = netbios.encode_name(raw, suffix)
    decoded = netbios.decode_name(encoded[1:33])
    assert decoded[15] == suffix
    assert decoded[:15].startswith(raw)


# Recorded walks.


def _walk(text: str) -> dict[FactKind, list[str]]:
    facts = snmp.read(Transcript(tuple(Line("<", line) for line in text.encode().splitlines())))
    found: dict[FactKind, list[str]] = {}
    for one in facts:
        found.setdefault(one.kind, []).append(one.value)
    return found


def test_a_walk_in_every_notation() -> None:
    found = _walk(
        ".1.3.6.1.2.1.1.2.0|6|.1.3.6.1.4.1.9.1.1\n"
        "1.3.6.1.2.1.1.1.0|4e|line one\\x0d\\x0aline two\n"
        "1.3.6.1.2.1.2.2.1.2.3|4|Gi0/3\n1.3.6.1.2.1.2.2.1.6.3|4|0:1a:2b:3c:4d:5e\n1.3.6.1.2.1.2.2.1.8.3|2|7\n"
        "1.3.6.1.2.1.4.34.1.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9|2|3\n"
        "1.3.6.1.2.1.4.34.1.5.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.9|6|1.3.6.1.2.1.4.32.1.5.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.0.64\n"
    )
    assert found[FactKind.SNMP_SYSOBJECTID] == ["1.3.6.1.4.1.9.1.1"]
    assert found[FactKind.SNMP_SYSDESCR] == ["line one\ufffd\ufffdline two"]
    assert found[FactKind.INTERFACE] == ["3 Gi0/3 00:1a:2b:3c:4d:5e - lower-down"]
    assert found[FactKind.INTERFACE_ADDRESS] == ["3 2001:db8::9/64"]


def test_the_chassis_is_found_among_parts() -> None:
    part = "1.3.6.1.2.1.47.1.1.1.1"
    found = _walk(f"{part}.5.1|2|9\n{part}.11.1|4|JAF1101MOD\n{part}.5.149|2|3\n{part}.11.149|4|JAF1102CHA\n")
    assert found[FactKind.SERIAL] == ["JAF1102CHA"]
    assert found.get(FactKind.FORWARDING) is None


def test_a_long_walk_is_read_fast() -> None:
    lines = b"\n".join(b"1.3.6.1.4.1.9.9.%d.1|65|%d" % (n, n) for n in range(50_000))
    began = time.process_time()
    walk = Walk.of([lines])
    assert walk.lines == 50_000
    assert time.process_time() - began < 2


def test_every_recorded_walk_is_read(tmp_path: Path) -> None:
    archive = WALKS / "dev-core.tar.xz"
    if not archive.exists():
        pytest.skip("no recorded walks beside the repository (../shared/data/dev-core.tar.xz)")
    read = 0
    with tarfile.open(archive) as packed:
        for member in packed:
            stored = packed.extractfile(member) if member.name.endswith(".snmprec") else None
            if stored is not None:
                lines = tuple(Line("<", line) for line in stored.read().splitlines())
                _check(_read(all_probes()["snmp"], Transcript(lines)))
                read += 1
    assert read > 900
