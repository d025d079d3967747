# SPDX-License-Identifier: Apache-2.0
"""The verdicts under attack, and their speed.

    python -m deploy.bench.verdicts [--situations-only]

Judges every situation of `situations/` with all real rules and counts each はい or はいを支持 without
sufficient evidence. Then builds the ledger of a hospital with 2,000 devices and 1,000,000
observations and measures one judging of it, beside a bare reading of the same rows.
"""

import sys
from dataclasses import dataclass

from collector.edition import load_edition
from collector.judge import judge
from collector.judged import Judgement
from collector.verdict import Verdict
from deploy.bench.situations import Situation, all_situations
from deploy.bench.verdict_speed import measure

EDITION = "R6-hospital"


@dataclass(frozen=True, slots=True)
class Fault:
    """One verdict that a situation does not allow."""

    situation: str
    sheet: str
    key: str
    verdict: str
    too_good: bool  # はいを支持 without sufficient evidence

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.situation}: {self.sheet} {self.key} {self.verdict}"


def faults_of(situation: Situation) -> list[Fault]:
    """Judge one situation; give every verdict that it does not allow."""
    found = judge(load_edition(EDITION), situation.build())
    return [*_too_good(situation, found), *_others(situation, found)]


def _too_good(situation: Situation, found: Judgement) -> list[Fault]:
    faults = []
    for sheet in found.sheets:
        may = situation.may_vendor if sheet.vendor else situation.may
        for item in sheet.items:
            marked = item.mark and not item.first
            if (item.judged.verdict is Verdict.SUPPORTS_YES and item.line.key not in may) or marked:
                faults.append(
                    Fault(situation.name, sheet.sheet.form, item.line.key, str(item.judged.verdict), True)
                )
    return faults


def _others(situation: Situation, found: Judgement) -> list[Fault]:
    """Give the certain verdicts of the facility's sheet that came out otherwise."""
    got = {item.line.key: item.judged.verdict for item in found.sheets[0].items}
    form = found.sheets[0].sheet.form
    return [
        Fault(situation.name, form, key, f"{got[key]}（{verdict} のはず）", False)
        for key, verdict in situation.must.items()
        if got[key] is not verdict
    ]


def main(arguments: list[str]) -> int:
    """Print the figures; 1 if any verdict is not allowed."""
    situations = all_situations()
    faults = [fault for situation in situations for fault in faults_of(situation)]
    for fault in faults:
        print(fault)
    good = sum(fault.too_good for fault in faults)
    print(f"situations {len(situations)}, はい or はいを支持 without sufficient evidence: {good}")
    print(f"other verdicts than the situations demand: {len(faults) - good}")
    if "--situations-only" not in arguments:
        print(measure())
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
