# SPDX-License-Identifier: Apache-2.0
"""Affected versions as CVE records write them, makers' habits included, as fixes and ranges. Pure."""

import re
from collections.abc import Iterable

import msgspec

from collector.advisories.feed import MOST_SPANS, cut
from collector.advisories.knowledge import Fix, Span
from collector.versions import parse

_NONE = frozenset({"", "0", "*", "n/a", "unspecified", "-", "unknown"})
_TAKE = re.compile(r"(R\d{2}(?:\.\d{1,3})?)\b.{0,60}?Take (\d{1,4}) or below", re.IGNORECASE)
_BETWEEN = re.compile(r"(\d[\w.\-()]{1,30}) (?:to|through|-) (?:<= ?)?(\d[\w.\-()]{1,30})")
_DOWN = re.compile(
    r"(?:(\d[\w.\-()]{1,30}) and (?:below|before|earlier|prior)|(?:<=|before or equal to) ?(\d[\w.\-()]{1,30}))"
)
_UNCLEAR = Span(only=("*",), more=True)  # words that we cannot read: whether a version is meant stays open


class Change(msgspec.Struct, frozen=True):
    """From which version on the status is another."""

    at: str = ""
    status: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One version or range of versions."""

    version: str = ""
    status: str = "affected"
    lessThan: str = ""
    lessThanOrEqual: str = ""
    changes: tuple[Change, ...] = ()


class Affected(msgspec.Struct, frozen=True):
    """One product of a record."""

    vendor: str = ""
    product: str = ""
    defaultStatus: str = "unknown"
    versions: tuple[Entry, ...] = ()


def fixes_and_spans(affected: Iterable[Affected], scheme: str) -> tuple[tuple[Fix, ...], tuple[Span, ...]]:
    """Give the first mended versions by branch where a record names several, and the affected ranges."""
    fixes: dict[str, Fix] = {}
    spans: list[Span] = []
    for product in affected:
        if product.defaultStatus == "affected" or not product.versions:
            spans.append(_UNCLEAR)
        for entry in product.versions:
            if entry.status != "affected":
                continue
            taken = _TAKE.search(entry.version)
            if taken:
                release = taken[1].upper()
                fixes[release] = Fix(branch=release, first=(f"{release} Take {taken[2]}",), above=True)
                continue
            fix, found = _entry(entry, scheme)
            if fix is not None and fix.branch not in fixes:
                fixes[fix.branch] = fix
            spans += found
    return tuple(fixes.values()), tuple(dict.fromkeys(spans))[:MOST_SPANS]


def _entry(entry: Entry, scheme: str) -> tuple[Fix | None, list[Span]]:
    since = "" if entry.version.strip().lower() in _NONE else cut(entry.version.strip())
    firsts = [part.strip() for part in entry.lessThan.split(",") if part.strip() not in _NONE]
    firsts += [
        change.at.strip() for change in entry.changes if change.status == "unaffected" and change.at.strip()
    ]
    firsts = list(dict.fromkeys(cut(one) for one in firsts))
    if len(firsts) > 1:
        return _several(since, firsts, scheme)
    if firsts:
        return None, [Span(since=since, before=firsts[0])]
    if entry.lessThanOrEqual.strip() not in _NONE:
        return None, [Span(since=since, to=cut(entry.lessThanOrEqual.strip()))]
    if entry.lessThan or entry.lessThanOrEqual or not since:
        return None, [_UNCLEAR]
    return None, _words(since, scheme)


def _several(since: str, firsts: list[str], scheme: str) -> tuple[Fix | None, list[Span]]:
    """Several mended versions of one branch: maintenance lines that were mended one by one."""
    versions = [parse(scheme, text) for text in firsts]
    branches = {version.branch for version in versions if version is not None}
    if None in versions or len(branches) != 1:
        return None, [_UNCLEAR]
    branch = ".".join(map(str, branches.pop()))
    newest = max(zip(versions, firsts, strict=True), key=lambda pair: pair[0].place if pair[0] else ())[1]
    return Fix(branch=branch, first=tuple(firsts)), [Span(since=since, before=newest)]


def _words(text: str, scheme: str) -> list[Span]:
    """A version alone, or old records' free text: "6.0.0 to 6.0.4, 5.6.7 and below"."""
    found = [Span(since=one, to=other) for one, other in _BETWEEN.findall(text)]
    found += [Span(to=one or other) for one, other in _DOWN.findall(text)]
    if not found and parse(scheme, text) is not None:
        return [Span(only=(text,))]
    readable = [
        span for span in found if all(parse(scheme, end) is not None for end in (span.since, span.to) if end)
    ]
    return readable if readable and len(readable) == len(found) else [_UNCLEAR]
