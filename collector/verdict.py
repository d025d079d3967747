# SPDX-License-Identifier: Apache-2.0
"""What the product says of one checklist item: five verdicts, each with its reason and its evidence.

The scan proposes, a person signs: a verdict is never the answer itself. はいを支持 is given only on
positive evidence from a fresh and complete scan; whatever is missing ends in 判定できない.
"""

import enum
from dataclasses import dataclass
from datetime import datetime


class Verdict(enum.StrEnum):
    """What the evidence is worth for one item; the value is the word that people see."""

    SUPPORTS_YES = "はいを支持"
    PROVES_NO = "いいえの証拠あり"
    CANNOT_TELL = "判定できない"
    ASK_PERSON = "人が確認"
    NOT_APPLICABLE = "対象外"


VERDICTS_EN = {
    Verdict.SUPPORTS_YES: "supports yes",
    Verdict.PROVES_NO: "evidence of no",
    Verdict.CANNOT_TELL: "cannot tell",
    Verdict.ASK_PERSON: "a person confirms",
    Verdict.NOT_APPLICABLE: "not applicable",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One plain sentence (or a few) in both languages."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that somebody must look at, or that supports an answer."""

    code: str  # short and stable: "patch.affected", "service.unexpected", "path.undeclared" …
    device: str = ""  # device id, "" if it is about no device
    port: int = 0
    transport: str = ""
    about: str = ""  # what else tells it from others of its code: an advisory, a vendor, a place
    text: Text  # what is so
    todo: Text | None = None  # what to do about it
    against: bool = True  # True speaks for いいえ, False for はい
    proven: bool = True  # False: a suspicion, which proves nothing
    sure: str = "sure"  # sure, likely, guess: how sure the underlying facts are
    since: str = ""  # known since when (ISO date), as far as it is known
    fixed_in: str = ""  # which version mends it
    source: str = ""  # where the knowledge comes from, with its age
    observations: tuple[str, ...] = ()  # ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one rule says of one item."""

    verdict: Verdict
    reason: Text
    toward_yes: Text  # what would turn it into はい
    findings: tuple[Finding, ...] = ()
    observations: tuple[str, ...] = ()  # ids that the verdict rests on, those of the findings included
    ledger_suffices: bool = (
        False  # True: for a device left alone on purpose, that the ledger lists it is enough
    )
    from_scan: bool = True  # False: rests on people's statements alone, so the scan's age does not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """How complete and how old the looking is that a verdict stands on."""

    scans: tuple[str, ...] = ()  # ids of the scans
    newest: datetime | None = None  # end of the last scan that ended by itself
    oldest: datetime | None = None  # oldest of the last looks at the facility's networks
    planned: int = 0  # addresses that should have been looked at
    finished: int = 0  # addresses that were
    missing: tuple[
        str, ...
    ] = ()  # networks of the facility that no whole scan covered, or in which nobody answered
    silent: tuple[str, ...] = ()  # those of them that were covered: nobody stands there, or nothing got there
    partly: tuple[str, ...] = ()  # those of them that a scan went through to its end, leaving something out
    left_alone: tuple[str, ...] = ()  # addresses on the never-list that the facility's own ledger lists
    complete: bool = False
    fresh: bool = False
    text: Text = Text("まだ調べていません。", "Nothing was scanned yet.")
