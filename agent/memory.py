# SPDX-License-Identifier: Apache-2.0
"""What an agent remembers of each host, so that a stable one need not be asked whole every night.

Of a host that was asked whole: its card, what decides what it is asked, and a digest of what answered. It is
asked whole again when any of that differs, when the last whole asking is too old, or when a person wishes it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from agent.devices import Mark
from agent.plan import tcp_ports
from agent.settings import Profile
from probes.all_probes import all_probes
from probes.facts import Fact, FactKind, Observation, Outcome

PREFIX = "met "  # of the names under which hosts are kept
FORGET = timedelta(days=90)  # after which a host that nobody meets any more is forgotten
SOONER = timedelta(hours=12)  # a night may begin earlier than the one a week ago
GREETINGS = frozenset(
    {"ssh", "https", "http", "smb", "rdp", "vnc", "oxid", "banner", "ftp", "smtp", "telnet"}
)
DATAGRAMS = ("snmpv3", "nbns")  # identity for one or two packets, the cheaper first
_EVER_NEW = frozenset(
    {
        *(FactKind.SNMP_UPTIME, FactKind.SNMP_ENGINE_TIME, FactKind.OPENVPN_SESSION, FactKind.HTTP_BODY),
        *(FactKind.HTTP_COOKIE, FactKind.HTTP_LOCATION),
    }
)


class Known(msgspec.Struct, frozen=True):
    """One question that was answered, or a port that let us in; `said`: digest of its steady facts."""

    probe: str
    port: int
    said: str = ""


class Met(msgspec.Struct, frozen=True, kw_only=True):
    """One host as it was when it was asked whole. `temper`, `kind`, `why`: how it was judged then."""

    mac: str
    plan: str  # digest of what decides what it is asked; "" where it was not asked to the end
    scan: str
    whole: datetime
    seen: datetime  # last night on which all that was checked was the same
    temper: str
    kind: str = ""
    why: str = ""
    known: tuple[Known, ...] = ()
    shut: tuple[tuple[int, str], ...] = ()  # TCP port, outcome: refused or silent
    nights: int = 0  # confirmed since
    moody: tuple[tuple[str, int], ...] = ()  # questions whose answers change by themselves
    marks: tuple[Mark, ...] = ()  # what tells it from all other machines


class Keeper(Protocol):
    """Where it is kept; agent.logbook.Logbook is one."""

    async def keep_all(self, bodies: Mapping[str, bytes]) -> None:
        """Keep these under their names, all or none; empty bytes take one away."""

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Give all that is kept under names with this prefix."""


@dataclass(slots=True)
class Memory:
    """The hosts that were met, by vantage and address. `whole_days`: a host is asked whole at least so often."""

    keeper: Keeper
    whole_days: float
    _met: dict[str, Met] = field(default_factory=dict)
    _news: dict[str, bytes] = field(default_factory=dict)
    _scans: set[str] = field(default_factory=set)  # in which hosts were asked whole

    @classmethod
    async def open(cls, keeper: Keeper, whole_days: float, now: datetime, *, wish: bool = False) -> "Memory":
        """Read what is kept; with a `wish` of the operator everything is asked whole, so it is all forgotten."""
        memory = cls(keeper, whole_days)
        for name, body in (await keeper.kept_under(PREFIX)).items():
            met = _decoded(body)
            memory._scans.update([met.scan] if met and met.plan else [])
            if wish or met is None or now - met.seen > FORGET:
                memory._news[name] = b""
            else:
                memory._met[name] = met
        return memory

    def recall(self, vantage: str, address: str) -> Met | None:
        """Give the host as it was met there."""
        return self._met.get(_name(vantage, address))

    def is_stable(self, met: Met | None, mac: str, plan: str, now: datetime) -> bool:
        """Whether a few packets may confirm it: same card, same plan, and whole lately enough."""
        if met is None or (met.mac, met.plan) != (mac, plan):
            return False
        return timedelta(0) <= now - met.whole < timedelta(days=self.whole_days) - SOONER

    def keep(self, vantage: str, address: str, met: Met | None) -> None:
        """Remember it from now on; None forgets. It is on the disk after `write`."""
        name = _name(vantage, address)
        if met is None:
            if self._met.pop(name, None):
                self._news[name] = b""
            return
        self._met[name] = met
        self._news[name] = msgspec.json.encode(met)

    async def write(self) -> None:
        """Make what is new durable."""
        news, self._news = self._news, {}
        if news:
            await self.keeper.keep_all(news)

    def scans(self) -> frozenset[str]:
        """Scans in which the hosts that are kept were asked whole."""
        return frozenset(self._scans)


