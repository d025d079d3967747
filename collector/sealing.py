# SPDX-License-Identifier: Apache-2.0
"""Secrets that the collector must be able to read again, sealed before the database gets them (AES-256-GCM).

The key is the file `accounts.key` in the state folder (mode 0600), made at the first use. Collectors that share a
database share this file too. Whoever has a copy of the database alone cannot make anybody's one-time codes.
"""

import base64
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from collector.secret_file import put_secret

KEY_FILE = "accounts.key"
_NONCE = 12  # bytes, before the sealed text


class SealError(Exception):
    """The key cannot be used; `ja` and `en` say what happened, what it means, what to do."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


def seal(folder: Path, secret: str, owner: str) -> bytes:
    """Seal a secret for one owner (an account's id); raises SealError."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(_find_key(folder)).encrypt(nonce, secret.encode(), owner.encode())


def unseal(folder: Path, sealed: bytes, owner: str) -> str:
    """Give the secret again; raises SealError, also for one that was sealed for somebody else."""
    try:
        return AESGCM(_find_key(folder)).decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealError(
            "確認コードの秘密を読めません（鍵が別のものです）。状態フォルダの accounts.key を戻すか、"
            "daicho people reset で入り直しのリンクを作ってください。",
            "The secret of one-time codes cannot be read: the key is another. Put back accounts.key of the state"
            " folder, or make a new way in with daicho people reset.",
        ) from error


def _find_key(folder: Path) -> bytes:
    """Give the key of this folder, made now if there is none."""
    path = folder / KEY_FILE
    try:
        if not path.exists():
            put_secret(path, base64.b64encode(secrets.token_bytes(32)) + b"\n")
        key = base64.b64decode(path.read_bytes(), validate=False)
    except (OSError, ValueError) as error:
        raise _unusable(path, getattr(error, "strerror", None) or type(error).__name__) from error
    if len(key) != 32:
        raise _unusable(path, "broken")
    return key


def _unusable(path: Path, why: str) -> SealError:
    return SealError(
        f"鍵 {path} を使えません（{why}）。確認コードを確かめられません。フォルダの権限と空き容量を確かめ、"
        "控えがあれば戻してください。",
        f"The key {path} cannot be used ({why}), so one-time codes cannot be checked. Check permissions and space,"
        " and put back a copy if you have one.",
    )
