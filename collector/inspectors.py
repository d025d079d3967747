# SPDX-License-Identifier: Apache-2.0
"""What an inspector reads: exactly the pack that was released to them, until its day or until it is withdrawn.

Whether the release still stands is asked at every request; nothing here reads the live ledger, and nothing changes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from collector.released_pack import ANNEX, DIAGRAM, MOST_SHOWN, PAGE, PAGES, TYPES, ReleasedPack, Shelf
from collector.rendering import Renderer
from collector.visitor import engine_of, visitor_of
from inventory_db.releases import Release, find_release

Reader = Callable[[Request], tuple[Release, ReleasedPack]]


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /inspection."""
    routes, shelf = APIRouter(include_in_schema=False), Shelf()

    def reader(request: Request) -> tuple[Release, ReleasedPack]:
        """Give the visitor's own release; 410 once it has ended."""
        id, engine = visitor_of(request).person.bound_to, engine_of(request)
        with engine.connect() as connection:
            release = find_release(connection, id)
        if release is None or not release.stands(now()):
            raise HTTPException(410)
        pack = shelf.take(engine, id)
        if pack is None:
            raise HTTPException(410)
        return release, pack

    _add_pages(routes, renderer, reader)
    _add_files(routes, renderer, reader)
    return routes


def _add_pages(routes: APIRouter, renderer: Renderer, reader: Reader) -> None:
    @routes.get("/inspection")
    def show_contents(request: Request) -> Response:
        release, pack = reader(request)
        return _page(renderer, request, release, pack, "index.html")

    @routes.get("/inspection/search")
    def search(
        request: Request,
        q: Annotated[str, Query(max_length=200)] = "",
        kind: Annotated[str, Query(max_length=40)] = "",
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    ) -> Response:
        release, pack = reader(request)
        hits = pack.search(q, kind, page)
        return renderer.page(
            request,
            "inspection_search",
            section="inspection_search",
            release=release,
            q=q,
            kind=kind,
            page=page,
            hits=hits,
            total=sum(one.total for one in hits),
            pages=max((-(-one.total // PAGE) for one in hits), default=1),
            most=MOST_SHOWN,
            places=pack.places,
            annex=ANNEX,
        )


def _add_files(routes: APIRouter, renderer: Renderer, reader: Reader) -> None:
    @routes.get("/inspection/pack.zip")
    def download_pack(request: Request) -> Response:
        _, pack = reader(request)
        return attachment(pack.data, "立入検査の資料.zip", "application/zip", "pack.zip")

    @routes.get("/inspection/{name}")
    def give_top_file(request: Request, name: str) -> Response:
        _, pack = reader(request)
        if name == "index.html":
            return RedirectResponse("/inspection", 303)
        return _file(pack, name)

    @routes.get("/inspection/{folder}/{name}")
    def give_file(request: Request, folder: str, name: str) -> Response:
        release, pack = reader(request)
        path = f"{folder}/{name}"
        if path.startswith(PAGES):
            return _page(renderer, request, release, pack, path)
        return _file(pack, path)


def _page(renderer: Renderer, request: Request, release: Release, pack: ReleasedPack, name: str) -> Response:
    content = pack.page(name)
    if content is None:
        raise HTTPException(404)
    context: dict[str, Any] = {
        "release": release,
        "content": content,
        "title": pack.title(name),
        "top": name == "index.html",
        "form": name.startswith(f"{PAGES}checks-"),
        "drawing": f"/inspection/{quote(pack.drawing)}" if name == f"{PAGES}{DIAGRAM}.html" else "",
    }
    return renderer.page(request, "inspection", section="inspection", **context)


def _file(pack: ReleasedPack, name: str) -> Response:
    data = pack.file(name)
    if data is None:
        raise HTTPException(404)
    kind = TYPES.get(name.rpartition(".")[2], "application/octet-stream")
    return attachment(data, name.rpartition("/")[2], kind)


def attachment(data: bytes, name: str, media_type: str, plain: str = "") -> Response:
    """Give a file to be saved, never to be shown by the browser as a page of ours."""
    ending = "".join(one for one in name.rpartition(".")[2] if one.isascii() and one.isalnum())[:10]
    fallback = plain or f"file.{ending or 'bin'}"
    named = f"attachment; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, '')}"
    return Response(data, media_type=media_type, headers={"Content-Disposition": named})