Shut = tuple[int, str]  # TCP port, outcome


def checks(met: Met) -> tuple[Known | Shut, ...]:
    """Give what to ask of a stable host tonight: its identity by a datagram, one open and one shut port in turn.

    A host without a known card could be another one by now: of its open ports only the openness is looked at.
    """
    asked: list[Known | Shut] = []
    datagrams = {one.probe: one for one in met.known if one.probe in DATAGRAMS}
    if met.mac:
        asked += [datagrams[name] for name in DATAGRAMS if name in datagrams][:1]
    if open_ports := _by_port(met):
        asked.append(open_ports[met.nights % len(open_ports)])
    if met.shut:
        asked.append(met.shut[met.nights % len(met.shut)])
    return tuple(asked)


def is_open(check: Known | Shut) -> bool:
    """Whether the check is of an open TCP port."""
    return isinstance(check, Known) and check.probe not in DATAGRAMS


def _by_port(met: Met) -> list[Known]:
    """One question for each open TCP port: the one that says most, where it may be put and its answer is steady."""
    found: dict[int, Known] = {}
    for one in met.known:
        if one.probe not in DATAGRAMS:
            usable = bool(met.mac) and (one.probe, one.port) not in met.moody
            found[one.port] = one if usable else found.get(one.port, Known("banner", one.port))
    return [found[port] for port in sorted(found)]


def said(seen: Observation) -> str:
    """Digest what an answer says, without what is new at every look; "" where nothing steady was said."""
    steady = sorted(f"{fact.kind}={fact.value}" for fact in seen.facts if fact.kind not in _EVER_NEW)
    return hashlib.blake2b("\n".join(steady).encode(), digest_size=8).hexdigest() if steady else ""


def to_remember(seen: Observation, *, connected: bool) -> Known | None:
    """Give what to remember of one question: greetings of open ports and identities by datagram, nothing else."""
    if seen.transport == "tcp" and connected and seen.probe in GREETINGS:
        return Known(seen.probe, seen.port, said(seen) if seen.outcome is Outcome.ANSWERED else "")
    if seen.probe in DATAGRAMS and seen.outcome is Outcome.ANSWERED:
        return Known(seen.probe, seen.port, said(seen))
    return None


def plan_digest(
    profile: Profile, allowed: Iterable[str], techniques: Iterable[str], credentials: Iterable[str]
) -> str:
    """Digest what decides which questions a host gets: a host whose digest changed is asked whole."""
    words = [profile, *sorted(allowed), "|", *sorted(techniques), "|", *credentials, "|", _questions(profile)]
    return hashlib.blake2b("\n".join(words).encode(), digest_size=8).hexdigest()


def _questions(profile: Profile) -> str:
    return f"{tcp_ports(profile)} {sorted(all_probes())}"


def checked_facts(done: Iterable[str], met: Met) -> tuple[Fact, ...]:
    """Say what was checked tonight, one by one, and when the host was asked whole."""
    return (
        *(Fact(FactKind.CHECKED, one) for one in done),
        Fact(FactKind.CHECKED_SINCE, met.whole.isoformat(timespec="seconds")),
    )


def _name(vantage: str, address: str) -> str:
    return f"{PREFIX}{vantage} {address}"


def _decoded(body: bytes) -> Met | None:
    try:
        return msgspec.json.decode(body, type=Met)
    except msgspec.MsgspecError:
        return None
