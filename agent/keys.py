# SPDX-License-Identifier: Apache-2.0
"""The agent's identity: an Ed25519 key that never leaves the state folder, and the id it enrolled as.

`agent.key` is PKCS #8 PEM (RFC 5958, RFC 8410), mode 0600; `agent.json` says who we are to whom.
`agent.key.new` is a key that the collector is being told of; it takes the old one's place when the
collector has said yes, whatever crashes in between. All appear whole or not at all.
"""

import base64
import os
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.refusal import Refusal
from probes.facts import signing_input

KEY_FILE = "agent.key"
NEW_KEY_FILE = "agent.key.new"
IDENTITY_FILE = "agent.json"


class Enrolled(msgspec.Struct, frozen=True):
    """What agent.json holds."""

    agent: str  # id that the collector gave
    name: str
    url: str  # of the collector


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to the collector."""

    agent: str
    key: Ed25519PrivateKey = field(repr=False)
    url: str = ""  # of the collector that it enrolled with


def stamp(key: Ed25519PrivateKey, path: str, at: datetime, sequence: int, body: bytes) -> dict[str, str]:
    """Give the headers that sign a POST of `body` to `path` (without host)."""
    time = at.isoformat()
    signature = key.sign(signing_input("POST", path, time, sequence, body))
    return {
        "Daicho-Time": time,
        "Daicho-Sequence": str(sequence),
        "Daicho-Signature": base64.b64encode(signature).decode(),
    }


def public_key(key: Ed25519PrivateKey) -> str:
    """Give the public half: base64 of its 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def find_key(state: Path) -> Ed25519PrivateKey:
    """Give the key of this state folder, made now if there is none; raises Refusal."""
    path = state / KEY_FILE
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _write(path, _pem(Ed25519PrivateKey.generate()), replace=False)
        return _read_key(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def make_new_key(state: Path) -> Ed25519PrivateKey:
    """Give the key that is to replace ours, made now if none is waiting; raises Refusal."""
    path = state / NEW_KEY_FILE
    try:
        if not path.exists():
            _write(path, _pem(Ed25519PrivateKey.generate()), replace=False)
        return _read_key(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def waiting_key(state: Path) -> Ed25519PrivateKey | None:
    """Give the key that is to replace ours, if one is waiting; raises Refusal."""
    return make_new_key(state) if (state / NEW_KEY_FILE).exists() else None


def take_new_key(state: Path) -> None:
    """Let the waiting key take the old one's place, for good; raises Refusal."""
    path = state / NEW_KEY_FILE
    try:
        path.replace(state / KEY_FILE)
        _sync(state)
    except OSError as error:
        raise _unreadable(path, error) from error


def key_proof(key: Ed25519PrivateKey, path: str, at: datetime, sequence: int, old: str) -> str:
    """Show that we hold the new key: its signature over this very request and the key it replaces."""
    message = signing_input("POST", path, at.isoformat(), sequence, f"{old}\n{public_key(key)}".encode())
    return base64.b64encode(key.sign(message)).decode()


def load_identity(state: Path) -> Identity | None:
    """Give the identity of this state folder; None before enrolment. Raises Refusal."""
    path = state / IDENTITY_FILE
    try:
        if not path.exists():
            return None
        enrolled = msgspec.json.decode(path.read_bytes(), type=Enrolled)
        return Identity(enrolled.agent, _read_key(state / KEY_FILE), enrolled.url)
    except (OSError, msgspec.MsgspecError, UnicodeError) as error:
        raise _unreadable(path, error) from error


def save_identity(state: Path, enrolled: Enrolled) -> None:
    """Note as whom we enrolled; raises Refusal."""
    path = state / IDENTITY_FILE
    try:
        _write(path, msgspec.json.encode(enrolled), replace=True)
    except OSError as error:
        raise _unreadable(path, error) from error


def _sync(folder: Path) -> None:
    """Make a change of names in this folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    """Put a file of mode 0600 in place, whole and on the disk; an earlier one stays unless replaced."""
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(new).replace(path)
        elif not path.exists():
            os.link(new, path)
    finally:
        Path(new).unlink(missing_ok=True)


def _read_key(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise Refusal(
            f"鍵ファイル {path} をほかの利用者が読めます。他人がこのエージェントになりすませるため、使いません。"
            f"chmod 600 {path} を実行してください。読まれたおそれがあれば、登録し直してください。",
            f"Others may read the key file {path}, so anybody could pose as this agent; it is not used. "
            f"Run chmod 600 {path}, and enrol again if somebody may have read it.",
            permitted=False,
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _unreadable(path, "not an Ed25519 key")
    return key


def _unreadable(path: Path, why: object) -> Refusal:
    return Refusal(
        f"{path} を読み書きできません({why})。台帳サーバーへは送れませんが、記録は手元に残ります。"
        "保存フォルダーの権限を確かめるか、エージェントを登録し直してください。",
        f"{path} cannot be read or written ({why}). Nothing is uploaded; the records stay here. "
        "Check the state folder's permissions, or enrol the agent again.",
    )
