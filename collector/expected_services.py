# SPDX-License-Identifier: Apache-2.0
"""The baseline of item 2-(9) as values: what each class of device may offer, and what is weak as such.

Reads `collector/baselines/expected_services.yaml`; an unknown key or a wrong value is refused with its place.
"""

import functools
from dataclasses import dataclass
from importlib.resources import files

import msgspec
import yaml

from collector.verdict import Text
from inventory_db.device import Service
from inventory_db.tables import LedgerError

_VAGUE = frozenset({"", "tcp", "udp", "unknown"})


class BadBaseline(LedgerError):
    """The baseline cannot be read; nothing is judged by it."""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ports: tuple[str, ...]
    names: tuple[str, ...]
    ja: str
    en: str


class _Weak(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ja: str
    en: str
    todo_ja: str
    todo_en: str
    proves: bool
    by_name: bool = False


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    expected: dict[str, tuple[_Row, ...]]
    weak: dict[str, _Weak]


@dataclass(frozen=True, slots=True)
class WeakService:
    """One weak service: what it is, what to do, and whether it is evidence where nobody approved it."""

    code: str
    text: Text
    todo: Text
    proves: bool
    by_name: bool  # an approval must name it; that of its port does not cover it


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is expected of each class, and what is weak."""

    expected: dict[str, dict[tuple[int, str], frozenset[str]]]  # class → port → names of services
    weak: dict[str, WeakService]

    def expects(self, device_class: str, service: Service) -> bool:
        """Whether a device of the class may offer this; a port that speaks something else is not meant."""
        names = self.expected.get(device_class, {}).get((service.port, service.transport))
        name = (service.name or "").casefold()
        return names is not None and (name in names or name in _VAGUE)

    @property
    def names(self) -> frozenset[str]:
        """Every service name that the baseline knows."""
        listed = {name for ports in self.expected.values() for names in ports.values() for name in names}
        return frozenset(listed | set(self.weak))


def read_baseline(text: str, where: str) -> Baseline:
    """Read a baseline; raises BadBaseline naming what is wrong."""
    try:
        raw = msgspec.convert(yaml.safe_load(text), _File)
        expected = {
            device_class: {
                _port(port): frozenset(name.casefold() for name in row.names)
                for row in rows
                for port in row.ports
            }
            for device_class, rows in raw.expected.items()
        }
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        raise BadBaseline(
            f"基準 {where} を読めません（{error}）。その項目を直してください。",
            f"The baseline {where} cannot be read ({error}). Correct it.",
        ) from error
    weak = {
        code: WeakService(code, Text(one.ja, one.en), Text(one.todo_ja, one.todo_en), one.proves, one.by_name)
        for code, one in raw.weak.items()
    }
    return Baseline(expected, weak)


def _port(text: str) -> tuple[int, str]:
    number, _, transport = text.partition("/")
    if not number.isdecimal() or not 0 < int(number[:6]) < 65536 or transport not in ("tcp", "udp"):
        raise ValueError(f"port {text!r}")
    return int(number), transport


@functools.cache
def shipped_baseline() -> Baseline:
    """Give the baseline that ships with the product."""
    name = "expected_services.yaml"
    text = files("collector").joinpath("baselines", name).read_text(encoding="utf-8")
    return read_baseline(text, name)
