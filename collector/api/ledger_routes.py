# SPDX-License-Identifier: Apache-2.0
"""The ledger: whole as it always was, or searched, filtered, sorted and in parts; services and remote paths of all."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from collector.api.declared import JSON, answer, says
from collector.api.etags import make_tag, unchanged
from collector.api.lists import Kind, Mark, Moment, Network, Port, Q, Sort, Word, read_moment
from collector.api.paging import Page, Part, Per, cut
from collector.api.shapes.device import Ledger, PathList, ServiceList
from collector.ledger_view import Question, fold, select, sort
from collector.reading import read_entries, wish_of
from collector.visitor import engine_of
from inventory_db import ledger
from inventory_db.agents import Connection, Engine
from inventory_db.changes import changed_since
from inventory_db.ledger_index import documents, find_mark
from inventory_db.ledger_query import find_rows
from inventory_db.revision import ledger_revision

WHOLE = ("page", "per", "q", "kind", "network", "mark", "sort", "down", "changed_since")  # none of them asked


def add_ledger(routes: APIRouter) -> None:
    """Add the routes that look at all devices."""

    @routes.get("/ledger", summary="The ledger", **says(Ledger, tagged=True))
    def give_ledger(
        request: Request,
        page: Page = 1,
        per: Per = 100,
        q: Q = "",
        kind: Kind = "",
        network: Network = "",
        mark: Mark = "",
        sort: Sort = "c1",
        down: bool = False,
        changed_since: Moment = "",
    ) -> Response:
        """Without parameters the whole of daicho/ledger/1; with any of them one part, with `paging` and `Link`."""
        engine, since = engine_of(request), read_moment("changed_since", changed_since)
        with engine.connect() as connection:
            tag = make_tag("ledger", *ledger_revision(connection), request.url.query)
            if same := unchanged(request, tag):
                return same
            if not any(name in request.query_params for name in WHOLE):
                return StreamingResponse(_whole(engine), media_type=JSON, headers={"ETag": tag})
            question = Question(q=q, kind=kind, network=network, mark=mark, sort=sort, down=down)
            document, part = _part(connection, question, since, page, per)
        return answer(document, {"ETag": tag} | part.link(request))

    @routes.get("/services", summary="What speaks on the devices", **says(ServiceList, tagged=True))
    def give_services(
        request: Request,
        page: Page = 1,
        per: Per = 100,
        port: Port = None,
        transport: Literal["", "tcp", "udp"] = "",
        q: Word = "",
    ) -> Response:
        """`q` is looked for in name, product and version."""

        def fits(row: dict[str, Any]) -> bool:
            text = fold(f"{row['name'] or ''} {row['product'] or ''} {row['version'] or ''}")
            return port in (None, row["port"]) and transport in ("", row["transport"]) and fold(q) in text

        return _rows(request, "services", fits, page, per)

    @routes.get("/remote-paths", summary="Ways in, as found", **says(PathList, tagged=True))
    def give_paths(request: Request, page: Page = 1, per: Per = 100, kind: Word = "") -> Response:
        """What was declared and confirmed of them is in `/register`."""
        return _rows(request, "remote_paths", lambda row: kind in ("", row["kind"]), page, per)


def _whole(engine: Engine) -> Iterator[bytes]:
    """Give the document piece by piece, so that a large ledger never stands in memory."""
    with engine.connect() as connection:
        yield from ledger.document_pieces(connection)


def _part(
    connection: Connection, question: Question, since: datetime | None, page: int, per: int
) -> tuple[dict[str, Any], Part]:
    mark = find_mark(connection)
    if mark is not None and since is None:
        wish = wish_of(question, (page - 1) * per, per)
        found_rows = find_rows(connection, mark, wish, turn_back=False)
        devices = documents(connection, [row.device["id"] for row in found_rows.rows])
        part = Part(page, per, found_rows.matching, mark.counts.total)
        return ledger.document_head(connection) | {"devices": devices, "paging": part.json()}, part
    entries = read_entries(connection)
    found = sort(select(entries, question), question)
    if since is not None:
        wanted = changed_since(connection, since)
        found = [entry for entry in found if entry.device["id"] in wanted]
    shown, part = cut(found, page, per, len(entries))
    head = ledger.document_head(connection)
    return head | {"devices": [entry.device for entry in shown], "paging": part.json()}, part


def _rows(request: Request, name: str, fits: Any, page: int, per: int) -> Response:
    with engine_of(request).connect() as connection:
        tag = make_tag(name, *ledger_revision(connection), request.url.query)
        if same := unchanged(request, tag):
            return same
        rows = list(_of_devices(ledger.each_device(connection), name))
    found = [row for row in rows if fits(row)]
    shown, part = cut(found, page, per, len(rows))
    return answer({name: shown, "paging": part.json()}, {"ETag": tag} | part.link(request))


def _of_devices(devices: Iterable[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    for device in devices:
        of = {
            "device": device["id"],
            "number": device["number"],
            "device_name": next(iter(device["names"]), None),
        }
        for row in device[name]:
            yield row | of
