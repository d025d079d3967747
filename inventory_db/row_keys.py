# SPDX-License-Identifier: Apache-2.0
"""By what rows of the ledger are found and ordered: marks, comparable text, keys of sorting. Pure.

`collector.ledger_view` sorts and searches in memory with them, `ledger_index` keeps them in the database: the bytes
of `as_bytes` compare as the keys themselves do.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

CLASSES = ("server", "pc", "network", "gateway", "medical", "printer", "phone", "iot", "unknown")
MARKS = ("dual", "remote", "guess", "unseen")
RANKS = {"sure": 0, "likely": 1, "guess": 2}
MOST_SORTED = 60  # characters of a cell by which rows are sorted

Document = Mapping[str, Any]  # a device as in daicho/ledger/1, or the part of it that ledger_index keeps
Natural = list[tuple[int, int, str]]


def fold(text: str) -> str:
    """Make text comparable: width, case and kana width do not matter (NFKC, casefold)."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def natural_key(cell: str) -> Natural:
    """Numbers inside text sort as numbers: PC2 before PC10."""
    parts = re.findall(r"[0-9]{1,18}|[^0-9]+|[0-9]+", fold(cell)[:MOST_SORTED])
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts]


def address_key(cell: str) -> tuple[int, int]:
    """Sort by the first address of the cell; what is none comes last."""
    first = re.split(r"[\s、,]", cell, maxsplit=1)[0]
    try:
        address = ipaddress.ip_address(first.partition("%")[0])
    except ValueError:
        return (9, 0)
    return (address.version, int(address))


@lru_cache(maxsize=16384)
def natural_bytes(cell: str) -> bytes:
    """Give bytes that compare as `natural_key`; b"" for an empty cell, which no other cell has."""
    return b"".join(
        b"\x02" + _ended(text) if is_text else b"\x01" + number.to_bytes(8)
        for is_text, number, text in natural_key(cell)
    )


def address_bytes(cell: str) -> bytes:
    """Give bytes that compare as `address_key`; b"" for an empty cell."""
    version, number = address_key(cell)
    return bytes([version]) + number.to_bytes(16) if cell else b""


def _ended(text: str) -> bytes:
    """The text and an end that compares lower than whatever goes on (UTF-8 keeps the order of code points)."""
    return text.encode("utf-8", "surrogatepass").replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def sureness(document: Document) -> str:
    """The weakest mark among the fields that we know (a proposed place is none): sure, likely, guess."""
    marks = [mark["sure"] for field, mark in document["confidence"].items() if field != "location"]
    return max(marks, key=lambda mark: RANKS.get(mark, 2), default="sure")


def class_of(document: Document) -> str:
    """The device's class; one that we do not know is "unknown"."""
    return document["device_class"] or "unknown"


def networks_of(document: Document) -> tuple[str, ...]:
    """The networks that its addresses stand on, each once."""
    found = (address.get("network") for address in document["addresses"])
    return tuple(dict.fromkeys(network for network in found if network))


def has_mark(document: Document, unseen: bool, mark: str) -> bool:
    """Say whether this row carries a mark of MARKS."""
    return mark in marks_of(document, unseen)


def marks_of(document: Document, unseen: bool) -> tuple[str, ...]:
    """The marks of MARKS that this row carries, in their order."""
    carried = {
        "dual": document["dual_homed"] is not None,
        "remote": bool(document["remote_paths"]),
        "guess": sureness(document) == "guess",
        "unseen": unseen,
    }
    return tuple(mark for mark in MARKS if carried[mark])


def searchable(cells: Sequence[str], document: Document) -> str:
    """Give the text in which every word of a search must occur."""
    return fold(" ".join(_texts(cells, document)))


def _texts(cells: Sequence[str], device: Document) -> Iterable[str]:
    yield from cells
    yield from device["names"]
    for key in ("maker", "model", "serial", "os", "os_version", "firmware_version"):
        yield device[key] or ""
    for address in device["addresses"]:
        yield f"{address['ip'] or ''} {address['mac'] or ''}"
    for service in device["services"]:
        yield f"{service['name'] or ''} {service['product'] or ''} {service['version'] or ''}"
    for path in device["remote_paths"]:
        yield f"{path['kind']} {path['product'] or ''}"
