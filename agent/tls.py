# SPDX-License-Identifier: Apache-2.0
"""TLS as old devices speak it, over bytes that somebody else carries; nothing is verified.

We look, we do not trust: any version from 1.0, any cipher that the library still has. What
was negotiated and the certificate go into the transcript.
"""

import ssl
from collections.abc import Iterator

_LEGACY_SERVER_CONNECT = 0x4  # SSL_OP_LEGACY_SERVER_CONNECT: devices from before RFC 5746


class TlsFailed(Exception):
    """The handshake or a record failed; the text is the library's reason."""


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF | _LEGACY_SERVER_CONNECT
    return context


class Tls:
    """A client side of one TLS connection, fed and emptied by hand."""

    def __init__(self, address: str) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = _context().wrap_bio(self._in, self._out, server_hostname=None)
        self.address = address

    def step(self) -> bool:
        """Go on with the handshake; True when done. Raises TlsFailed."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsFailed(error.reason or "handshake failure") from error
        return True

    def incoming(self, data: bytes) -> None:
        """Hand in bytes from the wire."""
        self._in.write(data)

    def outgoing(self) -> bytes:
        """Take bytes for the wire."""
        return self._out.read()

    def encrypt(self, data: bytes) -> bytes:
        """Turn plain bytes into records."""
        self._tls.write(data)
        return self._out.read()

    def decrypt(self, most: int) -> bytes | None:
        """Give plain bytes, b"" at the end, None when more must come in."""
        try:
            return self._tls.read(most)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise TlsFailed(error.reason or "record failure") from error

    def notes(self) -> Iterator[tuple[str, str]]:
        """What the transcript keeps of the handshake."""
        yield "tls.version", self._tls.version() or "?"
        cipher = self._tls.cipher()
        yield "tls.cipher", cipher[0] if cipher else "?"
        certificate = self._tls.getpeercert(binary_form=True)
        if certificate:
            yield "tls.certificate", certificate.hex()
