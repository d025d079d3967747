# SPDX-License-Identifier: Apache-2.0
"""Access lists of the IOS kind (also ASA and AlliedWare Plus): named, numbered, standard, extended. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from collector.imports.configurations.blocks import Block
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import (
    Rule,
    Sources,
    client_ports,
    masked,
    parse,
    shown,
    wildcard,
)

NAMED_PORTS = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "tftp": 69, "www": 80, "http": 80, "ntp": 123,
    "snmp": 161, "snmptrap": 162, "bgp": 179, "https": 443, "isakmp": 500, "non500-isakmp": 4500, "syslog": 514,
}  # fmt: skip
_TRANSPORTS = {"tcp", "udp", "icmp", "esp", "ahp", "ah", "gre", "igmp", "ospf", "eigrp", "pim", "sctp", "ipinip", "icmpv6", "icmp6"}  # fmt: skip
Lists = Mapping[str, Sequence[Rule]]


def _nothing(_: str) -> Sources | None:
    return None


@dataclass(frozen=True, slots=True)
class Names:
    """Objects and groups of addresses that rules may name."""

    masks: bool = False  # ASA writes masks where IOS writes wildcards
    resolve: Callable[[str], Sources | None] = _nothing
    known: frozenset[str] = frozenset()  # names that are addresses, no services


def access_lists(top: Sequence[Block], names: Names | None = None) -> dict[str, list[Rule]]:
    """Collect every access list of the file by its name or number."""
    lists: dict[str, list[Rule]] = {}
    for name, line, words in _entries(top):
        rule = entry(words, line, names or Names())
        lists.setdefault(name, [])
        if rule is not None:
            lists[name].append(rule)
    return lists


def _entries(top: Sequence[Block]) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for block in top:
        words = block.words
        if words[0] == "access-list" and len(words) > 2:
            rest = words[2:]
            if words[1] in ("standard", "extended") and len(words) > 3:  # AlliedWare Plus
                yield words[2], block.line, words[3:]
            else:
                yield words[1], block.line, rest
        elif words[:2] in (("ip", "access-list"), ("ipv6", "access-list")) and len(words) > 2:
            name = words[-1] if words[2] in ("standard", "extended", "hardware") else words[2]
            yield name, block.line, ()
            yield from ((name, one.line, one.words) for one in block.inside)
        elif words[0] == "access-list" and len(words) == 2:
            yield from ((words[1], one.line, one.words) for one in block.inside)


def entry(words: Sequence[str], line: int, names: Names) -> Rule | None:
    """Read `[sequence] [extended] permit|deny …`; None if it is no entry (a remark, a heading)."""
    left = list(words)
    while left and (left[0].isdecimal() or left[0] in ("extended", "standard", "line")):
        left.pop(0)
    if not left or left[0] not in ("permit", "deny") or "inactive" in left:
        return None
    permit = left.pop(0) == "permit"
    transports: tuple[str, ...] = ()
    extended = bool(left) and (left[0] in _TRANSPORTS or left[0] in ("ip", "ipv6", "object-group", "object"))
    if extended and left[0] in ("object-group", "object"):
        extended = len(left) > 1 and left[1] not in names.known
        transports, left = ((), left[2:]) if extended else ((), left)
    elif extended:
        transports = () if left[0] in ("ip", "ipv6") else (left[0],)
        left.pop(0)
    sources = address(left, names)
    own = take_ports(left) if extended else ()
    targets = address(left, names) if extended else ANY
    return Rule(
        permit=permit,
        sources=sources,
        transports=transports,
        ports=ports(left) if extended else (),
        line=line,
        new="established" not in left and client_ports(own),
        targets=targets,
    )


def address(left: list[str], names: Names) -> Sources | None:
    """Take one address off the front: any, host A, A WILDCARD, A/N, object(-group) NAME; None if not known."""
    if not left:
        return ANY
    word = left.pop(0)
    if word in ("any", "any4", "any6"):
        return ANY
    if word in ("host", "object-group", "object", "addrgroup", "interface") and left:
        name = left.pop(0)
        if word == "host":
            found = parse(name)
            return (shown(found),) if found else names.resolve(name)
        return names.resolve(name) if word != "interface" else (name,)
    return _network(word, left, names)


def _network(word: str, left: list[str], names: Names) -> Sources | None:
    if "/" in word:
        found = parse(word)
        return (shown(found),) if found else None
    if left and _dotted(left[0]):
        mask = left.pop(0)
        text = masked(word, mask) if names.masks else wildcard(word, mask)
        return (text,) if text else None
    found = parse(word)
    return (shown(found),) if found else names.resolve(word)


def _dotted(word: str) -> bool:
    return word.count(".") == 3 and word.replace(".", "").isdecimal()


def take_ports(left: list[str]) -> tuple[tuple[int, int], ...]:
    """Take a source port condition off the front."""
    found = ports(left)
    if left and left[0] in ("eq", "neq", "gt", "lt"):
        operator = left.pop(0)
        if left:
            left.pop(0)
        while operator == "eq" and left and _port(left[0]) is not None:
            left.pop(0)
    elif left and left[0] == "range":
        del left[:3]
    return found


def _port(word: str) -> int | None:
    return int(word) if word.isdecimal() and len(word) < 6 else NAMED_PORTS.get(word)


def ports(left: list[str]) -> tuple[tuple[int, int], ...]:
    """Read a port condition (eq, neq, gt, lt, range); () if there is none, ports nobody has if it is not known."""
    if not left or left[0] not in ("eq", "neq", "gt", "lt", "range"):
        return ()
    operator, words = left[0], left[1:]
    if operator == "range":
        low, high = (_port(words[0]), _port(words[1])) if len(words) > 1 else (None, None)
        return ((low, high),) if low is not None and high is not None else ((-1, -1),)
    numbers = []
    for word in words:
        number = _port(word)
        if number is None:
            break
        numbers.append(number)
    if not numbers:
        return ((-1, -1),)
    if operator == "eq":
        return tuple((one, one) for one in numbers)
    one = numbers[0]
    return {"gt": ((one + 1, 65535),), "lt": ((0, one - 1),)}.get(operator, ((0, one - 1), (one + 1, 65535)))
