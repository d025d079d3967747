# SPDX-License-Identifier: Apache-2.0
"""The collector's own certificate: the site's, or a self-signed one made at the first start.

`collector.pem` in the state folder holds key and certificate together (ECDSA P-256, mode 0600), so
that both change in one step; `collector-next.pem` is the one that takes over at the next renewal,
made beforehand so that agents can be told both fingerprints. X.509 as RFC 5280 has it.
"""

import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from collector.secret_file import put_secret
from collector.settings import Settings

PEM_FILE = "collector.pem"
NEXT_FILE = "collector-next.pem"
VALID = timedelta(days=825)  # what browsers accept of a certificate at most
_SLACK = timedelta(hours=1)  # a reader's clock may be late


class CertificateError(Exception):
    """The certificate or its key cannot be used; `ja` and `en` say why and what to do."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, as files and as people know it."""

    file: Path
    key_file: Path
    fingerprint: str  # SHA-256 of the DER, hex with colons, as agent.toml and browsers write it
    begins: datetime
    ends: datetime
    names: tuple[str, ...]  # DNS names and addresses that it is good for
    self_signed: bool

    def days_left(self, now: datetime) -> int:
        """Whole days until it runs out; negative afterwards."""
        return (self.ends - now).days

    def missing(self, wanted: frozenset[str]) -> tuple[str, ...]:
        """Those of these names that it does not bear; raises CertificateError for one that none could bear."""
        return tuple(sorted(name for name in wanted if str(_general(name).value) not in self.names))


def find_certificate(settings: Settings, folder: Path, now: datetime) -> Certificate:
    """Give the site's certificate, else our own, made now if there is none; raises CertificateError."""
    if settings.tls.certificate:
        return read_certificate(
            Path(settings.tls.certificate).expanduser(), Path(settings.tls.key).expanduser()
        )
    path = folder / PEM_FILE
    if not path.exists():
        _put(path, make_certificate(names_of(settings), now), replace=False)
    return read_certificate(path, path)


def prepare_next(settings: Settings, folder: Path, now: datetime) -> Certificate:
    """Make the certificate that takes over at the next renewal, unless it is there; raises CertificateError."""
    path = folder / NEXT_FILE
    if not path.exists():
        _put(path, make_certificate(names_of(settings), now), replace=False)
    return read_certificate(path, path)


def renew(settings: Settings, folder: Path, now: datetime) -> Certificate:
    """Let the prepared certificate, or a new one, take over; the old one is gone. Raises CertificateError."""
    path, prepared = folder / PEM_FILE, folder / NEXT_FILE
    if prepared.exists():
        read_certificate(prepared, prepared)
        _move(prepared, path)
    else:
        _put(path, make_certificate(names_of(settings), now), replace=True)
    return read_certificate(path, path)


def names_of(settings: Settings) -> tuple[str, ...]:
    """Names and addresses that the certificate must bear: all under which the pages may be asked for."""
    return tuple(sorted(settings.allowed_hosts - {"0.0.0.0", "::"}))  # noqa: S104 - these are no names


def make_certificate(names: tuple[str, ...], now: datetime) -> bytes:
    """Make a new key and a self-signed certificate for these names; gives both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daicho")])
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + VALID - 2 * _SLACK)
    )
    for extension, critical in _extensions(names, public):
        builder = builder.add_extension(extension, critical)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read_certificate(file: Path, key_file: Path) -> Certificate:
    """Read a certificate and check that its key fits and is not open to all; raises CertificateError."""
    try:
        if key_file.stat().st_mode & 0o007:
            raise _open_to_all(key_file)
        found = x509.load_pem_x509_certificates(file.read_bytes())[0]
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file, key_file, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        raise _unusable(file, key_file, error.strerror or type(error).__name__) from error
    except (ValueError, IndexError) as error:
        raise _unusable(file, key_file, "not a PEM certificate") from error
    der = found.public_bytes(serialization.Encoding.DER)
    return Certificate(
        file,
        key_file,
        hashlib.sha256(der).digest().hex(":").upper(),
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        _names(found),
        found.issuer == found.subject,
    )


def certificate_pem(file: Path) -> str:
    """Give the certificate alone, without its key, to hand out; raises CertificateError."""
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())[0]
    except (OSError, ValueError, IndexError) as error:
        raise _unusable(file, file, type(error).__name__) from error
    return found.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _extensions(
    names: tuple[str, ...], public: ec.EllipticCurvePublicKey
) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return (
        (x509.SubjectAlternativeName([_general(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_USAGE, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
    )


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode("ascii"))
    except UnicodeError as error:
        raise CertificateError(
            f"host_names の「{name[:80]}」は証明書に書ける名前ではありません。ドメイン名かアドレスに直してください。",
            f"“{name[:80]}” of host_names cannot stand in a certificate. Write a domain name or an address.",
        ) from error


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        held = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    dns = held.get_values_for_type(x509.DNSName)
    return tuple(sorted([*dns, *(str(one) for one in held.get_values_for_type(x509.IPAddress))]))


def _put(path: Path, pem: bytes, *, replace: bool) -> None:
    try:
        put_secret(path, pem, replace=replace)
    except OSError as error:
        raise _unusable(path, path, error.strerror or "") from error


def _move(prepared: Path, path: Path) -> None:
    try:
        prepared.replace(path)
    except OSError as error:
        raise _unusable(path, path, error.strerror or "") from error


def _open_to_all(path: Path) -> CertificateError:
    return CertificateError(
        f"証明書の秘密鍵 {path} をこの機械のだれもが読めます。通信を読まれるおそれがあるため使いません。"
        f"chmod 600 {path} を実行し、読まれたおそれがあれば証明書を作り直してください。",
        f"Everybody on this machine may read the certificate's key {path}, so it is not used. "
        f"Run chmod 600 {path}; if somebody may have read it, have a new certificate made.",
    )


def _unusable(file: Path, key_file: Path, why: str) -> CertificateError:
    return CertificateError(
        f"証明書 {file} か鍵 {key_file} を使えません（{why}）。台帳サーバーを始めません。"
        "場所、権限、証明書と鍵が対になっているかを確かめてください。",
        f"The certificate {file} or its key {key_file} cannot be used ({why}); the collector does not start. "
        "Check places, permissions, and whether key and certificate belong together.",
    )
