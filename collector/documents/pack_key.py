# SPDX-License-Identifier: Apache-2.0
"""The facility's key that signs inspection packs: Ed25519, made at the first use, mode 0600, never in a pack.

`pack.key` is PKCS #8 PEM (RFC 5958, RFC 8410). A reader knows the key by its fingerprint: SHA-256 of the public
key as SubjectPublicKeyInfo, which `openssl` and `sha256sum` give too.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from collector.documents.typesetting import PaperError
from collector.secret_file import put_secret

KEY_FILE = "pack.key"


def key_folder(written: str, environment: Mapping[str, str]) -> Path:
    """Give the folder of the key: the written one, else daicho in XDG_STATE_HOME, else in ~/.local/state."""
    if written:
        return Path(written).expanduser()
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "daicho"


def find_key(folder: Path) -> Ed25519PrivateKey:
    """Give the key of this folder, made now if there is none; raises PaperError."""
    path = folder / KEY_FILE
    try:
        if not path.exists():
            put_secret(path, _new_key())
        return _read_key(path)
    except OSError as error:
        raise PaperError(
            f"署名の鍵 {path} を使えません（{error.strerror}）。提出資料は作っていません。フォルダの権限と空き容量を確かめてください。",
            f"The signing key {path} cannot be used ({error.strerror}). No pack was made. Check permissions and space.",
        ) from error


def _new_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise _broken(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _broken(path)
    return key


def _broken(path: Path) -> PaperError:
    return PaperError(
        f"署名の鍵 {path} が壊れています。提出資料は作っていません。控えがあれば戻し、なければ別の場所へ移すと新しい鍵を作ります"
        "（指紋が変わります）。",
        f"The signing key {path} is broken. No pack was made. Put back a copy, or move it away and a new key is "
        "made (its fingerprint will differ).",
    )


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Give the public key as PEM."""
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """Give the key's fingerprint: SHA-256 of its DER, in hex by fours."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.sha256(der).hexdigest()
    return " ".join(digest[start : start + 4] for start in range(0, len(digest), 4))
