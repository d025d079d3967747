# SPDX-License-Identifier: Apache-2.0
"""Keys and self-signed certificates for lab hosts; Ed25519 keys are the same on every run of a layout."""

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

__all__ = ["KeyPair", "certificate", "ssh_host_key"]

_PEM = serialization.Encoding.PEM
_NO_PASSWORD = serialization.NoEncryption()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and its certificate, both PEM."""

    key: bytes
    certificate: bytes


def ssh_host_key(kind: str, seed: str) -> bytes:
    """Return an OpenSSH private key: 'ed25519' follows from the seed, 'rsa' and 'ecdsa' are fresh."""
    key: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
    elif kind == "rsa":
        key = rsa.generate_private_key(65537, 2048)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(_PEM, serialization.PrivateFormat.OpenSSH, _NO_PASSWORD)


def certificate(name: str, organisation: str, alternatives: tuple[str, ...], *, use_rsa: bool) -> KeyPair:
    """Return a self-signed certificate, ten years long as devices do it; alternatives are IPs or names."""
    key = rsa.generate_private_key(65537, 2048) if use_rsa else ec.generate_private_key(ec.SECP256R1())
    start = datetime.datetime(2021, 4, 1, tzinfo=datetime.UTC)
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )
    draft = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=3650))
    )
    if alternatives:
        names = x509.SubjectAlternativeName([_alternative(text) for text in alternatives])
        draft = draft.add_extension(names, critical=False)
    signed = draft.sign(key, hashes.SHA256())
    private = key.private_bytes(_PEM, serialization.PrivateFormat.TraditionalOpenSSL, _NO_PASSWORD)
    return KeyPair(private, signed.public_bytes(_PEM))


def _alternative(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
