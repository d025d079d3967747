# SPDX-License-Identifier: Apache-2.0
"""The starting set of knowledge, read from the files beside this module once."""

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import yaml

from collector.advisories.knowledge import Build, Feed, Knowledge, Lifecycle, Weakness
from collector.advisories.products import Product

S = TypeVar("S", bound=msgspec.Struct)
FOLDER = Path(__file__).parent
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Exploited(msgspec.Struct, frozen=True):
    title: str
    as_of: str
    covers: tuple[str, ...]
    rows: tuple[Weakness, ...]


class _Lifecycles(msgspec.Struct, frozen=True):
    title: str
    as_of: str
    products: tuple[Lifecycle, ...]


class _Builds(msgspec.Struct, frozen=True):
    builds: Mapping[str, tuple[Build, ...]]


@functools.cache
def shipped_products() -> tuple[Product, ...]:
    """Give the products of products.yaml in its order."""
    text = (FOLDER / "products.yaml").read_bytes()
    rows: Any = yaml.load(text, Loader=_Loader)["products"]  # noqa: S506  CSafeLoader or SafeLoader
    return msgspec.convert(rows, type=tuple[Product, ...])


@functools.cache
def shipped_knowledge() -> Knowledge:
    """Give everything that ships."""
    exploited = _read("exploited.json", _Exploited)
    lifecycles = _read("lifecycle.json", _Lifecycles)
    builds = _read("windows_builds.json", _Builds)
    weaknesses = tuple(
        msgspec.structs.replace(row, exploited=True, as_of=row.as_of or exploited.as_of)
        for row in exploited.rows
    )
    ends = Feed(
        kind="endoflife", title=lifecycles.title, as_of=lifecycles.as_of, shipped=True,
        rows=sum(len(one.cycles) for one in lifecycles.products),
    )  # fmt: skip
    known = Feed(
        kind="kev", title=exploited.title, as_of=exploited.as_of, shipped=True,
        rows=len(weaknesses), covers=exploited.covers,
    )  # fmt: skip
    return Knowledge(
        products=shipped_products(),
        weaknesses=weaknesses,
        lifecycles=MappingProxyType({one.product: one for one in lifecycles.products}),
        builds=MappingProxyType(dict(builds.builds)),
        feeds=(known, ends),
    )


def _read(name: str, form: type[S]) -> S:
    return msgspec.json.decode((FOLDER / "known" / name).read_bytes(), type=form)
