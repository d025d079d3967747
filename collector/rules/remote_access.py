# SPDX-License-Identifier: Apache-2.0
"""Item 2-(2): not judged yet; says so."""

from collector.case import Case
from collector.verdict import Judged, Text, Verdict


def judge(_case: Case, _target: str) -> Judged:
    """Say that this version does not judge the item."""
    return Judged(
        verdict=Verdict.CANNOT_TELL,
        reason=Text("この版はまだ判定しません。", "This version does not judge it yet."),
        toward_yes=Text("実施状況を人が確かめて記入してください。", "A person checks and answers."),
        from_scan=False,
    )
