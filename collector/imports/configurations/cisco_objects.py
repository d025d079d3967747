# SPDX-License-Identifier: Apache-2.0
"""Address objects and object groups of ASA (and IOS object-groups) resolved to networks. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, find
from collector.imports.configurations.cisco_lists import Names
from collector.imports.configurations.named import Named, together
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import Sources, masked, parse, shown, span


def address_names(top: Sequence[Block], masks: bool) -> Names:
    """Give what `name`, `object network` and `object-group network` define."""
    fixed = {
        block.words[2]: (shown(found),)
        for block in find(top, "name")
        if len(block.words) > 2 and (found := parse(block.words[1]))
    }
    groups = {
        block.words[2]: block
        for block in (*find(top, "object", "network"), *find(top, "object-group", "network"))
        if len(block.words) > 2
    }

    def resolve(name: str) -> Sources | None:
        if name not in groups:
            return fixed.get(name)
        return together(_member(one.words, names) for one in groups[name].inside)

    names = Names(masks=masks, resolve=Named(resolve), known=frozenset({*fixed, *groups}))
    return names


def _member(words: Sequence[str], names: Names) -> Sources | None:
    if words[0] in ("network-object", "host", "subnet", "range") or _is_network(words):
        return _network(words[1:] if words[0] == "network-object" else words, names)
    if words[0] == "group-object" and len(words) > 1:
        return names.resolve(words[1])
    if words[0] in ("fqdn",) and len(words) > 1:
        return (words[-1],)
    return ()  # description, nat …


def _is_network(words: Sequence[str]) -> bool:
    return parse(words[0]) is not None or (len(words) > 1 and masked(words[0], words[1]) is not None)


def _network(words: Sequence[str], names: Names) -> Sources | None:
    if words[0] == "range" and len(words) > 2:
        return span(words[1], words[2]) or None
    if words[0] in ("host", "object") and len(words) > 1:
        found = parse(words[1])
        return (shown(found),) if found else names.resolve(words[1])
    if words[0] == "subnet":
        words = words[1:]
    if words and words[0] in ("any", "any4", "any6"):
        return ANY
    if len(words) > 1:
        text = masked(words[0], words[1])
        return (text,) if text else names.resolve(words[0])
    found = parse(words[0]) if words else None
    return (shown(found),) if found else None
