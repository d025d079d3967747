# SPDX-License-Identifier: Apache-2.0
"""Which product a maker's own registry puts behind a sysObjectID, by `recognised/products.yaml`. Pure."""

import functools
from collections.abc import Mapping

import msgspec

from probes.enterprises import ENTERPRISES
from probes.rows import load


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names below one prefix, by the last arc."""

    models: dict[str, str]


@functools.cache
def registries() -> Mapping[str, Registry]:
    """The table by prefix; raises msgspec.ValidationError for one that is not in form."""
    return msgspec.convert(load("products.yaml")["products"], dict[str, Registry])


def product_of(object_id: str) -> str | None:
    """Give the product's name as its maker's MIB spells it, None where the registry is not known."""
    prefix, _, last = object_id.strip().removeprefix(".").removeprefix(ENTERPRISES).rpartition(".")
    registry = registries().get(prefix)
    return registry.models.get(last) if registry else None
