# SPDX-License-Identifier: Apache-2.0
"""What the ends of flows say of themselves: the facts, whose they are, and nothing of a patient."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.captured import Captured
from probes.ask import dicom
from probes.capture.hearing import listen
from probes.capture.snmp_heard import lines_of
from probes.recognise import recognise
from probes.x509 import read_certificate
from tests.capture_cases import CLIENT, SERVER, captured, conversation
from tests.test_flows import PORTS, _flow, hello

TLS_RECORDING = Path(__file__).parent / "transcripts/tls/openssl.txt"


def said(found: Captured) -> set[tuple[str | None, int | None, str, str]]:
    return {(f["address"], f["port"], f["kind"], f["value"]) for f in found.facts()}


def told(transport: str, port: int, sent: list[bytes], answered: list[bytes]) -> set[tuple[str, str, str]]:
    return {(a or "", k, v) for a, _, k, v in said(captured(conversation(transport, 50123, port, sent, answered)))}  # fmt: skip


def tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def smb1(words: bytes, data: bytes, *, answer: bool) -> bytes:
    head = b"\xffSMB\x73" + bytes(4) + bytes((0x98 if answer else 0x18,)) + b"\x01\xc8" + bytes(20)
    return head + bytes((len(words) // 2,)) + words + len(data).to_bytes(2, "little") + data


def wide(text: str) -> bytes:
    return text.encode("utf-16-le") + b"\0\0"


MSH = b"\x0bMSH|^~\\&|LABSYS|CENTRAL|HIS|HOSP|202601010000||ORU^R01|1|P|2.5\rPID|1||0001||YAMADA^TARO\r\x1c\r"
SYSTEM = tlv(
    0x30,
    tlv(0x30, tlv(6, bytes.fromhex("2b06010201010100")) + tlv(4, b"FortiGate-60F"))
    + tlv(0x30, tlv(6, bytes.fromhex("2b06010201010300")) + tlv(0x43, b"\x0c")),
)
ANSWER = tlv(0x30, tlv(2, b"\1") + tlv(4, b"public") + tlv(0xA2, tlv(2, b"\7") + tlv(2, b"\0") + tlv(2, b"\0") + SYSTEM))  # fmt: skip
I_AM = b"\x81\x0b\0\x19\1\x20\xff\xff\0\xff\x10\0\xc4\2\0\0\x3d\x22\5\xc4\x91\0\x21\x2a\0"[:25]


def sip(first: str, *rest: str) -> bytes:
    return "\r\n".join((first, f"CSeq: 1 {first.partition(chr(32))[0]}", *rest, "", "")).encode()


def test_only_who_wrote_a_sip_message_is_named_by_it() -> None:
    via, more = "Via: SIP/2.0/UDP 192.0.2.1", "Via: SIP/2.0/UDP 192.0.2.9"
    agent = "User-Agent: Yealink SIP-T99 9.9.9.9"
    own = told("udp", 5060, [sip("INVITE sip:1@192.0.2.2 SIP/2.0", via, agent)], [])
    assert (CLIENT, "sip.user_agent", "Yealink SIP-T99 9.9.9.9") in own
    passed_on = told("udp", 5060, [sip("INVITE sip:1@192.0.2.2 SIP/2.0", more, via, agent)], [])
    assert not {kind for _, kind, _ in passed_on if kind.startswith("sip.")}
    for method, heard in (("REGISTER", True), ("INVITE", False)):
        answer = f"SIP/2.0 200 OK\r\nCSeq: 7 {method}\r\n{via}\r\nServer: Zz PBX 9.9\r\n\r\n".encode()
        found = told("udp", 5060, [sip(f"{method} sip:192.0.2.2 SIP/2.0", via)], [answer])
        assert ((SERVER, "sip.server", "Zz PBX 9.9") in found) is heard


def test_banners_are_the_servers_and_agents_the_clients() -> None:
    web = told("tcp", 80, [b"GET / HTTP/1.1\r\nUser-Agent: Viewer/3\r\n\r\n"], [b"HTTP/1.1 200 OK\r\nServer: nginx/1.24.0\r\n\r\n"])  # fmt: skip
    assert {(SERVER, "http.server", "nginx/1.24.0"), (CLIENT, "http.user_agent", "Viewer/3")} <= web
    mail = told("tcp", 587, [b"EHLO me\r\n"], [b"220 mx.example ESMTP Postfix\r\n"])
    assert (SERVER, "smtp.banner", "mx.example ESMTP Postfix") in mail
    files = told("tcp", 2121, [b"USER x\r\n"], [b"220 (vsFTPd 3.0.5)\r\n"])
    assert (SERVER, "ftp.banner", "(vsFTPd 3.0.5)") in files


def test_hl7_gives_the_sender_and_nothing_of_the_patient() -> None:
    found = told(
        "tcp", 2575, [MSH], [b"\x0bMSH|^~\\&|HIS|HOSP|LABSYS|CENTRAL|2||ACK|1|P|2.5\rMSA|AA|1\r\x1c\r"]
    )
    assert (CLIENT, "banner", "HL7 2.5 from LABSYS at CENTRAL") in found
    assert (SERVER, "banner", "HL7 2.5 from HIS at HOSP") in found
    assert "YAMADA" not in str(found)


def test_dicom_gives_the_implementation_that_calls() -> None:
    found = told("tcp", 11112, [dicom.ASSOCIATE], [])
    assert any(a == CLIENT and k == "dicom.implementation_uid" for a, k, _ in found)
    assert any(a == CLIENT and k == "banner" and v.startswith("DICOM title DAICHO") for a, k, v in found)


def test_bacnet_devices_introduce_themselves() -> None:
    found = told("udp", 47808, [I_AM], [])
    assert (CLIENT, "banner", "BACnet device 61, maker's number 42") in found


def test_snmp_answers_are_read_as_a_walk() -> None:
    assert lines_of(ANSWER) == (
        b"1.3.6.1.2.1.1.1.0|4x|466f727469476174652d363046",
        b"1.3.6.1.2.1.1.3.0|67|12",
    )
    found = told("udp", 161, [b"?"], [ANSWER])
    assert (SERVER, "snmp.sysDescr", "FortiGate-60F") in found
    assert "public" not in str(found)


def test_smb_1_names_its_system_with_and_without_a_blob() -> None:
    blob = b"\xa1\x05abcde"
    words = b"\xff\0\0\0\0\0" + len(blob).to_bytes(2, "little")
    start = 32 + 1 + len(words) + 2
    pad = b"\0" * ((start + len(blob)) % 2)
    server = smb1(
        words, blob + pad + wide("Windows Server 2008 R2 Standard 7601") + wide("LM 6.1"), answer=True
    )
    client = smb1(
        b"\xff\0" + bytes(22), b"\0" * ((32 + 1 + 24 + 2) % 2) + wide("Unix") + wide("Samba"), answer=False
    )
    found = told("tcp", 445, [client], [server])
    assert (SERVER, "smb.native_os", "Windows Server 2008 R2 Standard 7601") in found
    assert (SERVER, "smb.native_lm", "LM 6.1") in found
    assert (CLIENT, "smb.native_os", "Unix") in found


def test_ike_shows_vendor_ids_in_clear_and_only_its_version_when_encrypted() -> None:
    vendor = b"\0\0\0\x14" + bytes(range(16))
    clear = bytes(8 * (1,)) + bytes(8) + b"\x0d\x10\2\0" + bytes(4) + (28 + 20).to_bytes(4, "big") + vendor
    sealed = bytes(8 * (1,)) * 2 + b"\x05\x10\2\1" + bytes(4) + (28 + 20).to_bytes(4, "big") + b"\xff" * 20
    found = told("udp", 500, [clear], [sealed])
    assert (CLIENT, "ike.vendor_id", bytes(range(16)).hex()) in found
    assert (SERVER, "ike.version", "1") in found


def test_an_rdp_client_in_clear_gives_its_name() -> None:
    name = "XRAY-WS01".encode("utf-16-le").ljust(32, b"\0")
    core = b"Duca\x81\x18\x01\xc0\xd4\0\x04\0\x08\0" + bytes(16) + name
    first = b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\0\0\0\0"
    assert (CLIENT, "name", "XRAY-WS01") in told("tcp", 3389, [first, b"\3\0\0\xf0" + bytes(60) + core], [])


def test_names_of_other_services_are_not_written_down() -> None:
    assert "example.jp" not in str(told("tcp", 443, [hello("private.example.jp")], []))


def test_a_tool_inside_is_a_path_of_the_machine_that_calls() -> None:
    found = captured(conversation("tcp", 50123, 443, [hello("router3.teamviewer.com")], [b"\x16\3\3\0\0"]))
    paths = {d.addresses[0].ip: d.remote_paths for d in found.devices() if d.remote_paths}
    assert {ip: [(p.kind, p.product, p.port) for p in many] for ip, many in paths.items()} == {
        CLIENT: [("remote_tool", "TeamViewer", 0)]
    }


def test_a_certificate_of_a_version_that_does_not_exist_keeps_its_fingerprint() -> None:
    der = bytearray(bytes.fromhex(next(t.split()[-1] for t in TLS_RECORDING.read_text("utf-8").splitlines() if "tls.certificate" in t)))  # fmt: skip
    at = der.index(b"\xa0\x03\x02\x01\x02")
    der[at + 4] = 1
    assert [one.kind for one in read_certificate(bytes(der))] == ["tls.fingerprint"]


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["tcp", "udp"]),
    st.tuples(PORTS, st.sampled_from([161, 500, 443, 445, 80, 21, 2575, 47808, 3389])),
    st.data(),
)
def test_whatever_is_said_is_survived(transport: str, ports: tuple[int, int], data: st.DataObject) -> None:
    seeds = [MSH, ANSWER, I_AM, dicom.ASSOCIATE, hello("a.anydesk.com"), smb1(b"\xff\0" + bytes(22), wide("U"), answer=False)]  # fmt: skip
    pieces = []
    for _ in range(2):
        piece = bytearray(data.draw(st.one_of(st.sampled_from(seeds), st.binary(max_size=120))))
        for _ in range(data.draw(st.integers(0, 3))):
            if piece:
                piece[data.draw(st.integers(0, len(piece) - 1))] = data.draw(st.integers(0, 255))
        pieces.append(bytes(piece[: data.draw(st.integers(0, len(piece)))]))
    for one in listen(_flow(transport, ports, pieces[:1], pieces[1:], 0), ()):
        assert all(fact.value.isprintable() or "\u3000" in fact.value for fact in one.facts)


@pytest.mark.parametrize("size", range(len(ANSWER)))
def test_a_cut_snmp_answer_is_survived(size: int) -> None:
    told("udp", 161, [b"?"], [ANSWER[:size] or b"\0"])


@pytest.mark.parametrize(
    "text",
    [
        "CN=Amazon,OU=Server CA 1B,O=Amazon,C=US",
        "CN=GTS CA 1O1,O=Google Trust Services,C=US",
        "OU=www.verisign.com/CPS Incorp.by Ref. LIABILITY LTD.(c)97 VeriSign,O=VeriSign Trust Network",
        "CN=www.microsoft.com,O=Microsoft Corporation,C=US",
    ],
)
def test_who_certifies_or_runs_a_web_site_made_no_device(text: str) -> None:
    assert [one for c in ("tls.issuer", "tls.subject") for one in recognise(c, text) if one.maker] == []
