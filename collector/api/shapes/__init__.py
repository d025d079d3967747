# SPDX-License-Identifier: Apache-2.0
"""The API's JSON as types, found by place; the OpenAPI document is made of them, and what comes in is read with them.

A device is the one of daicho/ledger/1. Answers may grow by further members; what is asked of us may not.
"""

import importlib
import pkgutil

from collector.api.shapes.ground import Answer, Asked


def all_shapes() -> list[type[Answer | Asked]]:
    """Give every shape of this folder, by name."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    found = {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Answer | Asked) and value not in (Answer, Asked)
    }
    return [found[name] for name in sorted(found)]
