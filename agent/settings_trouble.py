# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a value of a settings file, in Japanese (the library says it in English only), and on which line. Pure."""

import re
from collections import Counter

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
_KEY = re.compile(r"the value of (\S+) cannot be used")
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_NAMED = re.compile(
    r"\d+(\.\d+){3}(/\d+)?|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:]*(/\d+)?|\d\d:\d\d"
)  # an address, a network, a time
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.]+)")
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


def line_of(text: str, refused: str) -> int:
    """Give the line of a TOML file that a refusal (its English words) is about; 0 where it names none."""
    key = _KEY.search(refused)
    if key:
        return _line_of_key(text, key[1])
    if unknown := _UNKNOWN.search(refused):
        place = _PLACE.search(refused)
        return _line_of_key(text, f"{place[1]}.{unknown[1]}" if place and place[1] else unknown[1])
    if place := _PLACE.search(refused):
        return _line_of_key(text, place[1])
    said = (word.strip(".,;:“”()") for word in refused.split())
    named = [word for word in said if _NAMED.fullmatch(word)]
    lines = enumerate(text.splitlines(), 1)
    return next((n for n, line in lines if any(word in line.partition("#")[0] for word in named)), 0)


def _line_of_key(text: str, path: str) -> int:
    """Find `pace.packets` or `ssh[1].family`; the section's own line where the key does not stand there; 0 in doubt."""
    wanted, _, key = path.rpartition(".")
    value = re.compile(rf"\s*{re.escape(key.partition('[')[0])}\s*=")
    section, places, counted = "", list[int](), Counter[str]()
    keys = list[int]()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            name = header[2]
            section = f"{name}[{counted[name]}]" if header[1] == "[[" else name
            counted[name] += 1
            places += [number] if section in (wanted, path) else []
        elif section == wanted and value.match(line):
            keys.append(number)
    found = keys or places
    return found[0] if len(found) == 1 else 0
