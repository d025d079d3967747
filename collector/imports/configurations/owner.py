# SPDX-License-Identifier: Apache-2.0
"""Whose configuration it is: the devices of the ledger that its addresses, name or serial fit. Pure."""

from collections.abc import Iterable, Sequence

from collector.imports.configurations.reading import Reading
from inventory_db.device import Device


def owners(reading: Reading, devices: Iterable[Device]) -> list[tuple[Device, str]]:
    """Give the devices that fit and what fits (serial, address, name), only those of the strongest kind."""
    every = list(devices)
    for how, fits in (("serial", _serial), ("address", _address), ("name", _name)):
        found = [(one, how) for one in every if fits(reading, one)]
        if found:
            return found
    return []


def _serial(reading: Reading, device: Device) -> bool:
    return bool(reading.serial) and reading.serial == device.serial


def _address(reading: Reading, device: Device) -> bool:
    own = set(reading.addresses)
    return any(one.ip in own for one in device.addresses if one.ip)


def _name(reading: Reading, device: Device) -> bool:
    host = (reading.hostname or "").lower()
    return bool(host) and any(_first(name) == _first(host) for name in device.names)


def _first(name: str) -> str:
    return name.lower().split(".")[0]


def named(wanted: str, devices: Sequence[Device]) -> list[Device]:
    """Give the devices with this id or address."""
    return [
        one for one in devices if one.id == wanted or any(address.ip == wanted for address in one.addresses)
    ]
