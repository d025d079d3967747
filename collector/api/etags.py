# SPDX-License-Identifier: Apache-2.0
"""Entity tags (RFC 9110): made of the database's own versions, never by reading what would be answered."""

import hashlib

from fastapi import Request
from fastapi.responses import Response

from collector.api.declared import asked_etags
from collector.holding import product_version
from collector.problems import Refused


def make_tag(*parts: object) -> str:
    """Give the strong tag of what these values make together."""
    text = "\x1f".join(map(str, (product_version(), *parts)))
    return '"' + hashlib.blake2b(text.encode(), digest_size=12).hexdigest() + '"'


def unchanged(request: Request, tag: str) -> Response | None:
    """Give 304 if the asker has this version already."""
    known = {one.removeprefix("W/") for one in asked_etags(request, "if-none-match")}
    return Response(status_code=304, headers={"ETag": tag}) if known & {tag, "*"} else None


def check_unchanged(wanted: tuple[str, ...], tag: str) -> None:
    """Raise Refused (412) unless the version that the asker read still stands; no tag asks for nothing."""
    if wanted and "*" not in wanted and tag not in wanted:
        raise Refused("changed-meanwhile")
