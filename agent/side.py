# SPDX-License-Identifier: Apache-2.0
"""One side of a scan: the hosts that are reached from one ground, who was found there, and their doors.

Mostly a scan has one side. Where two cards stand in networks with the same numbers, each network is a side of its own:
the same address there is another place, asked through its own card, with its own count.
"""

import asyncio
import functools
import socket
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from agent.asking import Asking
from agent.clock import Clock
from agent.confirm import Confirming
from agent.credentials import Credentials
from agent.crossing import Crossing
from agent.deep_survey import look
from agent.devices import Devices, card_of
from agent.discovery import Discovery
from agent.door import Door
from agent.finding import Finding
from agent.gateway_tables import read_tables
from agent.ground import Ground, Place, card_in
from agent.guard import Permit
from agent.headway import Headway, Notebook
from agent.host import HostSurvey
from agent.memory import Memory
from agent.outside import OutsideLook
from agent.pace import Pace
from agent.packet_worker import PacketWorker
from agent.records import Records
from agent.scope import Scope
from agent.segments import profile_for
from agent.settings import Settings
from agent.sightings import Sightings
from agent.sockets import Make, bound_to_link
from agent.tally import Tally
from agent.watch import Brakes
from probes.facts import Fact, Observation, Outcome

_OTHER_CARD = (
    "other_card: この認証情報は別の口のもの（agent.toml の interface）か、同じ番号の網が2つあるのに interface がないので、使っていません"
    " / the credential is for another card (interface in agent.toml), or names none where two networks have the same"
    " numbers; it was not used"
)
_ONE_LINK = (
    "one_link: 同じ番号の網に付いた2つの口の先に同じ機器が見えるので、同じ網とみて1つ目の口からだけ調べます / both cards see"
    " the same devices, so this is one network; it is scanned through the first card only"
)


@dataclass(slots=True)
class Shared:
    """What all sides of one scan share."""

    settings: Settings
    scope: Scope
    clock: Clock
    scan: str
    records: Records
    pace: Pace
    tally: Tally
    headway: Headway
    credentials: Credentials
    memory: Memory | None
    notebook: Notebook | None
    asked_for: set[str]  # of the listening: the answers to our own candidates are no news
    brakes: Brakes = field(default_factory=Brakes)
    under_way: set[str] = field(default_factory=set)  # keys of hosts whose part began, also before a kill
    worker: PacketWorker | None = None
    nmap: asyncio.Lock = field(default_factory=asyncio.Lock)  # one at a time on this machine


