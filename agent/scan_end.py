# SPDX-License-Identifier: Apache-2.0
"""How a scan ended, in one word and a note for people: what was not done is said. Pure."""

from collections import Counter
from collections.abc import Sequence

_BLACKOUT = "blackout: 触れない時間帯に入ったため、残りは調べていません / a blackout has begun; the rest was not asked"
_MOST_REASONS, _MOST_NOTE = 3, 1000


def how_it_ended(
    fault: str,
    unsent: Counter[str],
    *,
    blackout: bool,
    unread: int,
    unnamed: int = 0,
    braked: Sequence[str] = (),
    late: int = 0,
    spent: int = 0,
    left_out: Sequence[str] = (),
) -> tuple[str, str]:
    """Give (state, note): `fault` ended it, `unsent` questions failed on our side, by reason.

    `unread`: heard frames that were too many to read. `unnamed`: addresses behind a router that were left alone
    because the router's table of them was cut short. `braked`: segments stopped because devices on them fell
    silent or slow; that is a failure, so that people are told. `late`: addresses at which nobody was looked for,
    because their turn did not come. `spent`: at which nobody was, because nothing more may leave for them in this scan, as
    after many kills. `left_out`: what was not scanned, and why. The state is complete, stopped or failed.
    """
    notes = [fault, *braked] if fault else list(braked)
    notes += (
        f"{times} 件は送れませんでした（{why}） / {times} could not be sent ({why})"
        for why, times in unsent.most_common(_MOST_REASONS)
    )
    state = "failed" if notes else "stopped" if blackout or unnamed or late or spent else "complete"
    if blackout:
        notes.append(_BLACKOUT)
    if unnamed:
        notes.append(
            f"ルーターの表を終わりまで読めず（長すぎるか、もう送れない）、載っているか分からない {unnamed} 個のアドレスには送っていません"
            f" / the router's table was not read whole (too long, or nothing more may be sent to it); {unnamed} addresses that it may name got nothing"
        )
    if late:
        notes.append(
            f"順番が回らず、{late} 個のアドレスでは機器を探していません。次の調べが続けます"
            f" / at {late} addresses nobody was looked for, their turn did not come; the next scan goes on with them"
        )
    if spent:
        notes.append(
            f"送ってよい数を使い切ったと数えるため、{spent} 個のアドレスでは機器を探していません（強制終了のたびに、書き残せなかった分も数えます）"
            f" / at {spent} addresses nobody was looked for: their budget counts as spent (each kill adds what it may have"
            " forgotten)"
        )
    notes += left_out
    if unread:
        notes.append(f"{unread} 個の受信は多すぎて読んでいません / {unread} heard frames were not read")
    return state, "; ".join(notes)[:_MOST_NOTE]
