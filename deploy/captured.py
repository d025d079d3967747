# SPDX-License-Identifier: Apache-2.0
"""One capture, gathered: flows of the families we list, and observations from which the devices are derived."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from inventory_db.device import Device
from inventory_db.identify import identify
from probes.all_flows import recognise_flow
from probes.all_probes import Probe, all_probes
from probes.capture.answers import Answers
from probes.capture.flow import Claim, Flow
from probes.capture.hearing import listen
from probes.capture.packets import Dissector
from probes.capture.records import Capture, Problem
from probes.capture.table import Table
from probes.contract import Line, Malformed, Touch, Transcript
from probes.facts import Fact, FactKind, Observation, Outcome, Sure

MOST_FLOWS, MOST_SEEN, MOST_OF_ONE, MOST_UNNAMED = 50_000, 20_000, 200, 5_000
_NO_ADDRESS = frozenset(("0.0.0.0", "::", ""))  # noqa: S104 - compared, never bound


@dataclass(slots=True)
class Captured:
    """What one capture holds; `take` all its records, then `finish`, then read the rest."""

    name: str
    flows: list[tuple[Flow, Claim]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    table: Table = field(init=False)
    dissector: Dissector = field(init=False)
    _seen: dict[tuple[Any, ...], Observation] = field(default_factory=dict)
    _of_one: Counter[str] = field(default_factory=Counter)
    _listeners: tuple[Probe, ...] = ()
    _answers: Answers = field(default_factory=Answers)
    _unnamed: dict[tuple[frozenset[str], int], Flow] = field(default_factory=dict)  # UDP on one port of both

    def __post_init__(self) -> None:
        self.table = Table(self._settle)
        self.dissector = Dissector(self.table, self._hear)
        self._listeners = tuple(p for p in all_probes().values() if p.touch is Touch.LISTEN)

    def _settle(self, flow: Flow) -> None:
        claims = recognise_flow(flow) or self._answers.claim(flow)
        self._answers.learn(flow)
        for claim in claims:
            if len(self.flows) < MOST_FLOWS:
                self.flows.append((flow.bare(), claim))
            else:
                self.left_out["flows"] += 1
        same_port = flow.transport == "udp" and flow.client_port == flow.server_port > 1023
        if same_port and not claims and len(self._unnamed) < MOST_UNNAMED:
            self._unnamed[frozenset((flow.client, flow.server)), flow.client_port] = flow.bare()
        for said in listen(flow, claims):
            heard = said.probe == "names_heard"
            self._add(said.address, "", said.port, "heard" if heard or not said.port else said.transport,
                      said.probe, said.facts, flow.when)  # fmt: skip

    def _hear(self, frame: bytes, when: float) -> None:
        for probe in self._listeners:
            if probe.claims is None or not probe.claims(frame):
                continue
            try:
                facts = probe.read(Transcript((Line("<", frame),)))
            except Malformed:  # a broken frame is nobody's statement
                continue
            if facts:
                address, mac = _first(facts, FactKind.ADDRESS), _first(facts, FactKind.MAC)
                self._add(address, mac, 0, "heard", probe.name, facts, when)

    def _add(
        self,
        address: str,
        mac: str,
        port: int,
        transport: str,
        probe: str,
        facts: tuple[Fact, ...],
        when: float,
    ) -> None:
        key = (address, mac, port, transport, probe, facts)
        who = mac or address
        if key in self._seen or (not mac and address in _NO_ADDRESS):
            return
        if len(self._seen) >= MOST_SEEN or self._of_one[who] >= MOST_OF_ONE:
            self.left_out["observations"] += 1
            return
        self._of_one[who] += 1
        self._seen[key] = Observation(
            scan="read",
            vantage="read",
            at=_time(when),
            probe=probe,
            address=address,
            mac=mac,
            port=port,
            transport=transport,
            outcome=Outcome.ANSWERED,
            facts=facts,
        )

    def finish(self) -> None:
        """Judge what is left; name the encrypted UDP that belongs to a tinc connection."""
        self.table.finish()
        for flow, claim in list(self.flows):
            key = frozenset((flow.client, flow.server)), flow.server_port
            if claim.protocol == "tinc" and flow.transport == "tcp" and key in self._unnamed:
                data = replace(claim, sure=Sure.LIKELY, path="", why="same hosts and port as its connection")
                self.flows.append((self._unnamed.pop(key), data))

    def observations(self) -> tuple[Observation, ...]:
        """Everything that was heard, each thing once."""
        return tuple(self._seen.values())

    def devices(self) -> tuple[Device, ...]:
        """The devices that the capture shows."""
        return identify(self._seen.values(), ())

    def facts(self) -> Iterator[dict[str, Any]]:
        """Every fact with the address (or MAC) and port that it is about."""
        for seen in self._seen.values():
            about = {"address": seen.address or None, "mac": seen.mac or None, "port": seen.port or None}
            for one in seen.facts:
                yield {"kind": str(one.kind), "value": one.value, "sure": str(one.sure), **about}


def read_capture(capture: Capture, name: str) -> Captured:
    """Read a whole capture in bounded memory."""
    gathered = Captured(name)
    take = gathered.dissector.take
    for link, when, data in capture:
        take(link, when, data)
    gathered.finish()
    return gathered


def problem_text(problem: Problem) -> str:
    """A problem as one sentence in both languages, with its place."""
    return f"{problem.at} バイト目: {problem.ja} / At byte {problem.at}: {problem.en}"


def _first(facts: tuple[Fact, ...], kind: FactKind) -> str:
    return next((one.value for one in facts if one.kind is kind), "")


def _time(when: float) -> datetime:
    """A capture's time; one that is no time of this era becomes its beginning."""
    return datetime.fromtimestamp(when if 0 <= when < 1 << 33 else 0, UTC)
