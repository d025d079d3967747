# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a value of a settings file, in Japanese: the library says it in English only. Pure."""

import re

_TYPES = {
    "str": "文字",
    "int": "整数",
    "float": "数",
    "bool": "true か false",
    "array": "一覧 […]",
    "object": "節",
}
_SAYINGS = (
    (re.compile(r"^Object contains unknown field `([^`]*)`"), "知らない項目 {0}"),
    (re.compile(r"^Object missing required field `([^`]*)`"), "項目 {0} がありません"),
    (re.compile(r"^Expected `([^`]*)`, got `([^`]*)`"), "{0}のはずが{1}です"),
    (re.compile(r"^Invalid enum value (.*?)(?: - at|$)"), "使えない値 {0}"),
)
_PLACE = re.compile(r" - at (?:key in )?`\$\.?([^`]*)`")


def in_japanese(message: str) -> str:
    """Say what msgspec says of a value; what is not known to us stays as it is."""
    for pattern, saying in _SAYINGS:
        if match := pattern.match(message):
            words = [_in_words(word) for word in match.groups()]
            place = _PLACE.search(message)
            where = f"{place[1]} の中: " if place and place[1] else ""
            return where + saying.format(*words)
    return message


def _in_words(types: str) -> str:
    """Name types in Japanese: `int | float` → 整数か数."""
    names = types.split(" | ")
    return "か".join(_TYPES[name] for name in names) if all(name in _TYPES for name in names) else types
