# SPDX-License-Identifier: Apache-2.0
"""What a device says of itself is kept and shown up to a size, with a mark where it was cut. Pure.

A hostile or broken device may say megabytes. The transcript keeps what was said on the line; facts, the device's
JSON and lists of evidence are bounded, so that every page and every answer is.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from probes.facts import MOST_VALUE, Fact

MOST_FACTS = 4096  # of one observation; the longest honest ones are tables of routers and switches
MOST_SAID = 256 * 1024  # characters of the facts of one observation
MOST_DEVICE = 256 * 1024  # bytes of one device's JSON
MOST_CELL = 16 * 1024  # characters of a cell of the official form in an answer
MOST_EVIDENCE = 1024 * 1024  # characters of the facts in one answer
MOST_OBSERVATIONS = 2000  # of one answer
_STEPS = ((1024, 200), (255, 100), (100, 30), (60, 10))  # characters of a text, items of a list


def cut_facts(facts: Sequence[Fact]) -> tuple[tuple[Fact, ...], int]:
    """Give the facts that are kept, and how many were left out or cut."""
    kept: list[Fact] = []
    room, cut = MOST_SAID, 0
    for fact in facts[:MOST_FACTS]:
        long = len(fact.value) > MOST_VALUE
        short = msgspec.structs.replace(fact, value=fact.value[:MOST_VALUE]) if long else fact
        room -= len(short.value)
        if room < 0:
            break
        kept.append(short)
        cut += long
    return tuple(kept), cut + len(facts) - len(kept)


def bounded_json(document: dict[str, Any]) -> bytes:
    """Give one device's JSON values as JSON, cut where `bounded_device` cuts them."""
    body = msgspec.json.encode(document)
    return body if len(body) <= MOST_DEVICE else msgspec.json.encode(bounded_device(document))


def bounded_device(document: dict[str, Any]) -> dict[str, Any]:
    """Give a device's JSON values as they are, or cut so that they fit, with `cut` among them."""
    for text, items in _STEPS:
        if len(msgspec.json.encode(document)) <= MOST_DEVICE:
            return document
        document = _cut(document, text, items) | {"cut": True}
    return document


def bounded_evidence(said: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the newest of these (oldest first), with facts as far as there is room; `facts_cut` says how many are not."""
    room, found = MOST_EVIDENCE, list[dict[str, Any]]()
    for one in reversed(said[-MOST_OBSERVATIONS:]):
        room -= _size(one["observation"].get("facts", ()))
        found.append(one if room >= 0 else _without_facts(one))
    return found[::-1]


def _without_facts(one: dict[str, Any]) -> dict[str, Any]:
    seen = one["observation"]
    missing = seen.get("facts_cut", 0) + len(seen.get("facts", ()))
    return one | {"observation": seen | {"facts": [], "facts_cut": missing}} if missing else one


def _size(facts: Iterable[dict[str, Any]]) -> int:
    return sum(len(one["value"]) + len(one["kind"]) for one in facts)


def _cut(value: Any, text: int, items: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= text else f"{value[: text - 1]}…"
    if isinstance(value, dict):
        return {key: _cut(one, text, items) for key, one in list(value.items())[: max(items, 60)]}
    if isinstance(value, list | tuple):
        return [_cut(one, text, items) for one in value[:items]]
    return value
