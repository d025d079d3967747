# SPDX-License-Identifier: Apache-2.0
"""The papers, found by place: one file each with `make(dossier) -> Paper`; the file's name is its kind."""

import importlib
import pkgutil
from typing import Protocol, cast

from collector.documents.paper import Paper
from collector.dossier import Dossier


class PaperKind(Protocol):
    """What a module of this folder offers; pure, but for the evidence that it reads through the dossier."""

    def make(self, dossier: Dossier) -> Paper:
        """Make the paper."""
        ...


def paper_kinds() -> list[str]:
    """Give the kinds of papers, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def load_kind(kind: str) -> PaperKind:
    """Give the module of this kind; KeyError if there is none."""
    if kind not in paper_kinds():
        raise KeyError(kind)
    return cast(PaperKind, importlib.import_module(f"{__name__}.{kind}"))
