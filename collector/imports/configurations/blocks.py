# SPDX-License-Identifier: Apache-2.0
"""Configurations in which indented lines belong to the line above (IOS, ASA, IX, AW+): lines as blocks. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from collector.imports.configurations.lines import Line


@dataclass(slots=True)
class Block:
    """One command with the commands that belong to it."""

    line: int
    words: tuple[str, ...]
    inside: list["Block"] = field(default_factory=list)

    def starts(self, *words: str) -> bool:
        """Say whether the command begins with these words."""
        return self.words[: len(words)] == words

    def find(self, *words: str) -> Iterator["Block"]:
        """Give the commands inside that begin with these words."""
        return (one for one in self.inside if one.starts(*words))

    def has(self, *words: str) -> bool:
        """Say whether a command inside begins with these words."""
        return any(True for _ in self.find(*words))

    def after(self, *words: str) -> str:
        """Give the word that follows these at the start of a command inside, "" if there is none."""
        found = next(self.find(*words), None)
        return found.words[len(words)] if found and len(found.words) > len(words) else ""


def blocks(rows: Iterable[Line], comment: str = "!") -> list[Block]:
    """Sort lines into blocks by indentation; comments and banner texts are left out."""
    top: list[Block] = []
    open_blocks: list[tuple[int, Block]] = []
    for row in without_banners(rows):
        stripped = row.text.lstrip()
        if not stripped or stripped.startswith(comment):
            continue
        depth = len(row.text) - len(stripped)
        block = Block(row.number, tuple(stripped.split()))
        while open_blocks and open_blocks[-1][0] >= depth:
            open_blocks.pop()
        (open_blocks[-1][1].inside if open_blocks else top).append(block)
        open_blocks.append((depth, block))
    return top


def without_banners(rows: Iterable[Line]) -> Iterator[Line]:
    """Leave out the text of banners (`banner login ^C … ^C`), which can look like commands."""
    closing = ""
    for row in rows:
        if closing:
            if closing in row.text:
                closing = ""
            continue
        words = row.text.split(maxsplit=2)
        if len(words) == 3 and words[0] == "banner" and words[1] in _BANNERS:
            closing = _closing(words[2])
            continue
        yield row


_BANNERS = {"motd", "login", "exec", "incoming", "slip-ppp", "prompt-timeout", "config-save"}


def _closing(text: str) -> str:
    mark = text[:2] if text.startswith("^") and len(text) > 1 else text[:1]
    if mark.isalnum() or mark in text[len(mark) :]:
        return ""  # one-line banner
    return mark


def find(top: Sequence[Block], *words: str) -> Iterator[Block]:
    """Give the top commands that begin with these words."""
    return (one for one in top if one.starts(*words))


def first(top: Sequence[Block], *words: str) -> Block | None:
    """Give the first top command that begins with these words."""
    return next(find(top, *words), None)
