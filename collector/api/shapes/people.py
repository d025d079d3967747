# SPDX-License-Identifier: Apache-2.0
"""Agents, facilities, who asks; and what is asked of us."""

from typing import Annotated

import msgspec

from collector.api.shapes.ground import Answer, Asked, Columns, Count, Id, Name


class AgentRow(Answer, frozen=True, kw_only=True):
    """One enrolled agent."""

    id: str
    name: str
    enrolled: str
    revoked: str | None
    last_seen: str | None
    sequence: int
    skew_seconds: float | None


class AgentList(Answer, frozen=True, kw_only=True):
    """The facility's agents, by time of enrolment."""

    agents: list[AgentRow]


class EnrolmentCode(Answer, frozen=True, kw_only=True):
    """A one-time code; only its hash is kept, so it is shown only now."""

    code: str
    name: str
    expires: str


class VisibleFacility(Answer, frozen=True, kw_only=True):
    """A facility that the asker may enter."""

    id: int
    key: str
    name: str
    role: str
    current: bool


class FacilityList(Answer, frozen=True, kw_only=True):
    """The facilities that the asker may enter."""

    facilities: list[VisibleFacility]


class Me(Answer, frozen=True, kw_only=True):
    """Who asks."""

    name: str
    role: str
    facility: int
    scopes: list[str] | None
    until: str | None


class Changed(Answer, frozen=True, kw_only=True):
    """How many values a change set."""

    devices: Count
    values: Count


class Enrolled(Answer, frozen=True, kw_only=True):
    """An agent that was enrolled."""

    agent: str
    name: str


class KeyChanged(Answer, frozen=True, kw_only=True):
    """An agent whose key was changed."""

    agent: str
    sequence: Count


class Taken(Answer, frozen=True, kw_only=True):
    """What an upload brought."""

    new: Count
    known: Count
    sequence: Count
    stop: tuple[str, ...] = ()  # scans of this agent that people asked to stop


class ColumnsWish(Asked, frozen=True, kw_only=True):
    """People's columns to set; null goes back to what the scan says."""

    columns: Columns


class DeviceWish(Asked, frozen=True, kw_only=True):
    """People's columns of one device; `if_match` is the ETag that was read with it."""

    id: Id
    columns: Columns
    if_match: str = ""


class BulkWish(Asked, frozen=True, kw_only=True):
    """People's columns of many devices: all of it is kept, or nothing."""

    devices: Annotated[list[DeviceWish], msgspec.Meta(min_length=1, max_length=1000)]


class StatementWish(Asked, frozen=True, kw_only=True):
    """Something to state: one of the kinds' own shapes (`Statement…` of the components)."""

    statement: msgspec.Raw
    who: Annotated[str, msgspec.Meta(max_length=100)] = ""  # for whom a program says that it speaks


class CodeWish(Asked, frozen=True, kw_only=True):
    """A one-time code for an agent of this name."""

    name: Name
    valid_minutes: Annotated[int, msgspec.Meta(ge=1, le=10080)] = 60
