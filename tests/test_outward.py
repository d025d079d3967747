# SPDX-License-Identifier: Apache-2.0
"""What counts as a change of a device: not when it was seen, not which observation says so, not how an address was learned."""

from dataclasses import replace

import pytest

from inventory_db.device import Address, Confidence, Device, Service, Weakness
from inventory_db.outward import looks_alike
from probes.facts import Sure

ONE = Device(
    id="d",
    anchor="o1",
    addresses=(
        Address("10.1.0.5", "b8:2a:72:00:00:0a", None, "v", "ssh"),
        Address("10.1.0.6", None, None, "v", "ssh"),
    ),
    services=(Service(22, "tcp", "ssh", "OpenSSH", "9.2p1", ("o1",)),),
    weaknesses=(Weakness("telnet", 23, "tcp", "telnet", ("o2",)),),
    confidence={"os": Confidence(Sure.LIKELY, "a", "b", ("o1",))},
    first_seen="2026-01-01T00:00:00+00:00",
    last_seen="2026-01-01T00:00:00+00:00",
    last_asked="2026-01-01T00:00:00+00:00",
    observations=("o1", "o2"),
)


def test_the_next_night_of_the_same_is_no_change() -> None:
    again = replace(
        ONE,
        addresses=tuple(replace(one, how="arp", vantage="w") for one in reversed(ONE.addresses)),
        services=(replace(ONE.services[0], evidence=("o3",)),),
        weaknesses=(replace(ONE.weaknesses[0], observations=("o4",)),),
        confidence={"os": Confidence(Sure.LIKELY, "c", "d", ("o3",))},
        last_seen="2026-01-02T00:00:00+00:00",
        observations=("o1", "o3", "o4"),
        scan="s2",
    )
    assert looks_alike(ONE, again)


@pytest.mark.parametrize(
    "other",
    [
        replace(ONE, addresses=ONE.addresses[:1]),
        replace(ONE, names=("PC",)),
        replace(ONE, os="Debian"),
        replace(ONE, services=(replace(ONE.services[0], version="9.3"),)),
        replace(ONE, services=ONE.services * 2),
        replace(ONE, weaknesses=()),
        replace(ONE, confidence={"os": Confidence(Sure.GUESS, "a", "b", ("o1",))}),
        replace(ONE, answered_last=False),
        replace(ONE, location="2F"),
        replace(ONE, forwards=True),
    ],
)
def test_what_people_would_call_a_change(other: Device) -> None:
    assert not looks_alike(ONE, other)
