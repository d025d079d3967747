# SPDX-License-Identifier: Apache-2.0
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.oui import are_neighbours, is_random, maker_of, virtual_kind


@pytest.mark.parametrize(
    ("mac", "maker"),
    [
        ("00:a0:de:12:34:56", "Yamaha Corporation"),
        ("00-A0-DE-12-34-56", "Yamaha Corporation"),
        ("00a0.de12.3456", "Yamaha Corporation"),
        ("00:1b:c5:00:20:05", "GORAMO - Janusz Gorecki"),  # a 36-bit block
        ("00:50:c2:00:10:05", "JMBS Developpements"),
        ("01:00:5e:00:00:fb", None),  # group
        ("02:42:ac:11:00:02", None),  # locally administered
        ("ff:ff:ff:ff:ff:ff", None),
        ("00:a0:de", None),
        ("no mac at all", None),
        ("", None),
    ],
)
def test_maker(mac: str, maker: str | None) -> None:
    assert maker_of(mac) == maker


def test_every_block_size_of_the_registry_is_read() -> None:
    from probes.oui import registry

    for bits in (28, 36):
        line = next(x for x in registry().decode().splitlines() if f"/{bits}\t" in x)
        block, _, name = line.partition(f"/{bits}\t")
        assert maker_of(block) == name.strip()


@pytest.mark.parametrize(
    ("mac", "kind", "random"),
    [
        ("00:00:5e:00:01:0a", "vrrp", False),
        ("00:00:0c:07:ac:01", "hsrp", False),
        ("00:0c:29:01:02:03", "vmware", False),
        ("00:15:5d:01:02:03", "hyper-v", False),
        ("02:42:ac:11:00:02", "docker", False),
        ("52:54:00:01:02:03", "qemu", False),
        ("da:a1:19:01:02:03", None, True),
        ("00:a0:de:12:34:56", None, False),
        ("ff:ff:ff:ff:ff:ff", None, False),
        ("junk", None, False),
    ],
)
def test_addresses_that_nobody_made(mac: str, kind: str | None, random: bool) -> None:
    assert virtual_kind(mac) == kind
    assert is_random(mac) is random


@given(st.one_of(st.text(max_size=40), st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))))
def test_never_raises(mac: str) -> None:
    maker = maker_of(mac)
    assert maker is None or maker
    assert not (is_random(mac) and maker)


def test_a_thousand_makers_are_found_quickly() -> None:
    maker_of("00:a0:de:00:00:00")
    began = time.process_time()
    for number in range(1000):
        maker_of(f"00:a0:de:00:{number >> 8:02x}:{number & 255:02x}")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("b8:2a:72:00:00:0a", "b8:2a:72:00:00:0d", True),
        ("b8:2a:72:00:00:0a", "B8-2A-72-00-00-09", True),
        ("b8:2a:72:00:00:0a", "b8:2a:72:00:00:0a", False),
        ("b8:2a:72:00:00:0a", "b8:2a:72:00:00:0e", False),
        ("b8:2a:72:ff:ff:ff", "b8:2a:73:00:00:00", False),
        ("ba:2a:72:00:00:0a", "ba:2a:72:00:00:0b", False),
        ("00:00:5e:00:01:0a", "00:00:5e:00:01:0b", False),
        ("00:50:56:00:00:0a", "00:50:56:00:00:0b", False),
        ("", "x", False),
    ],
)
def test_ports_of_one_card_are_neighbours(one: str, other: str, near: bool) -> None:
    assert are_neighbours(one, other) is are_neighbours(other, one) is near
