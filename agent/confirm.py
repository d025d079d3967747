# SPDX-License-Identifier: Apache-2.0
"""Confirms a host that was met before by a few packets; where anything differs, the host is asked whole.

"The same" is said of nothing but what was asked tonight and answered as before: the observation `confirm` names it,
and when the host was asked whole.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from agent.devices import Mark
from agent.guard import Permit
from agent.host import HostSurvey
from agent.memory import Known, Memory, Met, Shut, checked_facts, checks, plan_digest, said
from agent.plan import Question, first_probe
from probes.facts import Observation, Outcome
from probes.fragility import Judgement, Temper

WHY = "is it as it was when it was asked whole"
PROBE = "confirm"


def question_for(check: Known | Shut, permit: Permit) -> Question:
    """Give the question that a check puts; a shut port gets what it got when it was found shut."""
    if isinstance(check, Known):
        return Question(check.probe, check.port, WHY)
    return Question(first_probe(check[0]) if permit is Permit.SEND else "banner", check[0], WHY)


@dataclass(slots=True)
class KnownHost(HostSurvey):
    """A host that is judged as it was when it was asked whole; its card is the same."""

    met: Met | None = None
    done: list[str] = field(default_factory=list)  # what was checked and is the same
    differs: tuple[str, int] | None = None  # the question whose answer does not agree

    async def confirm(self, shown_by: str = "") -> bool:
        """Put tonight's checks; true if all that was asked is as it was, and something answered.

        `shown_by`: arp or echo, if the host answered that tonight; "" if it is only known from elsewhere.
        """
        assert self.met is not None  # noqa: S101 - made for a met host only
        ruling = self._classify()
        self.refused = self.door.refusal()
        alive = bool(shown_by)
        self.done = [shown_by] if shown_by else []
        for check in checks(self.met):
            if not self._goes_on() or not await self._is_same(check):
                return False
            alive = alive or isinstance(check, Known) or check[1] == Outcome.REFUSED
        if not alive:
            return False
        self._record(PROBE, Outcome.ANSWERED, facts=checked_facts(self.done, self.met))
        self._sum_up(ruling)
        return True

    async def _is_same(self, check: Known | Shut) -> bool:
        question = question_for(check, self.door.permit)
        seen = await self.put(question)
        if isinstance(check, Known):
            same, word = self._agrees(check, seen)
        else:
            same = seen.outcome == check[1] and check[0] not in self.open_ports
            word = f"{check[1]} {check[0]} tcp"
        if same:
            self.done.append(word)
        else:
            self.differs = (question.probe, question.port)
        return same

    def _agrees(self, check: Known, seen: Observation) -> tuple[bool, str]:
        """Compare an answer; a port of which nothing steady is known is only said to be open."""
        if seen.transport == "tcp" and seen.port not in self.open_ports:
            return False, ""
        if not check.said:
            return True, f"open {check.port} {seen.transport}"
        same = seen.outcome is Outcome.ANSWERED and said(seen) == check.said
        return same, f"{check.probe} {check.port} {seen.transport}"

    def _judgement(self) -> Judgement:
        """As it was judged then, unless its card alone speaks for fragile by what we know today."""
        now = HostSurvey._judgement(self)
        if self.met is None or not self.met.mac or now.temper is Temper.FRAGILE:
            return now
        return Judgement(Temper(self.met.temper), self.met.kind or None, self.met.why)


@dataclass(slots=True)
class Confirming:
    """Decides which hosts are confirmed, and remembers those that were asked whole."""

    memory: Memory
    told: Callable[[Met], None] = lambda _: None  # a host was confirmed that stands on this

    def known(self, host: HostSurvey) -> Met | None:
        """Give what is remembered of a host that a few packets may confirm; None: ask it whole."""
        door = host.door
        if host.ours or host.asked or door.permit is Permit.NOTHING or door.refusal():
            return None
        met = self.memory.recall(door.vantage, door.address)
        return met if self.memory.is_stable(met, door.mac, digest_of(host), door.clock.now()) else None

    def is_new(self, vantage: str, address: str, mac: str) -> bool:
        """Whether nobody, or another card, was met at this address before."""
        met = self.memory.recall(vantage, address)
        return met is None or met.mac != mac or not met.plan

    async def confirm(self, host: HostSurvey, shown_by: str) -> bool:
        """Confirm a host if that may be; false: it must be asked whole."""
        met = self.known(host)
        if met is None:
            return False
        known = KnownHost(
            host.door, host.records, host.profile, host.network, ours=host.ours, brakes=host.brakes,
            segment=host.segment, heard=host.heard, met=met,
        )  # fmt: skip
        now = host.door.clock.now()
        if await known.confirm(shown_by):
            same = msgspec.structs.replace(met, nights=met.nights + 1, seen=now)
            self.memory.keep(host.door.vantage, host.door.address, same)
            self.told(met)
            return True
        host.watch = known.watch
        if known.differs and known.differs not in met.moody:
            met = msgspec.structs.replace(met, moody=(*met.moody, known.differs))
            self.memory.keep(host.door.vantage, host.door.address, met)
        return False

    def remember(self, host: HostSurvey) -> None:
        """Remember a host whose plan came to its end; of one that was let go or cut short only what tells who it is."""
        door, before = host.door, self.memory.recall(host.door.vantage, host.door.address)
        judged = host.judged
        now, marks = door.clock.now(), _marks(host, before)
        if host.ours or not host.was_whole or judged.temper is Temper.FRAGILE:
            known = Met(mac=door.mac, plan="", scan=door.scan, whole=now, seen=now, temper="", marks=marks)
            keep = marks and judged.temper is not Temper.FRAGILE
            self.memory.keep(door.vantage, door.address, known if keep else None)
            return
        plan = digest_of(host)
        same = before is not None and (before.mac, before.plan) == (door.mac, plan)
        met = Met(
            mac=door.mac,
            plan=plan,
            scan=door.scan,
            whole=now,
            seen=now,
            temper=judged.temper.value,
            kind=judged.device_class or "",
            why=judged.reason,
            known=tuple(host.known),
            shut=tuple(
                sorted((port, str(outcome)) for outcome, many in host.closed.items() for port in many)
            ),
            nights=before.nights if before and same else 0,
            marks=marks,
            moody=before.moody if before and same else (),
        )
        self.memory.keep(door.vantage, door.address, met)


def _marks(host: HostSurvey, before: Met | None) -> tuple[Mark, ...]:
    """What tells the host from all others, tonight or the last time that its card said it."""
    known = before.marks if before and before.mac == host.door.mac else ()
    return tuple(sorted(host.marks, key=lambda mark: (mark.kind, mark.value))) or known


def digest_of(host: HostSurvey) -> str:
    """Digest what decides which questions this host gets."""
    credentials = [f"snmp {secret.tables}" for secret in host.snmp]
    credentials += [f"ssh {host.ssh.secret.port} {host.ssh.secret.family}"] if host.ssh else []
    return plan_digest(host.profile, host.door.allowed, host.door.scope.techniques, credentials)
