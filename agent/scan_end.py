# SPDX-License-Identifier: Apache-2.0
"""How a scan ended, in one word and a note for people: what was not done is said. Pure."""

from collections import Counter

_BLACKOUT = "blackout: 触れない時間帯に入ったため、残りは調べていません / a blackout has begun; the rest was not asked"
_MOST_REASONS, _MOST_NOTE = 3, 1000


def how_it_ended(fault: str, unsent: Counter[str], *, blackout: bool, unread: int) -> tuple[str, str]:
    """Give (state, note): `fault` ended it, `unsent` questions failed on our side, by reason.

    `unread`: heard frames that were too many to read. The state is complete, stopped or failed.
    """
    notes = [fault] if fault else []
    notes += (
        f"{times} 件は送れませんでした（{why}） / {times} could not be sent ({why})"
        for why, times in unsent.most_common(_MOST_REASONS)
    )
    state = "failed" if notes else "stopped" if blackout else "complete"
    if blackout:
        notes.append(_BLACKOUT)
    if unread:
        notes.append(f"{unread} 個の受信は多すぎて読んでいません / {unread} heard frames were not read")
    return state, "; ".join(notes)[:_MOST_NOTE]
