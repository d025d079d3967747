# SPDX-License-Identifier: Apache-2.0
"""Who passes packets on, and who owns an address of another network: frames to the suspect's own MAC, TTL 1.

None of them leaves the suspect. The forwarding test is for a test network; the candidate tests are off unless
the scope file names them. At the end every host gets a record of the ways that were not tried, and why.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Protocol

from agent.clock import Clock
from agent.discovery import Discovery
from agent.door import Door
from agent.ground import Ground
from agent.guard import Permit
from agent.host import HostSurvey
from agent.packet_worker import PacketWorker
from agent.scope import Scope
from agent.techniques import BY_NAME, MOST_CANDIDATES, Tried, candidates, control_for, not_tried
from agent.vantage import Standing
from probes.facts import Fact, FactKind, Outcome, Sure, Technique

ANSWER_SECONDS = 1.0
SETTLE_SECONDS = (
    2.0  # a host that just refused many datagrams has no ICMP left (Linux: one a second, six at once)
)
NOT_SENT = "not_sent: 送信を見合わせた / we did not send it"
ROUTES = ("11/0", "3/0", "5/0", "5/1")  # what only a machine says that passes packets on


class Note(Protocol):
    """Writes down one observation about an address."""

    def __call__(
        self,
        address: str,
        probe: str,
        transport: str,
        facts: tuple[Fact, ...],
        outcome: Outcome | None = None,
        reason: str = "",
    ) -> None:
        """Without an outcome: answered where there are facts, else silent."""


@dataclass(slots=True)
class Crossing:
    """The tests by single frames, when all else was asked of a host."""

    scope: Scope
    ground: Ground
    finding: Discovery
    hosts: Mapping[str, HostSurvey]
    note: Note
    clock: Clock
    worker: PacketWorker | None
    asked_for: set[str]  # of the listening: the answers to our own candidates are no news
    known: Container[str] = ()  # addresses of hosts that the scan found: nobody's second address
    _done: dict[str, set[str]] = field(default_factory=dict)  # address → probes of ours that were put

    async def test(self) -> None:
        """Put the tests to every host on our links that bears a question, then say what was not tried."""
        if self.worker is not None:
            await self._forwarding(self.worker)
            await self._candidates(self.worker)
        for address, host in self.hosts.items():
            facts = not_tried(self._tried(address, host))
            if facts:
                reason = "techniques: 使わなかった手段 / ways not tried"
                self.note(address, "techniques", "", facts, Outcome.HELD_BACK, reason)

    def _suspects(self) -> list[tuple[Door, Standing]]:
        return [
            (host.door, self.ground.place(host.door.address).standing)
            for host in self.hosts.values()
            if host.door.permit is Permit.SEND
            and host.door.mac
            and not host.watch.trouble
            and self.ground.place(host.door.address).on_link
        ]

    async def _forwarding(self, worker: PacketWorker) -> None:
        """Ask hosts on our own links whether they pass packets on."""
        left: dict[str, bool] = {}
        suspects = self._suspects()
        await self.clock.sleep(SETTLE_SECONDS if suspects else 0.0)
        for door, ours in suspects:
            left[door.address] = await self.finding.forwards(ours.interface, door, ours.address)
        await self.clock.sleep(ANSWER_SECONDS if left else 0.0)
        for address, was_sent in left.items():
            mac = self.hosts[address].door.mac.lower()
            self._put(address, "forward_test")
            self._tell_forwarding(address, worker.forward_answers.get(mac, "") if was_sent else None)

    def _tell_forwarding(self, address: str, reply: str | None) -> None:
        """Write down what a forwarding test brought; None: it was not put, which is no silence of theirs."""
        if reply is None:
            self.note(address, "forward_test", "icmp", (), Outcome.HELD_BACK, NOT_SENT)
            return
        facts = (Fact(FactKind.ICMP_REPLY, reply),) if reply else ()
        if reply in ROUTES:
            facts = (*facts, Fact(FactKind.FORWARDS, "yes"))
        self.note(address, "forward_test", "icmp", facts)

    async def _candidates(self, worker: PacketWorker) -> None:
        """Where the scope file allows it: is the address that a host let slip its own?"""
        if not self.scope.techniques.intersection({Technique.CANDIDATE_ARP, Technique.CANDIDATE_ECHO}):
            return
        asked: list[tuple[Door, Standing, str, bool, bool]] = []
        for door, ours in self._suspects():
            for candidate in self._of(door.address):
                self.asked_for.update((candidate, control_for(candidate)))
                arp = Technique.CANDIDATE_ARP in self.scope.techniques and await self._arp(
                    door, ours, candidate
                )
                echo = Technique.CANDIDATE_ECHO in self.scope.techniques and await self.finding.owns(
                    ours.interface, door, candidate
                )
                asked.append((door, ours, candidate, arp, echo))
        await self.clock.sleep(ANSWER_SECONDS if asked else 0.0)
        for door, ours, candidate, arp, echo in asked:
            if Technique.CANDIDATE_ARP in self.scope.techniques:
                self._tell_arp(worker, door, ours.interface, candidate, sent=arp)
            if Technique.CANDIDATE_ECHO in self.scope.techniques:
                self._tell_echo(worker, door, candidate, sent=echo)

    async def _arp(self, door: Door, ours: Standing, candidate: str) -> bool:
        """Ask for the candidate and for a control, both of this MAC only; True if both left."""
        control = control_for(candidate)
        first = await self.finding.has(ours.interface, door, candidate)
        return (
            first
            and self.scope.may_ask_for(control)
            and await self.finding.has(ours.interface, door, control)
        )

    def _of(self, address: str) -> tuple[str, ...]:
        """The candidates of a host that may be asked for."""
        found = candidates(self.hosts[address].facts, self.ground.place(address).network)
        here = [ip_network(standing.network) for standing in self.ground.standings]
        free = (one for one in found if self.scope.may_ask_for(one) and one not in self.known)
        away = (one for one in free if not any(ip_address(one) in network for network in here))
        return tuple(away)[:MOST_CANDIDATES]

    def _tell_arp(
        self, worker: PacketWorker, door: Door, interface: str, candidate: str, *, sent: bool
    ) -> None:
        self._put(door.address, "candidate_arp")
        about = Fact(FactKind.CANDIDATE, candidate)
        if not sent:
            self.note(door.address, "candidate_arp", "arp", (about,), Outcome.HELD_BACK, NOT_SENT)
            return
        claims = [
            door.mac.lower() in worker.arp_answers.get((interface, one), set())
            for one in (candidate, control_for(candidate))
        ]
        if claims == [True, False]:
            self.note(door.address, "candidate_arp", "arp", (about, Fact(FactKind.ADDRESS, candidate)))
        elif claims[0]:
            reason = "proxy_arp: 隣のアドレスにも答えるので分からない / it answers for its neighbour too"
            self.note(door.address, "candidate_arp", "arp", (about,), Outcome.ANSWERED, reason)
        else:
            self.note(door.address, "candidate_arp", "arp", (about,), Outcome.SILENT)

    def _tell_echo(self, worker: PacketWorker, door: Door, candidate: str, *, sent: bool) -> None:
        self._put(door.address, "candidate_echo")
        about = Fact(FactKind.CANDIDATE, candidate)
        reply = worker.echoes_through.get((door.mac.lower(), candidate), "")
        if not sent:
            self.note(door.address, "candidate_echo", "icmp", (about,), Outcome.HELD_BACK, NOT_SENT)
        elif reply == "echo-reply":
            own = (about, Fact(FactKind.ICMP_REPLY, reply), Fact(FactKind.ADDRESS, candidate))
            self.note(door.address, "candidate_echo", "icmp", own)
        elif reply:
            facts = (about, Fact(FactKind.ICMP_REPLY, reply, Sure.LIKELY))
            self.note(door.address, "candidate_echo", "icmp", facts, Outcome.REFUSED, "not its own address")
        else:
            self.note(door.address, "candidate_echo", "icmp", (about,), Outcome.SILENT)

    def _put(self, address: str, probe: str) -> None:
        self._done.setdefault(address, set()).add(probe)

    def _tried(self, address: str, host: HostSurvey) -> Tried:
        return Tried(
            permit=host.door.permit,
            why_not=host.why_stopped,
            probes=frozenset({probe for probe, _ in host.asked} | self._done.get(address, set())),
            closed=frozenset(port for ports in host.closed.values() for port in ports),
            allowed=frozenset(way for way in BY_NAME if way in self.scope.techniques),
            has_login=bool(host.snmp),
            on_link=self.ground.place(address).on_link,
            privileged=self.worker is not None,
            has_candidate=bool(self._of(address)),
        )
