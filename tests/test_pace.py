# SPDX-License-Identifier: Apache-2.0
"""The pacer on a clock of the test's own: no window of any second ever holds more than its limit."""

import math
import random
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ahead import most_ahead
from agent.pace import Limit, Pace, kept_for_kernel

SECOND = 1.0


def most_in_a_second(stamps: list[float]) -> int:
    """Largest number of stamps in any half-open second."""
    stamps = sorted(stamps)
    most = first = 0
    for last, stamp in enumerate(stamps):
        while stamps[first] <= stamp - SECOND:
            first += 1
        most = max(most, last - first + 1)
    return most


class Drive:
    """Runs random exchanges against a pace; packets leave at random moments inside each exchange."""

    def __init__(self, pace: Pace, seed: int) -> None:
        self.pace, self.random, self.now = pace, random.Random(seed), 0.0
        self.left: dict[str, list[float]] = defaultdict(list)
        self.running: list[tuple[float, str, int, int]] = []  # end, host, reserved, really left
        self.refused = 0

    def finish_until(self, moment: float) -> None:
        self.running.sort()
        while self.running and self.running[0][0] <= moment:
            end, host, reserved, left = self.running.pop(0)
            self.now = max(self.now, end)
            self.pace.settle(host, reserved, left, self.now, connected=True)
        self.now = max(self.now, moment)

    def exchange(self, host: str, reserved: int) -> None:
        busy = [end for end, other, *_ in self.running if other == host]
        if busy:  # one connection per host at a time
            self.finish_until(max(busy))
        for _ in range(10_000):
            wait = self.pace.wait(host, reserved, self.now, connecting=True)
            if math.isinf(wait):
                self.refused += 1
                return
            if wait == 0:
                break
            self.finish_until(self.now + wait)
        else:
            raise AssertionError("the pace never lets this exchange begin")
        self.pace.reserve(host, reserved)
        left = self.random.randint(0, reserved)
        length = self.random.choice((0.0, 0.001, 0.05, 0.9, 3.0))
        self.left[host] += [self.now + self.random.random() * length for _ in range(left)]
        self.running.append((self.now + length, host, reserved, left))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    per_host=st.integers(6, 12),
    whole=st.integers(20, 60),
    per_segment=st.integers(12, 40),
    hosts=st.integers(1, 12),
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=120),
)
def test_no_second_holds_more_than_its_limit(
    seed: int, per_host: int, whole: int, per_segment: int, hosts: int, sizes: list[int]
) -> None:
    drive = Drive(Pace(per_host, whole, 0.2, 10_000, per_segment), seed)
    segments: dict[str, list[float]] = defaultdict(list)
    for number in range(hosts):
        drive.pace.stand(f"h{number}", f"s{number % 3}")
    for size in sizes:
        drive.exchange(f"h{drive.random.randrange(hosts)}", size)
    for host, stamps in drive.left.items():
        segments[f"s{int(host[1:]) % 3}"] += stamps
    assert all(most_in_a_second(stamps) <= per_host for stamps in drive.left.values())
    assert all(most_in_a_second(stamps) <= per_segment for stamps in segments.values())
    assert most_in_a_second([s for stamps in drive.left.values() for s in stamps]) <= whole


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), budget=st.integers(6, 40))
def test_the_budget_of_a_scan_is_never_exceeded(seed: int, budget: int) -> None:
    drive = Drive(Pace(10, 1000, 0.2, budget), seed)
    for _ in range(40):
        drive.exchange("h", 5)
    drive.finish_until(drive.now + 10)
    assert len(drive.left["h"]) <= budget
    assert drive.refused


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), budget=st.integers(8, 120), restarts=st.booleans())
def test_the_budget_holds_with_all_that_the_kernel_sends_by_itself(
    seed: int, budget: int, restarts: bool
) -> None:
    kept = kept_for_kernel(budget, seen=True)
    drive = Drive(Pace(10, 1000, 0.2, budget, kept=kept), seed)
    kernels = owes = 0  # what it sent, and what it may send until the next exchange
    for turn in range(40):
        before = drive.refused
        drive.exchange("h", 3)
        drive.finish_until(drive.now + 10)
        owes = kept if drive.refused == before else owes
        sends = drive.random.randint(0, owes)
        kernels, owes = kernels + sends, owes - sends
        drive.pace.settle("h", 0, sends, drive.now)
        if restarts and turn == 5:  # what the kernel sent since the last exchange was not written down
            drive.pace = Pace(10, 1000, 0.2, budget, kept=kept)
            drive.pace.spend("h", len(drive.left["h"]) + kernels - sends + kept)
    assert len(drive.left["h"]) + kernels <= budget
    assert drive.refused


