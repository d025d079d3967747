# SPDX-License-Identifier: Apache-2.0
"""Properties of the probes that talk text and TLS, and of the readers that they share."""

import datetime
import functools
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from probes import greeting, http_answer, ntlm, ssh_exchange, web_page
from probes.all_probes import all_probes
from probes.ask import dicom, postgres, rdp, tls_old
from probes.contract import Line, Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import FactKind, printable
from probes.x509 import read_certificate

TEXT_PROBES = (
    "banner dicom ftp http https postgres rdp smtp ssh telnet tls tls_old vnc".split()  # noqa: SIM905
)
SENDS_NOTHING = {"banner", "ftp", "smtp", "telnet"}

few = settings(max_examples=60, deadline=None)


def heard(*parts: bytes, notes: tuple[str, ...] = ()) -> Transcript:
    return Transcript(
        tuple(Line("~", note.encode()) for note in notes) + tuple(Line("<", part) for part in parts)
    )


@pytest.mark.parametrize("name", TEXT_PROBES)
@few
@given(st.lists(st.binary(max_size=300), max_size=4), st.text(max_size=60))
def test_readers_are_total(name: str, parts: list[bytes], note: str) -> None:
    transcript = heard(*parts, notes=(f"tls.certificate {note}", "tls.version TLSv1.2"))
    try:
        facts = all_probes()[name].read(transcript)
    except Malformed:
        return
    assert all(found.value == printable(found.value) for found in facts)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("ssh", b"SSH-2.0-x\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\n\r\n<title>"),
        ("vnc", b"RFB 003.008\n"),
        ("rdp", b"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0"),
        ("dicom", b"\x02\0\0\0\0\x60"),
        ("telnet", b"\xff\xfd\x18"),
        ("ftp", b"220-"),
        ("banner", b"\x4a\0\0\0\x0a5.5"),
        ("tls_old", b"\x16\x03\x02\0\x30\x02"),
    ],
)
@few
@given(st.binary(max_size=400))
def test_readers_are_total_after_a_true_beginning(name: str, start: bytes, rest: bytes) -> None:
    try:
        facts = all_probes()[name].read(heard(start + rest))
    except Malformed:
        return
    assert all(found.value == printable(found.value) for found in facts)


