# SPDX-License-Identifier: Apache-2.0
"""Devices, versions around a fix, and fresh knowledge for the tests of item 2-(7)."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from collector.advisories.knowledge import Feed, Fix, Knowledge, Weakness
from collector.advisories.products import Product
from collector.advisories.shipped import shipped_knowledge
from collector.versions import Version, parse
from inventory_db.device import Address, Confidence, Device, Service
from probes.facts import Sure

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
SEEN = "2026-11-28T09:00:00+09:00"
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


def device(name: str = "fw-1", sure: Sure = Sure.SURE, others: tuple[str, ...] = (), **fields: Any) -> Device:
    """Make a device whose told fields are as sure as said; `others` contradict its version."""
    told = ("maker", "model", "os", "os_version", "firmware_version", "device_class")
    confidence = {
        field: Confidence(sure, "", "", (f"{name}-{field}",), others if field.endswith("version") else ())
        for field in told
        if fields.get(field)
    }
    services = tuple(Service(*one) for one in fields.pop("services", ()))
    address = Address("192.0.2.1", None, "192.0.2.0/24", None, "asked")
    return Device(
        id=name, anchor="a", addresses=(address,), names=(name,), services=services, confidence=confidence,
        first_seen=SEEN, last_seen=SEEN, last_asked=SEEN, **fields,
    )  # fmt: skip


def fortigate(version: str | None, name: str = "fw-1", **fields: Any) -> Device:
    """Make a FortiGate that tells this version."""
    fields = {"model": "FortiGate 60F", **fields}
    return device(
        name, maker="Fortinet", os="FortiOS", firmware_version=version, device_class="gateway", **fields
    )


def whole_knowledge(*products: str, as_of: str = "2026-11-20") -> Knowledge:
    """Give the shipped knowledge made fresh and whole for these products: undecidable weaknesses left out."""
    shipped = shipped_knowledge()
    weaknesses = tuple(
        msgspec.structs.replace(one, confirmed=True, fixed_confirmed=True, as_of=as_of)
        for one in shipped.weaknesses
        if one.decidable and not any(fix.words for fix in one.fixed)
    )
    lifecycles = {key: msgspec.structs.replace(one, as_of=as_of) for key, one in shipped.lifecycles.items()}
    feeds = (
        Feed(kind="kev", title="KEV", as_of=as_of, covers=products),
        Feed(kind="endoflife", title="endoflife.date", as_of=as_of),
    )
    return replace(shipped, weaknesses=weaknesses, lifecycles=lifecycles, feeds=feeds)


def product_of(key: str) -> Product:
    """Give a known product."""
    return next(one for one in shipped_knowledge().products if one.key == key)


def fixed_rows() -> list[tuple[Weakness, Product, Fix]]:
    """Every branch of every shipped weakness for which a first mended version is known."""
    return [
        (weakness, product_of(key), fix)
        for weakness in shipped_knowledge().weaknesses
        for key in weakness.products
        for fix in weakness.fixed
        if fix.first
    ]


def beside(scheme: str, text: str, step: int) -> tuple[str, Version] | None:
    """Raise or lower the last number of a version; None where that leaves the notation or the branch."""
    match = list(_LAST_NUMBER.finditer(text))[-1]
    number = int(match[0]) + step
    if number < 0:
        return None
    other = text[: match.start()] + str(number).zfill(len(match[0])) + text[match.end() :]
    version, own = parse(scheme, other), parse(scheme, text)
    if version is None or own is None or version.branch != own.branch:
        return None
    return other, version
