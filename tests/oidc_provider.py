# SPDX-License-Identifier: Apache-2.0
"""A small real OpenID Connect provider on loopback: one person, PKCE demanded, faults on request."""

import base64
import hashlib
import json
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, parse_qsl, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

SECRET = "p@ss:word/ of the client"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """Runs while its `with` block does. `claims` go into the token over the right ones; `fault` says what is wrong."""

    now: Any
    claims: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=new_key)
    key_id: str = "one"
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def metadata(self) -> dict[str, str]:
        elsewhere = "http://192.0.2.1" if self.fault == "address" else self.issuer
        return {
            "issuer": "http://127.0.0.1:1" if self.fault == "issuer" else self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{elsewhere}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def keys(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [public | {"kid": self.key_id, "use": "sig"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Let the person in at once and give the address to which the browser is sent back."""
        assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        back = {"code": code, "state": query["state"]}
        if self.fault == "iss":
            back["iss"] = "http://127.0.0.1:1"
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def redeem(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        query = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if query is None or challenge.rstrip(b"=").decode() != query["code_challenge"]:
            return None
        name, _, word = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        if (unquote(name), unquote(word), form["redirect_uri"]) != ("daicho", SECRET, query["redirect_uri"]):
            return None
        return {"access_token": "x", "token_type": "Bearer", "id_token": self.token(query)}

    def token(self, query: dict[str, str]) -> str:
        now = int(self._time().timestamp())
        claims = {
            "iss": self.issuer,
            "aud": "daicho",
            "sub": "user-1",
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "preferred_username": "tanaka",
            "name": "田中次郎",
        } | self.claims
        claims = {key: value for key, value in claims.items() if value is not None}
        if self.fault == "none":
            return jwt.encode(claims, None, algorithm="none")  # type: ignore[arg-type]
        if self.fault == "hmac":  # signed with the public client's id as if it were a shared secret
            return jwt.encode(claims, "daicho" * 10, algorithm="HS256", headers={"kid": self.key_id})
        key = new_key() if self.fault == "key" else self.key
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": self.key_id})

    def _time(self) -> datetime:
        found: datetime = self.now()
        return found


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
            if path == "/.well-known/openid-configuration":
                self._json(provider.metadata())
            elif path == "/keys":
                self._json(provider.keys())
            else:
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {key: values[0] for key, values in parse_qs(body).items()}
            answer = provider.redeem(form, self.headers.get("Authorization", ""))
            self._json(answer or {"error": "invalid_grant"}, 200 if answer else 400)

        def _json(self, answer: object, status: int = 200) -> None:
            data = json.dumps(answer).encode()
            data = b"[" * 2_000_000 if provider.fault == "huge" and "keys" in self.path else data
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
