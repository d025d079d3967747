# SPDX-License-Identifier: Apache-2.0
"""What a first scan of written networks would send at the most, as a value; who composes the programs works it out.

The collector knows no pace and no plan: they are the agent's. `deploy.forecast` asks the code that plans a scan.
"""

from collections.abc import Callable
from dataclasses import dataclass

from collector.verdict import Text


@dataclass(frozen=True, slots=True)
class ProfileForecast:
    """One way to ask. Packets are the most that may leave, seconds the least that they take at the limits."""

    profile: str
    questions: int  # first ones to one host, once it is known what it is
    finding_packets: int  # that look for hosts at every address
    finding_seconds: float
    host_packets: int  # to one host in one scan
    host_seconds: float
    packets: int  # with a host at every address
    seconds: float


@dataclass(frozen=True, slots=True)
class ScopeForecast:
    """The numbers for one scope, or why an agent would not take it."""

    addresses: int = 0  # that are asked
    profiles: tuple[ProfileForecast, ...] = ()
    per_second_host: int = 0
    per_second: int = 0
    uncounted: tuple[
        str, ...
    ] = ()  # IPv6 networks that are not swept: their hosts are found by what they say
    refused: Text | None = None


Forecaster = Callable[[tuple[str, ...]], ScopeForecast]
