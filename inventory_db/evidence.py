# SPDX-License-Identifier: Apache-2.0
"""Which observation says what about a device: the other side of every field's confidence."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from inventory_db.device import Device
from inventory_db.observations import Stored


@dataclass(frozen=True, slots=True)
class Said:
    """One observation and the fields of the device that rest on it."""

    observation: Stored
    fields: tuple[str, ...]  # "os", "service 22/tcp", "remote_path rdp", "merge engine_time" …

    def json(self) -> dict[str, Any]:
        """Give it as JSON values; the transcript lies under the observation's id."""
        plain: dict[str, Any] = msgspec.to_builtins(self.observation)
        plain["id"] = plain.pop("key")
        return {"observation": plain, "fields": list(self.fields)}


def said_by(device: Device, observations: Iterable[Stored]) -> list[Said]:
    """Give each observation with the fields that rest on it."""
    fields: dict[str, list[str]] = defaultdict(list)
    for name, ids in rests_on(device):
        for id in ids:
            fields[id].append(name)
    return [Said(seen, tuple(dict.fromkeys(fields[seen.id]))) for seen in observations]


def rests_on(device: Device) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Give every value of the device that rests on observations, with their ids."""
    for name, confidence in device.confidence.items():
        yield name, confidence.observations
    for service in device.services:
        yield f"service {service.port}/{service.transport}", service.evidence
    for path in device.remote_paths:
        yield f"remote_path {path.kind}", tuple(one.observation for one in path.evidence)
    if device.dual_homed:
        yield "dual_homed", tuple(one.observation for one in device.dual_homed.evidence)
    for merge in device.merges:
        yield f"merge {merge.key}", merge.observations
    for proposal in device.proposals:
        yield f"proposal {proposal.key}", proposal.observations
    for against in device.parted:
        yield f"against {against.key}", against.observations
