# SPDX-License-Identifier: Apache-2.0
"""The first page of the day: what changed, what needs me, how sure we are, when we looked and how completely."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.changed import QUIET, before_last_scan
from collector.checklist import progress
from collector.findings import tasks_of
from collector.judged import Judgement
from collector.register_lines import LISTS, Line, lines, of_match
from collector.rendering import Renderer
from collector.settings import Settings
from collector.standing import judged, standing_changes
from collector.visitor import engine_of
from inventory_db.device import Device
from inventory_db.observations import last_scan

MOST_CHANGES = 8  # of one sort on this page
_FIELDS = ("maker", "model", "os", "firmware_version", "device_class")


@dataclass(frozen=True, slots=True)
class Sureness:
    """How much of the ledger rests on what."""

    sure: int = 0
    likely: int = 0
    guess: int = 0
    unknown: int = 0  # fields of which nobody said anything

    @property
    def total(self) -> int:
        """All fields that were counted."""
        return self.sure + self.likely + self.guess + self.unknown


def sureness(devices: tuple[Device, ...]) -> Sureness:
    """Count maker, model, system, firmware and class of every device by how sure they are."""
    counts = dict.fromkeys(("sure", "likely", "guess", "unknown"), 0)
    for device in devices:
        for name in _FIELDS:
            held = device.confidence.get(name)
            counts[str(held.sure) if held and getattr(device, name, None) else "unknown"] += 1
    return Sureness(**counts)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What the first scan found, where there is nothing to compare with: counts, not a list of everything as new."""

    kinds: tuple[tuple[str, int], ...]  # device class and how many, the most first
    dual: int
    remote: int


def first_look(devices: tuple[Device, ...]) -> FirstLook:
    """Count what was found."""
    kinds = Counter(device.device_class for device in devices).most_common()
    dual = sum(device.dual_homed is not None for device in devices)
    return FirstLook(tuple(kinds), dual, sum(bool(device.remote_paths) for device in devices))


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /today."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/today")
    def show_today(request: Request) -> Response:
        moment = now()
        with engine_of(request).connect() as connection:
            case, judgement = judged(connection, "", moment, settings)
            start = before_last_scan(connection)
            changed = standing_changes(connection, start, moment, None, settings) if start else None
            last = last_scan(connection)
        found = lines(case)
        return renderer.page(
            request,
            "today",
            section="today",
            empty=not case.devices,
            devices=len(case.devices),
            changed=changed,
            first=first_look(case.devices) if changed and not changed.known_before else None,
            most=MOST_CHANGES,
            last=last,
            basis=judgement.basis,
            progress=progress(judgement.sheets[0].items),
            edition=judgement.edition,
            tasks=len(tasks_of(judgement)),
            reminders=judgement.reminders,
            needs=_needs(judgement),
            register=[(str(match), *_outside_and_inside(of_match(found, match))) for match in LISTS],
            quiet=QUIET,
            sureness=sureness(case.devices),
        )

    return routes


def _outside_and_inside(found: tuple[Line, ...]) -> tuple[int, int]:
    """Count the paths that let people in from elsewhere, and the doors inside the house."""
    outside = sum(line.from_outside for line in found)
    return outside, len(found) - outside


def _needs(judgement: Judgement) -> int:
    return sum(item.needs_a_look for item in judgement.sheets[0].items)
