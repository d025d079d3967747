# SPDX-License-Identifier: Apache-2.0
"""The numbers of evidence: E-001 for each observation that a verdict or a row of the ledger stands on.

Verdicts come first, in the order of the form, then the ledger's rows by 管理番号: the same dossier always
gives the same numbers.
"""

from collections.abc import Iterable

from collector.dossier import Dossier, evidence_of
from collector.judged import JudgedItem, JudgedSheet
from collector.translation import load_words

MOST_NAMED = 8  # numbers named in one cell; the annex lists them all
TARGETS = {
    "organisation": "体制",
    "all": "全般",
    "server": "サーバ",
    "pc": "端末PC",
    "network": "ネットワーク機器",
    "server_pc": "サーバ・端末PC",
}


class Numbers:
    """Which observation has which number, and what it is used by."""

    def __init__(self, dossier: Dossier) -> None:
        self._uses: dict[str, list[str]] = {}
        for sheet, item in dossier.items():
            use = _use_of(sheet, item)
            findings = (id for one in item.judged.findings for id in one.observations)
            for id in (*item.judged.observations, *findings):
                self._use(id, use)
        words = load_words("ja")
        for row in dossier.case.rows:
            for id in evidence_of(row.device):
                self._use(id, f"台帳 {row.number}")
            for name, mark in row.device.confidence.items():
                for id in mark.observations:
                    self._use(id, f"台帳 {row.number} {words.choose('field', name)}")
        self._numbers = {id: f"E-{place:03d}" for place, id in enumerate(self._uses, 1)}

    def _use(self, id: str, use: str) -> None:
        uses = self._uses.setdefault(id, [])
        if use not in uses:
            uses.append(use)

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self) -> list[str]:
        """Give the observations in the order of their numbers."""
        return list(self._numbers)

    def number(self, id: str) -> str:
        """Give the number of an observation; "" if nothing stands on it."""
        return self._numbers.get(id, "")

    def uses(self, id: str) -> tuple[str, ...]:
        """Give what an observation is used by: items, then rows and fields of the ledger."""
        return tuple(self._uses.get(id, ()))

    def text(self, ids: Iterable[str]) -> str:
        """Name some observations in one cell: E-001、E-002 …"""
        named = list(dict.fromkeys(filter(None, map(self.number, ids))))
        more = f" ほか {len(named) - MOST_NAMED} 件" if len(named) > MOST_NAMED else ""
        return "、".join(named[:MOST_NAMED]) + more


def _use_of(sheet: JudgedSheet, item: JudgedItem) -> str:
    whose = f"（{sheet.vendor.name}）" if sheet.vendor else ""
    printed = item.line.item.printed or item.line.item.number
    number = f"項目 {printed}" if printed == "0" else printed
    return f"{number} {target_name(item.line.key)}{whose}"


def target_name(key: str) -> str:
    """Give the target of an item's key in words: "server/2-7" → サーバ."""
    target = key.partition("/")[0]
    return TARGETS.get(target, target)
