# SPDX-License-Identifier: Apache-2.0
"""In which order the addresses of one device get their part of a scan, also when it shows only then that it is one."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, cast

import msgspec

from agent.asking import Asking
from agent.gateway_tables import read_tables
from agent.ground import Ground
from agent.headway import Headway
from agent.host import HostSurvey, Turn
from agent.plan import Question
from agent.scope import Scope
from agent.settings import PaceSection
from agent.sightings import Sightings
from agent.tally import Tally
from agent.vantage import Standing
from deploy.bench.pace_virtual import VirtualClock
from probes.facts import Observation, Outcome, Scan
from tests.test_devices import card, seen

NETWORK = ip_network("10.9.0.0/24")
FIRST, SECOND, OTHER = "10.9.0.1", "10.9.0.2", "10.9.0.3"
PORTS = (22, 443, 23)


@dataclass
class Told:
    """A host that shows at its first port who it is, and which ports were asked at which address."""

    address: str
    order: list[tuple[str, int]]
    shown: set[str]
    refused: str = ""
    ours: bool = True
    watch: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(trouble=""))

    @property
    def door(self) -> SimpleNamespace:
        return SimpleNamespace(address=self.address)

    async def run(self, told: Any, turn: Turn) -> None:
        await turn()
        for port in PORTS:
            self.order.append((self.address, port))
            await asyncio.sleep(0)
            self.shown.add(self.address)
            told()
            await turn()


async def asked(device: frozenset[str]) -> list[tuple[str, int]]:
    """Ask three addresses, of which these turn out to be one device."""
    scope, clock = Scope((NETWORK,)), VirtualClock()
    standing = Standing("eth0", 2, "02:ff:ff:ff:ff:ff", "10.9.0.250", str(NETWORK), (), True, False)
    ground = Ground((standing,), (standing.as_vantage("me"),), ((NETWORK, 0),), scope)
    sightings = Sightings(ground)
    for number, address in enumerate((FIRST, SECOND, OTHER)):
        sightings.add(address, card(number))
    order, shown = list[tuple[str, int]](), set[str]()
    hosts = {address: Told(address, order, shown) for address in sightings.macs}

    async def after(_: HostSurvey) -> None:
        return

    tally = Tally(scope, clock, lambda _: None, sightings.macs, lambda: 0)
    now = datetime(2026, 12, 1, tzinfo=UTC)
    await Asking(
        PaceSection(), ground, sightings, Headway(scan=Scan(id="s", started=now), settings="", at=now),
        lambda ip: cast("HostSurvey", hosts[ip]), lambda _: "", after, cast("Any", None), tally, lambda _: True,
        same=lambda ip: FIRST if device <= shown and ip in device else ip,
    ).run()  # fmt: skip
    return order


async def test_of_one_device_that_shows_itself_only_then_one_address_has_its_part_before_the_other() -> None:
    order = await asked(frozenset({FIRST, SECOND}))
    ours = [at for at in order if at[0] != OTHER]
    assert ours[:2] == [(FIRST, 22), (SECOND, 22)]  # nobody knew yet
    assert ours[2:] == [(FIRST, 443), (FIRST, 23), (SECOND, 443), (SECOND, 23)]
    assert order.index((OTHER, 23)) < order.index((SECOND, 443))  # nobody else waits


async def test_several_devices_are_asked_at_the_same_time() -> None:
    order = await asked(frozenset())
    assert order == [(address, port) for port in PORTS for address in (FIRST, SECOND, OTHER)]


@dataclass
class Router:
    """A gateway that answers what it is asked with the site's credential."""

    asked: list[str] = field(default_factory=list)
    answered: set[tuple[str, int]] = field(default_factory=set)
    silent: bool = False
    door: SimpleNamespace = field(default_factory=SimpleNamespace)

    async def put(self, question: Question) -> Observation:
        self.asked.append(question.probe)
        if not self.silent:
            self.answered.add((question.probe, question.port))
        return seen("10.9.0.1", question.probe)


async def test_a_gateway_is_asked_only_for_its_tables_when_it_said_already_what_it_is() -> None:
    for silent, again in ((False, ["snmp_tables"]), (True, ["snmp", "snmp_tables"])):
        router = Router(silent=silent)
        for _ in range(2):
            await read_tables([cast("HostSurvey", router)], lambda *_: None, "why")
        assert router.asked == ["snmp", "snmp_tables", *again]


async def test_a_table_that_may_not_be_asked_for_now_names_nobody_as_robust() -> None:
    for reason, cut in (("budget: spent", True), ("pace: late", True), ("never_list", False), ("", False)):

        async def put(question: Question, reason: str = reason) -> Observation:
            outcome = Outcome.HELD_BACK if reason and question.probe == "snmp_tables" else Outcome.ANSWERED
            return msgspec.structs.replace(seen("10.9.0.1", question.probe), outcome=outcome, reason=reason)

        router = Router()
        router.put = put  # type: ignore[method-assign]
        assert await read_tables([cast("HostSurvey", router)], lambda *_: None, "why") is cut
