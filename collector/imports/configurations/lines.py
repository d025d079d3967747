# SPDX-License-Identifier: Apache-2.0
"""The bytes of a configuration file as numbered lines: decoded, and cleaned of what a terminal left behind.

Line numbers are those of the file as it is, so that a person finds the line again.
"""

import re
from dataclasses import dataclass

from collector.imports.configurations.reading import Problem

LARGEST = 16_000_000  # bytes; a large firewall's configuration has a tenth of it
LONGEST = 4000  # characters of a line that are read

_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]{0,20}[A-Za-z]|\][^\x07\x1b]{0,200}\x07?|[()][A-Z0-9]|[A-Za-z=>])")
_PAGER = re.compile(
    r"(?:<?-{2,4} ?\(?(?:more|つづく)[^-\n>]{0,30}-{2,4}>?|--more-- or \(q\)uit|-{2,4}\(?more[ 0-9%]{0,8}\)?-{0,4}"
    r"|press any key to continue[^\n]{0,40})",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Unreadable(Exception):
    """The file is no text that could be a configuration; carries the reason as a Problem."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.problem = Problem(ja=ja, en=en)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file."""

    number: int  # from 1
    text: str


@dataclass(frozen=True, slots=True)
class Lines:
    """A decoded file."""

    rows: tuple[Line, ...]
    text: str  # undivided, for languages that are not read by line
    encoding: str
    name: str = ""  # of the file, "" if it has none
    problems: tuple[Problem, ...] = ()


def decode(data: bytes, name: str = "") -> Lines:
    """Decode and clean a file; Unreadable if it is empty, too large or no text."""
    if len(data) > LARGEST:
        raise Unreadable(
            f"ファイルが大きすぎます({len(data):,} バイト、上限 {LARGEST:,})。設定だけのファイルを渡してください。",
            f"The file is too large ({len(data):,} bytes, at most {LARGEST:,}). Give the configuration alone.",
        )
    text, encoding = _text(data)
    if not text.strip():
        raise Unreadable("ファイルは空です。", "The file is empty.")
    problems: list[Problem] = []
    rows = []
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if len(raw) > LONGEST and not text.lstrip().startswith("<"):
            problems.append(_too_long(number))
        rows.append(Line(number, clean(raw[:LONGEST])))
    return Lines(tuple(rows), text, encoding, name, tuple(problems[:10]))


def _too_long(number: int) -> Problem:
    return Problem(
        line=number,
        ja=f"{number} 行目は長すぎるため、先頭の {LONGEST} 文字だけを読みました。",
        en=f"Line {number} is too long; only its first {LONGEST} characters were read.",
    )


def clean(raw: str) -> str:
    """Take terminal escapes, pager prompts and backspaces out of a line."""
    if "\x1b" in raw:
        raw = _ESCAPES.sub("", raw)
    if "--" in raw or "ress any" in raw:
        raw = _PAGER.sub("", raw)
    if "\b" in raw:
        raw = _backspaced(raw)
    return _CONTROLS.sub("", raw).rstrip()


def _backspaced(raw: str) -> str:
    kept: list[str] = []
    for one in raw:
        if one != "\b":
            kept.append(one)
        elif kept:
            kept.pop()
    return "".join(kept)


def _text(data: bytes) -> tuple[str, str]:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding
    head = data[:4000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > len(head) * 0.25 and even < len(head) * 0.02:
        return data.decode("utf-16-le", "replace"), "utf-16-le"
    if even > len(head) * 0.25 and odd < len(head) * 0.02:
        return data.decode("utf-16-be", "replace"), "utf-16-be"
    controls = sum(byte < 9 or 14 <= byte < 27 or 28 <= byte < 32 for byte in head)
    if head.count(0) > 2 or controls > max(8, len(head) * 0.1):
        raise Unreadable(
            "文字のファイルではありません(暗号化または圧縮されたバックアップかもしれません)。"
            "設定を文字で書き出したものを渡してください。",
            "This is not a text file (perhaps an encrypted or packed backup). Export the configuration as text.",
        )
    return _japanese(data)


def _japanese(data: bytes) -> tuple[str, str]:
    guesses: list[tuple[int, str, str]] = []
    for encoding in ("utf-8", "cp932", "euc_jp"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return text, encoding
        guesses.append((sum("\uff61" <= one <= "\uff9f" for one in text), text, encoding))
    if guesses:
        _, text, encoding = min(guesses, key=lambda guess: guess[0])
        return text, encoding
    return data.decode("utf-8", "replace"), "utf-8, damaged"
