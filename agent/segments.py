# SPDX-License-Identifier: Apache-2.0
"""How each network is scanned: the profile that its section of agent.toml names, else that of the whole agent. Pure."""

import functools
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network

from agent.scope import Network, Scope
from agent.settings import Profile, Settings

GENTLEST_FIRST: tuple[Profile, ...] = ("listen", "gentle", "standard", "deep")


@functools.lru_cache(maxsize=1024)
def _parsed(text: str) -> Network:
    return ip_network(text, strict=False)


def profile_for(settings: Settings, address: str) -> Profile:
    """Give the profile of this address; `profile = "listen"` keeps the whole agent silent, whatever a segment says."""
    if settings.profile == "listen" or not settings.segment:
        return settings.profile
    ip = ip_address(address)
    own = (segment.profile for segment in settings.segment if ip in _parsed(segment.network))
    return next(own, settings.profile)


def gentler(one: Profile, other: Profile) -> Profile:
    """Give the one that touches less."""
    return min(one, other, key=GENTLEST_FIRST.index)


def with_listening(scope: Scope, settings: Settings) -> Scope:
    """Give the scope in which nothing at all leaves for the segments that are only listened to."""
    quiet = (_parsed(segment.network) for segment in settings.segment if segment.profile == "listen")
    return replace(scope, listened=tuple(quiet))


def looked_at(scope: Scope, settings: Settings) -> tuple[tuple[Network, ...], Profile]:
    """Give the networks in which hosts are looked for, and the gentlest profile among them; all and listen if none."""
    asked = tuple(network for network in scope.networks if not _is_within(network, scope.listened))
    gentlest: Profile = settings.profile
    if gentlest == "listen" or not asked:
        return scope.networks, "listen"
    for segment in settings.segment:
        here = _parsed(segment.network)
        touches = any(network.version == here.version and network.overlaps(here) for network in asked)
        if touches and segment.profile != "listen":
            gentlest = gentler(gentlest, segment.profile)
    return asked, gentlest


def _is_within(network: Network, others: Iterable[Network]) -> bool:
    ends = network.network_address, network.broadcast_address
    return any(all(end in other for end in ends) for other in others)
