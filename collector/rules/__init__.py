# SPDX-License-Identifier: Apache-2.0
"""The rules, found by place: one file each with `judge(case, target) -> Judged`, named by the editions."""

import importlib
import pkgutil
from typing import Protocol, cast

from collector.case import Case
from collector.verdict import Judged


class Rule(Protocol):
    """What a rule module offers; pure, total, and never はいを支持 without positive evidence."""

    def judge(self, case: Case, target: str) -> Judged:
        """Say what the case is worth for the item; target is organisation, all, server, pc or network."""
        ...


def rule_names() -> list[str]:
    """Give the names of all rules, sorted."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__))


def load_rule(name: str) -> Rule:
    """Give the rule with this name; KeyError if there is none."""
    if name not in rule_names():
        raise KeyError(name)
    return cast(Rule, importlib.import_module(f"{__name__}.{name}"))
