# SPDX-License-Identifier: Apache-2.0
"""Items that no scan sees: a person answers them, with a date and whatever shows it."""

from collector.case import Case
from collector.verdict import Judged, Text, Verdict


def judge(_case: Case, _target: str) -> Judged:
    """Say that a person answers; a scan never supports はい here."""
    return Judged(
        verdict=Verdict.ASK_PERSON,
        reason=Text(
            "網を調べても分からない項目です。担当者が確かめて答えます。",
            "No scan of the network shows this. The person in charge checks and answers.",
        ),
        toward_yes=Text(
            "実施していることを確かめ、日付と名前を添えて記入し、示せる資料を添付してください。",
            "Check that it is done, answer with date and name, and attach what shows it.",
        ),
        from_scan=False,
    )
