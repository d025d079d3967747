# SPDX-License-Identifier: Apache-2.0
"""What of a device people would call a change: not when it was seen, not which observation says so. Pure."""

from collections import Counter
from collections.abc import Hashable

from inventory_db.device import FIELDS, Device


def looks_alike(one: Device, other: Device) -> bool:
    """Say whether nobody would call the one a change of the other."""
    return _look(one) == _look(other)


def _look(device: Device) -> tuple[object, ...]:
    """Give what counts; of several things of a kind their order does not."""
    return (
        device.names,
        device.dual_homed and device.dual_homed.networks,
        device.forwards,
        device.answered_last,
        device.location,
        *[getattr(device, name) for name in FIELDS],
        {name: one.sure for name, one in device.confidence.items()},
        _some([(one.ip, one.mac, one.network) for one in device.addresses]),
        _some([(s.port, s.transport, s.name, s.product, s.version) for s in device.services]),
        _some([(one.kind, one.product, one.port) for one in device.remote_paths]),
        _some([(one.code, one.port, one.transport, one.detail) for one in device.weaknesses]),
    )


def _some(many: list[Hashable]) -> Counter[Hashable]:
    return Counter(many)
