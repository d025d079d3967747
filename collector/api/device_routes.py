# SPDX-License-Identifier: Apache-2.0
"""One device: everything about it, its evidence, and people's columns, of one device or of many at once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.api.declared import Raw, answer, asked_etags, read, says, takes
from collector.api.etags import check_unchanged, make_tag, unchanged
from collector.api.lists import DeviceId, ThingId
from collector.api.paging import Page, Per, cut
from collector.api.shapes.device import DeviceDocument, DevicePaths, DeviceServices, Observations, Transcript
from collector.api.shapes.people import BulkWish, Changed, ColumnsWish, DeviceWish
from collector.auditing import told
from collector.problems import Refused
from collector.safe_text import visible
from collector.visitor import engine_of, visitor_of
from inventory_db import ledger, observations, people
from inventory_db.agents import Connection
from inventory_db.audit import Event, differences, record_all
from inventory_db.cutting import bounded_evidence
from inventory_db.people import BadEntry
from inventory_db.revision import device_revision
from inventory_db.tables import writing


def add_devices(routes: APIRouter, now: Callable[[], datetime]) -> None:
    """Add the routes of single devices."""
    _add_reading(routes)
    _add_evidence(routes)
    _add_writing(routes, now)


def _add_reading(routes: APIRouter) -> None:
    @routes.get("/devices/{id}", summary="One device", **says(DeviceDocument, 404, tagged=True))
    def give_device(request: Request, id: DeviceId) -> Response:
        """daicho/device/1; an id that was merged away leads to its device."""
        with engine_of(request).connect() as connection:
            tag = _tag(connection, id)
            if tag and (same := unchanged(request, tag)):
                return same
            document = _document(connection, id)
        return answer(document, {"ETag": tag} if tag else {})

    @routes.get("/devices/{id}/services", summary="What speaks on it", **says(DeviceServices, 404))
    def give_services(request: Request, id: DeviceId) -> Response:
        with engine_of(request).connect() as connection:
            device = _document(connection, id)["device"]
        return answer(
            {"device": device["id"], "services": device["services"], "weaknesses": device["weaknesses"]}
        )

    @routes.get("/devices/{id}/remote-paths", summary="Ways into it", **says(DevicePaths, 404))
    def give_paths(request: Request, id: DeviceId) -> Response:
        with engine_of(request).connect() as connection:
            device = _document(connection, id)["device"]
        return answer({"device": device["id"], "remote_paths": device["remote_paths"]})


def _add_evidence(routes: APIRouter) -> None:
    @routes.get("/devices/{id}/observations", summary="Its observations", **says(Observations, 404))
    def give_observations(request: Request, id: DeviceId, page: Page = 1, per: Per = 100) -> Response:
        """Newest first, with the fields of the device that rest on each."""
        with engine_of(request).connect() as connection:
            device = _document(connection, id)["device"]["id"]
            said = ledger.evidence(connection, id)
        some, part = cut(said[::-1], page, per)
        shown = bounded_evidence([one.json() for one in some[::-1]])[::-1]
        found = {"device": device, "observations": shown, "paging": part.json()}
        return answer(found, part.link(request))

    @routes.get(
        "/devices/{id}/observations/{observation}",
        summary="One observation and its transcript",
        **says(Transcript, 404),
    )
    def give_transcript(request: Request, id: DeviceId, observation: ThingId) -> Response:
        with engine_of(request).connect() as connection:
            said = ledger.evidence(connection, id)
            seen = next((one.json() for one in said if one.observation.id == observation), None)
            if seen is None:
                raise Refused("not-found")
            text = observations.load_transcript(connection, observation) or ""
        return answer({"observation": seen["observation"], "transcript": text})


def _add_writing(routes: APIRouter, now: Callable[[], datetime]) -> None:
    @routes.patch(
        "/devices/{id}",
        summary="Set people's columns of one device",
        **says(DeviceDocument, 404, 412, body=takes(ColumnsWish), tagged=True),
    )
    def change_device(request: Request, id: DeviceId, body: Raw) -> Response:
        """What a person typed always wins over a scan; null goes back to what the scan says. If-Match is heeded."""
        wish = read(body, ColumnsWish)
        with writing(engine_of(request)) as connection:
            _document(connection, id)
            check_unchanged(asked_etags(request, "if-match"), _tag(connection, id) or "")
            _keep(connection, [DeviceWish(id=id, columns=wish.columns)], request, now())
            document, tag = _document(connection, id), _tag(connection, id)
        return answer(document, {"ETag": tag} if tag else {})

    @routes.patch(
        "/devices",
        summary="Set people's columns of many devices",
        **says(Changed, 404, 412, body=takes(BulkWish)),
    )
    def change_devices(request: Request, body: Raw) -> Response:
        """All of it is kept, or nothing."""
        wish = read(body, BulkWish)
        with writing(engine_of(request)) as connection:
            for one in wish.devices:
                tag = _tag(connection, one.id)
                if tag is None:
                    raise Refused("not-found", device=one.id)
                check_unchanged((one.if_match,) if one.if_match else (), tag)
            values = _keep(connection, wish.devices, request, now())
        return answer({"devices": len({one.id for one in wish.devices}), "values": values})


def _document(connection: Connection, id: str) -> dict[str, Any]:
    document = ledger.device_document(connection, id)
    if document is None:
        raise Refused("not-found")
    return document


def _tag(connection: Connection, id: str) -> str | None:
    revision = device_revision(connection, id)
    return None if revision is None else make_tag("device", *revision)


def _keep(connection: Connection, wishes: list[DeviceWish], request: Request, at: datetime) -> int:
    """Keep the words and tell the audit log, device by device, what stood there before."""
    edits = [
        (wish.id, column, None if value is None else visible(value).strip() or None)
        for wish in wishes
        for column, value in wish.columns.items()
    ]
    ids = {wish.id for wish in wishes}
    before = people.words_of(connection, ids)
    try:
        values = ledger.edit_all(connection, edits, visitor_of(request).name, at)
    except BadEntry as error:
        raise Refused("bad-parameters", error.ja, error.en) from error
    after = people.words_of(connection, ids)
    record_all(connection, (_changed(request, id, before[id], after[id]) for id in sorted(ids)))
    return values


def _changed(request: Request, id: str, before: dict[str, str], after: dict[str, str]) -> Event:
    return told(request, kind="device", key=id, detail={"changed": differences(before, after)})
