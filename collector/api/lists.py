# SPDX-License-Identifier: Apache-2.0
"""The parameters by which lists are narrowed, each with its limits."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path as InPath
from fastapi import Query

from collector.case import JAPAN
from collector.problems import Refused

Q = Annotated[
    str, Query(max_length=200, description="words that must all occur; width and case do not matter")
]
Network = Annotated[str, Query(max_length=50, description="a network as the ledger shows it")]
Kind = Annotated[
    Literal["", "server", "pc", "network", "gateway", "medical", "printer", "phone", "iot", "unknown"],
    Query(description="device class"),
]
Mark = Annotated[
    Literal["", "dual", "remote", "guess", "unseen"],
    Query(description="several networks, remote access, a guess among its fields, or silent now"),
]
Sort = Annotated[
    Literal[
        "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "class", "paths", "sure", "seen"
    ],
    Query(description="official column c1 to c12, or what the page sorts by"),
]  # fmt: skip
Moment = Annotated[
    str, Query(max_length=40, description="a day, or RFC 3339 with offset; without one Japan's")
]
Word = Annotated[str, Query(max_length=100)]
Port = Annotated[int | None, Query(ge=0, le=65535)]
DeviceId = Annotated[str, InPath(max_length=64)]
ThingId = Annotated[str, InPath(max_length=64)]
_YEARS = range(1971, 2999)


def read_moment(name: str, text: str) -> datetime | None:
    """Read a moment, None for ""; raises Refused that names the parameter."""
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        field = {"in": "query", "name": name, "problem": "write 2026-04-01 or 2026-04-01T00:00:00+09:00"}
        raise Refused("bad-parameters", fields=[field])
    return moment if moment.tzinfo else moment.replace(tzinfo=JAPAN)
