# SPDX-License-Identifier: Apache-2.0
"""Which addresses are counted as one device in a scan, and which never."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from agent.devices import MOST_TOGETHER, Devices, Mark, marks_of
from agent.pace import Pace
from agent.watch import STOPPED, TOGETHER, Brakes
from probes.facts import Fact, FactKind, Observation, Outcome

NOW = datetime(2026, 11, 30, 22, 0, tzinfo=UTC)
KEY = "ssh-ed25519 SHA256:abc"
LEFT, RIGHT, THIRD = "10.1.0.1", "10.2.0.1", "10.3.0.1"


@dataclass
class Stands:
    """Each /16 is a link."""

    macs: dict[str, str] = field(default_factory=dict)

    def link_of(self, address: str) -> str:
        return ".".join(address.split(".")[:2])

    def mac_of(self, address: str) -> str:
        return self.macs.get(address, "")


def known(cards: dict[str, str]) -> Devices:
    devices = Devices(Pace(10, 1000, 0.2, 120), Stands(cards))
    for address in cards:
        devices.met(address)
    return devices


def card(number: int) -> str:
    return f"00:1b:17:00:00:{number:02x}"


def ssh(address: str, key: str = KEY) -> Observation:
    return seen(address, "ssh", Fact(FactKind.SSH_HOST_KEY, key))


def engine(address: str, *, up: int, later: int = 0, boots: int = 4, id: str = "80001f8801") -> Observation:
    facts = (
        Fact(FactKind.SNMP_ENGINE_ID, id),
        Fact(FactKind.SNMP_ENGINE_BOOTS, str(boots)),
        Fact(FactKind.SNMP_ENGINE_TIME, str(up)),
    )
    return seen(address, "snmpv3", *facts, later=later)


def seen(address: str, probe: str, *facts: Fact, later: int = 0) -> Observation:
    at = NOW + timedelta(seconds=later)
    return Observation(
        scan="s", vantage="v", at=at, probe=probe, address=address, outcome=Outcome.ANSWERED, facts=facts
    )


def test_a_router_with_a_foot_in_three_networks_is_one_device_as_soon_as_it_shows_its_key() -> None:
    devices = known({LEFT: card(1), RIGHT: card(2), THIRD: card(3)})
    devices.pace.settle(LEFT, 0, 40, 1.0)
    devices.pace.settle(RIGHT, 0, 40, 1.0)
    devices.heard(ssh(LEFT))
    assert not one(devices, LEFT, RIGHT)
    devices.heard(ssh(RIGHT))
    devices.heard(ssh(THIRD))
    assert one(devices, LEFT, RIGHT, THIRD)
    assert devices.pace.spent(THIRD) == 80
    assert devices.pace.wait(THIRD, 41, 9.0) == float("inf")


def lists(address: str, *own: tuple[str, str]) -> Observation:
    """A device's own table of cards and addresses, read with a credential."""
    cards = [
        Fact(FactKind.INTERFACE, f"{n} Gigabit 0/{n} {mac} 1000 up") for n, (_, mac) in enumerate(own, 1)
    ]
    addresses = [Fact(FactKind.INTERFACE_ADDRESS, f"{n} {ip}/24") for n, (ip, _) in enumerate(own, 1)]
    return seen(address, "snmp", *cards, *addresses)


def test_a_device_that_lists_its_cards_is_one_before_the_others_are_asked() -> None:
    devices = known({LEFT: card(1), RIGHT: card(2), THIRD: card(3), "10.4.0.1": card(4)})
    devices.heard(lists(LEFT, (LEFT, card(1)), (RIGHT, card(2)), (THIRD, card(9)), ("10.4.0.1", "-")))
    assert one(devices, LEFT, RIGHT)
    assert not one(devices, LEFT, THIRD), "another card has this address here"
    assert not one(devices, LEFT, "10.4.0.1")