class _Ear:
    """A stream that says given chunks, then ends; remembers what it was told."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.told = b""

    async def send(self, data: bytes) -> None:
        self.told += data

    async def receive(self, most: int = 4096) -> bytes:
        if not self.chunks:
            return b""
        part, self.chunks[0] = self.chunks[0][:most], self.chunks[0][most:]
        if not self.chunks[0]:
            del self.chunks[0]
        return part

    async def start_tls(self) -> None:
        return None


@few
@given(chunks=st.lists(st.binary(min_size=1, max_size=600), max_size=8))
async def test_hearing_a_reply_is_bounded(chunks: list[bytes]) -> None:
    ear = _Ear(chunks)
    await greeting.hear_reply(ear)
    assert ear.told == b""


@few
@given(st.binary(max_size=80), st.integers(0, 2**32 - 1))
def test_ssh_packets_come_back_as_they_were(payload: bytes, noise: int) -> None:
    payload = b"\x14" + payload
    wrapped = ssh_exchange.packet(payload)
    assert len(wrapped) % 8 == 0
    assert list(ssh_exchange.read_packets(Cursor(wrapped))) == [payload]
    assert list(ssh_exchange.read_packets(Cursor(wrapped[:-1]))) == []


def test_ssh_picks_the_strongest_method_it_can_answer() -> None:
    names = ("diffie-hellman-group1-sha1,curve25519-sha256", "ssh-rsa,ssh-ed25519", *["none"] * 6, "", "")
    said = ssh_exchange.reply(ssh_exchange.Offer(names))
    assert said is not None
    init, first = ssh_exchange.read_packets(Cursor(said))
    offer = ssh_exchange.read_offer(init)
    assert (offer.kex, offer.host_keys) == ("curve25519-sha256", "ssh-ed25519")
    assert len(first) == 1 + 4 + 32
    assert ssh_exchange.reply(ssh_exchange.Offer(("unknown", *names[1:]))) is None


@few
@given(st.binary(max_size=900))
def test_chunks_come_back_joined(body: bytes) -> None:
    coded = b"".join(b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in _cut(body)) + b"0\r\n\r\n"
    answer = http_answer.read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + coded)
    assert answer.body == body


def _cut(body: bytes) -> list[bytes]:
    return [body[i : i + 100] for i in range(0, len(body), 100)]


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp"])
def test_japanese_titles(encoding: str) -> None:
    declared = {"cp932": "Shift_JIS", "euc_jp": "EUC-JP"}.get(encoding, encoding)
    page = f"<TITLE>\n設定画面 &amp;\t管理</TITLE><meta charset={declared}>".encode(encoding)
    facts = web_page.read_page(page, "text/html", (), ())
    assert [f.value for f in facts if f.kind is FactKind.HTTP_TITLE] == ["設定画面 & 管理"]


@pytest.mark.parametrize(
    ("page", "redirects", "challenges", "reason", "path"),
    [
        (b"<input name=p type='password'>", (), (), "password input", "web_admin"),
        (b'<form action="/cgi-bin/logon.cgi">', (), (), "form action /cgi-bin/logon.cgi", "web_admin"),
        (b"", (), ("Digest realm=x",), "WWW-Authenticate Digest", "web_admin"),
        (b"", ("/dana-na/auth/url_0/welcome.cgi",), (), "portal path /dana-na/", "ssl_vpn"),
        (b"<script>window.location.href='/remote/login';", (), (), "portal path /remote/login", "ssl_vpn"),
    ],
)
def test_login_marks(
    page: bytes, redirects: tuple[str, ...], challenges: tuple[str, ...], reason: str, path: str
) -> None:
    facts = web_page.read_page(page, "", redirects, challenges)
    assert [f.value for f in facts if f.kind is FactKind.HTTP_LOGIN] == [reason]
    assert [f.value for f in facts if f.kind is FactKind.REMOTE_PATH] == [path]


def test_a_page_without_login_is_no_remote_path() -> None:
    facts = web_page.read_page(b"<title>Catalog</title><form action=/search><input type=text>", "", (), ())
    assert {f.kind for f in facts} == {FactKind.HTTP_TITLE, FactKind.HTTP_BODY}


CHALLENGE = (
    b"NTLMSSP\0\x02\0\0\0" + bytes(8) + (0x02000000).to_bytes(4, "little") + bytes(16)
    + b"\x18\0\x18\0\x38\0\0\0" + b"\x0a\0\x63\x45\0\0\0\x0f"
    + b"\x01\0\x0c\0" + "HIS-SV".encode("utf-16-le") + b"\x07\0\x00\0" + bytes(4)
)  # fmt: skip


def test_ntlm_challenge() -> None:
    facts = [(f.kind, f.value) for f in ntlm.read_challenge(b"\x30\x82ab" + CHALLENGE)]
    assert facts == [(FactKind.NTLM_COMPUTER, "HIS-SV"), (FactKind.NTLM_BUILD, "10.0.17763")]


@few
@given(st.integers(0, len(CHALLENGE)), st.integers(0, 255), st.integers(0, len(CHALLENGE) - 1))
def test_ntlm_challenge_is_total(cut: int, value: int, at: int) -> None:
    for data in (CHALLENGE[:cut], CHALLENGE[:at] + bytes([value]) + CHALLENGE[at + 1 :]):
        try:
            facts = ntlm.read_challenge(data)
        except Malformed:
            continue
        assert all(found.value == printable(found.value) for found in facts)


@functools.cache  # its signature is random
def _certificate() -> bytes:
    key = ec.derive_private_key(7, ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.COMMON_NAME, "gw.example.test"),
        ]
    )
    names = [x509.DNSName("gw.example.test"), x509.IPAddress(ipaddress.ip_address("10.11.12.13"))]
    when = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 5, when - datetime.timedelta(9), when)
    signed = made.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.DER)


def test_certificate() -> None:
    values = {(f.kind, f.value) for f in read_certificate(_certificate())}
    assert {
        (FactKind.TLS_SUBJECT, "CN=gw.example.test,C=JP"),
        (FactKind.TLS_SAN, "gw.example.test"),
        (FactKind.TLS_SAN, "10.11.12.13"),
        (FactKind.TLS_NOT_AFTER, "2030-01-02T00:00:00+00:00"),
    } <= values


@few
@given(st.data())
def test_a_broken_certificate_still_has_its_fingerprint(data: st.DataObject) -> None:
    der = bytearray(_certificate())
    for _ in range(data.draw(st.integers(1, 6))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    facts = read_certificate(bytes(der))
    assert facts[0].kind is FactKind.TLS_FINGERPRINT
    assert all(found.value == printable(found.value) for found in facts)


def test_what_we_say_is_well_formed() -> None:
    """Lengths inside our constant questions agree with their bytes."""
    assert len(rdp.CONNECTION_REQUEST) == rdp.CONNECTION_REQUEST[3] == rdp.CONNECTION_REQUEST[4] + 5
    assert rdp.TS_REQUEST[1] == len(rdp.TS_REQUEST) - 2
    assert int.from_bytes(dicom.ASSOCIATE[2:6], "big") == len(dicom.ASSOCIATE) - 6
    assert int.from_bytes(tls_old.CLIENT_HELLO[3:5], "big") == len(tls_old.CLIENT_HELLO) - 5
    assert postgres.SSL_REQUEST[3] == len(postgres.SSL_REQUEST)
    assert len(ntlm.NEGOTIATE) == 40


@pytest.mark.parametrize("name", sorted(SENDS_NOTHING))
@few
@given(chunks=st.lists(st.binary(min_size=1, max_size=600), max_size=6))
async def test_listening_probes_send_nothing(name: str, chunks: list[bytes]) -> None:
    ear = _Ear(chunks)

    class OneWire:
        address = "192.0.2.1"

        async def tcp(self, port: int) -> _Ear:
            return ear

    ask = all_probes()[name].ask
    assert ask is not None
    await ask(OneWire(), 7)  # type: ignore[arg-type]
    assert ear.told == b""
