# SPDX-License-Identifier: Apache-2.0
"""The ledger as a file for other systems: CSV, Excel, and the formats of collector.export_formats."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from collector import exports
from collector.api.declared import says
from collector.export_formats import format_names, load_format
from collector.holding import read_holding
from collector.problems import Refused
from collector.settings import Settings
from collector.visitor import engine_of, visitor_of
from inventory_db.agents import Connection

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
File = tuple[bytes, str, str, str]  # the file, its media type, its ending, its Japanese name
Format = Annotated[str, InPath(max_length=20, description="csv, xlsx, " + ", ".join(format_names()))]
_ZIP, _BOM = "application/zip", "application/vnd.cyclonedx+json"


def add_exports(routes: APIRouter, settings: Settings, now: Callable[[], datetime]) -> None:
    """Add the downloads."""

    @routes.get(
        "/exports/{format}",
        summary="The ledger as a file",
        **says(None, 404, media=(_ZIP, _BOM, "text/csv", XLSX)),
    )
    def give_export(request: Request, format: Format) -> Response:
        """CSV, Excel, NetBox, GLPI and CycloneDX; what nobody knows stays empty in each."""
        return export_answer(request, format, settings, now())


def export_answer(request: Request, format: str, settings: Settings, now: datetime) -> Response:
    """Give the download in this format; raises Refused if there is none of this name."""
    facility = visitor_of(request).facility_name
    with engine_of(request).connect() as connection:
        data, media, ending, name = _make(connection, format, facility, settings, now)
    named = f"attachment; filename=\"ledger.{ending}\"; filename*=UTF-8''{quote(f'{name}.{ending}')}"
    return Response(data, media_type=media, headers={"Content-Disposition": named})


def _make(connection: Connection, format: str, facility: str, settings: Settings, now: datetime) -> File:
    if format == "csv":
        return exports.ledger_csv(connection), CSV, "csv", "機器台帳"
    if format == "xlsx":
        data = exports.ledger_xlsx(connection, facility, settings.zone, now)
        return data, XLSX, "xlsx", "機器台帳"
    if format not in format_names():
        raise Refused("not-found")
    known = load_format(format)
    data = known.write(read_holding(connection, facility, now))
    return data, known.MEDIA, known.ENDING, known.NAME_JA
