# SPDX-License-Identifier: Apache-2.0
"""The ledger as NetBox's objects (4.3 and newer): one table for each bulk import, in the order of importing. Pure.

Columns are those of NetBox's own import forms. NetBox demands a maker, a type, a role and an interface where
nobody knows them; what stands there then is the word "Unknown" or the address, and says so in its description.
"""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from collector.holding import Held, Holding, line
from inventory_db.device import Address, Confidence
from inventory_db.official import system_text

UNKNOWN = "Unknown"
_MOST = 100  # characters of a name, a model, a slug
_MOST_TEXT = 200  # of a description
_GREY, _COLOURS = "9e9e9e", {"sure": "4caf50", "likely": "ffc107", "guess": "ff9800"}
_TAGS = {
    "daicho": "written by daicho from its ledger",
    "daicho-sure": "every known field: the device said so itself",
    "daicho-likely": "the weakest known field is likely",
    "daicho-guess": "the weakest known field is a guess",
    "daicho-dual-homed": "stands on two or more networks",
    "daicho-remote-access": "can be reached by remote access",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!|<>~&:-])")
_RANK = ("sure", "likely", "guess")


@dataclass(frozen=True, slots=True)
class Table:
    """One file of a bulk import."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class NetBox:
    """The tables that one holding makes; each row is text as it stands, not yet safe for a spreadsheet."""

    holding: Holding

    def tables(self) -> dict[str, Table]:
        """Give every table by its name, in the order in which NetBox must take them."""
        names = sorted({maker(held) for held in self.holding.devices})
        found = {
            "tags": Table(("name", "slug", "color", "description"), tuple(_tags())),
            "sites": Table(("name", "slug", "status"), ((self.site, _Slugs()(self.site), "active"),)),
            "locations": Table(("site", "name", "slug", "status"), tuple(self._locations())),
            "manufacturers": Table(("name", "slug", "description"), tuple(_named(names))),
            "device-types": Table(
                ("manufacturer", "model", "slug", "u_height", "description"), self._types()
            ),
            "device-roles": Table(("name", "slug", "color", "vm_role"), tuple(self._roles())),
            "platforms": Table(("name", "slug"), tuple(self._platforms())),
            "devices": Table(_DEVICE, tuple(self._device(held) for held in self.holding.devices)),
            "interfaces": Table(("device", "name", "type", "description"), tuple(self._interfaces())),
            "mac-addresses": Table(("mac_address", "device", "interface"), tuple(self._cards())),
            "vrfs": Table(("name", "enforce_unique", "description"), tuple(self._vrfs())),
            "prefixes": Table(("prefix", "vrf", "status", "description"), tuple(self._prefixes())),
            "ip-addresses": Table(_ADDRESS, tuple(self._addresses())),
            "services": Table(_SERVICE, tuple(self._services())),
        }
        return {name: table for name, table in found.items() if table.rows}

    @cached_property
    def site(self) -> str:
        """The facility, as NetBox's site."""
        return line(self.holding.facility, _MOST) or "daicho"

    @cached_property
    def _doubled(self) -> frozenset[str]:
        """Addresses that two devices have, each on a network of its own."""
        counts = Counter(ip for held in self.holding.devices for ip in {one.ip for one in _with_ip(held)})
        return frozenset(ip for ip, count in counts.items() if ip and count > 1)

    def _vrf(self, address: Address) -> str:
        """Name the realm of an address that also exists on another network."""
        if address.ip not in self._doubled:
            return ""
        return line(f"daicho {address.vantage or 'unknown vantage'}", _MOST)

    def _locations(self) -> Iterator[tuple[str, ...]]:
        slugs = _Slugs()
        for name in sorted({location(held) for held in self.holding.devices} - {""}):
            yield self.site, name, slugs(name), "active"

    def _types(self) -> tuple[tuple[str, ...], ...]:
        slugs = _Slugs()
        pairs = sorted({(maker(held), model(held)) for held in self.holding.devices})
        return tuple((one, kind, slugs(f"{one} {kind}"), "0", _said_unknown(kind)) for one, kind in pairs)

    def _roles(self) -> Iterator[tuple[str, ...]]:
        for role in sorted({held.device.device_class for held in self.holding.devices}):
            yield role, _slug(role), _GREY, "false"

    def _platforms(self) -> Iterator[tuple[str, ...]]:
        slugs = _Slugs()
        for name in sorted({platform(held) for held in self.holding.devices} - {""}):
            yield name, slugs(name)

    def _device(self, held: Held) -> tuple[str, ...]:
        device = held.device
        return (
            held.name,
            device.device_class,
            maker(held),
            model(held),
            platform(held),
            line(device.serial, 50),
            held.row.number,
            "offline" if held.unseen else "active",
            self.site,
            location(held),
            ",".join(tags(held)),
            "" if held.named else "name not known to daicho",
            comments(held),
        )

    def _interfaces(self) -> Iterator[tuple[str, ...]]:
        note = "seen by daicho; the interface's own name is not known"
        for held in self.holding.devices:
            for name in dict.fromkeys(_interface(address) for address in held.device.addresses):
                yield held.name, name, "other", note

    def _cards(self) -> Iterator[tuple[str, ...]]:
        for held in self.holding.devices:
            for mac in dict.fromkeys(address.mac for address in held.device.addresses if address.mac):
                yield line(mac), held.name, line(mac)

    def _vrfs(self) -> Iterator[tuple[str, ...]]:
        addresses = (address for held in self.holding.devices for address in held.device.addresses)
        for name in sorted({self._vrf(address) for address in addresses} - {""}):
            yield name, "true", "an isolated network whose addresses exist elsewhere too"

    def _prefixes(self) -> Iterator[tuple[str, ...]]:
        found = {
            (one.network, self._vrf(one))
            for held in self.holding.devices
            for one in held.device.addresses
            if one.network and _is_network(one.network)
        }
        for network, vrf in sorted(found):
            yield line(network), vrf, "active", ""

    def _addresses(self) -> Iterator[tuple[str, ...]]:
        for held in self.holding.devices:
            primary = {4: True, 6: True}
            for address in {(one.ip, self._vrf(one)): one for one in _with_ip(held)}.values():
                known = bool(address.network and _is_network(address.network))
                ip = ipaddress.ip_address((address.ip or "").partition("%")[0])
                length = ipaddress.ip_network(address.network or "").prefixlen if known else ip.max_prefixlen
                note = f"how: {line(address.how)}" + ("" if known else "; mask not known")
                yield (
                    f"{ip}/{length}",
                    self._vrf(address),
                    "active",
                    held.name,
                    _interface(address),
                    str(primary[ip.version]).lower(),
                    note[:_MOST_TEXT],
                )
                primary[ip.version] = False

    def _services(self) -> Iterator[tuple[str, ...]]:
        for held in self.holding.devices:
            for one in held.device.services:
                if one.transport in ("tcp", "udp") and 0 < one.port < 65536:
                    what = " ".join(filter(None, (line(one.product), line(one.version))))
                    name = line(one.name, _MOST) or f"{one.transport}-{one.port}"
                    yield "dcim.device", held.name, name, one.transport, str(one.port), what[:_MOST_TEXT]


