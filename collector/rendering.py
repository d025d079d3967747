# SPDX-License-Identifier: Apache-2.0
"""Turns values into pages: Jinja2 with autoescape, in the reader's language, on the facility's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from collector.ledger_rows import LedgerRows
from collector.navigation import menu
from collector.pieces import Pieces
from collector.safe_text import harmless
from collector.settings import LANGUAGES, Settings, in_zone
from collector.terms import terms_of
from collector.translation import Words, choose_language, describe_how, load_words, plain_reason
from collector.visitor import Visitor, known_visitor

LANGUAGE_COOKIE = "daicho_language"
_YEAR = 365 * 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as people read it, and as machines do."""

    day: str
    clock: str
    machine: str


class Renderer:
    """Makes the pages of one collector."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environment = _make_environment(settings.zone)
        rows = LedgerRows(Pieces(), self._environment.filters["moment"])
        self._environment.globals |= {"ledger_row": rows.row, "network_choices": rows.networks}

    def page(self, request: Request, name: str, *, status: int = 200, **context: Any) -> HTMLResponse:
        """Give the page `name` as an answer, and remember the language that was asked for."""
        words = self.words(request.query_params, request.cookies, request.headers)
        links = {language: _language_link(request, language) for language in LANGUAGES}
        shown = {"visitor": known_visitor(request), **context}
        response = HTMLResponse(self._text(name, words, links, shown, request.url.path), status)
        if request.query_params.get("lang") == words.language:
            response.set_cookie(LANGUAGE_COOKIE, words.language, max_age=_YEAR, samesite="lax", httponly=True)
        return response

    def trouble(
        self, request: Request | None, headers: Mapping[str, str], status: int, kind: str = ""
    ) -> HTMLResponse:
        """Give the page that says what went wrong, in the reader's language and then in the other."""
        query = request.query_params if request else {}
        cookies = request.cookies if request else {}
        words = self.words(query, cookies, headers)
        code: str | int = (
            status if f"trouble.{status}.title" in words.sentences else (400 if status < 500 else 500)
        )
        code = kind or code
        other = load_words("en" if words.language == "ja" else "ja")
        links = {language: f"/?lang={language}" for language in LANGUAGES}
        return HTMLResponse(
            self._text(
                "trouble",
                words,
                links,
                {"code": code, "other": other, "section": "", "visitor": known_visitor(request)},
            ),
            status,
        )

    def words(
        self, query: Mapping[str, str], cookies: Mapping[str, str], headers: Mapping[str, str]
    ) -> Words:
        """Give the words of the language that this reader wants."""
        return load_words(
            choose_language(
                query.get("lang", ""),
                cookies.get(LANGUAGE_COOKIE, ""),
                headers.get("accept-language", ""),
                self._settings.language,
            )
        )

    def _text(
        self, name: str, words: Words, links: Mapping[str, str], context: Mapping[str, Any], here: str = ""
    ) -> str:
        page = self._environment.get_template(f"{name}.html")
        visitor: Visitor | None = context.get("visitor")
        facility = visitor.facility_name if visitor else ""
        lines = menu(visitor.may if visitor and visitor.who else _nothing, here)
        return page.render(words=words, menu=lines, facility=facility, language_links=links, **context)


def moment(value: datetime | str | None, zone: tzinfo) -> Moment | None:
    """Give a datetime or RFC 3339 text on the facility's clock; None for nothing or nonsense."""
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if when is None:
        return None
    local = in_zone(when, zone)
    return Moment(f"{local:%Y-%m-%d}", f"{local:%H:%M}", local.isoformat())


class Whole(str):
    """Text that a page shows whole, however long it is: what was said on a connection."""

    __slots__ = ()


def sentence(value: object, language: str) -> str:
    """Give a text that may come in both languages (`{"ja", "en"}` or one text) in one of them."""
    if isinstance(value, Mapping):
        return str(value.get(language) or value.get("ja") or "")
    return "" if value is None else str(value)


def _make_environment(zone: tzinfo) -> Environment:
    environment = Environment(
        loader=PackageLoader("collector", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=harmless,
    )
    environment.filters["moment"] = lambda value: moment(value, zone)
    environment.filters["sentence"] = sentence
    environment.filters["plain_reason"] = plain_reason
    environment.filters["whole"] = Whole
    environment.globals["describe_how"] = describe_how
    environment.globals["terms_of"] = terms_of
    return environment


def _nothing(_route: str) -> bool:
    return False


def _language_link(request: Request, language: str) -> str:
    kept = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
    return "?" + urlencode([*kept, ("lang", language)])
