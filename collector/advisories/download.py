# SPDX-License-Identifier: Apache-2.0
"""Fetches a feed from a URL that the operator gave: TLS checked, size limited, continued where it was cut off.

Nothing is ever fetched by itself. What was fetched so far stays in a folder until the feed is whole.
"""

import hashlib
import http.client
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from collector.advisories.feed import MOST_FILE, BadFeed
from probes.facts import printable

TIMEOUT = 30  # seconds without a byte
_BLOCK = 256 * 1024
_RANGE = re.compile(r"^bytes (\d{1,15})-\d{1,15}/(\d{1,15})$", re.ASCII)


class _Part(msgspec.Struct, frozen=True):
    """What is remembered of a fetch that was cut off."""

    url: str
    validator: str = ""  # ETag or Last-Modified: the same bytes as before
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed that arrived whole."""

    path: Path
    url: str
    modified: str  # Last-Modified as the server says it


class _SamePaths(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, never from https down to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urllib.parse.urlsplit(req.full_url).scheme, urllib.parse.urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new != "https"):
            raise urllib.error.URLError(f"redirect to {new}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_url(text: str) -> bool:
    """Whether the text is a URL and not a file name."""
    return re.match(r"^[A-Za-z][A-Za-z0-9+.\-]{1,20}://", text) is not None


def fetch(url: str, folder: Path, context: ssl.SSLContext | None = None, most: int = MOST_FILE) -> Fetched:
    """Fetch one URL into the folder, going on after what is there already; raises BadFeed."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise _failed(url, "http か https の URL だけ読み込めます", "only http and https URLs can be loaded")
    name = hashlib.sha256(url.encode()).hexdigest()[:32]
    part, note = folder / f"{name}.part", folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _fetch(url, part, note, context, most)
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        reason = printable(str(getattr(error, "reason", None) or error), 160)
        kept = part.stat().st_size if part.exists() else 0
        ja = f"。{kept:,} バイトまで取ってあり、次はその続きから取ります" if kept else ""
        en = f"; {kept:,} bytes are kept and the next try goes on there" if kept else ""
        raise _failed(
            url, f"取得できませんでした（{reason}）{ja}", f"it could not be fetched ({reason}){en}"
        ) from error


def forget(fetched: Fetched) -> None:
    """Throw away what was fetched, once it was loaded."""
    fetched.path.unlink(missing_ok=True)
    fetched.path.with_suffix(".json").unlink(missing_ok=True)


def _fetch(url: str, part: Path, note: Path, context: ssl.SSLContext | None, most: int) -> Fetched:
    headers = {"User-Agent": "daicho", "Accept-Encoding": "identity"}
    known = _remembered(note, url) if part.exists() else None
    have = part.stat().st_size if known and known.validator else 0
    if have and known:
        headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
    opener = urllib.request.build_opener(
        _SamePaths(), urllib.request.HTTPSHandler(context=context or ssl.create_default_context())
    )
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  the scheme was checked
    try:
        answer = opener.open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have and known:
            error.close()
            return Fetched(part, url, known.modified)  # everything was there already
        raise
    with answer:
        modified = str(answer.headers.get("Last-Modified", ""))
        etag = str(answer.headers.get("ETag", ""))
        validator = etag if etag and not etag.startswith("W/") else modified
        start, total = _extent(answer.status, answer.headers, have)
        note.write_bytes(msgspec.json.encode(_Part(url, validator, modified)))
        _copy(answer, part, start, total, most)
    return Fetched(part, url, modified)


def _remembered(note: Path, url: str) -> _Part | None:
    try:
        known = msgspec.json.decode(note.read_bytes(), type=_Part)
    except (OSError, msgspec.DecodeError):
        return None  # nothing to go on from: fetched anew
    return known if known.url == url else None


def _extent(status: int, headers: Mapping[str, str], have: int) -> tuple[int, int | None]:
    """Where the answer's bytes begin and how long the whole is, as far as the server says it."""
    if status == http.client.PARTIAL_CONTENT:
        match = _RANGE.match(headers.get("Content-Range", ""))
        if match is None or int(match[1]) != have:
            raise ValueError("Content-Range")
        return have, int(match[2])
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdigit() else None


def _copy(answer: IO[bytes], part: Path, start: int, total: int | None, most: int) -> None:
    if total is not None and total > most:
        raise ValueError(f"{total:,} bytes, at most {most:,}")
    with part.open("r+b" if start else "wb") as file:
        file.truncate(start)
        file.seek(start)
        position = start
        while block := answer.read(_BLOCK):
            position += len(block)
            if position > most:
                raise ValueError(f"more than {most:,} bytes")
            file.write(block)
    if total is not None and position != total:
        raise ValueError(f"{position:,} of {total:,} bytes")


def _failed(url: str, ja: str, en: str) -> BadFeed:
    shown = printable(url, 200)
    return BadFeed(
        f"{shown}: {ja}。前のデータはそのままです。URL と通信を確かめて、もう一度実行してください。",
        f"{shown}: {en}. The data held before stays. Check the URL and the connection, then run it again.",
    )