_DEVICE = (
    "name", "role", "manufacturer", "device_type", "platform", "serial", "asset_tag", "status", "site",
    "location", "tags", "description", "comments",
)  # fmt: skip
_ADDRESS = ("address", "vrf", "status", "device", "interface", "is_primary", "description")
_SERVICE = ("parent_object_type", "parent", "name", "protocol", "ports", "description")


def maker(held: Held) -> str:
    """Give the maker, or "Unknown", which NetBox demands."""
    return line(held.device.maker, _MOST) or UNKNOWN


def model(held: Held) -> str:
    """Give the model, or "Unknown", which NetBox demands."""
    return line(held.device.model, _MOST) or UNKNOWN


def platform(held: Held) -> str:
    """Give the operating system with its version; "" if it is not known."""
    return line(system_text(held.device), _MOST)


def location(held: Held) -> str:
    """Give 設置場所 as a person typed it; what a device says of its place is only a proposal."""
    return line(held.typed("設置場所"), _MOST)


def sureness(held: Held) -> str:
    """Give the weakest mark among the known fields; "" if nothing is marked."""
    marks = {str(one.sure) for name, one in held.device.confidence.items() if name != "location"}
    return next((mark for mark in reversed(_RANK) if mark in marks), "")


def tags(held: Held) -> list[str]:
    """Give the slugs of its tags."""
    sure = sureness(held)
    return [
        "daicho",
        *([f"daicho-{sure}"] if sure else []),
        *(["daicho-dual-homed"] if held.device.dual_homed else []),
        *(["daicho-remote-access"] if held.device.remote_paths else []),
    ]


def comments(held: Held) -> str:
    """Give how sure each field is and why, as Markdown in which nothing of the device is markup."""
    device = held.device
    found = [f"daicho {device.id}, last seen {device.last_seen}"]
    if device.firmware_version:
        found.append(f"firmware: {line(device.firmware_version)}")
    found += [_sure(name, mark) for name, mark in sorted(device.confidence.items())]
    found += [
        f"remote access: {path.kind} {path.product or ''} {path.port or ''}" for path in device.remote_paths
    ]
    return " / ".join(_MARKDOWN.sub(r"\\\1", line(text)) for text in found)


def _sure(name: str, mark: Confidence) -> str:
    return f"{name}: {mark.sure} ({line(mark.en)})"


def _said_unknown(name: str) -> str:
    return "not known to daicho" if name == UNKNOWN else ""


def _named(names: Iterable[str]) -> Iterator[tuple[str, ...]]:
    slugs = _Slugs()
    for name in names:
        yield name, slugs(name), _said_unknown(name)


def _tags() -> Iterator[tuple[str, ...]]:
    for name, description in _TAGS.items():
        yield name, name, _COLOURS.get(name.removeprefix("daicho-"), _GREY), description


def _interface(address: Address) -> str:
    return line(address.mac or address.ip, 64)


def _with_ip(held: Held) -> Iterator[Address]:
    return (address for address in held.device.addresses if address.ip and _is_address(address.ip))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:_MOST].strip("-")


class _Slugs:
    """Makes slugs that are no other's: text without a Latin letter gets a number."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def __call__(self, text: str) -> str:
        wish = _slug(text) or "x"
        slug, place = wish, 1
        while slug in self._used:
            place += 1
            slug = f"{wish[: _MOST - 6]}-{place}"
        self._used.add(slug)
        return slug
