# SPDX-License-Identifier: Apache-2.0
"""A file that somebody hands in with a form: read behind the gate, up to a size that the doorkeeper has checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import UploadFile

from collector.safe_text import visible

_MOST_NAME = 60  # characters; it also names a file while it is read
_MOST_FIELDS = 8
_MOST_TEXT = 200  # characters of one of them


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with one file; `name` is no path."""

    token: str
    name: str
    data: bytes
    fields: Mapping[str, str]  # what else stands in the form, at most 200 characters each


async def read_upload(request: Request) -> Upload:
    """Read the form; a dependency, so that it runs behind the gate: nobody makes us read what nobody may send."""
    async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
        file, token = form.get("file"), form.get("token")
        if not isinstance(file, UploadFile) or not isinstance(token, str):
            raise HTTPException(400)
        fields = {name: one[:_MOST_TEXT] for name, one in form.items() if isinstance(one, str)}
        return Upload(token[:200], plain_name(file.filename or ""), await file.read(), fields)


def plain_name(name: str) -> str:
    """Give a file's name without folders, hidden characters and ends that are none; "file" for nothing."""
    last = visible(name.replace("\\", "/").rpartition("/")[2]).strip().strip(".").replace("\x00", "")
    stem, dot, ending = last.rpartition(".")
    if dot and stem and len(ending) <= 5:
        return f"{stem[: _MOST_NAME - 6]}.{ending}"
    return last[:_MOST_NAME] or "file"


Uploaded = Annotated[Upload, Depends(read_upload)]
