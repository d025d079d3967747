# SPDX-License-Identifier: Apache-2.0
"""What the network says by itself: heard frames become observations. Sends nothing."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from agent.packet_worker import HeardFrame
from agent.records import Records
from probes.all_probes import Probe, all_probes
from probes.contract import Line, Malformed, Touch, Transcript
from probes.facts import Fact, FactKind, Observation, Outcome, Vantage

MOST_OF_ONE, MOST_IN_ALL = 500, 50_000  # different statements recorded in one scan: of one MAC, of all


@dataclass(slots=True)
class Listening:
    """Reads frames with every listening probe and records each new thing once a scan."""

    records: Records
    scan: str
    vantages: dict[str, tuple[Vantage, ...]]  # by interface
    own_macs: frozenset[str]
    found: Callable[[str, str, str], None]  # (interface, address, mac) of a host that was heard
    probes: tuple[Probe, ...] = field(
        default_factory=lambda: tuple(p for p in all_probes().values() if p.touch is Touch.LISTEN)
    )

    asked_for: set[str] = field(
        default_factory=set
    )  # candidates of ours: their answers are recorded by who asked
    left_out: int = 0  # statements not recorded because there were too many
    _new: Counter[str] = field(default_factory=Counter)  # recorded statements by MAC
    _all: int = 0

    def hear(self, frame: HeardFrame) -> None:
        """Take one frame; frames that left this machine are not news."""
        if frame.outgoing:
            return
        for probe in self.probes:
            if probe.claims is not None and probe.claims(frame.data):
                self._read(probe, frame)

    def _read(self, probe: Probe, frame: HeardFrame) -> None:
        transcript = Transcript((Line("<", frame.data),))
        try:
            facts = probe.read(transcript)
        except Malformed:
            return  # a broken frame is nobody's statement; the device that sent it is heard otherwise
        mac, address = _first(facts, FactKind.MAC), _first(facts, FactKind.ADDRESS)
        if mac in self.own_macs or not facts or address in self.asked_for:
            return
        if frame.vlan and self._has_our_numbers(frame.interface, address):
            return  # the same address on another VLAN is another place, which no vantage of ours names
        if address and not frame.vlan:
            self.found(frame.interface, address, mac)
        if self._is_flood(mac):
            self.left_out += 1
        elif not self.records.heard_before(probe.name, facts):
            self._new[mac] += 1
            self._all += 1
            self.records.add(self._observation(probe, frame, facts, transcript, mac, address))

    def _is_flood(self, mac: str) -> bool:
        return self._new[mac] >= MOST_OF_ONE or self._all >= MOST_IN_ALL

    def _observation(
        self,
        probe: Probe,
        frame: HeardFrame,
        facts: tuple[Fact, ...],
        transcript: Transcript,
        mac: str,
        address: str,
    ) -> Observation:
        standing, on_it = self._standing(frame.interface, address)
        on_it = on_it or not (address or frame.vlan)
        if frame.vlan:
            transcript = Transcript((*transcript.lines, Line("~", f"vlan {frame.vlan}".encode())))
        return Observation(
            scan=self.scan,
            vantage=standing.id,
            at=frame.at,
            probe=probe.name,
            address=address,
            mac=mac,
            network=standing.network if on_it else "",
            transport="heard",
            outcome=Outcome.ANSWERED,
            facts=facts,
            transcript=transcript.to_text(),
        )

    def _has_our_numbers(self, interface: str, address: str) -> bool:
        return bool(address) and self._standing(interface, address)[1]

    def _standing(self, interface: str, address: str) -> tuple[Vantage, bool]:
        ours = self.vantages[interface]
        on_it = [v for v in ours if address and ip_address(address) in ip_network(v.network)]
        return (on_it or list(ours))[0], bool(on_it)


def _first(facts: Iterable[Fact], kind: FactKind) -> str:
    return next((fact.value for fact in facts if fact.kind is kind), "")