def test_a_list_joins_no_two_cards_of_one_link_and_no_card_that_wanders() -> None:
    wanders = "00:00:5e:00:01:01"
    devices = known({"10.1.0.7": card(1), "10.1.0.8": card(2), RIGHT: wanders})
    devices.heard(lists("10.1.0.7", ("10.1.0.8", card(2)), (RIGHT, wanders)))
    assert not one(devices, "10.1.0.7", "10.1.0.8")
    assert not one(devices, "10.1.0.7", RIGHT)


def names_itself(address: str, name: str, *own: str, probe: str = "nbns") -> Observation:
    return seen(address, probe, Fact(FactKind.NAME, name), *(Fact(FactKind.ADDRESS, ip) for ip in own))


def test_two_addresses_that_call_each_other_their_own_under_one_name_are_one_device() -> None:
    devices = known({LEFT: card(1), RIGHT: ""})  # the second one stands behind a router
    devices.heard(names_itself(LEFT, "PC-7", LEFT, RIGHT))
    assert not one(devices, LEFT, RIGHT), "one word is not enough"
    devices.heard(names_itself(RIGHT, "pc-7", RIGHT, LEFT))
    assert one(devices, LEFT, RIGHT)


@pytest.mark.parametrize(
    "says",
    [
        names_itself(RIGHT, "PC-8", RIGHT, LEFT),  # another machine
        names_itself(RIGHT, "PC-7", RIGHT),  # a clone, which has one card
        names_itself(RIGHT, "PC-7", RIGHT, LEFT, probe="https"),  # no list of its own addresses
        names_itself(RIGHT, "PC-7", LEFT, *(f"10.9.0.{n}" for n in range(MOST_TOGETHER))),
    ],
)
def test_less_than_that_joins_nobody(says: Observation) -> None:
    devices = known({LEFT: card(1), RIGHT: card(2)})
    devices.heard(names_itself(LEFT, "PC-7", LEFT, RIGHT))
    devices.heard(says)
    assert not one(devices, LEFT, RIGHT)


def test_host_only_networks_with_one_number_join_nobody_on_one_link() -> None:
    devices = known({"10.1.0.7": card(1), "10.1.0.8": card(2)})
    devices.heard(names_itself("10.1.0.7", "PC", "10.1.0.7", "10.1.0.8"))
    devices.heard(names_itself("10.1.0.8", "PC", "10.1.0.7", "10.1.0.8"))
    assert not one(devices, "10.1.0.7", "10.1.0.8")


def test_a_card_is_known_again_by_what_it_showed_at_an_earlier_scan() -> None:
    devices = known({LEFT: card(1), RIGHT: card(2)})
    devices.met(LEFT, [Mark("ssh", KEY)])
    devices.met(RIGHT, [Mark("ssh", KEY)])
    assert one(devices, LEFT, RIGHT)


def test_the_same_engine_counts_from_the_same_moment() -> None:
    devices = known({LEFT: card(1), RIGHT: card(2), THIRD: card(3), "10.4.0.1": card(4)})
    devices.heard(engine(LEFT, up=100_000))
    devices.heard(engine(RIGHT, up=100_061, later=60))
    devices.heard(engine(THIRD, up=90_000, later=60))  # a clone that was started later
    devices.heard(engine("10.4.0.1", up=100_060, later=60, boots=5))
    assert one(devices, LEFT, RIGHT)
    assert not one(devices, LEFT, THIRD)
    assert not one(devices, LEFT, "10.4.0.1")


def test_clones_of_one_image_on_one_link_are_two_machines() -> None:
    devices = known({"10.1.0.7": card(1), "10.1.0.8": card(2), RIGHT: card(3)})
    for address in ("10.1.0.7", "10.1.0.8", RIGHT):
        devices.heard(ssh(address))
    assert not one(devices, "10.1.0.7", "10.1.0.8")
    assert not one(devices, "10.1.0.8", RIGHT)


def test_an_engine_that_a_whole_link_shows_joins_nobody_there() -> None:
    devices = known({"10.1.0.7": card(1), "10.1.0.8": card(2)})
    devices.heard(engine("10.1.0.7", up=50))
    devices.heard(engine("10.1.0.8", up=50))
    assert not one(devices, "10.1.0.7", "10.1.0.8")