def test_a_gateway_keeps_more_for_the_kernel_whatever_it_is_united_with() -> None:
    pace = Pace(10, 1000, 0.2, 120, kept=6)
    pace.leads_on("10.0.0.1")
    assert (pace.affords("10.0.0.1", 97), pace.affords("10.0.0.1", 96)) == (False, True)
    pace.unite("10.0.0.1", "10.9.0.1")
    assert (pace.affords("10.9.0.1", 97), pace.affords("10.9.0.1", 96)) == (False, True)
    assert pace.affords("10.0.0.2", 114)
    small = Pace(10, 1000, 0.2, 20, kept=5)
    small.leads_on("10.0.0.1")
    assert small.affords("10.0.0.1", 10)


def test_a_segment_has_a_limit_of_its_own_and_a_budget_lasts_over_a_restart() -> None:
    pace = Pace(10, 1000, 0.2, 120, 12)
    for host in ("a", "b"):
        pace.stand(host, "10.0.0.0/24")
    pace.settle("a", 0, 8, 1.0)
    assert pace.wait("b", 8, 1.1) > 0
    assert pace.wait("elsewhere", 8, 1.1) == 0.0
    pace.spend("b", 118)
    assert math.isinf(pace.wait("b", 3, 9.0))
    assert pace.wait("b", 2, 9.0) == 0.0


def test_an_address_asked_from_another_segment_counts_there() -> None:
    pace = Pace(10, 1000, 0.2, 120, 12)
    for host, segment in (("outside", "10.0.0.0/24"), ("a", "10.0.0.0/24"), ("b", "10.0.1.0/24")):
        pace.stand(host, segment)
    pace.ask_from("outside", "10.0.1.0/24")
    pace.reserve("outside", 8)
    assert pace.wait("b", 8, 1.0) > 0
    pace.settle("outside", 8, 4, 1.0)
    assert pace.wait("b", 8, 1.0) == pace.wait("a", 10, 1.0) == 0.0
    assert pace.wait("b", 9, 1.0) > 0


def test_an_idle_host_is_asked_at_once_and_a_busy_one_waits_for_the_window() -> None:
    limit = Limit(10)
    assert limit.wait(10, 5.0) == 0.0
    limit.settle(0, 10, 5.0)
    assert 0.99 < limit.wait(1, 5.0) < 1.1
    assert limit.wait(1, 6.1) == 0.0
    assert math.isinf(limit.wait(11, 7.0))


def test_connections_to_one_host_keep_their_distance() -> None:
    pace = Pace(10, 1000, 0.2, 120)
    pace.reserve("h", 3)
    pace.settle("h", 3, 3, 1.0, connected=True)
    assert 0.15 < pace.wait("h", 3, 1.01, connecting=True) <= 0.2
    assert pace.wait("other", 3, 1.01, connecting=True) == 0.0


def test_two_addresses_of_one_device_share_its_limits_and_its_budget() -> None:
    pace = Pace(10, 1000, 0.2, 30)
    pace.reserve("10.0.0.1", 4)  # an exchange is under way when the device becomes known
    pace.settle("10.0.0.2", 0, 5, 1.0, connected=True)
    pace.join("10.0.0.1", "mac")
    pace.join("10.0.0.2", "mac")
    assert pace.wait("10.0.0.1", 1, 1.5) == 0.0
    assert pace.wait("10.0.0.2", 2, 1.5) > 0  # 5 left, 4 reserved: one more at most
    assert pace.wait("10.0.0.2", 1, 1.1, connecting=True) > 0
    pace.settle("10.0.0.1", 4, 4, 1.6, connected=True)
    assert pace.spent("10.0.0.1") == pace.spent("10.0.0.2") == pace.spent("mac") == 9
    assert pace.wait("10.0.0.1", 10, 9.0) == 0.0  # nothing stays reserved
    assert math.isinf(pace.wait("10.0.0.1", 22, 9.0))


def test_payload_has_a_limit_of_its_own_which_addresses_of_a_device_share() -> None:
    pace = Pace(10, 1000, 0.2, 120, payload=100)
    assert pace.say("10.0.0.1", 60)
    assert pace.say("10.0.0.2", 30)
    pace.join("10.0.0.1", "mac")
    pace.join("10.0.0.2", "mac")
    assert not pace.say("10.0.0.2", 11)
    assert pace.say("10.0.0.1", 10)
    assert pace.say("elsewhere", 100)


