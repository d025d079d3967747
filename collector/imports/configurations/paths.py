# SPDX-License-Identifier: Apache-2.0
"""Hierarchical configurations (Junos, VyOS, EdgeOS, PAN-OS) as paths of words, from braces or `set` lines. Pure.

`system { services { ssh; } }` and `set system services ssh` both give ("system", "services", "ssh").
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Line

_TOKEN = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([{};\[\]])|([^\s{};\[\]\"']+)|([\"'])")
DEEPEST = 40
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One leaf with the words that lead to it."""

    line: int
    path: Path


class Paths:
    """Every statement of a file, to be asked by how its path begins."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._by_word: dict[str, list[Statement]] = {}
        for one in statements:
            if one.path:
                self._by_word.setdefault(one.path[0], []).append(one)

    def every(self) -> Iterator[Statement]:
        """Give all statements."""
        return (one for some in self._by_word.values() for one in some)

    def under(self, *prefix: str) -> Iterator[tuple[int, Path]]:
        """Give line and the rest of the path of all that begins so; a prefix word "*" matches any word."""
        for one in self._all(prefix[0]):
            if len(one.path) >= len(prefix) and all(
                want in ("*", word) for want, word in zip(prefix, one.path, strict=False)
            ):
                yield one.line, one.path[len(prefix) :]

    def _all(self, word: str) -> Iterable[Statement]:
        if word == "*":
            return (one for some in self._by_word.values() for one in some)
        return self._by_word.get(word, ())

    def has(self, *prefix: str) -> bool:
        """Say whether anything begins so."""
        return any(True for _ in self.under(*prefix))

    def line(self, *prefix: str) -> int:
        """Give the line of the first that begins so, 0 if none does."""
        return next((line for line, _ in self.under(*prefix)), 0)

    def value(self, *prefix: str) -> str:
        """Give the word after the prefix, of the last statement that has one."""
        found = [rest[0] for _, rest in self.under(*prefix) if rest]
        return found[-1] if found else ""

    def values(self, *prefix: str) -> list[str]:
        """Give the words after the prefix, each once, in order."""
        return list(dict.fromkeys(rest[0] for _, rest in self.under(*prefix) if rest))


def read_paths(rows: Sequence[Line], draft: Draft) -> Paths:
    """Read a file in either form."""
    return Paths([*_set_lines(rows), *_braces(rows, draft)])


def _set_lines(rows: Sequence[Line]) -> list[Statement]:
    found: list[Statement] = []
    off: list[Path] = []
    for row in rows:
        text = row.text.strip()
        verb, _, rest = text.partition(" ")
        if verb not in ("set", "deactivate", "delete"):
            continue
        words = list(_words(rest))
        if verb != "set":
            off.append(tuple(words))
            continue
        found.extend(Statement(row.number, path) for path in _spread(words))
    if off:
        found = [one for one in found if not any(one.path[: len(gone)] == gone for gone in off)]
    return found


def _words(text: str) -> Iterator[str]:
    for double, single, mark, word, stray in _TOKEN.findall(text):
        yield double or single or mark or word or stray


def _spread(words: list[str]) -> Iterator[Path]:
    """Give one path for each member of a `[ list ]`."""
    if "[" not in words:
        yield tuple(word for word in words if word not in (";", "{", "}"))
        return
    at = words.index("[")
    end = words.index("]", at) if "]" in words[at:] else len(words)
    for member in words[at + 1 : end]:
        yield (*words[:at], member)


@dataclass(slots=True)
class _Reader:
    """Where the reading of braces stands."""

    stack: list[tuple[Path, int]]
    words: list[str]
    listed: bool = False


def _braces(rows: Sequence[Line], draft: Draft) -> list[Statement]:
    found: list[Statement] = []
    state = _Reader([], [])
    comment = False
    for row in rows:
        text, comment = _without_comments(row.text, comment)
        if not text or text.startswith(("set ", "delete ", "deactivate ")):
            continue
        for double, single, mark, word, stray in _TOKEN.findall(text):
            if mark:
                _mark(mark, row.number, state, found, draft)
            elif not stray:
                state.words.append(double or single or word)
        if state.words and not state.listed and (state.stack or text.endswith(";")):
            _emit(row.number, state, found)
        elif not state.stack:
            state.words.clear()
    if state.stack:
        line = state.stack[-1][1]
        draft.problem(
            line,
            f"{line} 行目で開いた括弧が閉じていません。ファイルが途中で切れているかもしれません。",
            f"The brace opened at line {line} is not closed; the file may be cut off.",
        )
    return found


def _without_comments(text: str, inside: bool) -> tuple[str, bool]:
    text = text.strip()
    if inside:
        _, end, text = text.partition("*/")
        if not end:
            return "", True
    if text.startswith(("#", "//", "!")):
        return "", False
    if "/*" in text:
        before, _, rest = text.partition("/*")
        _, end, after = rest.partition("*/")
        return (before + after).strip(), not end
    return text, False


def _mark(mark: str, line: int, state: _Reader, found: list[Statement], draft: Draft) -> None:
    if mark == "{":
        if len(state.stack) < DEEPEST:
            state.stack.append((tuple(state.words), line))
        state.words.clear()
    elif mark == "}":
        _emit(line, state, found)
        if state.stack:
            state.stack.pop()
        else:
            draft.problem(
                line,
                f"{line} 行目の括弧に対応する開き括弧がありません。",
                f"The brace of line {line} closes nothing.",
            )
    elif mark == ";":
        _emit(line, state, found)
    elif mark == "[":
        state.listed = True
        state.words.append("[")
    else:
        state.listed = False
        state.words.append("]")


def _emit(line: int, state: _Reader, found: list[Statement]) -> None:
    state.listed = False
    if not state.words:
        return
    above = [word for part, _ in state.stack for word in part]
    if "inactive:" not in above and state.words[0] != "inactive:":
        for path in _spread([*above, *(word for word in state.words if word != "replace:")]):
            found.append(Statement(line, path))
    state.words.clear()
