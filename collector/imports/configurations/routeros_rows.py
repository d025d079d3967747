# SPDX-License-Identifier: Apache-2.0
"""RouterOS exports as rows: menu, verb, what it applies to, and key=value pairs. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collector.imports.configurations.lines import Line

_TOKEN = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
_VERBS = {"add", "set", "print", "remove", "enable", "disable", "import", "export", "edit", "move", "find"}
LONGEST = 20_000


@dataclass(slots=True)
class Row:
    """One add or set."""

    line: int
    menu: str  # "/ip firewall filter"
    verb: str
    about: tuple[str, ...]  # words without a value: the name in `set telnet disabled=yes`
    values: dict[str, str] = field(default_factory=dict)

    def get(self, key: str, default: str = "") -> str:
        """Give a value."""
        return self.values.get(key, default)

    @property
    def off(self) -> bool:
        """Say whether the row is switched off."""
        return self.get("disabled") == "yes"


def rows(lines: Iterable[Line]) -> Iterator[Row]:
    """Read an export; a line that ends in a backslash goes on in the next."""
    menu = ""
    for number, text in _joined(lines):
        stripped = text.strip()
        if not stripped or stripped.startswith("#"):
            continue
        words = _TOKEN.findall(stripped)
        if stripped.startswith("/"):
            at = next((index for index, word in enumerate(words) if word in _VERBS), len(words))
            menu = " ".join(words[:at])
            words = words[at:]
        if words and words[0] in _VERBS:
            yield _row(number, menu, words)


def _row(number: int, menu: str, words: list[str]) -> Row:
    about, values = [], {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if equals and key and not key.startswith(("[", '"')):
            values[key] = value.replace('"', "")
        else:
            about.append(word.replace('"', ""))
    return Row(number, menu, words[0], tuple(about), values)


def _joined(lines: Iterable[Line]) -> Iterator[tuple[int, str]]:
    start, held = 0, ""
    for row in lines:
        text = row.text
        start = start or row.number
        if text.endswith("\\") and len(held) < LONGEST:
            held += text[:-1].lstrip() if held else text[:-1]
            continue
        yield start, held + (text.lstrip() if held else text)
        start, held = 0, ""
    if held:
        yield start, held
