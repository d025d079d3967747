# SPDX-License-Identifier: Apache-2.0
"""Whether what a listed row says and what a scan saw are the same, column by column. Pure.

Only a real contradiction counts: 富士通 and Fujitsu Limited agree, Win11 and Windows 11 Pro agree, and what
one side does not know contradicts nothing.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from collector.imports.columns import is_day, makers
from inventory_db.listed import marks_of_cells, marks_of_device
from inventory_db.official import OfficialRow
from inventory_db.typed_values import day_in, folded, ips_in

_FAMILIES = (
    ("windows server", re.compile(r"win(dows)?\s*(server|svr)|winsv")),
    ("windows", re.compile(r"win(dows)?")),
    ("linux", re.compile(r"linux|ubuntu|debian|red ?hat|rhel|centos|alma|rocky|suse")),
    ("macos", re.compile(r"mac ?os|os ?x")),
    ("ios", re.compile(r"\bi(pad)?os\b")),
    ("android", re.compile(r"android")),
)
_VERSION = re.compile(r"(?<![\d.])(\d{1,4}(?:\.\d+)*|xp|vista)(?![\d])")


def same_words(column: str, one: str, other: str) -> bool:
    """Whether two texts of a column mean the same: width, case, blanks and the writing of days aside."""
    if is_day(column):
        days = day_in(one, serials=True), day_in(other, serials=True)
        if None not in days:
            return days[0] == days[1]
    if column == "IPアドレス":
        ips = ips_in(one), ips_in(other)
        if ips[0][0] and not ips[0][1] and not ips[1][1]:
            return set(ips[0][0]) == set(ips[1][0])
    return folded(one) == folded(other)


def contradicts(column: str, cells: Mapping[str, str], row: OfficialRow) -> bool:
    """Whether the listed cell and what the ledger shows of the device cannot both be true."""
    said, shown, device = cells.get(column, ""), row.cell(column).value, row.device
    if (
        not said
        or (not shown and column not in ("IPアドレス", "コンピュータ名"))
        or same_words(column, said, shown)
    ):
        return False
    if column == "IPアドレス":
        listed, seen = marks_of_cells(cells).ip, marks_of_device(device).ip
        return bool(listed and seen and not listed <= seen)
    if column == "コンピュータ名":
        names, known = marks_of_cells(cells).name, marks_of_device(device).name
        return bool(names and known and not names & known)
    if column == "メーカー":
        return not _same_maker(said, shown)
    if column == "OS":
        return not _same_system(said, shown)
    if column == "ソフトウェアバージョン":  # versions of different things contradict nothing
        return folded(cells.get("ソフトウェア", "")) == folded(row.cell("ソフトウェア").value)
    return False


@lru_cache(maxsize=4096)
def _same_maker(one: str, other: str) -> bool:
    a, b = folded(one), folded(other)
    if a in b or b in a:
        return True
    known = [names for names in makers() if any(_word_in(name, a) for name in names)]
    return not known or any(_word_in(name, b) for names in known for name in names)


def _word_in(name: str, text: str) -> bool:
    word = folded(name)
    if word.isascii():
        return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text) is not None
    return word in text


def _same_system(one: str, other: str) -> bool:
    (family, version), (other_family, other_version) = _system(one), _system(other)
    if not family or not other_family:
        return True  # a system that we have no words for contradicts nothing
    if family != other_family:
        return False
    return not version or not other_version or version == other_version


def _system(text: str) -> tuple[str, str]:
    """Give the family and the first version word: Win11 and Windows 11 Pro 23H2 are (windows, 11)."""
    plain = folded(text)
    for family, pattern in _FAMILIES:
        match = pattern.search(plain)
        if match:
            version = _VERSION.search(plain[match.end() :])
            return family, version[1].partition(".")[0] if version else ""
    return "", ""
