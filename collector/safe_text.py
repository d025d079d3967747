# SPDX-License-Identifier: Apache-2.0
"""Text from devices made harmless for eyes and spreadsheets; markup is the page engine's business."""

import re

REPLACEMENT = "\ufffd"

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


def neutral_cell(text: str) -> str:
    """Make text that a spreadsheet will not run as a formula: `visible`, with ' before a formula's start.

    The start is looked for behind leading blanks too (OWASP, CSV injection).
    """
    dangerous = text.startswith(_FORMULA_STARTS) or text.lstrip().startswith(_FORMULA_STARTS)
    return "'" * dangerous + visible(text)
