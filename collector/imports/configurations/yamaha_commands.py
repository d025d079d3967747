# SPDX-License-Identifier: Apache-2.0
"""Yamaha RT commands: each line with what it was said for (`pp select 1`, `tunnel select 2`). Pure."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from collector.imports.configurations.lines import Line
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import Rule, Sources, client_ports, parse, shown, span, tidy

PORTS = {
    "ftp": 21, "ftpdata": 20, "telnet": 23, "smtp": 25, "domain": 53, "tftp": 69, "gopher": 70, "finger": 79,
    "www": 80, "pop3": 110, "sunrpc": 111, "ident": 113, "ntp": 123, "nntp": 119, "snmp": 161, "syslog": 514,
    "netbios_ns": 137, "netbios_dgm": 138, "netbios_ssn": 139, "https": 443, "ssh": 22, "submission": 587,
    "printer": 515, "talk": 517, "route": 520, "uucp": 540, "sip": 5060,
}  # fmt: skip
_STANDING = {"established", "tcpfin", "tcprst"}  # packets of connections that stand already


@dataclass(frozen=True, slots=True)
class Command:
    """One command; `place` is "pp 1", "tunnel 2" or "" for the device."""

    line: int
    place: str
    words: tuple[str, ...]

    def starts(self, *words: str) -> bool:
        """Say whether the command begins with these words."""
        return self.words[: len(words)] == words

    def word(self, index: int) -> str:
        """Give one word, "" if there is none."""
        return self.words[index] if index < len(self.words) else ""


def commands(rows: Iterable[Line]) -> Iterator[Command]:
    """Read lines; `no …` takes the same command away is left to the reader."""
    place = ""
    for row in rows:
        text = row.text.strip()
        if not text or text.startswith(("#", ">")):
            continue
        words = _words(text)
        if words[:2] in (("pp", "select"), ("tunnel", "select")) and len(words) > 2:
            place = "" if words[2] == "none" else f"{words[0]} {words[2]}"
            continue
        yield Command(row.number, place, words)


def _words(text: str) -> tuple[str, ...]:
    if '"' in text:
        lexer = shlex.shlex(text, posix=True)
        lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "\\", ""
        try:
            return tuple(lexer)
        except ValueError:  # a quotation that does not end
            return tuple(text.split())
    return tuple(text.split())


def filters(every: Sequence[Command]) -> dict[str, Rule]:
    """Give the static IPv4 filters by number."""
    return {
        one.words[2]: _rule(one)
        for one in every
        if one.starts("ip", "filter") and one.word(2).isdecimal() and len(one.words) > 4
    }


def _rule(one: Command) -> Rule:
    action, source = one.word(3), one.word(4)
    protocols = tuple(one.word(6).split(",")) if one.word(6) else ("*",)
    standing = set(protocols) & _STANDING or "established" in one.words[9:]
    every = "*" in protocols or "ip" in protocols
    return Rule(
        permit=action.startswith(("pass", "restrict")),
        sources=hosts(source),
        transports=() if every else tuple(_transport(name) for name in protocols),
        ports=_ports(one.word(8)),
        line=one.line,
        new=not standing and client_ports(_ports(one.word(7))),
        targets=hosts(one.word(5)),
    )


def _transport(name: str) -> str:
    if name in ("6", "tcpsyn", "tcpflag"):
        return "tcp"
    return "udp" if name == "17" else name


def hosts(text: str) -> Sources | None:
    """Read a source: *, an address, a network, a range, several with commas; None if it is none of these."""
    if text in ("*", "any", ""):
        return ANY
    found: list[str] = []
    for part in text.split(","):
        low, dash, high = part.partition("-")
        network = parse(part)
        some = span(low, high) if dash else (shown(network),) if network else ()
        if not some:
            return None
        found.extend(some)
    return tidy(found)


def _ports(text: str) -> tuple[tuple[int, int], ...]:
    if text in ("", "*"):
        return ()
    found = []
    for part in text.split(","):
        low, _, high = part.partition("-")
        numbers = [int(one) if one.isdecimal() else PORTS.get(one, -1) for one in (low, high or low)]
        first, last = (0 if not low else numbers[0]), (65535 if part.endswith("-") else numbers[1])
        found.append((first, last))
    return tuple(found)
