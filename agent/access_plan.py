# SPDX-License-Identifier: Apache-2.0
"""What one access test does, in order. Pure.

For each port: allowed, then the not allowed source twice with its control between, then allowed
again. So the allowed source works before and after, and each order (allowed first, not allowed
first) stands once. With a MAC made for the test the same follows for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.access_settings import AccessSection

ALLOWED, NOT_ALLOWED, UNLISTED_MAC = "allowed", "not_allowed", "unlisted_mac"
ALONE_ROUNDS, ALONE_PAUSE = (
    3,
    12.0,
)  # one half alone: so often, seconds apart, so that the other half falls between
ADDRESS_PROBES = 3  # RFC 5227 §1.1, PROBE_NUM
MOST_LOOK = 12  # packets of one look: handshake, one question with TLS, full close
MOST_KERNEL = 4  # packets of our kernel's own neighbour questions and answers, per source


@dataclass(frozen=True, slots=True)
class Block:
    """What is asked from one source without a break: `looks` looks, and the control after the first."""

    role: str
    looks: int
    control: bool


def blocks(section: AccessSection) -> tuple[Block, ...]:
    """Give the blocks for one port, in order."""
    return tuple(_blocks(section))


def _blocks(section: AccessSection) -> Iterator[Block]:
    if section.part == "both":
        yield Block(ALLOWED, 1, control=False)
    for role in _tested(section):
        yield Block(role, 2, control=True)
        if section.part == "both":
            yield Block(ALLOWED, 1, control=False)


def _tested(section: AccessSection) -> Iterator[str]:
    if section.make_address or not section.make_mac:
        yield NOT_ALLOWED
    if section.make_mac:
        yield UNLISTED_MAC


def is_alone(section: AccessSection) -> bool:
    """Whether only one half is made here, in rounds, for another agent's half to fall between."""
    return section.part != "both" and not section.makes


def looks(section: AccessSection) -> int:
    """Count the connections to one port."""
    if is_alone(section):
        return ALONE_ROUNDS
    return sum(block.looks for block in blocks(section))


def most_packets(section: AccessSection) -> int:
    """Most packets that the device receives from the whole section, pings and kernel frames included."""
    controls = sum(block.control for block in blocks(section))
    sources = 1 + controls
    return len(section.ports) * (looks(section) * MOST_LOOK + controls) + sources * MOST_KERNEL
