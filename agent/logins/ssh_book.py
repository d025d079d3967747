# SPDX-License-Identifier: Apache-2.0
"""What logins have taught us: the host key of each device, and which credentials were turned down. Kept in a file.

A credential that was turned down is not tried again until the site changes it: devices lock accounts. It is
remembered as a salted scrypt hash, never as itself. Where it has never been accepted anywhere, one refusal holds
it back everywhere, for the accounts of many devices may live on one server; later two refusals do.
"""

import asyncio
import base64
import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.refusal import Refusal
from agent.ssh_settings import SshSecret

CREDENTIAL_REFUSED = (
    "credential_refused: 院の認証情報は断られました。書き直すまで二度と試しません"
    " / the site's credential was turned down; it is not tried again until it is changed"
)
BOOK_FILE = "ssh.json"
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 16}
_MOST_REFUSALS = 2  # of a credential that is accepted elsewhere


class _Tried(msgspec.Struct):
    """Addresses that accepted a credential, and that turned it down."""

    accepted: list[str] = []
    refused: list[str] = []


class _Kept(msgspec.Struct):
    salt: str = ""
    keys: dict[str, str] = {}  # "address port" → "ssh-ed25519 SHA256:…"
    credentials: dict[str, _Tried] = {}  # hash → where it was tried


@dataclass(slots=True)
class SshBook:
    """The book in its file (0600), or in memory only where `path` is None. Raises Refusal if it cannot be used."""

    path: Path | None = None
    _kept: _Kept = field(init=False)
    _hashes: dict[tuple[str, str, str], str] = field(default_factory=dict)
    _turns: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __post_init__(self) -> None:
        self._kept = self._load()
        self._kept.salt = self._kept.salt or base64.b64encode(os.urandom(16)).decode()
        self._save()  # before anything is sent it is certain that a refusal can be written down

    def turn(self, secret: SshSecret) -> asyncio.Lock:
        """Give the lock under which one credential is tried: one device at a time."""
        return self._turns[self._hash(secret)]

    def may_try(self, secret: SshSecret, address: str) -> bool:
        """Whether this credential may be sent to this device."""
        tried = self._kept.credentials.get(self._hash(secret), _Tried())
        if address in tried.refused:
            return False
        most = _MOST_REFUSALS if tried.accepted else 1
        return address in tried.accepted or len(tried.refused) < most

    def accepted(self, secret: SshSecret, address: str) -> None:
        """Remember that it was accepted."""
        tried = self._kept.credentials.setdefault(self._hash(secret), _Tried())
        if address not in tried.accepted:
            tried.accepted.append(address)
            self._save()

    def refused(self, secret: SshSecret, address: str) -> None:
        """Remember that it was turned down; raises Refusal when that cannot be written down."""
        tried = self._kept.credentials.setdefault(self._hash(secret), _Tried())
        tried.accepted = [one for one in tried.accepted if one != address]
        tried.refused.append(address)
        self._save()

    def knows(self, address: str, port: int, key: str) -> bool:
        """Whether the device may show this host key: it is the one of the first time, or this is the first time."""
        return self._kept.keys.get(f"{address} {port}", key) == key

    def pin(self, address: str, port: int, key: str) -> None:
        """Remember the host key of a device that we logged in to."""
        if self._kept.keys.get(f"{address} {port}") != key:
            self._kept.keys[f"{address} {port}"] = key
            self._save()

    def _hash(self, secret: SshSecret) -> str:
        which = (secret.user, secret.password, secret.key_file)
        if which not in self._hashes:
            key = Path(secret.key_file).expanduser().read_bytes() if secret.key_file else b""
            text = b"\0".join((secret.user.encode(), secret.password.encode(), key))
            made = hashlib.scrypt(text, salt=base64.b64decode(self._kept.salt), **_SCRYPT)
            self._hashes[which] = made.hex()
        return self._hashes[which]

    def _load(self) -> _Kept:
        if self.path is None or not self.path.exists():
            return _Kept()
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=_Kept)
        except (OSError, ValueError) as error:
            raise Refusal(
                f"SSH の記録 {self.path} を読めません。パスワードを何度も試さないための記録なので、無いまま始めません。"
                "権限を確かめるか、壊れていれば消してください。何も送信していません。",
                f"Cannot read the SSH record {self.path}. It keeps passwords from being tried again and again, so nothing "
                "starts without it. Check its permissions, or delete it if it is broken. Nothing was sent.",
            ) from error

    def _save(self) -> None:
        if self.path is None:
            return
        new = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(self._kept))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            raise Refusal(
                f"SSH の記録 {self.path} に書けません（{error.strerror}）。権限とディスクの空きを確かめてください。",
                f"The SSH record {self.path} cannot be written ({error.strerror}). Check permissions and free space.",
            ) from error
