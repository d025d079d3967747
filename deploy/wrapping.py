# SPDX-License-Identifier: Apache-2.0
"""Lines for a terminal: Japanese breaks between any two letters, Latin words and numbers stay whole."""

import re

from rich.cells import cell_len

_NOT_FIRST = frozenset("、。，．）」』】〕！？ー・：；)],.!?:;")  # characters that begin no line (JIS X 4051)
_NOT_LAST = frozenset("（「『【〔([")  # characters that end no line
_PIECES = re.compile(r"[!-~]+ ?|.", re.DOTALL)  # a Latin word with the blank behind it, or one letter


def wrap(text: str, cells: int, indent: str = "") -> list[str]:
    """Give the lines of one paragraph, none wider than `cells`; all but the first begin with `indent`.

    Two cells at the end are kept for a character that may begin no line.
    """
    lines, line = [], ""
    for piece in _pieces(text, max(cells - 2 - cell_len(indent), 2)):
        most = cells if piece in _NOT_FIRST else cells - 2
        if line.strip() and cell_len(line + piece.rstrip()) > most:
            kept = _without_openers(line)
            lines.append(kept.rstrip())
            line = indent + (line[len(kept) :] + piece).lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()]


def _without_openers(line: str) -> str:
    """Give the line without opening brackets at its end, which belong to what follows."""
    kept = line.rstrip()
    while kept[-1:] in _NOT_LAST and kept[-1:]:
        kept = kept[:-1]
    return kept if kept.strip() else line


def _pieces(text: str, most: int) -> list[str]:
    """Cut into what may stand alone; a word that is wider than a line is cut."""
    pieces: list[str] = []
    for match in _PIECES.finditer(text):
        word = match.group()
        while len(word) > most and word.isascii():
            pieces.append(word[:most])
            word = word[most:]
        pieces.append(word)
    return pieces
