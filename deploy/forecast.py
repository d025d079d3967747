# SPDX-License-Identifier: Apache-2.0
"""The dry run's numbers for networks that a person wrote into the collector, by the code that plans a scan.

Limits are those of an agent.toml that changes none. Every network counts as one that the agent stands on: there each
address is asked for twice, behind a router once. Sends nothing, and looks at no interface of this machine.
"""

import functools
import ipaddress

import msgspec

from agent.ground import Ground
from agent.refusal import Refusal
from agent.scope import LARGE, Network, Scope, write_scope
from agent.settings import PaceSection, Profile, ScopeSection, Settings
from agent.vantage import Standing
from collector.scope_forecast import ProfileForecast, ScopeForecast
from collector.verdict import Text
from deploy.dry_run import DryRun, dry_run

PROFILES: tuple[Profile, ...] = ("gentle", "standard", "deep")
_DOCUMENTATION = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
_EXAMPLES = Text(
    "説明のためのアドレス（見本の病院など）で、本物の機器はありません。送る量は数えません。",
    "These are addresses for examples, as in the made-up hospital: no real device has one, so nothing is counted.",
)
_MAC = "02:00:00:00:00:01"  # of nobody: a standing with neighbours has one


@functools.lru_cache(maxsize=32)
def forecast(networks: tuple[str, ...]) -> ScopeForecast:
    """Work out what a first scan of these networks would send at the most, and how long that takes at the least."""
    if networks and all(_is_for_examples(one) for one in networks):
        return ScopeForecast(refused=_EXAMPLES)
    try:
        scope = write_scope(ScopeSection(), networks, (), yes_large=False)
    except Refusal as refusal:
        return ScopeForecast(refused=Text(refusal.ja, refusal.en))
    settings, ground = Settings(), _as_if_there(scope)
    ones = [dry_run(msgspec.structs.replace(settings, profile=one), scope, ground) for one in PROFILES]
    addresses = len({address for network in scope.networks for address in scope.addresses(network)})
    return ScopeForecast(
        addresses,
        tuple(_one(name, plan, addresses, settings.pace) for name, plan in zip(PROFILES, ones, strict=True)),
        settings.pace.packets_per_host,
        settings.pace.packets,
        tuple(str(one) for one in scope.networks if one.version == 6 and one.num_addresses > LARGE),
    )


def _is_for_examples(text: str) -> bool:
    one = ipaddress.ip_network(text, strict=False)
    return any(one.version == other.version and one.subnet_of(other) for other in _DOCUMENTATION)  # type: ignore[arg-type]


def _one(profile: Profile, plan: DryRun, addresses: int, pace: PaceSection) -> ProfileForecast:
    """Count the whole: networks go side by side, so the slowest of them or the agent's own limit says how long."""
    most = plan.most_packets_per_host
    finding = sum(segment.finding_packets for segment in plan.segments)
    whole = finding + most * addresses
    asking = [segment.addresses * most / pace.packets_per_segment for segment in plan.segments]
    finding_seconds = max((segment.seconds for segment in plan.segments), default=0.0)
    host_seconds = most / plan.packets_per_second_host
    return ProfileForecast(
        profile,
        len(plan.questions_classified),
        finding,
        max(finding_seconds, finding / plan.packets_per_second),
        most,
        host_seconds,
        whole,
        max(finding_seconds, host_seconds, *asking, whole / plan.packets_per_second),
    )


def _as_if_there(scope: Scope) -> Ground:
    standings = tuple(_standing(network) for network in scope.networks)
    ways = tuple((network, index) for index, network in enumerate(scope.networks))
    return Ground(standings, tuple(one.as_vantage("") for one in standings), ways, scope)


def _standing(network: Network) -> Standing:
    return Standing("", 0, _MAC, str(network.network_address), str(network), (), is_up=True, is_virtual=False)
