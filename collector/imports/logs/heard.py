# SPDX-License-Identifier: Apache-2.0
"""One line of a log as far as we need it, and its values checked."""

from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from zoneinfo import ZoneInfo

JAPAN = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class Heard:
    """Who called which name (or host) and when."""

    at: datetime  # Japan's time
    source: str  # IP address inside
    name: str


def heard(at: datetime | None, source: str, name: str) -> Heard | None:
    """Make one, None where the address is none, or the name is empty or an address."""
    try:
        address = ip_address(source)
    except ValueError:
        return None
    bare = name.strip().rstrip(".").lower()[:253]
    if at is None or "." not in bare or bare.replace(".", "").isdecimal():
        return None
    return Heard(at.astimezone(JAPAN) if at.tzinfo else at.replace(tzinfo=JAPAN), str(address), bare)


def from_seconds(text: str) -> datetime | None:
    """Seconds since 1970, None if they are no time."""
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def from_text(text: str, form: str) -> datetime | None:
    """A time in one form of strptime (English month names), None if it is not written so."""
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added where none is written
    except ValueError:
        return None
