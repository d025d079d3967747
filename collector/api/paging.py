# SPDX-License-Identifier: Apache-2.0
"""Lists in parts: `page` and `per` as parameters, `paging` in the answer, `Link` (RFC 8288) to the parts around."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request

MOST_PER = 500
Page = Annotated[int, Query(ge=1, le=10_000_000, description="which part, from 1")]
Per = Annotated[int, Query(ge=1, le=MOST_PER, description="how many in one part")]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of how much; `total` counts what there would be without filters."""

    page: int
    per: int
    matching: int
    total: int

    @property
    def pages(self) -> int:
        """How many parts there are, at least one."""
        return max(1, -(-self.matching // self.per))

    def json(self) -> dict[str, int]:
        """Give it as JSON values."""
        return {
            "page": self.page,
            "per": self.per,
            "pages": self.pages,
            "matching": self.matching,
            "total": self.total,
        }

    def link(self, request: Request) -> dict[str, str]:
        """Give the Link header to the parts around; none if this is all."""
        wanted = {"prev": self.page - 1, "next": self.page + 1, "first": 1, "last": self.pages}
        kept = {rel: page for rel, page in wanted.items() if 1 <= page <= self.pages and page != self.page}
        links = [f'<{_address(request, page)}>; rel="{rel}"' for rel, page in kept.items()]
        return {"Link": ", ".join(links)} if links else {}


def cut(found: Sequence[T], page: int, per: int, total: int | None = None) -> tuple[Sequence[T], Part]:
    """Give one part of a list and where it stands; a page behind the end is empty."""
    start = (page - 1) * per
    return found[start : start + per], Part(page, per, len(found), len(found) if total is None else total)


def _address(request: Request, page: int) -> str:
    asked: Mapping[str, Any] = {**request.query_params, "page": page}
    return f"{request.url.path}?{urlencode(asked)}"
