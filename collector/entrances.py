# SPDX-License-Identifier: Apache-2.0
"""Which devices are network devices for item 2-(8), and which may be without our knowing. Pure.

A wrong class must not hide an entrance: whoever routes for us, forwards, or offers a way in from outside
counts as well, and a router that stands in no ledger, or a device of unknown class, keeps はい away.
"""

from collections.abc import Iterator, Sequence

from collector.case import Case
from collector.coverage import never_seen
from collector.verdict import Finding, Text
from inventory_db.device import Device
from probes.facts import Sure

CLASSES = frozenset({"network", "gateway"})
_WAYS_IN = frozenset(
    {"ssl_vpn", "ipsec", "openvpn", "l2tp", "pptp", "sstp", "softether", "wireguard", "mobile_router"}
)
_MOST_NAMED = 5


def is_network_device(device: Device, routers: frozenset[str]) -> bool:
    """Whether its entrances count: by class, by role (a router of ours, it forwards) or by a way in from outside."""
    if device.device_class in CLASSES or device.forwards:
        return True
    if any(address.ip in routers for address in device.addresses if address.ip):
        return True
    return any(path.kind in _WAYS_IN for path in device.remote_paths)


def unlisted_routers(case: Case, routers: frozenset[str]) -> Iterator[Finding]:
    """Give the routers that we know by our own routes and that no row of the ledger has."""
    if case.vendor is not None:
        return  # a vendor answers for its own devices only
    known = {address.ip for device in case.devices for address in device.addresses}
    for address in sorted(routers - known):
        yield Finding(
            code="source.router_not_listed",
            text=Text(
                f"ルータ {address} が台帳にありません。",
                f"The router {address} stands in no row of the ledger.",
            ),
            todo=Text(
                f"{address} を範囲に入れて調べてください。", f"Take {address} into the scope and scan."
            ),
            proven=False,
        )


def listed_unseen(case: Case) -> Iterator[Finding]:
    """Say how many rows of the facility's own ledger no scan has seen: each may be a network device."""
    rows = never_seen(case) if case.vendor is None else ()
    if rows:
        yield Finding(
            code="source.listed_unseen",
            text=Text(
                f"台帳にあって調べで見えていない行が {len(rows)} あり、ネットワーク機器かもしれません。",
                f"{len(rows)} row(s) of the ledger were seen by no scan and may be network devices.",
            ),
            todo=Text(
                "それらのある網を調べるか、廃棄したものは状態を直してください。",
                "Scan where they stand, or correct the state of what is gone.",
            ),
            proven=False,
        )


def unknown_devices(case: Case, counted: Sequence[Device]) -> Iterator[Finding]:
    """Say which devices are of unknown or only guessed class: each may be a network device, portless ones too."""
    known = {device.id for device in counted}
    unknown = [device for device in case.devices if _is_unsure(device) and device.id not in known]
    if unknown:
        named = "、".join(name_of(device) for device in unknown[:_MOST_NAMED])
        yield Finding(
            code="source.unknown_class",
            text=Text(
                f"種類の分からない、または推測にとどまる機器が {len(unknown)} 台あり、"
                f"ネットワーク機器かもしれません（{named}）。",
                f"{len(unknown)} device(s) of unknown or guessed class may be network devices ({named}).",
            ),
            todo=Text("それらが何かを台帳に記入してください。", "Say in the ledger what they are."),
            proven=False,
        )


def _is_unsure(device: Device) -> bool:
    said = device.confidence.get("device_class")
    return device.device_class == "unknown" or (said is not None and said.sure is Sure.GUESS)


def name_of(device: Device) -> str:
    """Give the device's best name with its address."""
    address = next((one.ip for one in device.addresses if one.ip), device.id)
    return f"{device.names[0]}（{address}）" if device.names else address
