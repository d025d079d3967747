# SPDX-License-Identifier: Apache-2.0
"""FortiOS text (`config … edit … set … next … end`) as a tree. Pure.

Quoted values may run over many lines (keys, certificates, pages); they are skipped, never kept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Line

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
DEEPEST = 20


@dataclass(slots=True)
class Node:
    """One `config` section or `edit` entry."""

    name: str
    line: int
    values: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)  # key → line, words
    inside: dict[str, "Node"] = field(default_factory=dict)

    def get(self, key: str, default: str = "") -> str:
        """Give the first word of a setting."""
        words = self.values.get(key, (0, ()))[1]
        return words[0] if words else default

    def words(self, key: str) -> tuple[str, ...]:
        """Give all words of a setting."""
        return self.values.get(key, (0, ()))[1]

    def at(self, key: str) -> int:
        """Give the line of a setting, else of the entry itself."""
        return self.values.get(key, (self.line, ()))[0]

    def entries(self, path: str) -> Iterator["Node"]:
        """Give the entries of a section inside."""
        section = self.inside.get(path)
        yield from section.inside.values() if section else ()


def tree(rows: tuple[Line, ...], draft: Draft) -> Node:
    """Read the file; sections of several virtual domains are joined under their own names."""
    root = Node("", 0)
    stack = [root]
    for line, words in _statements(rows, draft):
        _take(stack, line, words, draft)
    if len(stack) > 1:
        draft.problem(
            stack[-1].line,
            f"{stack[-1].line} 行目で始まる部分が閉じていません。ファイルが途中で切れているかもしれません。",
            f"What begins at line {stack[-1].line} is not closed; the file may be cut off.",
        )
    return root


def _take(stack: list[Node], line: int, words: list[str], draft: Draft) -> None:
    word, rest = words[0], words[1:]
    here = stack[-1]
    if word in ("config", "edit"):
        name = " ".join(rest) if word == "config" else (rest[0] if rest else "")
        if len(stack) < DEEPEST:
            stack.append(here.inside.setdefault(name, Node(name, line)))
    elif word == "set" and rest:
        here.values[rest[0]] = (line, tuple(rest[1:]))
    elif word == "append" and len(rest) > 1:
        here.values[rest[0]] = (line, (*here.words(rest[0]), *rest[1:]))
    elif word == "unset" and rest:
        here.values.pop(rest[0], None)
    elif word == "delete" and rest:
        here.inside.pop(rest[0], None)
    elif word == "rename" and len(rest) == 3 and rest[1] == "to" and rest[0] in here.inside:
        here.inside[rest[2]] = here.inside.pop(rest[0])
    elif word in ("next", "end"):
        if len(stack) > 1:
            stack.pop()
        elif word == "end":
            draft.problem(
                line,
                f"{line} 行目の end に対応する config がありません。",
                f"The `end` of line {line} closes nothing.",
                gap=False,
            )


def _statements(rows: tuple[Line, ...], draft: Draft) -> Iterator[tuple[int, list[str]]]:
    opened = 0
    for row in rows:
        odd = (row.text.count('"') - row.text.count('\\"')) % 2 == 1
        if opened:
            opened = 0 if odd else opened
            continue
        text = row.text.strip()
        if not text or text.startswith("#"):
            continue
        if odd:
            opened = row.number
            text = text.split('"', 1)[0]
        words = [quoted or plain for quoted, plain in _WORD.findall(text)]
        if words:
            yield row.number, words
    if opened:
        draft.problem(
            opened,
            f"{opened} 行目で始まる引用符が閉じていません。その後は読めていません。",
            f"The quotation that begins at line {opened} does not end; what follows was not read.",
        )
