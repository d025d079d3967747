# SPDX-License-Identifier: Apache-2.0
"""Which interfaces of a Yamaha router face outwards, and what their `secure filter in` lets through. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.reading import ANY, Service
from collector.imports.configurations.sources import Rule, aimed_here, door, is_inner, parse, permitted
from collector.imports.configurations.yamaha_commands import Command, filters


def interface(one: Command) -> str:
    """Give the interface of an `ip INTERFACE …` command: lan1, pp 1, tunnel 2 …"""
    name = one.word(1)
    return one.place if name in ("pp", "tunnel") else name


def outer_interfaces(every: Sequence[Command]) -> list[str]:
    """Give the interfaces that carry the default route, else those that translate or are dialled."""
    gateways = [
        place for one in every if one.starts("ip", "route", "default") for place in _gateways(one, every)
    ]
    if gateways:
        return list(dict.fromkeys(gateways))
    translated = [
        interface(one)
        for one in every
        if one.words[:1] == ("ip",) and one.words[2:4] == ("nat", "descriptor")
    ]
    dialled = [
        interface(one) for one in every if one.words[:1] == ("ip",) and one.words[2:4] == ("address", "dhcp")
    ]
    return [name for name in dict.fromkeys([*translated, *dialled]) if name and not name.startswith("tunnel")]


def _gateways(one: Command, every: Sequence[Command]) -> list[str]:
    places: list[str] = []
    for at, word in enumerate(one.words):
        if word != "gateway" or len(places) > 8:
            continue
        target = one.word(at + 1)
        if target == "pp" and one.word(at + 2):
            places.append(f"pp {one.word(at + 2)}")
        elif target == "dhcp":
            places.append(one.word(at + 2))
        else:
            places.extend(_beside(target, every))
    return [place for place in places if place]


def _beside(gateway: str, every: Sequence[Command]) -> list[str]:
    hop = parse(gateway)
    found = []
    for one in every:
        if hop is None or one.words[:1] != ("ip",) or one.word(2) != "address":
            continue
        net = parse(one.word(3))
        if net is None or net.version != hop.version or hop.network_address not in net:
            continue
        if not is_inner(net) or _guarded(interface(one), every):
            found.append(interface(one))
    return found


def _guarded(name: str, every: Sequence[Command]) -> bool:
    """Say whether an interface translates or filters: what a router does towards the outside, not on its LAN."""
    return any(
        one.words[:1] == ("ip",)
        and interface(one) == name
        and (one.words[2:4] == ("nat", "descriptor") or one.words[2:5] == ("secure", "filter", "in"))
        for one in every
    )


def outside(every: Sequence[Command], draft: Draft) -> dict[str, Filter]:
    """Give the filter of each interface that faces outwards, and note what it does with the rest."""
    known = filters(every)
    found: dict[str, Filter] = {}
    for name in outer_interfaces(every):
        applied = _applied(name, every)
        rules = None if applied is None else _rules(applied, known, draft)
        found[name] = _admits(rules, applied is not None, _Behind(name, every))
        if draft.reading.inbound_default is None:
            draft.know(inbound_default=_default(rules, applied is not None))
        if _private(name, every):
            draft.inner.add(name)
    return found


def _applied(name: str, every: Sequence[Command]) -> Command | None:
    inbound = [
        one for one in every
        if one.words[:1] == ("ip",) and one.words[2:5] == ("secure", "filter", "in") and interface(one) == name
    ]  # fmt: skip
    return inbound[-1] if inbound else None


def _rules(applied: Command, known: dict[str, Rule], draft: Draft) -> list[Rule] | None:
    words = applied.words[5:]
    numbers = words[: words.index("dynamic")] if "dynamic" in words else words
    missing = [number for number in numbers if number not in known]
    if missing:
        draft.undefined(applied.line, "ip filter " + " ".join(one for one in missing[:5] if one.isdecimal()))
        return None
    return aimed_here([known[number] for number in numbers], draft.addresses)


def _default(rules: list[Rule] | None, applied: bool) -> str | None:
    if not applied:
        return "pass"
    if rules is None:
        return None
    last = next(
        (one for one in rules if one.sources == ANY and not one.transports and not one.ports and one.new),
        None,
    )
    return "pass" if last is not None and last.permit else "reject"


class _Behind:
    """What stands before the router besides the filter of its outer interface: masquerading, policy filters."""

    def __init__(self, name: str, every: Sequence[Command]) -> None:
        self.policy = any(one.starts("ip", "policy", "filter") for one in every)
        applied = {
            word
            for one in every
            if one.words[:1] == ("ip",) and one.words[2:4] == ("nat", "descriptor") and interface(one) == name
            for word in one.words[4:]
        }
        self.translated = any(
            one.starts("nat", "descriptor", "type") and one.word(3) in applied and "masquerade" in one.word(4)
            for one in every
        )
        own = {
            one.word(3).split("/")[0]
            for one in every
            if one.words[:1] == ("ip",) and one.word(2) == "address"
        }
        self.open = {
            (port, transport)
            for one in every
            if one.starts("nat", "descriptor", "masquerade", "static")
            and one.word(4) in applied
            and one.word(6) in own
            for transport in one.word(7).split(",")
            for port in one.word(8).split("=")[0].split(",")
        }


def _admits(rules: list[Rule] | None, applied: bool, behind: _Behind) -> Filter:
    def admits(service: Service) -> tuple[str, ...] | None:
        port, transport = door(service.service, service.port)
        let_in = ANY if not applied else None if rules is None else permitted(rules, port, transport)
        if not let_in:
            return let_in
        # masquerading drops what no static entry points at the router itself; older revisions may not
        hidden = behind.translated and (str(port), transport) not in behind.open
        return None if hidden or (behind.policy and not applied) else let_in

    return admits


def _private(name: str, every: Sequence[Command]) -> bool:
    own = (
        parse(one.word(3))
        for one in every
        if one.words[:1] == ("ip",) and one.word(2) == "address" and interface(one) == name
    )
    return any(is_inner(net) for net in own)
