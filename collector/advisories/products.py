# SPDX-License-Identifier: Apache-2.0
"""Which known product a device is, or runs, and which of its words is that product's version."""

import functools
import re
from dataclasses import dataclass

import msgspec

from inventory_db.device import Device
from probes.facts import Sure

_FIELDS = ("maker", "os", "model", "device_class")  # the last says what it is for, not how sure that is
RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}


class Mark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One way to know a product: every pattern given must be found in that field of the device."""

    maker: str = ""
    os: str = ""
    model: str = ""
    device_class: str = ""
    service: str = ""  # the product of one of its services
    sure: Sure = Sure.SURE  # at best


class Product(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One product that versions, weaknesses and life cycles are known of."""

    key: str
    title: str
    scheme: str
    version: str = "firmware"  # firmware, os or service: where its version stands
    marks: tuple[Mark, ...]
    lifecycle: str = ""  # its name at endoflife.date
    cpe: tuple[str, ...] = ()  # vendor:product as NVD writes it
    names: tuple[str, ...] = ()  # patterns of "vendor product" as KEV and CVE records write it
    distro: str = ""  # its name in distro-info
    backported: bool = False  # distributions mend it without raising its version
    system: bool = True  # the system of a device, of which it has one; False: a program on it


@dataclass(frozen=True, slots=True)
class Matched:
    """A product on a device, its version as the device says it, and how sure both are."""

    product: Product
    version: str | None
    sure: Sure
    others: tuple[str, ...] = ()  # what other answers of the device say instead
    observations: tuple[str, ...] = ()
    port: int = 0
    transport: str = ""
    typed: bool = False  # the version is a person's entry in the ledger


Signature = tuple[str | None, str | None, str | None, str, tuple[str | None, ...]]
Fitting = list[tuple[Product, Mark]]


def matches(
    device: Device, products: tuple[Product, ...], remembered: dict[Signature, Fitting] | None = None
) -> tuple[Matched, ...]:
    """Give what the device is and runs, the surest system first and no second system beside it.

    `remembered` holds which marks fit devices of equal words, for callers that ask for many devices.
    """
    known: dict[Signature, Fitting] = {} if remembered is None else remembered
    services = tuple(one.product for one in device.services)
    signature = (device.maker, device.os, device.model, device.device_class, services)
    if signature not in known:
        known[signature] = [(one, mark) for one in products if (mark := _fitting(device, one)) is not None]
    systems: list[Matched] = []
    programs: list[Matched] = []
    for product, mark in known[signature]:
        (systems if product.system else programs).append(_matched(device, product, mark))
    systems.sort(key=lambda one: RANK[one.sure])  # stable: the order of the file decides among equals
    return (*systems[:1], *programs)


def _fitting(device: Device, product: Product) -> Mark | None:
    """The first mark of the product that the device bears."""
    return next((mark for mark in product.marks if _bears(device, mark)), None)


def _bears(device: Device, mark: Mark) -> bool:
    fields = (name for name in _FIELDS if getattr(mark, name))
    return all(says(getattr(mark, name), getattr(device, name)) for name in fields) and (
        not mark.service or any(says(mark.service, one.product) for one in device.services)
    )


def _matched(device: Device, product: Product, mark: Mark) -> Matched:
    named = (name for name in _FIELDS[:3] if getattr(mark, name))
    sure = _weakest([mark.sure, *(_sure_of(device, name) for name in named)])
    if not mark.service:
        return _of_device(device, product, sure)
    port, transport, version, evidence = _service(device, mark.service)
    sure = _weakest([sure, Sure.LIKELY])  # a banner is a claim of the program alone
    if product.version != "service":
        found = _of_device(device, product, sure)
        if found.version or not version:
            return found
    return Matched(product, version, sure, (), evidence, port, transport)


def _of_device(device: Device, product: Product, sure: Sure) -> Matched:
    names = ("os_version",) if product.version == "os" else ("firmware_version", "os_version")
    if product.version == "firmware" and not _same_system(device, product):
        names = ("firmware_version",)
    for name in names:
        version = getattr(device, name)
        if version:
            told = device.confidence.get(name)
            sure = _weakest([sure, told.sure if told else Sure.LIKELY])
            if device.model is None and product.version == "firmware":
                sure = _weakest([sure, Sure.LIKELY])  # a banner that names no model is never sure
            return Matched(
                product, version, sure, told.others if told else (), told.observations if told else ()
            )
    return Matched(product, None, sure)


def _same_system(device: Device, product: Product) -> bool:
    """Whether os_version is the version of this product: its system is the product, not what it is built on."""
    return any(mark.os and says(mark.os, device.os) for mark in product.marks)


def _service(device: Device, pattern: str) -> tuple[int, str, str | None, tuple[str, ...]]:
    """The service whose product is meant; one that tells its version first."""
    found = [one for one in device.services if says(pattern, one.product)]
    best = min(found, key=lambda one: not one.version)
    return best.port, best.transport, best.version, best.evidence


def _sure_of(device: Device, name: str) -> Sure:
    told = device.confidence.get(name)
    return told.sure if told else Sure.LIKELY


def _weakest(marks: list[Sure]) -> Sure:
    return max(marks, key=RANK.__getitem__)


@functools.lru_cache(maxsize=65536)
def says(pattern: str, text: str | None) -> bool:
    """Whether a pattern of our own data is found in the text, case ignored."""
    return text is not None and _compiled(pattern).search(text[:300]) is not None


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)
