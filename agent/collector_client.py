# SPDX-License-Identifier: Apache-2.0
"""Signed requests to the collector over HTTPS; plain HTTP only to this machine itself.

Error tree::

    UplinkError             .ja and .en: what happened, what it means, what to do next
    ├── CollectorAbsent     no answer, or one that is not the collector's; try again later
    └── CollectorRefused    it said no: `status`, and `content`, the members of its answer
"""

import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.clock import Clock
from agent.keys import stamp
from agent.refusal import Refusal
from agent.settings import Collector
from probes.facts import printable

MOST_ANSWER = 64 * 1024  # bytes of an answer
TIMEOUT = 60.0  # seconds without a byte
MEDIA = "application/octet-stream"
_NOT_PINNED = "the certificate is not the pinned one"


class UplinkError(Exception):
    """Nothing was handed over; `ja` and `en` are whole sentences for people."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja = ja
        self.en = en


class CollectorAbsent(UplinkError):
    """No answer, or one that is not the collector's."""


class CollectorRefused(UplinkError):
    """The collector said no."""

    def __init__(self, status: int, content: dict[str, Any], retry_after: float = 0.0) -> None:
        ja, en = (printable(str(content.get(key, ""))[:500]) for key in ("ja", "en"))
        super().__init__(
            ja
            or f"台帳サーバーが受け取りませんでした(HTTP {status})。記録は手元に残ります。あとで送り直します。",
            en or f"The collector did not take it (HTTP {status}). The records stay here and are sent again.",
        )
        self.status = status
        self.content = content
        self.retry_after = retry_after  # seconds that it wants us to wait; 0 if it did not say


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    content: dict[str, Any]
    retry_after: float = 0.0


class CollectorClient:
    """One collector, as agent.toml names it. Raises Refusal for a URL that would leak or cannot be."""

    def __init__(self, collector: Collector, clock: Clock) -> None:
        self._clock = clock
        self._http = httpx2.AsyncClient(
            base_url=checked_url(collector.url),
            verify=_context(collector),
            timeout=TIMEOUT,
            trust_env=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "daicho-agent"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def post(
        self,
        path: str,
        key: Ed25519PrivateKey,
        sequence: int,
        body: bytes,
        encoding: str = "identity",
        at: datetime | None = None,
    ) -> dict[str, Any]:
        """Send one signed body; give the members of the answer. Raises UplinkError."""
        headers = stamp(key, path, at or self._clock.now(), sequence, body)
        headers |= {"Content-Type": MEDIA, "Content-Encoding": encoding}
        try:
            reply = await self._exchange(path, headers, body)
        except (httpx2.HTTPError, OSError, msgspec.MsgspecError, UnicodeError) as error:
            raise _absent(error) from error
        if reply.status != 200:
            raise CollectorRefused(reply.status, reply.content, reply.retry_after)
        return reply.content

    async def _exchange(self, path: str, headers: dict[str, str], body: bytes) -> _Reply:
        async with self._http.stream("POST", path.lstrip("/"), headers=headers, content=body) as response:
            answer = b""
            async for part in response.aiter_raw():
                answer += part
                if len(answer) > MOST_ANSWER:
                    raise httpx2.DecodingError("the answer is too long")
        after = _seconds(response.headers.get("retry-after", ""))
        if "json" not in response.headers.get("content-type", "") and response.status_code != 200:
            return _Reply(response.status_code, {}, after)
        return _Reply(response.status_code, msgspec.json.decode(answer, type=dict[str, Any]), after)


def _seconds(text: str) -> float:
    """Read Retry-After in its form of seconds (RFC 9110, 10.2.3); anything else says nothing."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0.0


def sequence_of(content: dict[str, Any]) -> int:
    """Give the sequence in an answer; -1 if there is none that could be one."""
    value = content.get("sequence")
    return value if type(value) is int and 0 <= value < 10**17 else -1


def checked_url(url: str) -> str:
    """Give the collector's URL if records may travel there; raises Refusal."""
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_fits = urlsplit(""), False
    if not (port_fits and parts.hostname and parts.scheme in ("http", "https")):
        raise Refusal(
            f"台帳サーバーの URL {url!r} が正しくありません。送信できません。https:// で始まる URL を書いてください。",
            f"{url!r} is not a collector's URL; nothing can be uploaded. Write a URL that begins with https://.",
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Refusal(
            f"{url} は暗号化されていないため、使いません。https:// で始まる URL を書いてください"
            "(http:// はこの機械の中だけで使えます)。",
            f"{url} is not encrypted, so it is not used. Write a URL that begins with https:// "
            "(http:// is for this machine only).",
            permitted=False,
        )
    return url


def is_loopback(host: str) -> bool:
    """Say whether a host name stays on this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _context(collector: Collector) -> ssl.SSLContext:
    """Trust the pinned certificate, else the CA file, else the system's authorities."""
    written = collector.fingerprint
    if pins := (written,) if isinstance(written, str) and written else tuple(written):
        return _pinned(frozenset(_pin(text) for text in pins))
    try:
        return ssl.create_default_context(cafile=collector.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise Refusal(
            f"認証局ファイル {collector.ca_file} を読めません({error})。送信できません。場所と中身を確かめてください。",
            f"The CA file {collector.ca_file} cannot be read ({error}); nothing can be uploaded. "
            "Check its place and content.",
        ) from error


def _pin(fingerprint: str) -> str:
    wanted = fingerprint.replace(":", "").lower()
    if len(wanted) != 64 or not set(wanted) <= set("0123456789abcdef"):
        raise Refusal(
            "証明書の指紋(fingerprint)が SHA-256 の 64 桁ではありません。送信できません。設定を直してください。",
            "The certificate's fingerprint is not 64 hex digits of a SHA-256; nothing can be uploaded. "
            "Correct the settings.",
        )
    return wanted


def _pinned(wanted: frozenset[str]) -> ssl.SSLContext:
    """Accept exactly these certificates, by SHA-256 of the DER, before a byte of ours is sent."""

    class PinnedObject(ssl.SSLObject):
        """A TLS connection whose handshake ends only with the pinned certificate."""

        def do_handshake(self) -> None:
            super().do_handshake()
            if hashlib.sha256(self.getpeercert(True) or b"").hexdigest() not in wanted:
                raise ssl.SSLCertVerificationError(1, _NOT_PINNED)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin is stricter than any chain
    context.sslobject_class = PinnedObject
    return context


def _absent(error: Exception) -> CollectorAbsent:
    if _NOT_PINNED in str(error):
        return CollectorAbsent(
            "相手の証明書の指紋が、設定（[collector] の fingerprint）と違います。何も送っていません。記録は手元に残ります。"
            "台帳サーバーで証明書を作り直したなら、新しい指紋を管理者から受け取って書き直してください。"
            "心当たりがなければ、間に別の機械が入っていないか調べてください。",
            "The other side's certificate is not the one whose fingerprint the settings name. Nothing was sent; the "
            "records stay here. If the collector's certificate was renewed, get the new fingerprint from its "
            "administrator and write it; if not, find out who stands in between.",
        )
    why = printable(f"{type(error).__name__}: {error}"[:200])
    return CollectorAbsent(
        f"台帳サーバーとつながりません({why})。記録は手元に残り、つながったときに送られます。"
        "続くときは、台帳サーバーとネットワークを確かめてください。",
        f"The collector cannot be reached ({why}). The records stay here and are sent when it is back. "
        "If this goes on, check the collector and the network.",
    )
