# SPDX-License-Identifier: Apache-2.0
"""One host's part of a survey: put the plan's questions one after the other, write down what came."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.devices import Mark, marks_of
from agent.door import Door
from agent.guard import Permit, Ruling, rule_on_host
from agent.logins.ssh_access import SshAccess
from agent.memory import Known, to_remember
from agent.plan import Question, View, next_question
from agent.records import Records
from agent.settings import Profile, SnmpSecret
from agent.watch import Brakes, HostWatch
from agent.wire import LiveWire
from probes.all_probes import all_probes
from probes.contract import HeldBack, Malformed, OurFault, Refused, Silent, WireError
from probes.device_class import class_of
from probes.facts import Fact, FactKind, Observation, Outcome
from probes.fragility import Judgement, Temper, temper_of
from probes.oui import maker_of
from probes.recognise import recognise_facts

_TLS_AT_ONCE = ("https", "tls")  # elsewhere TLS comes after words of another protocol
QUESTION_SECONDS = 12.0  # one question in all, whatever the device does
_PRINTER = "printer: プリンタには SNMP でだけ尋ねます / a printer is asked by SNMP only"
LOGIN_SECONDS = 40.0  # old devices take long to exchange keys and to show their version
_NOT_PUT = frozenset({"budget", "pace"})  # reasons of a question that was held back for tonight only
MOST_ALL_OPEN = 8  # ports asked, all of them open: a tarpit, a firewall that answers, nothing that we know
MOST_DUMB = 5  # connections in a row that are taken and never answered: it is a tarpit or it hangs

Turn = Callable[[], Awaitable[None]]


async def nobody_waits() -> None:
    """Take the turn at once: no other address is known to be the same device."""


@dataclass(slots=True)
class HostSurvey:
    """The state of one host in one scan."""

    door: Door
    records: Records
    profile: Profile
    network: str
    snmp: tuple[SnmpSecret, ...] = ()
    ssh: SshAccess | None = None
    ours: bool = False  # our own default gateway: a network device by its role
    facts: list[Fact] = field(default_factory=list)
    asked: set[tuple[str, int]] = field(default_factory=set)
    answered: set[tuple[str, int]] = field(default_factory=set)
    open_ports: set[int] = field(default_factory=set)
    tls_ports: set[int] = field(default_factory=set)
    no_tls_ports: set[int] = field(default_factory=set)
    closed: dict[Outcome, list[int]] = field(default_factory=dict)
    dumb: int = 0
    refused: str = ""  # why scope or brakes stopped us before the plan's end
    watch: HostWatch = field(default_factory=HostWatch)
    brakes: Brakes = field(default_factory=Brakes)  # of the whole scan
    segment: str = ""  # as the brakes name its network, if not by its numbers
    heard: Callable[[Observation], None] = lambda _: None  # told each answer: which addresses are one device
    marks: set[Mark] = field(default_factory=set)  # what tells it from all other machines
    known: list[Known] = field(default_factory=list)  # what answered, to be confirmed another night
    lacks: bool = False  # a question was not put, or failed, for want of budget, time or by our fault

    async def run(self, told: Callable[[], None] = lambda: None, turn: Turn = nobody_waits) -> None:
        """Ask until the plan has no more questions for this host; before each one wait for its turn."""
        await turn()
        ruling = self._classify()
        self.refused = self.door.refusal()
        try:
            while self._goes_on() and (question := next_question(self._view(), self.profile)):
                await self.put(question)
                await self._look_after()
                told()
                await turn()
                self.refused = self.door.refusal()
                ruling = self._classify()
        finally:
            self._sum_up(ruling)

    def _goes_on(self) -> bool:
        return self.dumb < MOST_DUMB and not self.refused and not self.watch.trouble

    async def _look_after(self) -> None:
        """Ask a host that fell silent where it answered last; a host in trouble brakes its segment."""
        if port := self.watch.check_port:
            wire = LiveWire(self.door, "watch", "does it still answer")
            try:
                await wire.tcp(port)
                self.watch.checked(True)
            except WireError as error:
                self.watch.checked(not isinstance(error, Silent))
            finally:
                await wire.close()
        if self.watch.trouble:
            device = self.door.mac or self.door.address
            self.brakes.trouble(self.segment or self.network, device, self.door.address)
            self.brakes.let_go(self.door.handle, self.watch.trouble)

    async def put(self, question: Question) -> Observation:
        """Put one question and record what came of it."""
        self.asked.add((question.probe, question.port))
        wire = LiveWire(self.door, question.probe, question.why, self.snmp, self.ssh)
        ended = await self._converse(wire, question)
        seen = self._observe(wire, question, ended)
        self._learn(seen, wire)
        self._watch(wire, question.port, ended)
        self._remember(seen, connected=wire.connected)
        if (
            seen.transport == "tcp"
            and not wire.connected
            and seen.outcome in (Outcome.REFUSED, Outcome.SILENT)
        ):
            self.closed.setdefault(seen.outcome, []).append(question.port)
        else:
            self.records.add(seen)
        return seen

    def _remember(self, seen: Observation, *, connected: bool) -> None:
        if known := to_remember(seen, connected=connected):
            self.known.append(known)
        ours = seen.outcome is Outcome.OUR_FAULT
        self.lacks |= ours or was_not_put(seen)

    def let_go(self) -> None:
        """Drop what was learned, when the host has had its part: it is written down, and 10,000 hosts are many."""
        for learned in (self.facts, self.known, self.asked, self.answered, self.closed, self.marks):
            learned.clear()

    @property
    def was_whole(self) -> bool:
        """Whether the plan came to its end for this host, with every question put."""
        return not (self.lacks or self.refused or self.watch.trouble or self.dumb >= MOST_DUMB)

    async def _converse(self, wire: LiveWire, question: Question) -> WireError | None:
        ask = all_probes()[question.probe].ask
        assert ask is not None  # noqa: S101 - the plan names asking probes only
        try:
            seconds = LOGIN_SECONDS if all_probes()[question.probe].credential == "ssh" else QUESTION_SECONDS
            async with asyncio.timeout(seconds) as limit:
                self.door.waiting = lambda seconds: limit.reschedule((limit.when() or 0.0) + seconds)
                await ask(wire, question.port)
        except WireError as error:
            return error
        except TimeoutError:
            return Silent("the answer took too long")
        except Exception as error:  # a fault of ours must not stop the survey, nor look like their silence
            return OurFault(f"{type(error).__name__}: {error}")
        finally:
            self.door.waiting = lambda _: None
            await wire.close()
        return None

    def _observe(self, wire: LiveWire, question: Question, ended: WireError | None) -> Observation:
        probe = all_probes()[question.probe]
        transcript = wire.transcript
        facts: tuple[Fact, ...] = ()
        malformed = False
        try:
            facts = probe.read(transcript)
        except Malformed:
            malformed = True
        outcome, reason = _outcome(facts, ended, heard=bool(transcript.heard), malformed=malformed)
        return Observation(
            scan=self.door.scan,
            vantage=self.door.vantage,
            at=self.door.clock.now(),
            probe=question.probe,
            address=self.door.address,
            mac=self.door.mac,
            network=self.network,
            port=question.port,
            transport=probe.transport,
            outcome=outcome,
            reason=reason,
            facts=facts,
            transcript=transcript.to_text(),
        )

    def _learn(self, seen: Observation, wire: LiveWire) -> None:
        connected = wire.connected
        if connected:
            self.open_ports.add(seen.port)
        if seen.outcome is Outcome.ANSWERED:
            self.answered.add((seen.probe, seen.port))
            self.facts.extend(seen.facts)
            self.marks.update(marks_of(seen))
            self.heard(seen)
        if seen.probe in _TLS_AT_ONCE and any(True for _ in wire.transcript.notes("tls.version")):
            self.tls_ports.add(seen.port)
        elif connected and seen.probe == "https":
            self.no_tls_ports.add(seen.port)
        if connected and not wire.transcript.heard and seen.outcome is Outcome.SILENT:
            self.dumb += 1
        elif wire.transcript.heard:
            self.dumb = 0

    def _watch(self, wire: LiveWire, port: int, ended: WireError | None) -> None:
        tcp = port if all_probes()[wire.probe].transport == "tcp" else 0
        if wire.connected:
            self.watch.answered(tcp, is_open=True, seconds=wire.answer_seconds)
        elif isinstance(ended, Refused) or wire.transcript.heard:
            self.watch.answered(tcp)
        elif isinstance(ended, Silent):
            self.watch.silent()

    @property
    def judged(self) -> Judgement:
        """How it is expected to take questions, as far as it is known now."""
        return self._judgement()

    def _judgement(self) -> Judgement:
        if self.ours:
            return Judgement(Temper.ROBUST, "network", "自分の既定ゲートウェイ / our own default gateway")
        said = recognise_facts(self.facts)
        judged = temper_of(self.door.mac, said, self.open_ports)
        if judged.temper is Temper.ROBUST and self._open_everywhere:
            return temper_of(self.door.mac, said, ())
        return judged

    @property
    def _open_everywhere(self) -> bool:
        """Whether it takes every connection: then no open port tells what it is."""
        return len(self.open_ports) >= MOST_ALL_OPEN and not any(self.closed.values())

    def _classify(self) -> Ruling:
        ruling = rule_on_host(self._judgement(), self.door.allowed)
        self.door.permit, self.door.why_not = ruling.permit, ruling.reason
        return ruling

    @property
    def why_stopped(self) -> str:
        """Code of the reason why the plan was not gone through for this host, "" if it was."""
        if self.dumb >= MOST_DUMB:
            return "never_answers"
        if stopped := self.watch.trouble or self.refused:
            return stopped.partition(":")[0]
        if self.device_class == "printer" and "deep" not in self.door.allowed:
            return "printer"
        return self.door.why_not.partition(":")[0] if self.door.permit < Permit.SEND else ""

    @property
    def device_class(self) -> str:
        """The class as far as it is known now."""
        return class_of(recognise_facts(self.facts), maker_of(self.door.mac), self.open_ports)[0]

    def _view(self) -> View:
        return View(
            permit=self.door.permit,
            device_class=self.device_class,
            allowed=self.door.allowed,
            asked=frozenset(self.asked),
            open_ports=frozenset(self.open_ports),
            tls_ports=frozenset(self.tls_ports),
            no_tls_ports=frozenset(self.no_tls_ports),
            answered=frozenset(self.answered),
            has_snmp=bool(self.snmp),
            ssh_port=self.ssh.secret.port if self.ssh else 0,
            techniques=self.door.scope.techniques,
            wants_tables=any(secret.tables for secret in self.snmp[:1]),
        )

    def _sum_up(self, ruling: Ruling) -> None:
        for outcome, ports in self.closed.items():
            listed = " ".join(str(port) for port in sorted(ports))
            self._record("ports", outcome, facts=(Fact(FactKind.PORTS, listed),), transport="tcp")
        if self.dumb >= MOST_DUMB:
            self._record(
                "plan",
                Outcome.HELD_BACK,
                reason="never_answers: 接続は受けるが答えない / takes, never answers",
            )
        elif stopped := self.watch.trouble or self.refused:
            self._record("plan", Outcome.HELD_BACK, reason=stopped)
            self.door.journal("held back", packets=0, why=stopped)
        elif ruling.permit < Permit.SEND:
            known = ruling.permit is Permit.LISTEN and self.device_class == "printer"
            reason = _PRINTER if known else ruling.reason
            self._record("plan", Outcome.HELD_BACK, reason=reason)
            self.door.journal("held back", packets=0, why=reason)

    def _record(
        self,
        probe: str,
        outcome: Outcome,
        *,
        reason: str = "",
        facts: tuple[Fact, ...] = (),
        transport: str = "",
    ) -> None:
        self.records.add(
            Observation(
                scan=self.door.scan,
                vantage=self.door.vantage,
                at=self.door.clock.now(),
                probe=probe,
                address=self.door.address,
                mac=self.door.mac,
                network=self.network,
                transport=transport,
                outcome=outcome,
                reason=reason,
                facts=facts,
            )
        )


def was_not_put(seen: Observation) -> bool:
    """Say whether a question was held back, at least in part, for tonight only."""
    return seen.reason.partition(":")[0] in _NOT_PUT


def _outcome(
    facts: tuple[Fact, ...], ended: WireError | None, *, heard: bool, malformed: bool
) -> tuple[Outcome, str]:
    held = str(ended) if isinstance(ended, HeldBack) else ""
    if facts:
        return Outcome.ANSWERED, held
    if held:  # what we cut off ourselves says nothing about their protocol
        return Outcome.HELD_BACK, held
    if isinstance(ended, OurFault):
        return Outcome.OUR_FAULT, str(ended)[:300]
    if heard and malformed:
        return Outcome.OTHER_PROTOCOL, ""
    if isinstance(ended, Refused):
        return Outcome.REFUSED, str(ended)[:300]
    return (Outcome.OTHER_PROTOCOL if heard else Outcome.SILENT), str(ended or "")[:300]
