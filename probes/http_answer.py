# SPDX-License-Identifier: Apache-2.0
"""One gentle HTTP request and the reading of its answer (RFC 9110, RFC 9112).

One `GET /`, no redirect followed, no second request, at most 16 KiB kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from probes.contract import Malformed, Stream
from probes.facts import Fact, FactKind, fact
from probes.web_page import one_line, read_page, text_of

MOST_ANSWER = 16 * 1024
_MOST_HEADERS = 100
_MOST_REPEATED = 8  # cookies and challenges taken of one answer

_STATUS = re.compile(rb"HTTP/[0-9.]{1,4} ([1-5][0-9]{2})(?: |\r|\n|\Z)")
_HEADER_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,6})[^\n]{0,100}\n")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,9})\r?\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers with lower-case names in their order, and the body without transfer coding."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Values of this header, at most eight."""
        return [value for header, value in self.headers if header == name][:_MOST_REPEATED]


def request(address: str) -> bytes:
    """Write the one request that we make of a web server."""
    host = f"[{address}]" if ":" in address else address
    return (
        f"GET / HTTP/1.1\r\nHost: {host}\r\n"
        "User-Agent: daicho/0.1 (hospital inventory; one request)\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode()


async def ask_root(stream: Stream, address: str) -> None:
    """Send the request; hear until the answer is whole, 16 KiB are there, or the peer closed."""
    await stream.send(request(address))
    got = bytearray()
    while len(got) < MOST_ANSWER and not _is_whole(got):
        part = await stream.receive(MOST_ANSWER - len(got))
        if not part:
            return
        got += part


def _is_whole(got: bytearray) -> bool:
    end = _HEADER_END.search(got)
    if not end:
        return False
    head = got[: end.end()]
    if _CHUNKED.search(head):
        return got.endswith(b"\n0\r\n\r\n")
    length = _LENGTH.search(head)
    return length is not None and len(got) - end.end() >= int(length[1])


def read_answer(data: bytes) -> Answer:
    """Take an answer apart; a body cut short is given as far as it came. Raises Malformed."""
    data = data[:MOST_ANSWER]
    found = _STATUS.match(data)
    if not found:
        raise Malformed("no HTTP status line")
    end = _HEADER_END.search(data)
    head, body = (data[: end.start()], data[end.end() :]) if end else (data, b"")
    headers = tuple(_headers(head))
    if any(name == "transfer-encoding" and "chunked" in value.lower() for name, value in headers):
        body = _join_chunks(body)
    if any(name == "content-encoding" and value.lower() != "identity" for name, value in headers):
        body = b""  # nobody asked for compression
    return Answer(int(found[1]), headers, body)


def _headers(head: bytes) -> Iterator[tuple[str, str]]:
    for line in head.split(b"\n")[1 : _MOST_HEADERS + 1]:
        name, colon, value = line.partition(b":")
        if colon:
            yield name.decode("latin-1").strip().lower(), one_line(text_of(value, ""))


def _join_chunks(body: bytes) -> bytes:
    """Undo chunked coding (RFC 9112 7.1) as far as it is well-formed."""
    parts: list[bytes] = []
    at = 0
    while found := _CHUNK_SIZE.match(body, at):
        size = int(found[1], 16)
        if not size:
            break
        parts.append(body[found.end() : found.end() + size])
        at = found.end() + size + 1
        at += body[at - 1 : at] == b"\r"
    return b"".join(parts)


_PLAIN = (
    ("server", FactKind.HTTP_SERVER),
    ("location", FactKind.HTTP_LOCATION),
    ("www-authenticate", FactKind.HTTP_AUTH),
    ("set-cookie", FactKind.HTTP_COOKIE),
    ("x-powered-by", FactKind.HTTP_POWERED_BY),
)


def read_web(data: bytes, service: str) -> tuple[Fact, ...]:
    """Give SERVICE and the HTTP_ facts of an answer, and REMOTE_PATH where it asks who we are.

    Raises Malformed.
    """
    answer = read_answer(data)
    headers = (fact(kind, value) for name, kind in _PLAIN for value in _values(answer, name))
    kind_of_body = next(iter(answer.all("content-type")), "")
    body = answer.body if _came_whole(answer) else b""
    return (
        fact(FactKind.SERVICE, service),
        fact(FactKind.HTTP_STATUS, answer.status),
        *headers,
        *read_page(body, kind_of_body, answer.all("location"), answer.all("www-authenticate")),
    )


def _came_whole(answer: Answer) -> bool:
    """Tell whether a body that only counts as a whole is there as a whole; a page counts as far as it came."""
    length = next(iter(answer.all("content-length")), "")
    kind = next(iter(answer.all("content-type")), "")
    return not kind.startswith("image/") or length == str(len(answer.body))


def _values(answer: Answer, name: str) -> Iterator[str]:
    for value in answer.all(name):
        kept = value.partition(";")[0].strip() if name == "set-cookie" else value
        if kept:
            yield kept
