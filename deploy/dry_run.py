# SPDX-License-Identifier: Apache-2.0
"""What a scan would send, to whom, in how long. Sends nothing."""

from dataclasses import dataclass, replace
from ipaddress import ip_network

from agent.confirm import Confirming
from agent.ground import Ground
from agent.guard import Permit
from agent.memory import Memory
from agent.outside import MOST_PACKETS, attempts
from agent.plan import View, all_questions
from agent.rehearsal import Forecast, rehearse
from agent.scope import Scope, overlap
from agent.segments import profile_for, with_listening
from agent.settings import Settings
from probes.facts import Upload


@dataclass(frozen=True, slots=True)
class SegmentPlan:
    """What one network of the scope would receive."""

    network: str
    interface: str
    on_link: bool
    addresses: int
    finding_packets: int
    seconds: float
    profile: str


@dataclass(frozen=True, slots=True)
class OutsidePlan:
    """One connection to the address outside that the site named, from one segment. `why_not`: why there will be none."""

    network: str
    interface: str
    address: str  # "203.0.113.5:443"
    packets: int  # at the most; 0 where it will not be tried
    why_not: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """The whole scan in advance. Per live host: questions and the packets they take at the most."""

    segments: tuple[SegmentPlan, ...]
    never: tuple[str, ...]
    questions_classified: tuple[str, ...]
    questions_unclassified: tuple[str, ...]
    most_packets_per_host: int
    packets_per_second_host: int
    packets_per_second: int
    forecast: Forecast | None = None  # as the last scan met the hosts; None where there was none
    outside: tuple[OutsidePlan, ...] = ()


def dry_run(
    settings: Settings,
    scope: Scope,
    ground: Ground,
    last: Upload | None = None,
    memory: Memory | None = None,
) -> DryRun:
    """Work out the plan, with the last complete scan in all kinds and numbers; sends nothing.

    `memory`: of an agent that confirms stable hosts instead of asking them whole.
    """
    scope = replace(scope, blackouts=())  # a scan runs outside of them, whenever this is asked
    bearing, unknown = View(permit=Permit.SEND), View(permit=Permit.LISTEN)
    return DryRun(
        (
            *(_segment(settings, scope, ground, index) for index in range(len(scope.networks))),
            *(_side(settings, side) for side in ground.isolated()),
        ),
        overlap(scope),
        tuple(f"{q.probe}:{q.port}" for q in all_questions(bearing, settings.profile)),
        tuple(f"{q.probe}:{q.port}" for q in all_questions(unknown, settings.profile)),
        settings.pace.packets_per_host_and_scan,
        settings.pace.packets_per_host,
        settings.pace.packets,
        _forecast(settings, scope, ground, last, memory) if last else None,
        tuple(one for side in ground.all_sides() for one in _outside(settings, scope, side)),
    )


def _outside(settings: Settings, scope: Scope, ground: Ground) -> tuple[OutsidePlan, ...]:
    if settings.profile == "listen":
        return ()
    tried = attempts(with_listening(scope, settings), ground)
    return tuple(
        OutsidePlan(
            one.standing.network,
            one.standing.interface,
            str(scope.outside),
            0 if one.why_not else MOST_PACKETS,
            one.why_not,
        )
        for one in tried
    )


def _forecast(
    settings: Settings, scope: Scope, ground: Ground, last: Upload, memory: Memory | None
) -> Forecast:
    if settings.profile == "listen":
        return Forecast({}, {}, {})
    confirming = Confirming(memory) if memory else None
    return rehearse(settings, scope, ground, last, confirming)


def _segment(settings: Settings, scope: Scope, ground: Ground, index: int) -> SegmentPlan:
    network = scope.networks[index]
    addresses = sum(1 for _ in scope.addresses(network))
    place = ground.place(str(network.network_address))
    return _planned(settings, str(network), place.standing.interface, addresses, on_link=place.on_link)


def _side(settings: Settings, side: Ground) -> SegmentPlan:
    """A network whose numbers another one has too, scanned through its own card."""
    (standing,) = side.standings
    return _planned(settings, standing.network, standing.interface, len(side.askable()), on_link=True)


def _planned(
    settings: Settings, network: str, interface: str, addresses: int, *, on_link: bool
) -> SegmentPlan:
    rounds, rate = (2, settings.pace.broadcasts) if on_link else (1, settings.pace.packets)
    if not addresses or settings.profile == "listen":
        rounds = 0
    packets = addresses * rounds
    return SegmentPlan(
        network,
        interface,
        on_link,
        addresses,
        packets,
        packets / rate + rounds,
        "listen" if not addresses else profile_for(settings, str(ip_network(network).network_address)),
    )
