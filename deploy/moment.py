# SPDX-License-Identifier: Apache-2.0
"""A day or time that a person wrote on the command line."""

from datetime import datetime, timedelta, tzinfo

from agent.refusal import Refusal

_YEARS = range(1971, 2999)


def read_moment(at: str, zone: tzinfo) -> datetime | None:
    """Read a date (its end, in the facility's zone) or a time; None for ""; raises Refusal."""
    if not at:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise _bad(at) from error
    if moment.year not in _YEARS:
        raise _bad(at)
    if len(at) <= len("2026-04-01"):
        moment += timedelta(days=1, microseconds=-1)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def read_start(at: str, zone: tzinfo) -> datetime | None:
    """Read a date as its first moment, so that what happened on that day counts; else as `read_moment`."""
    if at and len(at) <= len("2026-04-01") and read_moment(at, zone):
        return datetime.fromisoformat(at).replace(tzinfo=zone)
    return read_moment(at, zone)


def _bad(at: str) -> Refusal:
    return Refusal(
        f"日付「{at[:40]}」は 2026-04-01 の形で書いてください。",
        f"Write the date “{at[:40]}” like 2026-04-01.",
    )
