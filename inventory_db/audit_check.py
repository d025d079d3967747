# SPDX-License-Identifier: Apache-2.0
"""Whether a chain of the audit log is whole, from the database or from an exported file; needs no secret.

An export is one entry per line, JSON exactly as `line` writes it: a byte that differs is a broken line.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from inventory_db.audit import BEFORE_ALL, Entry, Head
from probes.facts import printable

_decoder = msgspec.json.Decoder(Entry)


@dataclass(frozen=True, slots=True)
class Broken:
    """The first place at which a chain is not what it was; `ja` and `en` say what is wrong there."""

    facility: int
    number: int  # of the entry, or the line if it cannot be read
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: how many entries were looked at, the chain's end, and the first broken place."""

    entries: int
    head: Head | None  # None: there was no entry
    broken: Broken | None = None
    first: int = 1  # number of the first entry looked at


class BadLine(ValueError):
    """A line of an export that is not an entry exactly as it was written."""


def line(entry: Entry) -> bytes:
    """Write one entry as a line of an export."""
    return msgspec.json.encode(entry) + b"\n"


def read_line(data: bytes) -> Entry:
    """Read one line of an export; raises BadLine for anything that `line` would not have written."""
    try:
        entry = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # ValidationError is one of the first
        raise BadLine(printable(str(error), 120)) from error
    if line(entry) != data:
        raise BadLine("not written as daicho writes it")
    return entry


def read_lines(lines: Iterable[bytes]) -> Iterator[Entry | Broken]:
    """Read an export; ends after the first line that is none."""
    for place, data in enumerate(lines, 1):
        try:
            yield read_line(data)
        except BadLine as error:
            yield Broken(
                -1,
                place,
                f"{place} 行目が書き出したときの形ではありません（{error}）。",
                f"line {place} is not as it was written ({error})",
            )
            return


def read_head(text: str) -> Head:
    """Read `facility:number:hash`, or `number:hash` of facility 1; raises ValueError."""
    parts = text.strip().split(":")
    facility, number, hash = parts if len(parts) == 3 else ["1", *parts]
    if len(hash) != 64 or not set(hash) <= set("0123456789abcdef"):
        raise ValueError(hash)
    return Head(int(facility), int(number), hash)


def check(entries: Iterable[Entry | Broken], known: Iterable[Head] = (), *, partial: bool = False) -> Checked:
    """Check one chain from its first entry, and that it holds every known head of it.

    `partial`: entries may be missing at the start and between; then only what is there is checked, and what was
    left out cannot be noticed.
    """
    wanted = {head.number: head.hash for head in known if head.number}
    count, first, before = 0, 1, None
    for entry in entries:
        if isinstance(entry, Broken):
            return Checked(count, before, entry, first)
        if trouble := _trouble(entry, before, wanted, partial):
            return Checked(count, before, Broken(entry.facility, entry.number, *trouble), first)
        first = first if before else entry.number
        count, before = count + 1, Head(entry.facility, entry.number, entry.hash)
        wanted.pop(entry.number, None)
    if wanted:
        return Checked(count, before, _cut(before, min(wanted)), first)
    return Checked(count, before, None, first)


def _trouble(
    entry: Entry, before: Head | None, wanted: dict[int, str], partial: bool
) -> tuple[str, str] | None:
    """Say what is wrong with an entry that follows `before`."""
    if before and entry.facility != before.facility:
        return "別の施設の記録が混ざっています。", "it belongs to another facility's chain"
    next_number = before.number + 1 if before else 1
    if entry.number != next_number and not (partial and entry.number > next_number):
        return (
            f"番号 {next_number} があるはずの場所です。抜かれたか、入れ替えられています。",
            f"number {next_number} should stand here: entries were removed or moved",
        )
    if entry.hash != entry.digest():
        return "中身が書かれたときと違います。", "its content is not what was written"
    follows = entry.number == next_number
    if follows and entry.previous != (before.hash if before else BEFORE_ALL):
        return "前の記録とつながっていません。", "it does not follow from the entry before"
    if wanted.get(entry.number, entry.hash) != entry.hash:
        return (
            "控えておいた値と違います。この番号までの記録は書き直されています。",
            "it is not the entry whose hash was noted down: the log up to here was written anew",
        )
    return None


def _cut(before: Head | None, number: int) -> Broken:
    return Broken(
        before.facility if before else -1,
        number,
        f"控えには番号 {number} がありますが、記録はその前で終わっています。末尾が切り取られています。",
        f"number {number} was noted down, but the log ends before it: its end was cut off",
    )
