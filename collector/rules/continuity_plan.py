# SPDX-License-Identifier: Apache-2.0
"""Item 3-(3): the continuity plan (BCP) for a cyber attack itself, as a file that can be shown to the inspector."""

from collector.case import Case
from collector.documents_held import judge_document
from collector.verdict import Judged, Text


def judge(case: Case, _target: str) -> Judged:
    """はいを支持 when the document is here as a file and has not run out."""
    return judge_document(
        case,
        "bcp",
        Text("サイバー攻撃を想定した事業継続計画（BCP）", "the continuity plan (BCP) for a cyber attack"),
    )
