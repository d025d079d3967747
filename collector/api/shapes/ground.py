# SPDX-License-Identifier: Apache-2.0
"""What every shape is made of: answers, questions, problems, parts of lists."""

from typing import Annotated, Any

import msgspec

from inventory_db.people import EDITABLE

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Columns = Annotated[
    dict[str, Text | None],
    msgspec.Meta(min_length=1, max_length=20, extra_json_schema={"propertyNames": {"enum": list(EDITABLE)}}),
]  # people's columns; null goes back to what the scan says


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Something that we answer."""


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is asked of us."""


class WrongField(Answer, frozen=True, kw_only=True, rename={"where": "in"}):
    """One parameter that is not right."""

    where: str
    name: str
    problem: str


class Problem(Answer, frozen=True, kw_only=True):
    """Why something was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    ja: str
    en: str
    fields: tuple[WrongField, ...] = ()


class Paging(Answer, frozen=True, kw_only=True):
    """Which part of a list this is."""

    page: Annotated[int, msgspec.Meta(ge=1)]
    per: Annotated[int, msgspec.Meta(ge=1)]
    pages: Annotated[int, msgspec.Meta(ge=1)]
    matching: Count
    total: Count


class Sentence(Answer, frozen=True, kw_only=True):
    """A sentence in both languages."""

    ja: str
    en: str


class Evidence(Answer, frozen=True, kw_only=True):
    """One observation and what it shows."""

    observation: str
    ja: str
    en: str


class OpenApi(Answer, frozen=True, kw_only=True):
    """The OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]
    components: dict[str, Any]
    security: list[dict[str, Any]]
