# SPDX-License-Identifier: Apache-2.0
"""What pairs of looks are worth: is one service limited to its allowed sources? Pure.

"Only from the allowed source" is believed only when, within a minute each, the allowed source was
served before and after at least two looks of the not allowed one, never failed in between, and the
not allowed source showed in the same minute that it reaches something there at all. One look of the
not allowed source that is served like the allowed one is proof of the contrary.
"""

import enum
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from collector.source_looks import ALLOWED, DISPUTED, NOT_ALLOWED, UNLISTED_MAC, Look, is_slow, is_turned_away
from collector.verdict import Text

MINUTE = timedelta(seconds=60)
LEAST_LOOKS = 2


class Limit(enum.StrEnum):
    """What the looks show of one service."""

    OPEN = "open"  # reached from a source that is not allowed
    LIMITED = "limited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Tested:
    """The worth of all looks at one service, why, what is missing, and on which looks it rests."""

    limit: Limit
    text: Text
    looks: tuple[Look, ...] = ()
    stale: bool = False

    @property
    def observations(self) -> tuple[str, ...]:
        """Ids of the observations that it rests on."""
        return tuple(dict.fromkeys(look.id for look in self.looks))


@dataclass(slots=True)
class Answers:
    """Every look that was answered, by its sender and in time: what shows that a sender reaches anything."""

    _of: dict[tuple[str, str], list[Look]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def among(cls, looks: Iterable[Look]) -> "Answers":
        """Gather them."""
        found = cls()
        for look in sorted(looks, key=lambda one: (one.at, one.id)):
            if look.answered and look.usable:
                found._of[look.sender].append(look)
        return found

    def near(self, run: Sequence[Look]) -> list[Look]:
        """Give those of the run's sender that lie within a minute of the run."""
        mine = self._of.get(run[0].sender, [])
        first = bisect_left(mine, run[0].at - MINUTE, key=lambda one: one.at)
        return mine[first : bisect_right(mine, run[-1].at + MINUTE, key=lambda one: one.at)]


def judge_service(looks: Iterable[Look], every: Answers, is_fresh: Callable[[datetime], bool]) -> Tested:
    """Say what the looks at one service show; `every` knows all looks of the case, for the controls."""
    asked = [look for look in looks if look.usable and not look.control]
    if any(look.role == DISPUTED for look in asked):
        return Tested(Limit.UNKNOWN, _DISPUTED)
    allowed = [look for look in asked if look.role == ALLOWED]
    served = {look.sender for look in allowed}
    others: dict[tuple[str, str], list[Look]] = {}
    for look in asked:
        if look.role == NOT_ALLOWED and look.sender not in served:
            others.setdefault(look.sender, []).append(look)
    if not asked:
        return Tested(Limit.UNKNOWN, _NOT_TESTED)
    if not allowed or not others:
        return Tested(Limit.UNKNOWN, _ONE_SIDE, tuple(asked[-1:]))
    results = [_newest(mine, allowed, every, is_fresh) for mine in others.values()]
    return min(results, key=_rank)


def _rank(one: Tested) -> tuple[int, float]:
    """An open door before all; among the others the newest test says what is so."""
    newest = max((look.at.timestamp() for look in one.looks), default=0.0)
    return (0 if one.limit is Limit.OPEN else 1, -newest)


def _newest(
    mine: Sequence[Look], allowed: Sequence[Look], every: Answers, is_fresh: Callable[[datetime], bool]
) -> Tested:
    """Judge the newest run of looks from one source; an open door that no later run refutes stays open."""
    runs = _runs(mine)
    latest = _judge_run(runs[-1], allowed, every, is_fresh)
    if latest.limit is Limit.UNKNOWN:
        for run in reversed(runs[:-1]):
            before = _judge_run(run, allowed, every, is_fresh)
            if before.limit is Limit.OPEN:
                return before
            if before.limit is Limit.LIMITED:
                break
    return latest


def _runs(looks: Sequence[Look]) -> list[list[Look]]:
    """Cut looks where more than a minute lies between two of them."""
    runs: list[list[Look]] = []
    for look in sorted(looks, key=lambda one: one.at):
        if runs and look.at - runs[-1][-1].at <= MINUTE:
            runs[-1].append(look)
        else:
            runs.append([look])
    return runs


def _judge_run(
    run: Sequence[Look], allowed: Sequence[Look], every: Answers, is_fresh: Callable[[datetime], bool]
) -> Tested:
    beside = [one for one in allowed if any(abs(one.at - look.at) <= MINUTE for look in run)]
    rests = (*run, *beside)
    if not all(is_fresh(look.at) for look in rests):
        return Tested(Limit.UNKNOWN, _STALE, rests, stale=True)
    if not beside:
        return Tested(Limit.UNKNOWN, _NOT_TOGETHER, rests)
    for look in run:
        for one in beside:
            if abs(one.at - look.at) <= MINUTE and _same_service(look, one):
                return Tested(Limit.OPEN, _open_text(look, one), (one, look))
    doubtful = [look for look in run if look.came_through and not _turned_away_by_any(look, beside)]
    if doubtful:
        slow = any(is_slow(look, one) for look in doubtful for one in beside)
        return Tested(Limit.UNKNOWN, _SLOW if slow else _REVERSED, rests)
    return _judge_closed(run, beside, rests, every)


def _same_service(look: Look, allowed: Look) -> bool:
    if not (look.came_through and allowed.came_through) or is_slow(look, allowed):
        return False
    return not is_turned_away(look, allowed)


def _turned_away_by_any(look: Look, beside: Iterable[Look]) -> bool:
    return any(is_turned_away(look, one) for one in beside)


def _judge_closed(
    run: Sequence[Look], beside: Sequence[Look], rests: tuple[Look, ...], every: Answers
) -> Tested:
    """The not allowed source came nowhere: is that the limit, or something else?"""
    if not any(one.came_through for one in beside):
        return Tested(Limit.UNKNOWN, _NOBODY, rests)
    if not all(one.came_through for one in beside):
        return Tested(Limit.UNKNOWN, _UNSTEADY, rests)
    if len(run) < LEAST_LOOKS:
        return Tested(Limit.UNKNOWN, _ONCE, rests)
    if sum(_between(look, beside) for look in run) < LEAST_LOOKS:
        return Tested(Limit.UNKNOWN, _ONE_ORDER, rests)
    control = _control(run, every)
    if control is None:
        return Tested(Limit.UNKNOWN, _NO_CONTROL, rests)
    return Tested(Limit.LIMITED, _limited_text(run, beside), (*rests, control))


def _between(look: Look, beside: Iterable[Look]) -> bool:
    """Whether the allowed source was served within a minute before and within a minute after."""
    gaps = [one.at - look.at for one in beside]
    return any(-MINUTE <= gap < timedelta(0) for gap in gaps) and any(
        timedelta(0) < gap <= MINUTE for gap in gaps
    )


def _control(run: Sequence[Look], every: Answers) -> Look | None:
    """Give what shows that the same source reached something of that network in the same minute."""
    for look in run:
        if look.answered:  # turned away in so many words: the path is there
            return look
    first = run[0]
    for one in every.near(run):
        near = any(abs(one.at - look.at) <= MINUTE for look in run)
        there = one.address == first.address or (bool(one.network) and one.network == first.network)
        if near and (there or (one.pair and one.pair == first.pair)):
            return one
    return None


def judge_card(looks: Iterable[Look], every: Answers, is_fresh: Callable[[datetime], bool]) -> Tested:
    """Say whether a card that stands on no list gets through to one device; `looks` are all looks at it.

    It is kept out because of its MAC only if the same address with a card of ours came through.
    """
    asked = [look for look in looks if look.usable and not look.control]
    strange = [look for look in asked if look.role == UNLISTED_MAC]
    if not strange:
        return Tested(Limit.UNKNOWN, _MAC_NOT_TESTED)
    ports = sorted({(look.port, look.transport) for look in strange})
    results = [
        _judge_card(
            [look for look in strange if (look.port, look.transport) == port],
            [look for look in asked if (look.port, look.transport) == port],
            every,
            is_fresh,
        )
        for port in ports
    ]
    order = (Limit.OPEN, Limit.LIMITED, Limit.UNKNOWN)
    return min(results, key=lambda one: order.index(one.limit))


def _judge_card(
    strange: Sequence[Look],
    asked: Sequence[Look],
    every: Answers,
    is_fresh: Callable[[datetime], bool],
) -> Tested:
    run = _runs(strange)[-1]
    allowed = [look for look in asked if look.role == ALLOWED]
    found = _judge_run(run, allowed, every, is_fresh)
    if found.limit is Limit.OPEN:
        return Tested(Limit.OPEN, _MAC_OPEN, found.looks)
    if found.limit is Limit.UNKNOWN:
        text = _MAC_NOTHING if found.text is _NO_CONTROL else found.text
        return Tested(Limit.UNKNOWN, text, found.looks, found.stale)
    own = [
        look
        for look in asked
        if look.source == run[0].source
        and look.role != UNLISTED_MAC
        and look.came_through
        and any(abs(look.at - one.at) <= MINUTE for one in run)
    ]
    if not own:
        return Tested(Limit.UNKNOWN, _MAC_NO_OWN, found.looks)
    return Tested(Limit.LIMITED, _MAC_LIMITED, (*found.looks, own[-1]))


def _open_text(look: Look, one: Look) -> Text:
    seconds = int(abs((one.at - look.at).total_seconds()))
    when = look.at.isoformat(timespec="seconds")
    return Text(
        f"許可していない {look.source} からも、許可した {one.source} と同じように接続できました（{when}、間隔 {seconds} 秒）。",
        f"{look.source}, which is not allowed, was served like {one.source}, which is ({when}, {seconds} s apart).",
    )


def _limited_text(run: Sequence[Look], beside: Sequence[Look]) -> Text:
    look, one = run[-1], beside[-1]
    when = look.at.isoformat(timespec="seconds")
    return Text(
        f"許可した {one.source} からは前後とも接続でき、許可していない {look.source} からは {len(run)} 回とも"
        f"接続できないか断られました（{when}）。{look.source} がほかには届くことも同じ分に確かめました。",
        f"{one.source} was served before and after; {look.source}, which is not allowed, was not, {len(run)} times "
        f"({when}). In the same minute {look.source} did reach something else there.",
    )


_NOT_TESTED = Text("送信元の試験をしていません。", "The sources were not tested.")
_ONE_SIDE = Text(
    "片方の送信元からしか調べていません。", "Only one side was asked; a pair of sources is missing."
)
_DISPUTED = Text(
    "どの送信元を許可しているかについて、agent.toml と登録された許可元が食い違っています。",
    "agent.toml and the stated allowed sources contradict each other about which source is allowed.",
)
_NOT_TOGETHER = Text(
    "両方の送信元から同じ分のうちに調べた組がありません。", "No pair of looks lies within one minute."
)
_STALE = Text("試験が古く、今もそうとは言えません。", "The test is too old to show what is so today.")
_REVERSED = Text(
    "許可していない送信元は接続でき、許可した送信元は接続できませんでした。向きが逆で、結果を信じられません。",
    "The source that is not allowed came through and the allowed one did not: the result contradicts what is declared.",
)
_SLOW = Text(
    "許可していない送信元の接続は受け付けられ、時間内に言葉がありませんでした。遅いだけかもしれません。",
    "The source that is not allowed got a connection and no word in time; the service may just be slow for it.",
)
_NOBODY = Text(
    "許可した送信元からも接続できないので、制限とは言えません。",
    "The allowed source was not served either, so it is no limit that keeps the other out.",
)
_UNSTEADY = Text(
    "許可した送信元の結果が一定しません（サービスが不安定）。",
    "The allowed source was served only sometimes.",
)
_ONCE = Text(
    "許可していない送信元から一度しか調べていません。", "The source that is not allowed was asked only once."
)
_ONE_ORDER = Text(
    "許可した送信元で前と後の両方を確かめた組がありません。",
    "The allowed source was not served both before and after.",
)
_NO_CONTROL = Text(
    "許可していない送信元がその網の何かに届くことを確かめられず、無応答が制限によるとは言えません。",
    "The source that is not allowed was not shown to reach anything there, so its silence proves no limit.",
)
_MAC_NOT_TESTED = Text(
    "登録していない MAC での試験はしていません。", "No test with an unlisted MAC was made."
)
_MAC_OPEN = Text(
    "登録していない MAC からも届きました。MAC による制限はこの場所では効いていません。",
    "A card with an unlisted MAC got through: no limit of MACs works at this place.",
)
_MAC_NO_OWN = Text(
    "同じアドレスで登録した MAC から接続できた結果が同じ分になく、MAC のためとは言えません。",
    "The same address with a listed MAC was not served in the same minute, so the MAC is not shown to be the reason.",
)
_MAC_LIMITED = Text(
    "同じアドレスで、登録した MAC からは接続でき、登録していない MAC からは接続できませんでした。",
    "From the same address a listed MAC was served and an unlisted MAC was not.",
)
_MAC_NOTHING = Text(
    "登録していない MAC からは何にも届きません。制限によるのか、調べる側の機械が別の MAC を運べないのかは分かりません。",
    "An unlisted MAC reaches nothing: a limit, or our machine cannot carry a second MAC. It cannot be told.",
)
