# SPDX-License-Identifier: Apache-2.0
"""Which known product a device is, or runs, and which of its words is that product's version."""

import functools
import re
from dataclasses import dataclass

import msgspec

from inventory_db.device import Device
from probes.facts import Sure

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


def matches(device: Device, products: tuple[Product, ...]) -> tuple[Matched, ...]:
    """Give what the device is and runs, the surest system first and no second system beside it."""
    systems: list[Matched] = []
    programs: list[Matched] = []
    for product in products:
        found = _match(device, product)
        if found is not None:
            (systems if product.system else programs).append(found)
    systems.sort(key=lambda one: RANK[one.sure])  # stable: the order of the file decides among equals
    return (*systems[:1], *programs)


def _match(device: Device, product: Product) -> Matched | None:
    for mark in product.marks:
        service = _service(device, mark.service) if mark.service else None
        if mark.service and service is None:
            continue
        fields = [name for name in ("maker", "os", "model", "device_class") if getattr(mark, name)]
        if all(says(getattr(mark, name), getattr(device, name)) for name in fields):
            sure = _weakest(
                [mark.sure, *(_sure_of(device, name) for name in fields if name != "device_class")]
            )
            if service is None:
                return _of_device(device, product, sure)
            port, transport, version, evidence = service
            sure = _weakest([sure, Sure.LIKELY])  # a banner is a claim of the program alone
            if product.version != "service":
                found = _of_device(device, product, sure)
                if found.version or not version:
                    return found
            return Matched(product, version, sure, (), evidence, port, transport)
    return None


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


def _service(device: Device, pattern: str) -> tuple[int, str, str | None, tuple[str, ...]] | None:
    """The service whose product is meant; one that tells its version first."""
    found = [one for one in device.services if says(pattern, one.product)]
    found.sort(key=lambda one: not one.version)
    return (found[0].port, found[0].transport, found[0].version, found[0].evidence) if found else None


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
