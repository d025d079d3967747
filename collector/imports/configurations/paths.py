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
MOST = 400_000  # statements
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One leaf with the words that lead to it."""

    line: int
    path: Path


class _Knot:
    """One word of the tree: what may follow, and the lines on which a statement ends here."""

    __slots__ = ("after", "ends", "line")

    def __init__(self, line: int) -> None:
        self.line = line
        self.after: dict[str, _Knot] = {}
        self.ends: list[int] = []


class Paths:
    """Every statement of a file, to be asked by how its path begins."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._root = _Knot(0)
        for one in statements:
            knot = self._root
            for word in one.path:
                knot = knot.after.setdefault(word, _Knot(one.line))
            knot.ends.append(one.line)

    def every(self) -> Iterator[Statement]:
        """Give all statements."""
        return (Statement(line, path) for line, path in _leaves(self._root, ()))

    def under(self, *prefix: str) -> Iterator[tuple[int, Path]]:
        """Give line and the rest of the path of all that begins so; a prefix word "*" matches any word."""
        for knot in self._knots(prefix):
            yield from _leaves(knot, ())

    def _knots(self, prefix: Sequence[str]) -> list[_Knot]:
        found = [self._root]
        for word in prefix:
            if word == "*":
                found = [after for knot in found for after in knot.after.values()]
            else:
                found = [knot.after[word] for knot in found if word in knot.after]
        return found

    def has(self, *prefix: str) -> bool:
        """Say whether anything begins so."""
        return bool(self._knots(prefix))

    def line(self, *prefix: str) -> int:
        """Give the line of the first that begins so, 0 if none does."""
        found = self._knots(prefix)
        return found[0].line if found else 0

    def value(self, *prefix: str) -> str:
        """Give the word after the prefix, of the last statement that has one."""
        found = self.values(*prefix)
        return found[-1] if found else ""

    def values(self, *prefix: str) -> list[str]:
        """Give the words after the prefix, each once, in order."""
        return list(dict.fromkeys(word for knot in self._knots(prefix) for word in knot.after))


def _leaves(knot: _Knot, above: Path) -> Iterator[tuple[int, Path]]:
    waiting: list[tuple[_Knot, Path]] = [(knot, above)]
    while waiting:
        here, path = waiting.pop()
        for line in here.ends[:1]:
            yield line, path
        waiting.extend((after, (*path, word)) for word, after in reversed(here.after.items()))


def read_paths(rows: Sequence[Line], draft: Draft) -> Paths:
    """Read a file in either form."""
    found = [*_set_lines(rows), *_braces(rows, draft)]
    if len(found) > MOST:
        line = found[MOST].line
        draft.problem(
            line,
            f"設定が多すぎるため、{line} 行目までを読みました。",
            f"Too many statements; the file was read up to line {line}.",
        )
    return Paths(found[:MOST])


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
