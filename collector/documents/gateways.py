# SPDX-License-Identifier: Apache-2.0
"""Which devices of the ledger are ways in from outside, for the survey and the BCP's list. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from collector.documents.paper import UNKNOWN
from inventory_db.device import Device
from inventory_db.official import OfficialRow
from inventory_db.stated import RemoteAccess

VPN_KINDS = frozenset(
    ("ssl_vpn", "ipsec", "openvpn", "l2tp", "pptp", "softether", "wireguard", "mobile_router")
)
NETWORK_CLASSES = frozenset(("gateway", "network"))


@dataclass(frozen=True, slots=True)
class Model:
    """VPN devices of one maker and model."""

    maker: str
    model: str
    devices: tuple[str, ...]  # device ids
    declared: tuple[str, ...] = ()  # ids of declared paths whose device stands in no ledger

    @property
    def count(self) -> int:
        """How many there are, as far as we know."""
        return len(self.devices) + len(self.declared)

    @property
    def unsure(self) -> bool:
        """Whether somebody has to find out maker or model."""
        return UNKNOWN in (self.maker, self.model)


def is_vpn(device: Device) -> bool:
    """Whether the device is, or runs, a remote gateway, by its class or by what answers on it."""
    return device.device_class == "gateway" or any(path.kind in VPN_KINDS for path in device.remote_paths)


def is_network(device: Device) -> bool:
    """Whether the device belongs on the list of VPN devices, firewalls and routers."""
    return device.device_class in NETWORK_CLASSES or is_vpn(device) or device.forwards is True


def unlisted(declared: Iterable[RemoteAccess], known: Iterable[Device]) -> tuple[RemoteAccess, ...]:
    """Give the declared VPN paths whose device stands in no ledger: a SIM router that nobody scanned."""
    ids = {device.id for device in known}
    return tuple(one for one in declared if one.means in VPN_KINDS and one.device not in ids)


def group_models(rows: Iterable[OfficialRow], declared: Iterable[RemoteAccess]) -> tuple[Model, ...]:
    """Group remote gateways by maker and model, known models first; what a person typed wins."""
    rows = tuple(rows)
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if is_vpn(row.device):
            maker = row.cell("メーカー").value or row.device.maker or UNKNOWN
            found.setdefault((maker, row.device.model or UNKNOWN), []).append(row.device.id)
    loose: dict[tuple[str, str], list[str]] = {}
    for path in unlisted(declared, (row.device for row in rows)):
        loose.setdefault((UNKNOWN, path.product or UNKNOWN), []).append(path.id)
    models = [Model(*key, tuple(found.get(key, ())), tuple(loose.get(key, ()))) for key in {**found, **loose}]
    return tuple(sorted(models, key=lambda one: (one.unsure, one.maker, one.model)))