def test_one_connection_to_a_device_stands_at_a_time_at_whatever_address() -> None:
    pace = Pace(10, 1000, 0.2, 120)
    pace.reserve("10.0.0.1", 3, connecting=True)
    pace.reserve("10.9.0.1", 3, connecting=True)  # before anybody knew that they are one
    pace.unite("10.0.0.1", "10.9.0.1")
    assert pace.wait("10.0.0.1", 3, 1.0) == 0.0  # a datagram may leave
    assert pace.wait("10.0.0.1", 3, 1.0, connecting=True) > 0
    pace.settle("10.9.0.1", 3, 3, 1.0, connected=True)
    assert pace.wait("10.9.0.1", 3, 5.0, connecting=True) > 0  # the other one still stands
    pace.settle("10.0.0.1", 3, 3, 6.0, connected=True)
    assert 0.15 < pace.wait("10.9.0.1", 3, 6.01, connecting=True) <= 0.2
    assert pace.wait("10.9.0.1", 3, 8.0, connecting=True) == 0.0


def test_a_device_that_changes_its_card_in_a_scan_keeps_its_count() -> None:
    pace = Pace(10, 1000, 0.2, 30)
    pace.settle("10.0.0.1", 0, 7, 1.0)
    pace.join("10.0.0.1", "a")
    pace.join("10.0.0.1", "b")
    assert pace.spent("10.0.0.1") == 7
    assert pace.spent("b") == 0


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_whoever_goes_on_after_kills_counts_at_least_what_left(seed: int, lives: int) -> None:
    """Random exchanges and writings, killed anywhere: the next life begins with what is on the disk, and knows enough."""
    rng, addresses = random.Random(seed), ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    left, written = Counter[str](), Counter[str]()
    going: dict[str, int] = {}
    for life in range(lives):
        pace = Pace(9, 1000, 0.0, 120, kept=6)
        pace.ahead.most = most_ahead(9, 120)
        pace.lost = life * pace.ahead.most
        for address in addresses:
            pace.spend(address, written[address])
            pace.spend(address, max(0, going.get(address, 0) - (pace.spent(address) - pace.lost)))
            assert pace.spent(address) >= left[address]
        pace.ahead.begin(lambda _: 0)
        pace.ahead.end()
        open_, lines, now = dict[str, int](), Counter[str](), 0.0
        kept: tuple[Counter[str], dict[str, int]] | None = None
        for _ in range(rng.randrange(60)):
            address, now = rng.choice(addresses), now + rng.random() / 3
            wants = rng.randint(1, 6)
            if address in open_:
                reserved = open_.pop(address)
                sent = rng.randint(0, reserved)
                left[address] += sent
                pace.settle(address, reserved, sent, now)
                lines[address] += sent  # the journal's line, on the disk after the next writing
            elif pace.wait(address, wants, now) == 0.0:
                pace.reserve(address, wants)
                open_[address] = wants
            if rng.random() < 0.2 and kept is None:
                hosts = {
                    one: pace.spent(one) - pace.lost for one in addresses[:2]
                }  # the third is only looked for
                pace.begin_keeping(hosts)
                kept, lines = (Counter(lines), hosts), Counter[str]()
            elif rng.random() < 0.3 and kept is not None:
                written, going, kept = written + kept[0], going | kept[1], None
                pace.ahead.end()
        for address, reserved in open_.items():  # the kill: what was under way may have left whole
            left[address] += reserved
    assert max(left.values(), default=0) <= 120


def test_nothing_more_leaves_for_a_host_of_which_too_little_is_on_the_disk() -> None:
    pace = Pace(9, 1000, 0.0, 120)
    pace.ahead.most = 9
    pace.reserve("10.0.0.1", 5)
    pace.settle("10.0.0.1", 5, 5, 0.0)
    assert pace.wait("10.0.0.1", 5, 60.0) > 0
    assert pace.wait("10.0.0.1", 4, 60.0) == 0
    assert pace.wait("10.0.0.2", 9, 60.0) == 0
    assert pace.ahead.called
    pace.begin_keeping(["10.0.0.1"])
    assert pace.wait("10.0.0.1", 5, 60.0) > 0  # it is being written, not written
    pace.ahead.end()
    assert pace.wait("10.0.0.1", 5, 60.0) == 0
    pace.say("10.0.0.1", 1024)
    assert pace.wait("10.0.0.1", 1, 60.0) > 0
