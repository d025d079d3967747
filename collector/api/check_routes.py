# SPDX-License-Identifier: Apache-2.0
"""Verdicts: the editions there are, and one of them judged as of now or of a moment."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from collector.api.declared import answer, says
from collector.api.etags import make_tag, unchanged
from collector.api.lists import Moment, read_moment
from collector.api.shapes.record import Check, Editions
from collector.check_document import check_document, edition_summary
from collector.checking import NoSuchEdition, check
from collector.edition import edition_names, load_edition
from collector.problems import Refused
from collector.settings import Settings
from collector.visitor import engine_of
from inventory_db.revision import case_revision

EditionId = Annotated[str, InPath(max_length=60)]


def add_checks(routes: APIRouter, settings: Settings, now: Callable[[], datetime]) -> None:
    """Add the routes of verdicts."""

    @routes.get("/checks", summary="Editions of the checklist", **says(Editions))
    def list_editions() -> Response:
        return answer({"editions": [edition_summary(load_edition(name)) for name in edition_names()]})

    @routes.get("/checks/{edition}", summary="One edition judged", **says(Check, 404, tagged=True))
    def give_check(request: Request, edition: EditionId, at: Moment = "") -> Response:
        """daicho/check/1: the scan proposes, a person signs."""
        moment, current = read_moment("at", at), now()
        try:
            with engine_of(request).connect() as connection:
                day = current.astimezone(settings.zone).date()
                tag = make_tag("check", edition, *case_revision(connection), moment or "", day)
                if edition in edition_names() and (same := unchanged(request, tag)):
                    return same
                judged = check(connection, edition, current, moment, settings.age_limit)
        except NoSuchEdition as error:
            raise Refused("not-found", error.ja, error.en) from error
        return answer(check_document(judged), {"ETag": tag})
