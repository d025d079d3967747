# SPDX-License-Identifier: Apache-2.0
"""Parts of devices as people's decisions name them: by what stays when ids, numbers and agents change. Pure.

A handle is `mac MAC NETWORK` where the network card is known, else `ip ADDRESS KIND VALUE` with an SNMP engine, SSH
key, SMB GUID or TLS key that answers there, else `ip ADDRESS`. An address alone never stands for another key.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

from inventory_db.device import Part
from inventory_db.profiles import Profile

_LONGEST = 64  # characters of a value that stands in a handle as it is


def part_of(profile: Profile) -> Part | None:
    """Give the part that a unit is; None for an address that several machines share."""
    unit = profile.unit
    if unit.shared or not (unit.mac or unit.ips):
        return None
    networks = tuple(dict.fromkeys(sighting.network for sighting in unit.sightings if sighting.network))
    marks = tuple(_marks(profile))
    if unit.mac:
        handle = f"mac {unit.mac} {networks[0] if networks else ''}"
    else:
        handle = f"ip {unit.ips[0]} {marks[0] if marks else ''}"
    return Part(handle.rstrip(), unit.mac, unit.ips, networks, marks)


def _marks(profile: Profile) -> Iterator[str]:
    for kind, values in (
        ("engine", {engine.id for engine in profile.engines}),
        ("host_key", profile.host_keys),
        ("smb_guid", profile.guids),
        ("tls_key", profile.tls_keys),
    ):
        for value in sorted(values):
            yield f"{kind} {_short(value)}"


def _short(value: str) -> str:
    plain = value.isascii() and value.isprintable() and " " not in value and len(value) <= _LONGEST
    return value if plain else blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()


class Finder:
    """Finds the units that a handle names."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._of: dict[str, list[str]] = defaultdict(list)  # "mac MAC" or "ip ADDRESS" → keys of units
        self._profiles = profiles
        for key in sorted(profiles):
            unit = profiles[key].unit
            if not unit.shared:
                for name in (*((f"mac {unit.mac}",) if unit.mac else ()), *(f"ip {ip}" for ip in unit.ips)):
                    self._of[name].append(key)

    def find(self, handle: str) -> list[str]:
        """Give the keys of the units that it names; of a card seen on several networks those on its own."""
        kind, _, rest = handle.partition(" ")
        value, _, more = rest.partition(" ")
        keys = self._of.get(f"{kind} {value}", [])
        parts = {key: part for key in keys if (part := part_of(self._profiles[key]))}
        if kind == "mac":
            return [key for key in parts if more in parts[key].networks] or list(parts)
        return [key for key in parts if not more or more in parts[key].marks]


def names_any(handles: Iterable[str], parts: Iterable[Part]) -> bool:
    """Whether one of the handles names one of these parts."""
    return any(_names(handle, part) for handle in handles for part in parts)


def _names(handle: str, part: Part) -> bool:
    kind, _, rest = handle.partition(" ")
    value, _, more = rest.partition(" ")
    if kind == "mac":
        return part.mac == value
    return value in part.ips and (not more or more in part.marks)
