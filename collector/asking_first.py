# SPDX-License-Identifier: Apache-2.0
"""What cannot be undone is asked for once more: the form brings a page that says what will go, and only its word acts."""

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from collector.doors import Doors

Sure = Annotated[str, Form(max_length=10)]
YES = "yes"  # what the page of the question sends, and no other form


def ask_first(
    doors: Doors, request: Request, act: str, name: str, back: str, *, password: bool = False
) -> Response:
    """Ask whether `act` (a word of the sentences `sure.*`) is to be done to what is called `name`.

    The answer goes to the same address; `password` asks for it there as well.
    """
    return doors.page(
        request,
        "ask_first",
        section=back.strip("/"),
        act=act,
        thing=name,
        back=back,
        password=password,
        yes=YES,
        action=request.url.path,
    )
