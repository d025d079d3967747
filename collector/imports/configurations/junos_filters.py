# SPDX-License-Identifier: Apache-2.0
"""Junos: what the filter of the loopback interface and the prefix lists let in to the device. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.cisco_lists import NAMED_PORTS
from collector.imports.configurations.draft import Draft
from collector.imports.configurations.paths import Path, Paths
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import Rule, Sources, parse, shown, tidy


def prefix_list(paths: Paths, name: str) -> Sources | None:
    """Give the networks of a prefix list; None if it is not defined or follows other settings."""
    found = paths.values("policy-options", "prefix-list", name)
    if not found or "apply-path" in found:
        return None
    networks = [shown(net) for one in found if (net := parse(one)) is not None]
    return tidy(networks)


def loopback_rules(paths: Paths, draft: Draft) -> list[Rule] | None:
    """Give the rules of the filters on lo0 in order; None if no filter stands there."""
    names: list[str] = []
    for word in ("input", "input-list"):
        for _, rest in paths.under("interfaces", "lo0", "unit", "*", "family", "inet", "filter", word):
            names += rest[:1]
    if not names:
        return None
    rules: list[Rule] = []
    for name in dict.fromkeys(names):
        found = _filter(paths, name, draft)
        if found is None:
            draft.undefined(paths.line("interfaces", "lo0"), "firewall filter")
            return [Rule(permit=True, sources=None)]
        rules += found
    return rules


def _filter(paths: Paths, name: str, draft: Draft) -> list[Rule] | None:
    prefix: tuple[str, ...] = ("firewall", "family", "inet", "filter", name)
    if not paths.has(*prefix):
        prefix = ("firewall", "filter", name)
    if not paths.has(*prefix):
        return None
    terms: dict[str, list[tuple[int, Path]]] = {}
    for line, rest in paths.under(*prefix, "term"):
        if rest:
            terms.setdefault(rest[0], []).append((line, rest[1:]))
    return [rule for term in terms.values() if (rule := _term(term, paths, draft)) is not None]


def _term(term: Sequence[tuple[int, Path]], paths: Paths, draft: Draft) -> Rule | None:
    actions = {word for _, rest in term if rest[:1] == ("then",) for word in rest[1:2]}
    permit = "accept" in actions or not actions & {"discard", "reject"}
    if not actions & {"accept", "discard", "reject"}:
        return None  # counts or goes on
    conditions = [rest[1:] for _, rest in term if rest[:1] == ("from",) and len(rest) > 1]
    line = term[0][0]
    sources, negated = _sources(conditions, paths, line, draft)
    protocols = [rest[1] for rest in conditions if rest[0] == "protocol" and len(rest) > 1]
    ports = [
        pair for rest in conditions if rest[0] in ("destination-port", "port") for pair in _ports(rest[1:2])
    ]
    standing = any(
        rest[0] in ("tcp-established", "source-port", "is-fragment", "icmp-type") for rest in conditions
    )
    return Rule(
        permit=permit, sources=sources, transports=tuple(protocols), ports=tuple(ports), line=line,
        new=not standing, negated=negated,
    )  # fmt: skip


def _sources(
    conditions: Sequence[Path], paths: Paths, line: int, draft: Draft
) -> tuple[Sources | None, bool]:
    found: list[str] = []
    excepted: list[str] = []
    limited = False
    for rest in conditions:
        if rest[0] in ("source-address", "address") and len(rest) > 1:
            limited = True
            target = excepted if "except" in rest[2:] else found
            net = parse(rest[1])
            target += [shown(net)] if net else []
        elif rest[0] in ("source-prefix-list", "prefix-list") and len(rest) > 1:
            limited = True
            listed = prefix_list(paths, rest[1])
            if listed is None:
                draft.undefined(line, "prefix-list")
                return None, False
            (excepted if "except" in rest[2:] else found).extend(listed)
    if excepted and (not found or "any" in found):
        return tidy(excepted), True  # everybody but these
    return (tidy(found) if limited else ANY), False


def _ports(words: Sequence[str]) -> list[tuple[int, int]]:
    found = []
    for word in words:
        low, _, high = word.partition("-")
        first, last = _port(low), _port(high or low)
        found.append((first, last))
    return found


def _port(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 6 else NAMED_PORTS.get(word, -1)
