# SPDX-License-Identifier: Apache-2.0
"""Observations taken up batch by batch, in whatever order, give the same as all at once; nights alike are passed over."""

import random
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from inventory_db.digest import Digest, add
from inventory_db.identify import derive
from inventory_db.observations import Stored, as_stored
from probes.facts import Observation, Outcome
from tests.inventory_cases import VANTAGES, arp, seen

CARDS = ("b8:2a:72:00:00:0a", "b8:2a:72:00:00:0b", "00:16:3e:00:00:0c", "00:00:5e:00:01:07")
ADDRESSES = ("10.1.0.5", "10.1.0.6", "10.2.0.5", "10.2.0.7")
NIGHT = 1440  # minutes


def answers(address: str, card: str, minute: int, scan: str) -> list[Observation]:
    """Everything that one host may say in one night."""
    asked: dict[str, Any] = {"scan": scan}

    def told(order: int, probe: str, **given: Any) -> Observation:
        return seen(address, minute=minute + order, probe=probe, **(asked | given))

    return [
        arp(address, card, minute=minute, **asked),
        told(1, "ssh", port=22, SERVICE="ssh", SSH_HOST_KEY=f"k{card[-1]}", NAME=f"PC{card[-1]}"),
        told(2, "plan", outcome=Outcome.HELD_BACK, reason="fragile: x"),
        told(2, "ports", outcome=Outcome.SILENT, PORTS="22 443"),
        told(3, "http", port=80, SERVICE="http", HTTP_COOKIE=f"session={minute}", HTTP_TITLE="Device"),
        told(4, "snmpv3", port=161, transport="udp", SNMP_ENGINE_ID="80aa", SNMP_ENGINE_BOOTS="3",
             SNMP_ENGINE_TIME=str(60 * minute + 1000)),
        told(5, "ssh", port=22, outcome=Outcome.REFUSED, reason="connection refused"),
        told(5, "nbns", port=137, transport="udp", NAME=f"PC{card[-1]}", ADDRESS="10.2.0.5", NETBIOS_MAC=card),
        told(6, "snmp_tables", port=161, transport="udp", SERVICE="snmp",
             NEIGHBOUR=[f"10.2.0.7 {card}", f"10.9.0.{minute // NIGHT % 3} {CARDS[2]}"], SNMP_UPTIME=str(minute)),
        told(7, "snmp_tables", port=161, transport="udp", SERVICE="snmp", SWITCH_PORT=f"{CARDS[0]} {minute // NIGHT % 2 + 3}"),
        told(8, "dns_heard", transport="heard", mac=card, REMOTE_PATH="remote_tool", PRODUCT="AnyDesk"),
        seen("10.2.0.7", minute=minute + 9, probe="ports", outcome=Outcome.SILENT, **asked),
    ]  # fmt: skip


KINDS = len(answers("10.1.0.5", CARDS[0], 0, "s"))
told = st.tuples(
    st.integers(0, 8),  # night
    st.integers(0, 2),  # hours later
    st.sampled_from(ADDRESSES),
    st.sampled_from(CARDS),
    st.sets(st.integers(0, KINDS - 1), min_size=1, max_size=3),
)
history = st.lists(told, max_size=25)


def written(told: list[Any]) -> list[Stored]:
    found = []
    for night, hours, address, card, chosen in told:
        every = answers(address, card, night * NIGHT + 60 * hours, f"s{night}")
        found += [every[index] for index in chosen]
    return [as_stored(one) for one in found]


def taken_up(batches: list[list[Stored]], pinned: tuple[str, ...] = ()) -> tuple[Digest, int]:
    """Take up batch by batch; start again from everything where something came that contradicts what was passed over."""
    digest, known, again = Digest(), [], 0
    for batch in batches:
        known += batch
        digest = add(digest, batch, VANTAGES, pinned)
        if digest.contradiction:
            digest, again = add(Digest(), known, VANTAGES, pinned), again + 1
    return digest, again


@given(
    history,
    st.lists(st.integers(1, 12), max_size=12),
    st.sampled_from(["nights", "shuffled", "late"]),
    st.randoms(),
)
@settings(max_examples=200)
def test_batches_and_their_order_never_matter(
    told: list[Any], sizes: list[int], order: str, chance: random.Random
) -> None:
    every = sorted(written(told), key=lambda one: (one.at, one.id))
    if order == "shuffled":
        chance.shuffle(every)
    if order == "late" and every:
        every.append(every.pop(chance.randrange(len(every))))
    batches, rest = [], every
    for size in sizes:
        batches.append(rest[:size])
        rest = rest[size:]
    digest, again = taken_up([*batches, rest])
    event(f"{order}: {'again from all' if again else 'taken up'}")
    whole = add(Digest(), every, VANTAGES)
    assert [one.id for one in digest.kept] == [one.id for one in whole.kept]
    assert derive(digest, VANTAGES) == derive(whole, VANTAGES)
