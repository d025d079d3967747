# SPDX-License-Identifier: Apache-2.0
"""A reading while it is being made: a family's reader fills it, `finish` judges what follows from it."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from collector.imports.configurations.reading import ANY, Problem, Reading, Service, Vpn
from collector.imports.configurations.sources import merge, overlap, parse, public_part

MOST_PROBLEMS = 50
MOST_SERVICES = 2000
MOST_OUTER = 64  # interfaces towards the outside
# from where an outer interface lets a service in: sources, () for nobody, None if not known
Filter = Callable[[Service], tuple[str, ...] | None]


class TooMuch(Exception):
    """More services or interfaces than any device has; the file is not read."""


class Draft:
    """What was read so far of one file; the only thing here that changes."""

    def __init__(self, family: str, maker: str, os: str, device_class: str = "gateway") -> None:
        self.reading = Reading(family=family, maker=maker, os=os, device_class=device_class)
        self.services: list[Service] = []
        self.also: list[Service] = []
        self.off: dict[str, int] = {}  # service → line that turns it off
        self.unstated: list[str] = []
        self.vpn: list[Vpn] = []
        self.weak: list[str] = []
        self.problems: list[Problem] = []
        self.addresses: list[str] = []
        self.users: dict[str, int] = {}
        self.user_lines: dict[str, int] = {}
        self.wan: list[str] = []
        self.wan_sources: list[str] = []
        self.wan_known: bool | None = None
        self.served = 0
        self.inner: set[str] = set()  # outer interfaces whose own address is private

    def know(self, **what: str | None) -> None:
        """Set fields of the reading (model, version, hostname …) that are not set yet."""
        news = {key: value for key, value in what.items() if value and not getattr(self.reading, key)}
        self.reading = replace(self.reading, **news)  # type: ignore[arg-type]

    def rename(self, **what: str | None) -> None:
        """Set fields of the reading, also over what was set."""
        self.reading = replace(self.reading, **what)  # type: ignore[arg-type]

    def count(self, who: str, how_many: int = 1, line: int = 0) -> None:
        """Count users (local, admin or vpn), with the line of the first."""
        self.users[who] = self.users.get(who, 0) + how_many
        if how_many and line:
            self.user_lines.setdefault(who, line)

    def turn_off(self, service: str, line: int) -> None:
        """Note a service that the file says is off."""
        self.off.setdefault(service, line)

    def problem(self, line: int, ja: str, en: str, gap: bool = True) -> None:
        """Note something that was not read or does not fit."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line=line, ja=ja, en=en, gap=gap))

    def ended(self, ended: bool, last_line: int) -> None:
        """Note a file without the mark with which its language ends."""
        if not ended:
            self.problem(
                last_line,
                "最後の end がありません。ファイルが途中で切れているかもしれません。",
                "The closing `end` is missing; the file may be cut off.",
            )

    def undefined(self, line: int, what: str) -> None:
        """Note a filter or group that the file uses and does not define."""
        self.problem(
            line,
            f"{line} 行目が使う {what} は、このファイルに定義がありません。",
            f"Line {line} uses {what}, which this file does not define.",
        )

    def serve(self, service: Service) -> None:
        """Add a management service; the same one at the same place joins its sources. Raises TooMuch."""
        self.served += 1
        if self.served > MOST_SERVICES:
            raise TooMuch
        for index, one in enumerate(self.services):
            same = (one.service, one.interface, one.rw, one.version, one.community, one.port)
            if same == (
                service.service, service.interface, service.rw, service.version, service.community, service.port,
            ):  # fmt: skip
                self.services[index] = replace(one, sources=merge(one.sources, service.sources))
                return
        self.services.append(service)

    def reach(self, sources: tuple[str, ...] | None) -> bool | None:
        """Note from where a service answers on the outer interface; say whether anybody reaches it."""
        if sources is None:
            return None
        if sources:
            self.wan_sources.extend(sources)
        return bool(sources)

    def judge_wan(self, filters: dict[str, Filter]) -> None:
        """Set `wan` of every service from what the outer interfaces let in; filters by interface name."""
        filters = dict(list(filters.items())[:MOST_OUTER])
        for name in filters:
            if name not in self.wan:
                self.wan.append(name)
        for index, one in enumerate(self.services):
            wan = self._seen_from_outside(one, filters)
            self.services[index] = replace(one, wan=wan, fenced=_fenced(one, filters))

    def _seen_from_outside(self, one: Service, filters: dict[str, Filter]) -> bool | None:
        if not filters:
            return None
        answers: list[bool | None] = []
        for name, admits in filters.items():
            if not _answers_on(one.interface, name):
                answers.append(False)
                continue
            let_in = admits(one)
            both = None if let_in is None or one.sources is None else overlap(let_in, one.sources)
            inside = name in self.inner
            answers.append(self.reach(both if both is None or inside else public_part(both)))
        if any(answers):
            return True
        return None if None in answers else False

    def finish(self) -> Reading:
        """Give the reading, with what follows from it."""
        return replace(
            self.reading,
            services=tuple(self.services),
            also=tuple(self.also),
            disabled=tuple(self.off),
            disabled_lines=dict(self.off),
            user_lines=dict(self.user_lines),
            unstated=tuple(dict.fromkeys(self.unstated)),
            vpn=tuple(self.vpn),
            weak_crypto=tuple(dict.fromkeys(self.weak)),
            wan_interfaces=tuple(dict.fromkeys(self.wan)),
            wan_management=_wan_management(self.wan, self.services, self.wan_known),
            wan_sources=_wan_sources(self.wan_sources),
            source_restricted=restriction([*self.services, *self.also]),
            addresses=tuple(dict.fromkeys(self.addresses)),
            users=dict(self.users),
            problems=tuple(self.problems),
        )


def _answers_on(place: str, name: str) -> bool:
    """Say whether a service at this place may answer on the interface; an address may be that interface's."""
    return place in ("any", name) or place.startswith("vty") or parse(place) is not None


def _fenced(one: Service, filters: dict[str, Filter]) -> bool:
    if not filters or one.sources is None or not _answers_on(one.interface, ""):
        return False
    let_in = [admits(one) for admits in filters.values()]
    return None not in let_in and ANY not in let_in


def restriction(services: Iterable[Service]) -> str | None:
    """Sum up: yes if every service is limited, no if none is, partial between, None if not known."""
    kinds = {_kind(one) for one in services}
    if kinds <= {"limited", None}:
        return "yes" if kinds == {"limited"} else None
    return "no" if kinds <= {"open", None} else "partial"


def _kind(one: Service) -> str | None:
    if one.restricted is None:
        return None
    return "limited" if one.restricted else "fenced" if one.fenced else "open"


def _wan_management(wan: list[str], services: list[Service], known: bool | None) -> bool | None:
    if known is not None or not wan:
        return known
    answers = {one.wan for one in services}
    if True in answers:
        return True
    return None if None in answers or not services else False


def _wan_sources(sources: list[str]) -> tuple[str, ...]:
    return ANY if "any" in sources else tuple(dict.fromkeys(sources))
