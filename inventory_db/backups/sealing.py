# SPDX-License-Identifier: Apache-2.0
"""Sealed streams in the age format (age-encryption.org/v1): what a backup looks like from outside.

For recipients (`age1…`) the file is a plain age file that `age -d -i KEY` opens. With a passphrase it begins with
a line of its own, four bytes (big-endian length) and a key that is itself sealed with the passphrase (an age file of
the scrypt kind), then the age file for that key: a stream of any length costs one slow hash.

Both also carry a key that exists only while the backup is made, so that it can be read again after writing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol, cast

import pyrage
from pyrage import passphrase as by_passphrase
from pyrage import x25519

from inventory_db.backups.trouble import BackupRefused, damaged

LEAST_PASSPHRASE = 12  # characters
OPENINGS = (b"age-encryption.org/v1\n", b"daicho-backup 1 passphrase\n")
_MARK = OPENINGS[1]
_TOO_SLOW = (
    "Excessive work"  # age measures how fast the machine is just now, and refuses what would take it long
)
_TRIES = 5
_MOST_KEY = 4096  # bytes of a sealed key


class Taker(Protocol):
    """What takes an opened stream, piece by piece."""

    def write(self, data: bytes) -> int:
        """Take the next piece."""


@dataclass(frozen=True, slots=True)
class Lock:
    """With what a backup is sealed: a passphrase or recipients (`age1…`)."""

    passphrase: str = field(default="", repr=False)
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """With what a backup is opened: a passphrase or age identities (`AGE-SECRET-KEY-1…`)."""

    passphrase: str = field(default="", repr=False)
    identities: tuple[str, ...] = field(default=(), repr=False)


def check_lock(lock: Lock) -> None:
    """Raise BackupRefused for a lock that is none or too weak."""
    if not lock.recipients and len(lock.passphrase) < LEAST_PASSPHRASE:
        raise BackupRefused(
            f"パスフレーズは{LEAST_PASSPHRASE}文字以上にしてください。何も作っていません。",
            f"The passphrase needs at least {LEAST_PASSPHRASE} characters. Nothing was made.",
        )
    _recipients(lock)


def seal(out: BinaryIO, pieces: Iterator[bytes], lock: Lock) -> Key:
    """Write the pieces sealed; gives a key that opens this one stream. OSError and what `pieces` raises pass."""
    once = x25519.Identity.generate()
    if lock.passphrase:
        sealed = by_passphrase.encrypt(str(once).encode(), lock.passphrase)
        out.write(_MARK + len(sealed).to_bytes(4, "big") + sealed)
    source, sink = _Source(pieces), _Sink(out)
    try:
        pyrage.encrypt_io(
            cast(BinaryIO, source), cast(BinaryIO, sink), [once.to_public(), *_recipients(lock)]
        )
    except (pyrage.EncryptError, OSError):
        raise source.error or sink.error or damaged("暗号化に失敗", "the encryption failed") from None
    return Key(identities=(str(once),))


def unseal(file: BinaryIO, taker: Taker, key: Key) -> None:
    """Open the stream and hand its pieces on; raises BackupRefused, and what the taker raises."""
    identities = _find_identities(file, key)
    sink = _Sink(taker)
    try:
        pyrage.decrypt_io(file, cast(BinaryIO, sink), identities)
    except pyrage.DecryptError as error:
        raise sink.error or _unopened(str(error)) from None
    except OSError as error:
        if sink.error is None and error.errno is not None:
            raise
        raise sink.error or damaged(
            "途中で切れているか、書き換えられています", "it is cut short or was altered"
        ) from None


def check_passphrase(file: BinaryIO, lock: Lock) -> None:
    """Raise BackupRefused unless the passphrase opens what was just written."""
    if lock.passphrase:
        _find_identities(file, Key(passphrase=lock.passphrase))


def _recipients(lock: Lock) -> list[x25519.Recipient]:
    try:
        return [x25519.Recipient.from_str(one) for one in lock.recipients]
    except pyrage.RecipientError as error:
        raise BackupRefused(
            "受取人（--to）は age1 で始まる age の公開鍵で書いてください。何も作っていません。",
            "A recipient (--to) is an age public key that begins with age1. Nothing was made.",
        ) from error


def _find_identities(file: BinaryIO, key: Key) -> Sequence[x25519.Identity]:
    if file.read(len(_MARK)) != _MARK:
        file.seek(0)
        if not key.identities:
            raise BackupRefused(
                "このファイルはパスフレーズでは開けません。受取人の鍵を --identity で指定してください。何も変更していません。",
                "This file is not opened by a passphrase. Name the recipient's key with --identity. Nothing was changed.",
            )
        return [_identity(one) for one in key.identities]
    size = int.from_bytes(file.read(4), "big")
    sealed = file.read(min(size, _MOST_KEY))
    if key.identities and not key.passphrase:  # the key of the moment that it was made
        return [_identity(one) for one in key.identities]
    if not key.passphrase:
        raise BackupRefused(
            "このバックアップはパスフレーズで閉じられています。--passphrase-file で指定してください。何も変更していません。",
            "This backup is sealed with a passphrase. Name it with --passphrase-file. Nothing was changed.",
        )
    for left in reversed(range(_TRIES)):
        try:
            return [_identity(by_passphrase.decrypt(sealed, key.passphrase).decode("ascii", "replace"))]
        except pyrage.DecryptError as error:
            if not (left and str(error).startswith(_TOO_SLOW)):
                raise _unopened(str(error)) from None
    raise AssertionError("a try ends the last turn")


def _identity(text: str) -> x25519.Identity:
    try:
        return x25519.Identity.from_str(text.strip())
    except pyrage.IdentityError as error:
        raise BackupRefused(
            "鍵が age の秘密鍵（AGE-SECRET-KEY-1…）ではありません。何も変更していません。",
            "The key is no age secret key (AGE-SECRET-KEY-1…). Nothing was changed.",
        ) from error


def _unopened(said: str) -> BackupRefused:
    if said.startswith(_TOO_SLOW):
        return BackupRefused(
            "作ったときより、このコンピュータがずっと遅いか忙しいため、パスフレーズを確かめられません。何も変更していません。"
            "手が空いてからもう一度行うか、速いコンピュータで行ってください。",
            "This computer is far slower or busier than where the passphrase was set, so it cannot be tried. Nothing was "
            "changed. Try again when it is idle, or on a faster one.",
        )
    if said in ("Decryption failed", "No matching keys found"):
        return BackupRefused(
            "パスフレーズか鍵が違うため、開けません。何も変更していません。作ったときのものを使ってください。",
            "The passphrase or key is another one, so it cannot be opened. Nothing was changed. Use the one that it "
            "was made with.",
        )
    return damaged(
        "daicho のバックアップではないか、先頭が壊れています",
        "it is no backup of daicho, or its beginning is damaged",
    )


class _Source:
    """The pieces as a file that pyrage reads; keeps what went wrong, which pyrage turns into a sentence."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except BaseException as error:
            self.error = error
            raise
        given, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return given


class _Sink:
    """A taker as a file that pyrage writes; keeps what went wrong."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            self._taker.write(data)
        except BaseException as error:
            self.error = error
            raise
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""
