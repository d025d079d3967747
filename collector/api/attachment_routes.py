# SPDX-License-Identifier: Apache-2.0
"""Files attached as evidence: taken up to a size, given back as a download that no browser opens in our name."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from collector.api.declared import RAW, Raw, Takes, answer, says
from collector.api.etags import make_tag, unchanged
from collector.api.lists import ThingId
from collector.api.paging import Page, Per, cut
from collector.api.shapes.record import AttachmentList, AttachmentRow
from collector.auditing import told
from collector.problems import Refused
from collector.safe_text import visible
from collector.visitor import engine_of, visitor_of
from inventory_db import attachments
from inventory_db.attachments import MOST_BYTES, Attachment, BadAttachment
from inventory_db.audit import record
from inventory_db.revision import attachments_revision
from inventory_db.tables import writing

FileName = Annotated[str, Query(min_length=1, max_length=255, description="the file's name, without a path")]
MediaType = Annotated[str, Query(max_length=127, pattern=r"^[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+$")]


def add_attachments(routes: APIRouter, now: Callable[[], datetime]) -> None:
    """Add the routes of attached files."""

    @routes.get("/attachments", summary="Attached files", **says(AttachmentList, tagged=True))
    def give_list(request: Request, page: Page = 1, per: Per = 100) -> Response:
        with engine_of(request).connect() as connection:
            tag = make_tag("attachments", *attachments_revision(connection), request.url.query)
            if same := unchanged(request, tag):
                return same
            found = list(attachments.listed(connection).values())[::-1]
        shown, part = cut(found, page, per)
        rows = [_row(one) for one in shown]
        return answer({"attachments": rows, "paging": part.json()}, {"ETag": tag} | part.link(request))

    @routes.post(
        "/attachments",
        summary="Attach a file",
        **says(AttachmentRow, status=201, body=Takes(RAW, MOST_BYTES)),
    )
    def attach(request: Request, body: Raw, name: FileName, media_type: MediaType = RAW) -> Response:
        """The body is the file itself; the same bytes twice are kept once, under their first name."""
        plain = visible(name.replace("\\", "/").rpartition("/")[2]).strip()
        try:
            with writing(engine_of(request)) as connection:
                id = attachments.attach(connection, body, plain, media_type, visitor_of(request).name, now())
                kept = attachments.listed(connection)[id]
                what = {"name": kept.name, "size": kept.size}
                record(connection, told(request, kind="attachment", key=id, detail=what))
        except BadAttachment as error:
            raise Refused("bad-parameters", error.ja, error.en) from error
        return answer(_row(kept), {"Location": f"/api/v1/attachments/{id}"}, 201)

    @routes.get("/attachments/{id}", summary="What is known of a file", **says(AttachmentRow, 404))
    def give_row(request: Request, id: ThingId) -> Response:
        with engine_of(request).connect() as connection:
            return answer(_row(_found(attachments.listed(connection).get(id))))

    @routes.get("/attachments/{id}/content", summary="The file", **says(None, 404, media=(RAW,)))
    def give_content(request: Request, id: ThingId) -> Response:
        """Always a download of bytes, whatever it was attached as."""
        with engine_of(request).connect() as connection:
            known = _found(attachments.listed(connection).get(id))
            data = attachments.content(connection, id) or b""
        named = f"attachment; filename=\"attachment\"; filename*=UTF-8''{quote(known.name)}"
        headers = {"Content-Disposition": named, "X-Content-Type-Options": "nosniff"}
        return Response(data, headers=headers, media_type=RAW)


def _found(one: Attachment | None) -> Attachment:
    if one is None:
        raise Refused("not-found")
    return one


def _row(one: Attachment) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "media_type": one.media_type,
        "size": one.size,
        "who": one.who,
        "at": one.at.isoformat(),
    }
