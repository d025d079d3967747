# SPDX-License-Identifier: Apache-2.0
"""What agents uploaded, and what became of it."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from collector.api.declared import answer, says
from collector.api.paging import Page, Part, Per
from collector.api.shapes.record import UploadList
from collector.visitor import engine_of
from inventory_db import uploads
from inventory_db.uploads import State, TakenUpload

Which = Annotated[
    Literal["", "QUEUED", "RECONCILED", "NO_CHANGES", "FAILED"], Query(description="of this state only")
]


def add_uploads(routes: APIRouter) -> None:
    """Add the route; uploads themselves come in by collector.agents."""

    @routes.get("/uploads", summary="What agents sent, and what became of it", **says(UploadList))
    def give_uploads(request: Request, state: Which = "", page: Page = 1, per: Per = 100) -> Response:
        """Newest first. Nothing that was taken in is lost while it is QUEUED or FAILED: it is tried again."""
        wanted = [State(state)] if state else []
        with engine_of(request).connect() as connection:
            counts = uploads.count_states(connection)
            found = uploads.list_uploads(connection, states=wanted, most=per, skip=(page - 1) * per)
        total = sum(counts.values())
        part = Part(page, per, sum(counts.get(one, 0) for one in wanted) if wanted else total, total)
        return answer({"uploads": [_row(one) for one in found], "paging": part.json()}, part.link(request))


def _row(one: TakenUpload) -> dict[str, object]:
    return {
        "id": one.id,
        "agent": one.agent,
        "sequence": one.sequence,
        "received": one.received.isoformat(),
        "size": one.size,
        "observations": one.observations,
        "sent": one.sent,
        "known": one.known,
        "state": one.state.value,
        "devices": one.devices,
        "reason": {"ja": one.reason.ja, "en": one.reason.en},
        "finished": one.finished.isoformat() if one.finished else None,
    }
