# SPDX-License-Identifier: Apache-2.0
"""The words of a notice: Japanese first, then English; as little of the facility as the settings say."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from collector.safe_text import visible
from collector.sections import Notices
from collector.settings import LANGUAGES, Settings, in_zone
from collector.translation import Words, load_words
from inventory_db.notices import Message, News

MOST_LINES = 20  # of one kind; how many more there are is told


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as people read it."""

    title: str
    text: str


def write(message: Message, settings: Settings) -> Letter:
    """Put a message into words."""
    parts = [_in_language(message.news, settings, load_words(language)) for language in LANGUAGES]
    return Letter(_title(message.news), "\n\n----\n\n".join(parts) + "\n")


def entry(news: News, settings: Settings) -> dict[str, str]:
    """Give one piece of news for programs: its kind, our own numbers, its sentences."""
    told: dict[str, str] = {
        key: news.detail[key] for key in ("device", "number", "agent") if key in news.detail
    }
    told |= {language: _line(news, settings, load_words(language)) for language in LANGUAGES}
    if link := _link(news.detail, settings.notices):
        told["link"] = link
    return {"kind": news.kind, **told}


def _title(news: Iterable[News]) -> str:
    counted = Counter(one.kind for one in news)
    titles = []
    for language in LANGUAGES:
        words = load_words(language)
        titles.append(
            "、".join(words(f"notice.{kind}.title", count=count) for kind, count in counted.items())
        )
    return f"[daicho] {titles[0]} / {titles[1].replace('、', ', ')}"


def _in_language(news: tuple[News, ...], settings: Settings, words: Words) -> str:
    kinds = dict.fromkeys(one.kind for one in news)
    parts = [_of_kind([one for one in news if one.kind == kind], settings, words) for kind in kinds]
    where = [words("notice.link", link=settings.notices.link)] if settings.notices.link else []
    return "\n\n".join([*parts, *where, words("notice.end")])


def _of_kind(news: list[News], settings: Settings, words: Words) -> str:
    kind = news[0].kind
    lines = [words(f"notice.{kind}.title", count=len(news)), words(f"notice.{kind}.next")]
    lines += [f"- {_line(one, settings, words)}" for one in news[:MOST_LINES]]
    if more := len(news) - MOST_LINES:
        lines += [words("notice.more", count=more)] if more > 0 else []
    return "\n".join(lines)


def _line(news: News, settings: Settings, words: Words) -> str:
    values = _values(news.detail, settings.zone, words)
    line = words(f"notice.{news.kind}.line", **values)
    if settings.notices.detail == "names":
        more = " ".join(filter(None, (news.detail.get("name"), news.detail.get("address"))))
        line = f"{line} {_one_line(more)}".rstrip()
    link = _link(news.detail, settings.notices)
    return f"{line} {link}".rstrip()


def _values(detail: Mapping[str, str], zone: tzinfo, words: Words) -> dict[str, str]:
    values = {key: _one_line(value) for key, value in detail.items() if key not in ("name", "address")}
    for key in ("started", "since", "last", "end"):
        if value := detail.get(key):
            values[key] = f"{in_zone(datetime.fromisoformat(value), zone):%Y-%m-%d %H:%M}"
        elif key in detail:
            values[key] = words("notice.never")
    if "path" in detail:
        values["path"] = words.choose("path", detail["path"])
    return values


def _link(detail: Mapping[str, str], wish: Notices) -> str:
    return f"{wish.link.rstrip('/')}/devices/{detail['device']}" if wish.link and "device" in detail else ""


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))[:200]
