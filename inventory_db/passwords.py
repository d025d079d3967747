# SPDX-License-Identifier: Apache-2.0
"""Passwords: argon2id by RFC 9106 §4 (second recommendation), and which ones are refused (NIST SP 800-63B §5.1.1).

Length is what counts: no rule asks for signs or digits. Refused is what others would try first.
"""

import threading
import unicodedata
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from inventory_db.accounts import AccountRefused

LEAST, MOST = 12, 200  # characters
_AT_ONCE = 2  # hashes of 64 MiB each; a small PC has no more to give
_WAIT = 20.0  # seconds in the queue before we say that we are busy
MOST_WAITING = 12  # people in that queue; the others' threads are for agents and pages
_seats = threading.BoundedSemaphore(_AT_ONCE)
_queue = threading.BoundedSemaphore(_AT_ONCE + MOST_WAITING)
_hasher = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, salt_len=16)

_LEET = str.maketrans("01345$@!7", "oleassait")
_SIGNS = " .,:;!?_-+*/=#%&()[]{}<>|~^'\"`\\"
_ROWS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)


class TooBusy(AccountRefused):
    """Too many people log in at this moment."""

    code = "busy"


def hash_password(password: str) -> str:
    """Give the argon2id hash of a password; waits for a seat. Raises TooBusy."""
    with _Seat():
        return _hasher.hash(_plain(password))


def verify_password(password: str, kept: str | None) -> bool:
    """Say whether the password is the kept hash's; takes as long where there is no hash. Raises TooBusy."""
    with _Seat():
        try:
            return _hasher.verify(kept or _dummy(), _plain(password)) and kept is not None
        except (Argon2Error, InvalidHashError):
            return False


def weakness(password: str, *known: str) -> str:
    """Say why a new password is refused: "short", "long", "known" (a name of theirs), "guessable"; "" for good."""
    plain = _plain(password)
    if len(plain) < LEAST:
        return "short"
    if len(plain) > MOST:
        return "long"
    folded = plain.casefold()
    names = [_plain(name).casefold().strip() for name in known]
    if any(name and (folded == name or _rest(folded, name) < 4) for name in names):
        return "known"
    return "guessable" if _guessable(folded) else ""


def _rest(folded: str, name: str) -> int:
    """Count what is left besides a name, its repetitions, digits and signs; many where the name is not in it."""
    if len(name) < 4 or name not in folded:
        return MOST
    left = folded.replace(name, "").strip(_SIGNS + "0123456789")
    return len(left)


def _guessable(folded: str) -> bool:
    if len(set(folded)) < 5 or _runs(folded):
        return True
    bare = "".join(char for char in folded if char not in _SIGNS)
    ends = bare.strip("0123456789")
    return any(_is_words(form) for one in (bare, ends) for form in (one, one.translate(_LEET)))


def _is_words(text: str) -> bool:
    """Say whether a text is one or two of the words, perhaps several times, and digits."""
    unit = text[: (text + text).find(text, 1)] if text else ""
    letters, words = "".join(char for char in unit if not char.isdigit()), _words()
    if not letters or letters in words:
        return True
    return any(letters[:cut] in words and letters[cut:] in words for cut in range(2, len(letters) - 1))


def _runs(folded: str) -> bool:
    """Say whether nearly all of it lies in rows of keys, alphabet or digits, in pieces of four and more."""
    covered, at = 0, 0
    while at < len(folded):
        length = next((size for size in range(len(folded) - at, 3, -1) if _in_row(folded[at : at + size])), 0)
        covered, at = covered + length, at + (length or 1)
    return len(folded) - covered < 4


def _in_row(piece: str) -> bool:
    return any(piece in row or piece in row[::-1] for row in _ROWS)


def _plain(password: str) -> str:
    """Give the form that is hashed: NFKC, so that another keyboard types the same (SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@cache
def _words() -> frozenset[str]:
    """What people here begin with when something long is wanted, of our own making."""
    return frozenset(files("inventory_db").joinpath("weak_words.tsv").read_text("utf-8").split())


@cache
def _dummy() -> str:
    return _hasher.hash("nobody has this password")


class _Seat:
    """Holds one of the few places in which a hash may be computed."""

    def __enter__(self) -> None:
        if not _queue.acquire(blocking=False):
            raise TooBusy
        if not _seats.acquire(timeout=_WAIT):
            _queue.release()
            raise TooBusy

    def __exit__(self, *_: object) -> None:
        _seats.release()
        _queue.release()
