# SPDX-License-Identifier: Apache-2.0
"""What a scan would send, to whom, in how long. Sends nothing."""

from dataclasses import dataclass, replace

from agent.confirm import Confirming
from agent.ground import Ground
from agent.guard import Permit
from agent.memory import Memory
from agent.outside import MOST_PACKETS, attempts
from agent.plan import View, all_questions
from agent.rehearsal import Forecast, Rehearsal, recall
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
        tuple(_segment(settings, scope, ground, index) for index in range(len(scope.networks))),
        overlap(scope),
        tuple(f"{q.probe}:{q.port}" for q in all_questions(bearing, settings.profile)),
        tuple(f"{q.probe}:{q.port}" for q in all_questions(unknown, settings.profile)),
        settings.pace.packets_per_host_and_scan,
        settings.pace.packets_per_host,
        settings.pace.packets,
        _forecast(settings, scope, ground, last, memory) if last else None,
        _outside(settings, scope, ground),
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
    return Rehearsal(settings, scope, ground, recall(last), confirming).run(ground.askable())


def _segment(settings: Settings, scope: Scope, ground: Ground, index: int) -> SegmentPlan:
    network = scope.networks[index]
    addresses = sum(1 for _ in scope.addresses(network))
    place = ground.place(str(network.network_address))
    rounds, rate = (2, settings.pace.broadcasts) if place.on_link else (1, settings.pace.packets)
    if not addresses or settings.profile == "listen":
        rounds = 0
    packets = addresses * rounds
    return SegmentPlan(
        str(network),
        place.standing.interface,
        place.on_link,
        addresses,
        packets,
        packets / rate + rounds,
        "listen" if not addresses else profile_for(settings, str(network.network_address)),
    )
