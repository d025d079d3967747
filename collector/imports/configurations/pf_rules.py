# SPDX-License-Identifier: Apache-2.0
"""pfSense and OPNsense: aliases and filter rules, and what they let in to the firewall itself. Pure."""

from collections.abc import Iterator

from collector.imports.configurations.cisco_lists import NAMED_PORTS
from collector.imports.configurations.draft import Draft
from collector.imports.configurations.named import Named, together
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import Rule, Sources, parse, permitted, shown, span
from collector.imports.configurations.xml_nodes import Node


class Rules:
    """The rules of one configuration, to be asked by interface."""

    def __init__(self, top: Node, draft: Draft) -> None:
        self.draft = draft
        aliases = [*top.all("aliases/alias"), *top.all("OPNsense/Firewall/Alias/aliases/alias")]
        self.aliases = {one.get("name"): one for one in aliases}
        self.alias = Named(self._resolve)
        self.rows = [one for one in top.all("filter/rule") if not _off(one)]
        self.interfaces = {one.tag: one for whole in top.all("interfaces") for one in whole.inside}

    def let_in(self, place: str, port: int, transport: str) -> Sources | None:
        """Give who reaches a port of the firewall through one interface; nobody unless a rule says so."""
        ordered = sorted(self.rows, key=lambda one: not (one.has("floating") and one.has("quick")))
        rules = [rule for row in ordered for rule in self._rule(row, place)]
        return permitted(rules, port, transport)

    def _rule(self, row: Node, place: str) -> Iterator[Rule]:
        places = row.get("interface").split(",")
        floating = row.has("floating") and row.get("floating") != "0"
        if (place not in places and not (floating and places in ([""], ["any"]))) or row.get(
            "direction"
        ) == "out":
            return
        if row.get("ipprotocol") == "inet6" or not self._aims_here(row, place):
            return
        transport = {"": (), "any": (), "tcp/udp": ("tcp", "udp")}.get(
            row.get("protocol").lower(), (row.get("protocol").lower(),)
        )
        sources, negated = self._sources(row)
        yield Rule(
            permit=row.get("type", "pass") == "pass", sources=sources, transports=tuple(transport),
            ports=self._ports(row), line=row.line, negated=negated,
            new=not row.has("source/port"),
        )  # fmt: skip

    def _aims_here(self, row: Node, place: str) -> bool:
        """Say whether the destination may be the firewall itself."""
        if row.has("destination/not"):
            return True
        address, network = row.get("destination/address"), row.get("destination/network")
        if network:
            return network in ("(self)", f"{place}ip", place) or network.endswith("ip")
        if not address:
            return True
        own = {one.get("ipaddr") for one in self.interfaces.values()}
        found = self.alias(address)
        return found is None or found == ANY or bool(own & set(found)) or address in own

    def _sources(self, row: Node) -> tuple[Sources | None, bool]:
        negated = row.has("source/not")
        network, address = row.get("source/network"), row.get("source/address")
        if network:
            known = parse(network)
            word = shown(known) if known else f"{network} net" if network != "(self)" else "this firewall"
            return (word,), negated
        if not address:
            return ANY, False
        found = self.alias(address)
        if found is None:
            self.draft.undefined(row.line, "alias")
        return found, negated

    def _resolve(self, name: str) -> Sources | None:
        known = parse(name)
        if known:
            return (shown(known),)
        alias = self.aliases.get(name)
        if alias is None or alias.get("type").startswith("url"):
            return None
        text = alias.get("address") or alias.get("content")
        return together(self._member(word) for word in text.split())

    def _member(self, word: str) -> Sources:
        low, dash, high = word.partition("-")
        some = span(low, high) if dash and parse(low) else self.alias(word)
        return some or (word,)  # a name that only DNS resolves stays a word

    def _ports(self, row: Node) -> tuple[tuple[int, int], ...]:
        text = row.get("destination/port")
        if not text or text == "any":
            return ()
        alias = self.aliases.get(text)
        words = (alias.get("address") or alias.get("content")).split() if alias else [text]
        found = []
        for word in words:
            low, _, high = word.replace(":", "-").partition("-")
            found.append((_port(low), _port(high or low)))
        return tuple(found)


def _port(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 6 else NAMED_PORTS.get(word, -1)


def _off(row: Node) -> bool:
    return row.has("disabled") and row.get("disabled") != "0"