def test_hosts_behind_a_router_with_one_key_are_not_one() -> None:
    devices = known({"10.9.0.7": "", "10.9.0.8": ""})
    devices.heard(ssh("10.9.0.7"))
    devices.heard(ssh("10.9.0.8"))
    assert not one(devices, "10.9.0.7", "10.9.0.8")


@pytest.mark.parametrize(
    "shared", ["00:00:5e:00:01:01", "00:00:0c:07:ac:01", "02:bf:0a:01:00:01", "06:11:22:33:44:55"]
)
def test_a_card_that_anybody_may_have_joins_nothing_over_links(shared: str) -> None:
    devices = known({LEFT: shared, RIGHT: shared, "10.1.0.2": shared})
    assert not one(devices, LEFT, RIGHT)
    assert one(devices, LEFT, "10.1.0.2")  # but on one link only one box has it at a time


def test_a_card_of_a_maker_is_one_device_on_every_link() -> None:
    assert one(known({LEFT: card(1), RIGHT: card(1)}), LEFT, RIGHT)


def test_the_router_that_holds_a_virtual_address_is_counted_with_it() -> None:
    devices = known({"10.1.0.2": card(1), LEFT: "00:00:5e:00:01:01", "10.1.0.3": card(2)})
    devices.heard(ssh("10.1.0.2"))
    devices.heard(ssh(LEFT))
    assert one(devices, "10.1.0.2", LEFT)
    assert not one(devices, "10.1.0.3", LEFT)


def test_a_key_that_the_factory_gave_to_all_does_not_make_one_device_of_a_fleet() -> None:
    cards = {f"10.{n}.0.1": card(n) for n in range(1, 30)}
    devices = known(cards)
    for address in cards:
        devices.heard(ssh(address))
    sizes = [sum(one(devices, a, b) for b in cards) for a in cards]
    assert max(sizes) <= MOST_TOGETHER + 1
    assert sizes.count(1) >= 29 - MOST_TOGETHER - 1


def test_equal_addresses_on_two_sides_share_nothing() -> None:
    pace = Pace(10, 1000, 0.2, 120)
    main = Devices(pace, Stands({LEFT: card(1)}))
    side = Devices(pace, Stands({LEFT: card(1)}), "{}%eth1".format)
    for devices in (main, side):
        devices.met(LEFT)
        devices.heard(ssh(LEFT))
    pace.settle(main.same(LEFT), 0, 70, 1.0)
    assert pace.spent(side.same(LEFT)) == 0


def test_nothing_said_is_no_mark() -> None:
    assert list(marks_of(seen(LEFT, "ssh"))) == []
    assert list(marks_of(engine(LEFT, up=0, boots=0))) == []  # it counts nothing


def test_a_device_in_trouble_is_let_go_at_its_other_address() -> None:
    devices, brakes = known({LEFT: card(1), RIGHT: card(2)}), Brakes()
    brakes.let_go(LEFT, STOPPED)
    assert brakes.lets_go(LEFT, devices.same) == STOPPED
    assert brakes.lets_go(RIGHT, devices.same) == ""
    devices.heard(ssh(LEFT))
    devices.heard(ssh(RIGHT))
    assert brakes.lets_go(RIGHT, devices.same) == TOGETHER  # of itself nothing was seen to stop


def one(devices: Devices, *addresses: str) -> bool:
    return len({devices.same(address) for address in addresses}) == 1


def test_what_is_shown_again_and_again_is_no_fleet() -> None:
    addresses = [f"10.{n}.0.1" for n in range(61, 65)]
    devices = known({address: card(n) for n, address in enumerate(addresses)})
    for _ in range(5):
        for address in addresses[:3]:
            devices.heard(ssh(address))
    devices.heard(ssh(addresses[3]))
    assert len({devices.same(address) for address in addresses}) == 1
