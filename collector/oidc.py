# SPDX-License-Identifier: Apache-2.0
"""A site's own sign-on: OpenID Connect code flow with PKCE (OIDC Core §3.1, RFC 7636, RFC 9207).

What the provider says is hostile until its signature, issuer, audience, nonce and times have been checked.
"""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jwt

from collector.sections import SignOn, read_secret

SIGNATURES = [
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "EdDSA",
]  # never HS*, never none
MOST_ANSWER = 1024 * 1024  # bytes
WAIT = 10.0  # seconds
REST = timedelta(seconds=15)  # after a failure, in which nobody waits for the provider again
KNOWN_FOR = timedelta(hours=1)  # how long addresses and keys of the provider are kept
SKEW = timedelta(minutes=2)
OLDEST = timedelta(minutes=10)  # that a token may have been issued ago


class SignOnFailed(Exception):
    """The provider was not reached, or said something that does not hold; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What one sign-on keeps to itself until the provider sends the person back."""

    nonce: str
    verifier: str
    redirect: str  # where the provider sends the person

    @property
    def challenge(self) -> str:
        """What the provider gets of the verifier (RFC 7636 §4.2, S256)."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    email: str  # "" unless the provider has verified it
    login: str
    name: str


class Provider:
    """The provider that the settings name; asks it for its addresses and keys when they are needed."""

    def __init__(self, settings: SignOn, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._lock = threading.Lock()
        self._known: tuple[datetime, dict[str, Any], dict[str, Any]] | None = None
        self._failed: datetime | None = None
        self._open = _opener(settings.ca_file)

    def start(self, redirect: str, state: str, flow: Flow) -> str:
        """Give the provider's address to which the person is sent; raises SignOnFailed."""
        found, _ = self._metadata()
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect,
            "scope": "openid profile email",
            "state": state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        address = str(found["authorization_endpoint"])
        return address + ("&" if urlsplit(address).query else "?") + urlencode(query)

    def finish(self, code: str, flow: Flow, issuer: str) -> Identity:
        """Change the code for what the provider says of the person; raises SignOnFailed."""
        if issuer and issuer != self._settings.issuer:
            raise SignOnFailed("the answer names another issuer")
        found, _ = self._metadata()
        answer = self._redeem(str(found["token_endpoint"]), code, flow)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignOnFailed("no id_token")
        return self._identity(self._verified(token), flow)

    def _redeem(self, address: str, code: str, flow: Flow) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.redirect,
            "code_verifier": flow.verifier,
            "client_id": self._settings.client_id,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        secret = self._secret()
        if secret:
            pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"  # RFC 6749 §2.3.1
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return self._ask(urllib.request.Request(address, urlencode(form).encode(), headers))  # noqa: S310

    def _secret(self) -> str:
        try:
            return read_secret(self._settings.secret_file) if self._settings.secret_file else ""
        except (OSError, UnicodeDecodeError) as error:
            raise SignOnFailed(f"the file of the secret: {type(error).__name__}") from error

    def _verified(self, token: str) -> dict[str, Any]:
        """Give the claims of a token that one of the provider's keys has signed; times are checked by our clock."""
        key = self._key(token)
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=SIGNATURES,
                audience=self._settings.client_id,
                issuer=self._settings.issuer,
                options={
                    "require": ["exp", "iat", "aud", "iss", "sub"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise SignOnFailed(f"token: {type(error).__name__}") from error
        self._check_times(claims)
        audience = claims["aud"]
        if claims.get("azp", self._settings.client_id) != self._settings.client_id or (
            isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
        ):
            raise SignOnFailed("token: made for somebody else")
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        now = self._now().timestamp()
        try:
            ends, made = float(claims["exp"]), float(claims["iat"])
            begins = float(claims.get("nbf", made))
        except (TypeError, ValueError) as error:
            raise SignOnFailed("token: times") from error
        skew = SKEW.total_seconds()
        if (
            now >= ends + skew
            or made > now + skew
            or begins > now + skew
            or made < now - OLDEST.total_seconds()
        ):
            raise SignOnFailed("token: over, or of another time")

    def _identity(self, claims: dict[str, Any], flow: Flow) -> Identity:
        nonce = str(claims.get("nonce", ""))
        if not hmac.compare_digest(nonce.encode(), flow.nonce.encode()):
            raise SignOnFailed("token: nonce")
        subject = str(claims["sub"])
        if not 1 <= len(subject) <= 255:
            raise SignOnFailed("token: subject")
        verified = claims.get("email_verified") is True
        email = str(claims.get("email", "")) if verified else ""
        login = str(claims.get("preferred_username") or email or subject)
        return Identity(
            self._settings.issuer, subject, email[:254], login[:64], str(claims.get("name", ""))[:100]
        )

    def _key(self, token: str) -> Any:
        try:
            wanted = jwt.get_unverified_header(token).get("kid")
            for fresh in (False, True):  # a key that we do not know yet may be a new one
                _, keys = self._metadata(fresh=fresh)
                able = [
                    one for one in jwt.PyJWKSet.from_dict(keys).keys if one.public_key_use in (None, "sig")
                ]
                fitting = [one for one in able if one.key_id == wanted] if wanted else able
                if len(fitting) == 1:
                    return fitting[0]
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise SignOnFailed(f"keys: {type(error).__name__}") from error
        raise SignOnFailed("keys: none that fits")

    def _metadata(self, *, fresh: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._lock:
            now = self._now()
            if self._known and not fresh and abs(now - self._known[0]) < KNOWN_FOR:
                return self._known[1], self._known[2]
            if self._failed and abs(now - self._failed) < REST:
                raise SignOnFailed("the provider failed a moment ago")
            self._failed = now
            found = self._ask(
                self._get(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
            )
            if found.get("issuer") != self._settings.issuer:
                raise SignOnFailed("the provider calls itself otherwise than the settings")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                self._check_address(str(found.get(name, "")))
            keys = self._ask(self._get(str(found["jwks_uri"])))
            self._known, self._failed = (now, found, keys), None
            return found, keys

    def _check_address(self, address: str) -> None:
        """Refuse addresses without TLS, but of a provider on this machine (a test, a proxy)."""
        plain_allowed = urlsplit(self._settings.issuer).scheme == "http"
        parts = urlsplit(address)
        local = plain_allowed and parts.hostname == urlsplit(self._settings.issuer).hostname
        if not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise SignOnFailed("the provider names an address without TLS")

    def _get(self, address: str) -> urllib.request.Request:
        return urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with self._open(request) as answer:
                body = answer.read(MOST_ANSWER + 1)
            found = json.loads(body) if len(body) <= MOST_ANSWER else None
        except (OSError, ValueError) as error:
            raise SignOnFailed(f"{request.host}: {type(error).__name__}") from error
        if not isinstance(found, dict):
            raise SignOnFailed(f"{request.host}: no JSON object")
        return found


def new_flow(redirect: str) -> Flow:
    """Make what one sign-on keeps to itself."""
    return Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(48), redirect)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A provider that sends our secret on to another address is not followed."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""
        return


def _opener(ca_file: str) -> Callable[[urllib.request.Request], Any]:
    def open_address(request: urllib.request.Request) -> Any:
        context = ssl.create_default_context(cafile=ca_file or None)
        handlers = (_NoRedirect(), urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers).open(request, timeout=WAIT)

    return open_address


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
