# SPDX-License-Identifier: Apache-2.0
"""棚卸し: one walks with a tablet from place to place and says of each device whether it is there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.auditing import told
from collector.case import JAPAN
from collector.rendering import Renderer
from collector.security import form_token, is_own_form
from collector.visitor import engine_of, name_of
from inventory_db.audit import record
from inventory_db.ledger import listed_rows, official_rows
from inventory_db.official import COLUMNS
from inventory_db.stated import StockTake
from inventory_db.statements import Stated, standing, state
from inventory_db.tables import writing

FOUND = ("yes", "no", "unknown")
_PLACE = COLUMNS.index("設置場所")
_NAME, _IP, _MAKER = COLUMNS.index("コンピュータ名"), COLUMNS.index("IPアドレス"), COLUMNS.index("メーカー")
_USER, _REMARK = COLUMNS.index("利用者"), COLUMNS.index("説明")
Short = Annotated[str, Form(max_length=200)]
Place = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Thing:
    """One device to look for; `device` is "" for a row that no scan has seen."""

    id: str
    device: str
    number: str
    name: str
    address: str
    maker: str
    user: str
    remark: str
    place: str
    word: Stated[StockTake] | None = None  # what was said of it in this round


@dataclass(frozen=True, slots=True)
class PlaceProgress:
    """How far one place is; "" is where no place is known."""

    place: str
    total: int
    done: int


def first_day(today: date) -> date:
    """Give the day on which the Japanese fiscal year began."""
    return date(today.year - (today.month < 4), 4, 1)


def read_things(connection: Connection, since: date) -> list[Thing]:
    """Read every device and row of the ledger with what was said of it since then."""
    words = {key: one for key, one in standing(connection, StockTake).items() if one.said.on >= since}
    seen = [_thing(row.device.id, row.device.id, row.values, words) for row in official_rows(connection)]
    listed = [_thing(row.listed.id, "", row.values, words) for row in listed_rows(connection)]
    return [*seen, *listed]


def _thing(id: str, device: str, cells: tuple[str, ...], words: Mapping[str, Stated[StockTake]]) -> Thing:
    return Thing(
        id,
        device,
        cells[0],
        cells[_NAME],
        cells[_IP],
        cells[_MAKER],
        cells[_USER],
        cells[_REMARK],
        cells[_PLACE].strip(),
        words.get(id),
    )


def by_place(things: Iterable[Thing]) -> list[PlaceProgress]:
    """Count the things of each place, known places first by name."""
    found: dict[str, list[Thing]] = {}
    for one in things:
        found.setdefault(one.place, []).append(one)
    made = [
        PlaceProgress(place, len(some), sum(bool(one.word) for one in some)) for place, some in found.items()
    ]
    return sorted(made, key=lambda one: (not one.place, one.place))


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /stocktake."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/stocktake")
    def show(request: Request) -> Response:
        return _show(renderer, request, now().astimezone(JAPAN).date())

    @routes.post("/stocktake")
    def say(
        request: Request,
        item: Short = "",
        found: Short = "",
        place: Place = "",
        since: Short = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        if found not in FOUND:
            raise HTTPException(400)
        moment = now()
        with writing(engine_of(request)) as connection:
            thing = next((one for one in read_things(connection, date.max) if one.id == item), None)
            if thing is None:
                raise HTTPException(404)
            said = StockTake(item=item, found=found, on=moment.astimezone(JAPAN).date(), place=thing.place)
            state(connection, said, name_of(request), moment)
            kind = "device" if thing.device else "listed_device"
            record(connection, told(request, kind=kind, key=item, detail={"stock_take": found}))
        back = {"place": place, "at": "1", "last": item, **({"since": since} if since else {})}
        return RedirectResponse(f"/stocktake?{urlencode(back)}", 303)

    return routes


def _show(renderer: Renderer, request: Request, today: date) -> Response:
    query = request.query_params
    since = _since(query.get("since", ""), today)
    with engine_of(request).connect() as connection:
        things = read_things(connection, since)
    here = [one for one in things if one.place == query.get("place", "")] if query.get("at") == "1" else None
    open_ones = [one for one in here or () if one.word is None]
    skipped = [one for one in open_ones if one.id == query.get("skip", "")]
    waiting = open_ones[open_ones.index(skipped[0]) + 1 :] + open_ones if skipped else open_ones
    asked = next((one for one in here or () if one.id == query.get("item", "")), None)
    return renderer.page(
        request,
        "stocktake",
        section="ledger",
        token=form_token(request),
        since=since.isoformat(),
        total=len(things),
        done=sum(bool(one.word) for one in things),
        missing=[one for one in things if one.word and one.word.said.found == "no"],
        places=by_place(things),
        place=query.get("place", ""),
        here=here,
        next=asked or next(iter(waiting), None),
        several=len(open_ones) > 1,
        last=next((one for one in things if one.word and one.id == query.get("last", "")), None),
        answers=FOUND,
    )


def _since(text: str, today: date) -> date:
    try:
        return min(date.fromisoformat(text), today)
    except ValueError:
        return first_day(today)
