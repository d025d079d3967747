# SPDX-License-Identifier: Apache-2.0
"""A scan in advance: the same plan, put to hosts as the last scan met them. Sends nothing.

Every question is decided by the code that decides it in a scan; only what would come back is remembered
instead of heard, and with it how many packets it took. A host or question that the last scan did not
know is counted as nobody and as one packet.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

import msgspec

from agent.clock import SystemClock
from agent.confirm import Confirming, question_for
from agent.credentials import Credentials
from agent.devices import Devices
from agent.discovery import ROUNDS
from agent.door import Door
from agent.ground import Ground
from agent.guard import Permit
from agent.host import HostSurvey
from agent.memory import checks, is_open
from agent.outside import PROBE, USUAL_PACKETS, attempts
from agent.pace import Pace, kept_for_kernel
from agent.plan import Question
from agent.records import Records
from agent.scope import Scope
from agent.segments import profile_for, with_listening
from agent.settings import Settings
from agent.sightings import Sightings
from agent.wire import LiveWire
from probes.all_probes import all_probes
from probes.contract import Refused, Silent, WireError, parse_transcript
from probes.facts import FactKind, Observation, Outcome, Sent, Upload

FORWARD = "forwarding test"
KNOWN = (  # what is sent as often as last time
    *("arp request", "icmp echo", "neighbour solicitation", "kernel neighbour frames"),
    *("candidate arp", "candidate echo"),
)
_CONNECT = 4  # packets of a connection in which nothing is asked
_ENDS: dict[Outcome, type[WireError]] = {Outcome.REFUSED: Refused, Outcome.SILENT: Silent}


class Forecast(msgspec.Struct, frozen=True):
    """What a scan would send: packets by kind (the journal's actions) and by address."""

    kinds: dict[str, int]
    addresses: dict[str, int]
    transports: dict[str, int]  # tcp, udp, icmp, arp

    @property
    def packets(self) -> int:
        """All of them."""
        return sum(self.kinds.values())


@dataclass(slots=True)
class Recalled:
    """One host as the last scan met it."""

    mac: str = ""
    seen: dict[tuple[str, int], Observation] = field(default_factory=dict)
    closed: dict[int, Outcome] = field(default_factory=dict)
    sent: dict[tuple[str, int], list[Sent]] = field(default_factory=lambda: defaultdict(list))
    others: list[Sent] = field(default_factory=list)  # what finds hosts, and what the kernel sent
    asked: bool = False


def recall(last: Upload, others: Container[str] = ()) -> dict[str, Recalled]:
    """Sort the records of the last scan by host, with those of earlier ones in which a host was asked whole.

    What was done from the vantages `others` is left out: equal addresses there are other hosts.

    Of what was sent for one question, and of what finds a host, the newest scan counts.
    """
    hosts: dict[str, Recalled] = defaultdict(Recalled)
    newest = {scan.id for scan in last.scans}
    for seen in (one for one in last.observations if one.vantage not in others):
        host = hosts[seen.address]
        host.mac = seen.mac or host.mac
        host.asked |= seen.probe in ("ports", "plan") or seen.transport in ("tcp", "udp")
        if seen.probe == "ports":
            listed = " ".join(seen.of(FactKind.PORTS)).split()
            host.closed.update((int(port), seen.outcome) for port in listed)
        else:
            host.seen[seen.probe, seen.port] = seen
    for line in (one for one in last.sent if one.vantage not in others):
        host = hosts[line.address]
        host.mac = line.mac or host.mac
        if line.probe and line.port:
            before = host.sent[line.probe, line.port]
            if before and before[-1].scan != line.scan:
                before.clear()
            before.append(line)
        elif line.packets and line.scan in newest:
            host.others.append(line)
    return hosts


@dataclass(slots=True)
class RehearsedHost(HostSurvey):
    """A host whose answers are those of the last scan."""

    recalled: Recalled = field(default_factory=Recalled)
    count: Callable[[str, str, int], None] = lambda *_: None  # (action, transport, packets)

    async def put(self, question: Question) -> Observation:
        """Remember the answer instead of asking."""
        self.asked.add((question.probe, question.port))
        transport = all_probes()[question.probe].transport
        seen = self.recalled.seen.get((question.probe, question.port)) or self._closed(question, transport)
        wire = LiveWire(self.door, question.probe, question.why)
        wire.lines.extend(parse_transcript(seen.transcript).lines)
        wire.connected = transport == "tcp" and (question.probe, question.port) in self.recalled.seen
        if not self.spend(question, transport):
            return seen
        self._learn(seen, wire)
        ended = _ENDS.get(seen.outcome)
        self._watch(wire, question.port, ended("") if ended else None)
        return seen

    def _closed(self, question: Question, transport: str) -> Observation:
        silent = Outcome.SILENT if transport == "udp" else Outcome.REFUSED
        outcome = self.recalled.closed.get(question.port, silent)
        return Observation(
            scan="", vantage="", at=self.door.clock.now(), probe=question.probe, address=self.door.address,
            port=question.port, transport=transport, outcome=outcome,
        )  # fmt: skip

    def spend(self, question: Question, transport: str, new: int = 1) -> bool:
        """Count what the question took, `new` if it was never put; False where the budget would have held it back."""
        lines = self.recalled.sent.get((question.probe, question.port))
        if not lines:
            held = self.recalled.seen.get((question.probe, question.port))
            packets, action = (
                new if held is None else 0,
                "tcp connect" if transport == "tcp" else "udp question",
            )
        else:
            packets, action = sum(line.packets for line in lines), lines[0].action
        if not self.door.pace.affords(self.door.handle, packets):
            return False
        self.door.pace.spend(self.door.handle, packets)
        self.count(action, transport, packets)
        return True

    async def _look_after(self) -> None:
        if port := self.watch.check_port:
            lines = self.recalled.sent.get(("watch", port), ())
            self.count("tcp connect", "tcp", max((line.packets for line in lines), default=1))
            self.watch.checked(True)


@dataclass(slots=True)
class Rehearsal:
    """A whole scan in advance."""

    settings: Settings
    scope: Scope
    ground: Ground
    last: dict[str, Recalled]
    confirming: Confirming | None = None  # of the agent that remembers its hosts
    _pace: Pace = field(init=False)
    _devices: Devices = field(init=False)
    _kinds: Counter[str] = field(default_factory=Counter)
    _addresses: Counter[str] = field(default_factory=Counter)
    _transports: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Nothing was spent so far."""
        pace, seen = self.settings.pace, Sightings(self.ground)
        budget = pace.packets_per_host_and_scan
        self._pace = Pace(
            pace.packets_per_host, pace.packets, 0.0, budget, kept=kept_for_kernel(budget, seen=True)
        )
        self._devices = Devices(self._pace, seen)
        for address, host in self.last.items():
            if host.asked and self.ground.reaches(address):
                seen.add(address, host.mac)

    def run(self, addresses: Iterable[str]) -> Forecast:
        """Work it out for these addresses; pure but for the credentials' book, which it reads."""
        asyncio.run(self._all(list(addresses)))
        return Forecast(dict(self._kinds), dict(self._addresses), dict(self._transports))

    async def _all(self, addresses: list[str]) -> None:
        credentials = Credentials.of(self.settings)
        for address in addresses:
            known = self.last.get(address)
            self._find(address, known)
            if known and known.asked:
                await self._ask(address, known, credentials)
        self._look_outside()

    def _look_outside(self) -> None:
        """Count the connection to the address outside from each segment: as last time, else as many as one mostly takes."""
        for one in attempts(with_listening(self.scope, self.settings), self.ground):
            outside = self.scope.outside
            if outside is None or one.why_not:
                continue
            known = self.last.get(outside.ip, Recalled()).sent.get((PROBE, outside.port), ())
            before = [line.packets for line in known if line.vantage == one.vantage.id]
            self._count(outside.ip, "tcp connect", "tcp", sum(before) or USUAL_PACKETS)

    def _find(self, address: str, known: Recalled | None) -> None:
        """Count what finds the host: as often as last time; twice by ARP or once by echo for one never asked."""
        on_link = self.ground.place(address).on_link
        if known is None or not known.others:
            action, transport = ("arp request", "arp") if on_link else ("icmp echo", "icmp")
            self._count(address, action, transport, ROUNDS if on_link else 1)
            return
        for line in known.others:
            if line.action in KNOWN:
                self._count(address, line.action, line.transport, line.packets)

    async def _ask(self, address: str, known: Recalled, credentials: Credentials) -> None:
        place = self.ground.place(address)
        card = place.standing
        credentials = credentials.by(card.interface, doubled=self.ground.is_doubled(card.network))
        self._devices.met(address)
        door = Door(
            address, self.scope, self._pace, SystemClock(), "", place.vantage.id, lambda _: None, mac=known.mac,
            opted=credentials.opted(address, self.scope.allowed(address)),
        )  # fmt: skip
        host = RehearsedHost(
            door, Records(_Nowhere(), ""), profile_for(self.settings, address), place.network, credentials.snmp(address),
            credentials.ssh(address), ours=any(address in s.gateways for s in self.ground.standings),
            heard=self._devices.heard, recalled=known, count=lambda *what: self._count(address, *what),
        )  # fmt: skip
        if self.confirming and (met := self.confirming.known(host)):
            for check in checks(met):
                question = question_for(check, Permit.SEND)
                host.spend(
                    question, all_probes()[question.probe].transport, _CONNECT if is_open(check) else 1
                )
            return
        await host.run()
        if door.permit is Permit.SEND and door.mac and place.on_link:
            self._count(address, FORWARD, "icmp", 1)
        self._count_apart(host, known)

    def _count_apart(self, host: RehearsedHost, known: Recalled) -> None:
        """Count what is asked outside the plan: tables of our gateways, and nmap where the site allows it."""
        deep = "deep" in host.door.allowed
        for (probe, port), lines in known.sent.items():
            tables = host.ours and probe in ("snmp", "snmp_tables") and (probe, port) not in host.asked
            if tables or (deep and probe == "nmap"):
                for line in lines:
                    self._count(line.address, line.action, line.transport, line.packets)

    def _count(self, address: str, action: str, transport: str, packets: int) -> None:
        self._kinds[action] += packets
        self._addresses[address] += packets
        self._transports[transport] += packets


def rehearse(
    settings: Settings, scope: Scope, ground: Ground, last: Upload, confirming: Confirming | None = None
) -> Forecast:
    """Work out what a scan would send, on all sides of the ground."""
    sides = ground.all_sides()
    every = frozenset(one.id for one in ground.vantages)
    beside = frozenset(one.id for side in sides[1:] for one in side.vantages)
    kinds, addresses, transports = Counter[str](), Counter[str](), Counter[str]()
    for side in sides:
        others = every.difference(one.id for one in side.vantages) if side.card else beside
        found = Rehearsal(settings, scope, side, recall(last, others), confirming).run(side.askable())
        kinds.update(found.kinds)
        addresses.update(found.addresses)
        transports.update(found.transports)
    return Forecast(dict(kinds), dict(addresses), dict(transports))


class _Nowhere:
    """A spool that keeps nothing: nothing happened."""

    async def put(self, records: Iterable[object]) -> None:
        """Let go of them."""
