# SPDX-License-Identifier: Apache-2.0
"""Checks an inspection pack: signature, every file against the manifest, nothing added, nothing dangerous.

A pack is a file from outside: names, sizes and numbers in it are not believed before they are checked.
"""

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from collector.documents.pack import MANIFEST, PUBLIC, SIGNATURE
from collector.documents.pack_key import fingerprint
from collector.verdict import Text

MOST_FILES = 20_000
MOST_BYTES = 2 * 1024**3  # of all files, unpacked
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_OUTSIDE = frozenset((MANIFEST, SIGNATURE, PUBLIC))


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a check: no problems means that all is as it was signed."""

    fingerprint: str  # of the key that signed it, "" if there is none to trust
    files: int
    problems: tuple[Text, ...]


def check_pack(data: bytes, trusted: bytes | None = None) -> Checked:
    """Check a pack; `trusted` is the PEM of the key that must have signed it. Never raises for what it holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if min((entry.header_offset for entry in archive.infolist()), default=1) != 0:
                raise zipfile.BadZipFile("the table of contents is not of this file")
            return _check(archive, trusted)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        why = f"{type(error).__name__}: {str(error)[:120]}"
        problem = Text(
            f"zip として読めません（{why}）。壊れているか、途中で切れています。",
            f"It cannot be read as a zip ({why}): it is broken or cut off.",
        )
        return Checked("", 0, (problem,))


def _check(archive: zipfile.ZipFile, trusted: bytes | None) -> Checked:
    names = [entry.filename for entry in archive.infolist()]
    problems = _check_shape(archive)
    if problems:
        return Checked("", len(names), tuple(problems))
    lost = sorted(_OUTSIDE - set(names))
    if lost:
        return Checked("", len(names), tuple(_missing(name) for name in lost))
    manifest, key = archive.read(MANIFEST), _read_key(archive.read(PUBLIC))
    if key is None or not _is_signed(key, archive.read(SIGNATURE), manifest):
        return Checked("", len(names), (_BAD_SIGNATURE,))
    mark = fingerprint(key)
    if trusted is not None and _fingerprint_of(trusted) != mark:
        problems.append(_OTHER_KEY)
    problems += _check_files(archive, manifest, set(names))
    return Checked(mark, len(names), tuple(problems))


def _check_shape(archive: zipfile.ZipFile) -> list[Text]:
    """Look at the table of contents before anything is unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    unsafe = [name for name in names if not _is_safe(name)]
    problems = []
    if len(names) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
        problems.append(
            Text("中身が多すぎるか大きすぎます。開いていません。", "It holds too much; it was not unpacked.")
        )
    if len(set(names)) != len(names):
        problems.append(
            Text("同じ名前のファイルが二つ以上あります。", "Two or more files have the same name.")
        )
    if unsafe:
        problems.append(
            Text(
                f"危険な名前のファイルがあります（{unsafe[0][:80]!r}）。",
                f"A file has a dangerous name ({unsafe[0][:80]!r}).",
            )
        )
    return problems


def _is_safe(name: str) -> bool:
    parts = name.split("/")
    return (
        bool(name)
        and "\\" not in name
        and "\0" not in name
        and not {"", ".", ".."} & set(parts)
        and ":" not in parts[0]
    )


def _check_files(archive: zipfile.ZipFile, manifest: bytes, names: set[str]) -> list[Text]:
    problems, listed = [], set()
    for line in manifest.decode("utf-8", "replace").splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            problems.append(
                Text("目録に読めない行があります。", "The manifest has a line that cannot be read.")
            )
            continue
        digest, name = found.groups()
        listed.add(name)
        if name not in names:
            problems.append(_missing(name))
        elif _digest(archive, name) != digest:
            problems.append(Text(f"書き換えられています: {name}", f"Changed: {name}"))
    problems += [
        Text(f"目録にないファイルがあります: {name}", f"Not in the manifest: {name}")
        for name in sorted(names - listed - _OUTSIDE)
    ]
    return problems


def _digest(archive: zipfile.ZipFile, name: str) -> str:
    """Give the SHA-256 of a file; "" if it cannot be unpacked."""
    sum = hashlib.sha256()
    try:
        with archive.open(name) as file:
            while piece := file.read(1 << 20):
                sum.update(piece)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return ""
    return sum.hexdigest()


def _read_key(pem: bytes) -> Ed25519PublicKey | None:
    try:
        key = load_pem_public_key(pem[:10_000])
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _fingerprint_of(pem: bytes) -> str:
    key = _read_key(pem)
    return fingerprint(key) if key else ""


def _is_signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _missing(name: str) -> Text:
    return Text(f"ファイルがありません: {name}", f"Missing: {name}")


_BAD_SIGNATURE = Text(
    "署名が合いません。作られた後に目録が書き換えられたか、壊れています。",
    "The signature does not match: the manifest was changed after it was made, or is broken.",
)
_OTHER_KEY = Text(
    "示された鍵とは別の鍵で署名されています。施設が作った資料ではないおそれがあります。",
    "It was signed with another key than the one given: it may not come from the facility.",
)
