# SPDX-License-Identifier: Apache-2.0
"""The collector's own records of what it does: one JSON line (or one line of text) each, without secrets.

A request is told by its route's template, never by its path or query (one-time links stand there), and
never by headers or bodies. Of a fault stand the kind and the places in our code, not its message, which
may quote what was asked or stored; `DAICHO_DETAILS=1` adds it while somebody looks for the cause.
"""

import json
import logging
import os
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import IO

from collector.safe_text import visible

DETAILS = "DAICHO_DETAILS"
_FIELDS = ("request", "method", "route", "status", "milliseconds", "facility", "account")
_OURS = ("collector", "inventory_db", "deploy")
_MOST = 2000  # characters of one message
_SECRETS = (
    (re.compile(r"(\w+://)[^/\s@]+@"), r"\1…@"),  # user and password in a URL
    (re.compile(r"\?[^\s\"']+"), "?…"),  # a query
    (re.compile(r"(?i)\b(bearer|basic)\s+\S+"), r"\1 …"),
    (re.compile(r"(?i)\b(password|passwd|secret|token|cookie|code|key)(\"?'?\s*[=:]\s*)\S+"), r"\1\2…"),
)


class JsonLines(logging.Formatter):
    """One JSON object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without its end."""
        return json.dumps(content(record), ensure_ascii=False)


class Lines(logging.Formatter):
    """The same for people: time, level, place, message, then what else there is."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without its end."""
        entry = content(record)
        head = " ".join(str(entry.pop(key)) for key in ("time", "level", "logger", "message"))
        return visible(" ".join([head, *(f"{key}={value}" for key, value in entry.items())]))


def content(record: logging.LogRecord) -> dict[str, object]:
    """Give what may be told of a record."""
    entry: dict[str, object] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": masked(record.getMessage()),
    }
    entry |= {key: value for key in _FIELDS if (value := getattr(record, key, None)) not in (None, "")}
    if record.exc_info and record.exc_info[1]:
        entry["fault"] = _fault(record.exc_info[1])
    return entry


def masked(text: str) -> str:
    """Give the text on one line, short, with what looks like a secret taken out."""
    plain = visible(" ".join(text[: 4 * _MOST].split()))
    for pattern, instead in _SECRETS:
        plain = pattern.sub(instead, plain)
    return plain[:_MOST]


def start_logs(form: str, stream: IO[str] | None = None) -> None:
    """Write the records of this process as `form` says (auto, json, text) to stderr or the stream."""
    target = stream or sys.stderr
    quiet = form == "auto" and target.isatty()
    handler = logging.StreamHandler(target)
    handler.setFormatter(Lines() if quiet or form == "text" else JsonLines())
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)  # others tell of URLs and statements where all is well
    for name in _OURS:
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.INFO)


def _fault(error: BaseException) -> str:
    """Name a fault and where it came from, outermost first; its causes behind it."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-12:]
        places = " > ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
        kind = type(seen).__name__
        parts.append(
            f"{kind}: {masked(str(seen))} at {places}" if os.environ.get(DETAILS) else f"{kind} at {places}"
        )
        seen = seen.__cause__ or seen.__context__
    return " <- ".join(parts)


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-2:])
