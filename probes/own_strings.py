# SPDX-License-Identifier: Apache-2.0
"""The one version, and the one serial number, among a device's own variables, where nobody told us which they are. Pure.

A maker's scalars that no table of ours names still have shapes. If exactly one value below the device's own
enterprise looks like a version (or a serial number), it is guessed to be that; with two, nothing is said.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from probes.enterprises import PARTS
from probes.facts import Fact, FactKind, Sure, fact
from probes.fillers import is_serial, is_version, meaning

_ENTERPRISES = b"1.3.6.1.4.1."
_COMMON = frozenset((b"8072", b"2021", b"311", b"4413", *(str(number).encode() for number in PARTS)))
_MOST = 16  # different values of one shape; more say nothing
_MOST_LENGTH = 60
_VERSION = re.compile(
    r"^(?:(?:v|ver|version|rev|release|fw|firmware|r|software)[. :]*)?\d{1,4}(?:[._]\d{1,6}){2,4}[A-Za-z0-9._\-+() ]{0,24}$"
    r"|^\d\.\d\d\([A-Z]{3,4}\.\d{1,3}\)[A-Za-z]?\d{0,3}$"
    r"|^v(?:er|ersion)?[. ]*\d{1,4}\.\d{1,6}[A-Za-z0-9._-]{0,16}$",
    re.IGNORECASE | re.ASCII,
)
_ADDRESS = re.compile(r"^\d{1,3}(?:\.\d{1,3}){3}$|\d{1,4}[-/]\d\d?[-/]\d\d|\d\d:\d\d", re.ASCII)
_SERIAL = re.compile(r"^[A-Z0-9]{7,20}$", re.ASCII)
_NO_SERIAL = re.compile(r"^[0-9A-F]{12}$|V\d{3}R\d{3}", re.ASCII)
_LEAST_DIGITS = 6


@dataclass(slots=True)
class OwnStrings:
    """Candidates among the scalars below one enterprise number, or below any where the agent is a common one."""

    own: bytes
    versions: dict[str, None] = field(default_factory=dict)
    serials: dict[str, None] = field(default_factory=dict)

    @classmethod
    def of(cls, object_id: str) -> "OwnStrings":
        """Look below the number in this sysObjectID."""
        below = object_id.removeprefix(".").removeprefix(_ENTERPRISES.decode())
        number = below.partition(".")[0].encode("ascii", "replace")
        return cls(b"" if number in _COMMON or not number.isdigit() else number)

    def wants(self, oid: bytes, tag: bytes) -> bool:
        """Tell whether a variable is a text scalar of the device's own maker."""
        if not (oid.startswith(_ENTERPRISES) and oid.endswith(b".0") and tag.startswith(b"4")):
            return False
        number = oid[len(_ENTERPRISES) :].partition(b".")[0]
        return number == self.own if self.own else number not in _COMMON

    def offer(self, text: str) -> None:
        """Look at one value."""
        value = meaning(text)
        if not value or len(value) > _MOST_LENGTH:
            return
        if (
            len(self.versions) < _MOST
            and is_version(value)
            and _VERSION.match(value)
            and not _ADDRESS.search(value)
        ):
            self.versions[value] = None
        digits = sum(char.isdigit() for char in value)
        looks = (
            _SERIAL.match(value)
            and digits >= _LEAST_DIGITS
            and is_serial(value)
            and not _NO_SERIAL.search(value)
        )
        if len(self.serials) < _MOST and looks:
            self.serials[value] = None

    def facts(self, described: str = "") -> Iterator[Fact]:
        """Give the one of each, as a guess; a version of which the description says more is left to it."""
        for kind, values in ((FactKind.FIRMWARE_VERSION, self.versions), (FactKind.SERIAL, self.serials)):
            value = next(iter(values), "")
            if len(values) == 1 and not re.search(rf"\b{re.escape(value)}\.\d", described):
                yield fact(kind, value, Sure.GUESS)
