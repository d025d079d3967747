# SPDX-License-Identifier: Apache-2.0
"""What may be let go, and when: pure. Without a rule everything is kept for good.

- Transcripts: what was said word for word. The observation with its facts stays, only its transcript goes.
- Confirmations: of observations that say the same of one question, the first and the last of every month stay,
  and so does whatever stands between different answers.
- The journal: what we sent, but for the scans that devices were last seen in.

Never let go is what something stands on: signed answers and releases (pins), the observation that a device's number
hangs on, and every observation that a value of the ledger rests on today.
"""

from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from inventory_db.decided import Decision
from inventory_db.device import Device
from inventory_db.evidence import rests_on
from inventory_db.identify import identify
from inventory_db.observations import Stored, microseconds
from probes.facts import Vantage

LEAST = timedelta(days=30)  # no rule lets go of anything younger

_TRIES = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """How long each kind is kept; None: for good."""

    transcripts: timedelta | None = None
    confirmations: timedelta | None = None
    journal: timedelta | None = None

    @property
    def keep_all(self) -> bool:
        """Whether there is no rule at all."""
        return self == Rules()


def repeats(seen: Iterable[Stored], before: datetime, kept: Container[str] = ()) -> Iterator[str]:
    """Give the ids of observations made before `before` that only repeat what stands before and after them.

    `seen` comes oldest first. Memory grows with the number of questions asked, not with how often.
    """
    limit = microseconds(before)
    last: dict[
        Hashable, tuple[Hashable, str, bool]
    ] = {}  # question → answer and month, id, whether it was the first
    for one in seen:
        question, answer = (
            (one.vantage, one.probe, one.address, one.network, one.port, one.transport),
            _answer(one),
        )
        then = last.get(question)
        same = then is not None and then[0] == answer
        if then and same and not then[2] and then[1] not in kept and microseconds(one.at) < limit:
            yield then[1]
        last[question] = (answer, one.id, not same)


def harmless(
    every: Sequence[Stored],
    stood: Sequence[Vantage],
    before: datetime,
    kept: Container[str] = (),
    decisions: Sequence[Decision] = (),
) -> set[str]:
    """Give those repeats without which the devices are derived exactly as with them, the observations cited included.

    That is tried out, not believed: where a device would be another, its own observations all stay, and where that
    does not settle it, everything stays. Deriving takes as long as `identify`, two to four times.
    """
    ids = set(repeats(every, before, kept))
    whole = identify(every, stood, decisions) if ids else ()
    for _ in range(_TRIES):
        rest = [one for one in every if one.id not in ids]
        different = changed(whole, identify(rest, stood, decisions)) if ids else []
        if not different:
            return ids
        ids -= {id for device in different for id in device.observations}
    return set()


def _answer(one: Stored) -> Hashable:
    month = one.at.year, one.at.month
    return month, one.mac, one.outcome, one.reason, one.facts


def changed(before: Sequence[Device], after: Sequence[Device]) -> list[Device]:
    """Give those devices of `before` that are another in anything but which observations show them."""
    found = {one.id: replace(one, observations=()) for one in after}
    different = [one for one in before if found.get(one.id) != replace(one, observations=())]
    return different if different or len(before) == len(after) else list(before)


def stands_on(devices: Iterable[Device]) -> set[str]:
    """Give the ids of every observation that a value of these devices rests on."""
    found: set[str] = set()
    for device in devices:
        found |= {device.anchor, device.shown_by} - {""}
        found.update(id for _, ids in rests_on(device) for id in ids)
        found.update(id for weakness in device.weaknesses for id in weakness.observations)
    return found
