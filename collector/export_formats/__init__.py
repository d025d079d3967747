# SPDX-License-Identifier: Apache-2.0
"""Formats of other systems, found by place: one file each, and the file's name is the format's."""

import importlib
import pkgutil
from typing import Protocol, cast

from collector.holding import Holding


class ExportFormat(Protocol):
    """What a module of this folder offers; pure and total, whatever the devices call themselves."""

    MEDIA: str  # media type of the file
    ENDING: str  # of its name
    NAME_JA: str  # of the file, without ending

    def write(self, holding: Holding) -> bytes:
        """Give the file."""
        ...


def format_names() -> list[str]:
    """Give the names of the formats, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def load_format(name: str) -> ExportFormat:
    """Give the module of this format; KeyError if there is none."""
    if name not in format_names():
        raise KeyError(name)
    return cast(ExportFormat, importlib.import_module(f"{__name__}.{name}"))
