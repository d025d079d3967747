# SPDX-License-Identifier: Apache-2.0
"""How the collector is served: TLS 1.2 or newer, no line of uvicorn's own access log, no header believed
that a proxy did not write.
"""

import ssl
from collections.abc import Callable
from typing import Any

import uvicorn

from collector.certificate import Certificate

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secrecy and AEAD only; TLS 1.3 has no others
MOST_WAITING = 20  # seconds that requests under way get at the end


def server_config(
    app: Any, host: str, port: int, certificate: Certificate | None, **more: Any
) -> uvicorn.Config:
    """Give uvicorn's configuration for this collector, encrypted if there is a certificate."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,  # collector.logs has the word
        access_log=False,
        proxy_headers=False,  # collector.proxies believes them, and only those of the proxies that it was told
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=MOST_WAITING,
        ssl_context_factory=None if certificate is None else _factory(certificate),
        **more,
    )


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Give the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(certificate.file, certificate.key_file, password=lambda: "")
    return context


def _factory(
    certificate: Certificate,
) -> Callable[[uvicorn.Config, Callable[[], ssl.SSLContext]], ssl.SSLContext]:
    return lambda _config, _default: server_context(certificate)
