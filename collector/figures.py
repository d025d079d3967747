# SPDX-License-Identifier: Apache-2.0
"""Figures for the site's monitoring in Prometheus' text form: how much, how fast, how old; no name of anything.

Labels are route templates, methods, statuses, and the numbers and ids that daicho itself gave.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

MEDIA = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """One gauge, read when it is asked for: its name, what it tells, and a value per set of labels."""

    name: str
    tells: str
    labels: tuple[str, ...] = ()
    values: dict[tuple[str, ...], float] = field(default_factory=dict)


Read = Callable[[], Iterable[Figure]]


class Figures:
    """What one collector process counts, and what the database says when somebody asks."""

    def __init__(self, read: Read | None = None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        labels = ("method", "route", "status")
        self._seconds = Histogram(
            "daicho_request_seconds",
            "Time to answer a request",
            labels,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._taken = Counter(
            "daicho_observations_taken",
            "Observations taken in by this process since it started",
            ("result",),
            registry=self._registry,
        )
        if read:
            self._registry.register(_Gauges(read))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self._seconds.labels(method, route, f"{status // 100}xx").observe(seconds)

    def take(self, new: int, known: int) -> None:
        """Note observations that came in: `new` were stored, `known` had come before."""
        self._taken.labels("new").inc(new)
        self._taken.labels("known").inc(known)

    def text(self) -> bytes:
        """Give everything in Prometheus' text form."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    """Reads the database's figures whenever it is asked."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give one family per figure."""
        for figure in self._read():
            family = GaugeMetricFamily(figure.name, figure.tells, labels=figure.labels)
            for labels, value in figure.values.items():
                family.add_metric(labels, value)
            yield family

    def describe(self) -> list[GaugeMetricFamily]:
        """Say nothing before somebody asks: the database is not touched at the start."""
        return []
