# SPDX-License-Identifier: Apache-2.0
"""Text from devices made harmless for eyes and spreadsheets; markup is the page engine's business."""

import re

REPLACEMENT = "\ufffd"

MOST_TEXT = 4096  # characters of one text that a page prints; no form takes more, no fact may be longer
MOST_CELL = 32_767  # characters that a spreadsheet's cell can hold; more breaks those who read the file

# Controls except tab and line feed, bidirectional overrides and marks, invisible joiners, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # also as a Japanese Excel reads it


def visible(text: str) -> str:
    """Replace every character that hides, reorders or breaks text by U+FFFD."""
    return _INVISIBLE.sub(REPLACEMENT, text)


def typed_lines(text: str) -> str:
    """Give what somebody typed into a box of several lines: lines end in LF (browsers send CRLF), then `visible`."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def neutral_cell(text: str) -> str:
    """Make text that a spreadsheet will not run as a formula: `visible`, with ' before a formula's start.

    The start is looked for behind leading blanks too (OWASP, CSV injection). What no cell can hold ends in "…".
    """
    dangerous = text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)
    whole = "'" * dangerous + visible(text)
    return whole if len(whole) <= MOST_CELL else f"{whole[: MOST_CELL - 1]}…"


def harmless(value: object) -> object:
    """Clean every expression that a page prints, and cut one that no form could hold; escaping follows by itself."""
    if type(value) is str and len(value) > MOST_TEXT:
        value = f"{value[:MOST_TEXT]}…"
    if type(value) is not str:  # Markup is ours; numbers and Undefined are no text
        return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
    return value if value.isascii() and value.isprintable() else visible(value)