@dataclass(slots=True)
class Side:
    """The hosts that are reached from one ground."""

    ground: Ground
    shared: Shared
    seen: Sightings = field(init=False)
    discovery: Discovery = field(init=False)
    finding: Finding = field(init=False)
    devices: Devices = field(init=False)
    doors: dict[str, Door] = field(default_factory=dict)
    hosts: dict[str, HostSurvey] = field(default_factory=dict)
    left_out: str = ""  # why nobody on this side was asked

    def __post_init__(self) -> None:
        shared = self.shared
        self.seen = Sightings(self.ground)
        self.devices = Devices(shared.pace, self.seen, self.ground.key)
        self.discovery = Discovery(
            self.door, shared.worker, shared.settings.pace.broadcasts, shared.tally.one_swept
        )
        self.finding = Finding(
            self.ground, shared.clock, self.seen, self.discovery, shared.headway, self.found, self.note,
            shared.tally.were_swept, self._ask_gateways, shared.memory,
        )  # fmt: skip

    async def find(self) -> None:
        """Find whoever is there."""
        await self.finding.run(self.ground.askable())

    async def ask(self) -> None:
        """Ask whoever was found."""
        shared = self.shared
        for address in (address for device in self.seen.devices() for address in device):
            self._meet(address)
        confirming = Confirming(shared.memory, shared.headway.stands_on) if shared.memory else None
        await Asking(
            shared.settings.pace, self.ground, self.seen, shared.headway, self.host, self._shown_by, self._after,
            self.note, shared.tally, lambda address: profile_for(shared.settings, address) != "listen", confirming,
            self.devices.same,
        ).run()  # fmt: skip

    async def look_outside(self) -> None:
        """Try the address outside that the site named, once from each segment."""
        shared = self.shared
        look = OutsideLook(
            shared.scope, self.ground, shared.pace, shared.clock, shared.scan, shared.records.add,
            shared.headway.looked_outside, lambda network: shared.brakes.refuses(self.ground.key(network)), shared.notebook,
        )  # fmt: skip
        await look.look()

    async def _ask_gateways(self, why: str) -> bool:
        """Read our own gateways' neighbour tables where the site gave a credential; True where one was cut short."""
        gateways = dict.fromkeys(g for s in self.ground.standings for g in s.gateways)
        known = [
            g for g in gateways
            if g in self.seen.macs and self._credentials(self.ground.place(g)).snmp(g)
        ]  # fmt: skip
        return await read_tables(map(self.host, known), lambda ip, mac: self.found("", ip, mac), why)

    def found(self, interface: str, address: str, mac: str) -> None:
        """Take a sighting; none of an address that is not reached from here, or by another card than it was heard on."""
        if not self.ground.reaches(address):
            return
        place = self.ground.place(address)
        if interface not in ("", place.standing.interface) and self._is_ambiguous(place):
            return
        if self.seen.add(address, mac) and address in self.doors:
            door = self.doors[address]
            door.mac = mac
            if self.seen.is_fragile(address):  # at once, also in the middle of a question
                door.permit, door.why_not = Permit.NOTHING, self.seen.ruling_on(address).reason

    def _shown_by(self, address: str) -> str:
        """How it answered tonight while we looked for it."""
        worker, place = self.shared.worker, self.ground.place(address)
        if worker is None:
            return ""
        if self.seen.mac_of(address) in worker.arp_answers.get((place.standing.interface, address), ()):
            return "arp"
        return "echo" if worker.echo_answers.get(address) == "echo-reply" else ""

    async def _after(self, host: HostSurvey) -> None:
        """Ask what follows a host's plan: nmap where it is allowed, and the tests by single frames."""
        shared = self.shared
        async with shared.nmap:
            await look(host)
        await Crossing(
            shared.scope,
            self.ground,
            self.discovery,
            {host.door.address: host},
            self.note,
            shared.clock,
            shared.worker,
            shared.asked_for,
            self.seen.macs,
        ).test()

    def _meet(self, address: str) -> None:
        """Count an address as the device behind its card, and as the one that this card was at an earlier scan."""
        memory, mac = self.shared.memory, self.seen.mac_of(address)
        met = memory.recall(self.ground.place(address).vantage.id, address) if memory and mac else None
        self.devices.met(address, met.marks if met and met.mac == mac else ())

    def door(self, address: str) -> Door:
        """Give the only way to this address."""
        if address not in self.doors:
            shared, place, counted = self.shared, self.ground.place(address), self.ground.key(address)
            credentials = self._credentials(place)
            shared.pace.stand(counted, self.ground.key(place.network))
            if mac := card_in(address):
                self.devices.implied(address, mac)
            if self._is_ours(address):
                shared.pace.leads_on(counted)
            self.doors[address] = Door(
                address,
                shared.scope,
                shared.pace,
                shared.clock,
                shared.scan,
                place.vantage.id,
                shared.records.add,
                mac=self.seen.mac_of(address),
                opted=credentials.opted(address, shared.scope.allowed(address)),
                make=self._make(place, credentials.name_card(address)),
                halted=functools.partial(self._halted, self.ground.key(place.network), counted),
                counted=counted,
            )
        return self.doors[address]

    def _make(self, place: Place, held: bool) -> Make:
        """Make sockets that leave by the card of the place: where a credential is held to it, or another card has its numbers.

        For routes change, most of all when a card goes down.
        """
        if not (held or self._is_ambiguous(place)):
            return socket.socket
        return bound_to_link(place.standing.address, place.standing.interface)

    def _is_ambiguous(self, place: Place) -> bool:
        """Whether another card of ours has an address with these numbers on its own network, too."""
        here = place.standing.network
        return self.ground.is_doubled(here) or (place.on_link and self.ground.is_nested(here))

    def _halted(self, segment: str, counted: str) -> str:
        brakes, pace = self.shared.brakes, self.shared.pace
        return brakes.refuses(segment) or brakes.lets_go(counted, pace.device)

    def host(self, address: str) -> HostSurvey:
        """Give this host's part of the scan."""
        if address not in self.hosts:
            shared, place = self.shared, self.ground.place(address)
            credentials = self._credentials(place)
            self._meet(address)
            self._say_unused(address, credentials)
            shared.under_way.add(self.ground.key(address))
            self.hosts[address] = HostSurvey(
                self.door(address),
                shared.records,
                profile_for(shared.settings, address),
                place.network,
                credentials.snmp(address),
                credentials.ssh(address),
                ours=self._is_ours(address),
                brakes=shared.brakes,
                segment=self.ground.key(place.network),
                heard=self.devices.heard,
            )
        return self.hosts[address]

    def _is_ours(self, address: str) -> bool:
        """Whether it is a default gateway of ours."""
        return any(address in standing.gateways for standing in self.ground.standings)

    def _credentials(self, place: Place) -> Credentials:
        card = place.standing
        return self.shared.credentials.by(card.interface, doubled=self.ground.is_doubled(card.network))

    def _say_unused(self, address: str, credentials: Credentials) -> None:
        """Write down that the site gave a credential for this address which may not leave by this card."""
        every = self.shared.credentials
        if every.snmp(address) and not credentials.snmp(address):
            self.note(address, "snmp", "udp", (), Outcome.HELD_BACK, _OTHER_CARD)
        if every.ssh(address) and not credentials.ssh(address):
            self.note(address, "ssh_commands", "tcp", (), Outcome.HELD_BACK, _OTHER_CARD)

    def note(
        self,
        address: str,
        probe: str,
        transport: str,
        facts: tuple[Fact, ...],
        outcome: Outcome | None = None,
        reason: str = "",
    ) -> None:
        """Write down one observation about an address."""
        place = self.ground.place(address)
        self.shared.records.add(
            Observation(
                scan=self.shared.scan,
                vantage=place.vantage.id,
                at=self.shared.clock.now(),
                probe=probe,
                address=address,
                mac=self.seen.mac_of(address),
                network=place.network,
                transport=transport,
                outcome=outcome or (Outcome.ANSWERED if facts else Outcome.SILENT),
                reason=reason,
                facts=facts,
            )
        )

    @property
    def is_dark(self) -> bool:
        """Whether a blackout held something back."""
        return "blackout" in self.discovery.held or any(h.refused == "blackout" for h in self.hosts.values())

    @property
    def kept_waiting(self) -> int:
        """At how many addresses nobody was looked for because their turn did not come."""
        waits = any(reason.partition(":")[0] == "pace" for reason in self.discovery.held)
        return len(self.discovery.put_off) if waits else 0

    def stands_at(self, vantage: str) -> bool:
        """Whether this side looks from that vantage."""
        return any(one.id == vantage for one in self.ground.vantages)

    def look_for_the_same(self, before: Sequence["Side"]) -> None:
        """Leave this side out where another card sees the same devices at the same addresses: it is one network."""
        for other in before:
            mine, theirs = self._cards(), other._cards()
            ways = {
                gateway for side in (self, other) for s in side.ground.standings for gateway in s.gateways
            }
            both = (mine.keys() & theirs.keys()) - ways  # a router may show one MAC on all its ports
            if both and all(mine[ip] == theirs[ip] for ip in both):
                self.left_out = f"{self.ground.card} {self.ground.standings[0].network}: {_ONE_LINK}"

    def _cards(self) -> dict[str, str]:
        """The MACs of real cards by address."""
        return {ip: mac for ip, mac in self.seen.macs.items() if mac and card_of(mac, "") == mac}

    def kernel_sent(self, address: str, packets: int) -> None:
        """Write down what our kernel sent for us: neighbour requests (also for the way out), its answers."""
        gateways = {gateway for standing in self.ground.standings for gateway in standing.gateways}
        if address in self.doors or address in gateways:
            self.door(address).journal("kernel neighbour frames", packets=packets, transport="arp")


@dataclass(frozen=True, slots=True)
class Everybody(Collection[str]):
    """Addresses of the hosts that were found, on all sides."""

    sides: Sequence[Side]

    def __len__(self) -> int:
        return sum(len(side.seen.macs) for side in self.sides)

    def __iter__(self) -> Iterator[str]:
        return (address for side in self.sides for address in list(side.seen.macs))

    def __contains__(self, address: object) -> bool:
        return any(address in side.seen.macs for side in self.sides)
