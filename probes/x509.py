# SPDX-License-Identifier: Apache-2.0
"""What a TLS handshake showed, as facts: version, and the certificate (RFC 5280).

The certificate is hostile like everything else: whatever part of it cannot be read is left out,
its fingerprint always stands.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probes.contract import Malformed, Transcript
from probes.facts import Fact, FactKind, fact

_MOST_NAMES = 64  # subject alternative names read of one certificate


def read_tls(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the wire's notes `tls.version` and `tls.certificate`; () when no handshake was finished.

    Raises Malformed if the certificate is not hexadecimal text.
    """
    facts = [fact(FactKind.TLS_VERSION, version) for version in transcript.notes("tls.version")]
    for text in transcript.notes("tls.certificate"):
        try:
            der = bytes.fromhex(text)
        except ValueError as error:
            raise Malformed("tls.certificate is not hexadecimal") from error
        facts += read_certificate(der)
    return tuple(facts)


def read_certificate(der: bytes) -> tuple[Fact, ...]:
    """Read one DER certificate: fingerprint always, the other TLS_ facts as far as they can be read."""
    fingerprint = fact(FactKind.TLS_FINGERPRINT, hashlib.sha256(der).hexdigest())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old devices: negative serials, odd encodings
        try:
            certificate = x509.load_der_x509_certificate(der)
        except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
            return (fingerprint,)
        parts = (_subject, _issuer, _names, _not_after, _public_key)
        return (fingerprint, *(found for part in parts for found in _readable(part, certificate)))


def _readable(
    part: Callable[[x509.Certificate], Iterable[Fact]], certificate: x509.Certificate
) -> tuple[Fact, ...]:
    """Read one part; () when the library turns its encoding down."""
    try:
        return tuple(part(certificate))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return ()


def _subject(certificate: x509.Certificate) -> Iterator[Fact]:
    yield fact(FactKind.TLS_SUBJECT, certificate.subject.rfc4514_string())


def _issuer(certificate: x509.Certificate) -> Iterator[Fact]:
    yield fact(FactKind.TLS_ISSUER, certificate.issuer.rfc4514_string())


def _names(certificate: x509.Certificate) -> Iterator[Fact]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in list(extension.value)[:_MOST_NAMES]:
                if isinstance(name, x509.DNSName | x509.IPAddress | x509.RFC822Name):
                    yield fact(FactKind.TLS_SAN, str(name.value))


def _not_after(certificate: x509.Certificate) -> Iterator[Fact]:
    yield fact(FactKind.TLS_NOT_AFTER, certificate.not_valid_after_utc.astimezone(UTC).isoformat())


def _public_key(certificate: x509.Certificate) -> Iterator[Fact]:
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield fact(FactKind.TLS_PUBLIC_KEY, hashlib.sha256(key).hexdigest())
