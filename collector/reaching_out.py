# SPDX-License-Identifier: Apache-2.0
"""What each network reached of the address outside that the site named. Pure.

Something on the way may answer in its place, and silence is no proof that the way is closed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probes.facts import Observation, Outcome

_STATES = {Outcome.ANSWERED: "reached", Outcome.REFUSED: "refused", Outcome.SILENT: "silent"}


@dataclass(frozen=True, slots=True)
class Outward:
    """The last word on one network. `state`: reached, refused, silent or not_tried."""

    network: str
    address: str  # "203.0.113.5:443"
    state: str
    reason: str  # why it was not tried
    when: str  # RFC 3339
    reached_last: str  # when this very address was reached last, RFC 3339; "" for never
    observation: str

    @property
    def reached_before(self) -> str:
        """The day when it was reached last, where the last word says something else."""
        return self.reached_last[:10] if self.state != "reached" else ""


def outward_of(seen: Iterable[Observation]) -> Mapping[str, Outward]:
    """Give by network what was seen last; `seen` oldest first."""
    found: dict[str, Outward] = {}
    reached: dict[
        tuple[str, str], str
    ] = {}  # (network, address) → when last: another address says nothing of this one
    for one in seen:
        state, address = _STATES.get(one.outcome, "not_tried"), f"{one.address}:{one.port}"
        when, reason = one.at.isoformat(), one.reason if state == "not_tried" else ""
        if state == "reached":
            reached[one.network, address] = when
        last = reached.get((one.network, address), "")
        found[one.network] = Outward(one.network, address, state, reason, when, last, one.id)
    return found
