# SPDX-License-Identifier: Apache-2.0
"""What each route of the API says of itself, once: the OpenAPI document and the route's own checks both use it.

    @routes.post("/things", **says(Thing, 403, 404, body=takes(ThingWish)))
    def make_thing(request: Request, body: Raw) -> Response:
        wish = read(body, ThingWish)

A body is looked at (length, media type) before a byte of it is read, and read only when the gate is passed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, Request
from fastapi.responses import Response

from collector.api.shapes.ground import Answer, Asked, Problem
from collector.problems import MEDIA as PROBLEM
from collector.problems import PROBLEMS, Refused
from collector.security import is_own_origin
from probes.facts import printable

JSON = "application/json"
RAW = "application/octet-stream"
MOST_JSON = 5 * 1024 * 1024  # bytes of a JSON body as sent
BODY = "x-body"  # key in a route's openapi_extra; the document itself does not show it

_ALWAYS = (400, 401, 403, 500)  # any route can say these
_SENTENCES = {status: en for status, _, en in reversed(PROBLEMS.values())}
_ETAG = {
    "ETag": {
        "schema": {"type": "string"},
        "description": "The version of this answer; If-None-Match gives 304.",
    }
}
_SIGNATURE = (
    ("Daicho-Time", "when it was signed", {"type": "string", "format": "date-time", "maxLength": 40}),
    ("Daicho-Sequence", "higher with every upload", {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}),
    (
        "Daicho-Signature",
        "base64 of an Ed25519 signature",
        {"type": "string", "minLength": 88, "maxLength": 88},
    ),
)
A = TypeVar("A", bound=Asked)


@dataclass(frozen=True, slots=True)
class Takes:
    """What a body is: its media type, its most bytes, and its shape where it is JSON."""

    media: str = JSON
    most: int = MOST_JSON
    shape: str = ""  # name of the component schema


def takes(shape: type[Asked]) -> Takes:
    """Say that a body is JSON of this shape."""
    return Takes(shape=shape.__name__)


def says(
    answer: type[Answer] | None,
    *problems: int,
    status: int = 200,
    media: tuple[str, ...] = (JSON,),
    body: Takes | None = None,
    tagged: bool = False,
) -> dict[str, Any]:
    """Give a route's keyword arguments: what it answers, each problem status it can give, what it takes."""
    known = {*_ALWAYS, 422, *problems, *((411, 413, 415) if body else ())}
    responses: dict[int | str, dict[str, Any]] = {number: _problem(number) for number in sorted(known)}
    responses[status] = {"description": "done"}
    if status != 204:
        responses[status]["content"] = {one: {"schema": _schema(answer, one)} for one in media}
    if tagged:
        responses[status]["headers"] = _ETAG
        responses[304] = {"description": "what If-None-Match names is still so", "headers": _ETAG}
    extra = {"openapi_extra": {BODY: body}} if body else {}
    return {"responses": responses, "status_code": status, "response_class": Response, **extra}


def says_to_agents(answer: type[Answer]) -> dict[str, Any]:
    """Give the keyword arguments of a route that an agent's signature opens, not a person or a token."""
    said = says(answer, 408, 409, 411, 413, 415, 429, 503, 507)
    parameters = [
        {"name": name, "in": "header", "required": True, "description": what, "schema": schema}
        for name, what, schema in _SIGNATURE
    ]
    return said | {"openapi_extra": {"security": [], "parameters": parameters}}


def reference(name: str) -> dict[str, Any]:
    """Give a reference to a component schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def read(body: bytes, shape: type[A]) -> A:
    """Read a JSON body; raises Refused that names what is wrong, without the value."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        field = {
            "in": "body",
            "name": printable(path.strip("`.") or "$", 100),
            "problem": printable(message, 200),
        }
        raise Refused("bad-parameters", fields=[field]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        field = {"in": "body", "name": "$", "problem": "not JSON"}
        raise Refused("bad-parameters", fields=[field]) from error


def answer(value: object, headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Give JSON values as an answer."""
    return Response(msgspec.json.encode(value), status, headers, media_type=JSON)


def own_origin(request: Request) -> None:
    """Refuse a change that another site makes a reader's browser send; the API's routers depend on it."""
    if request.method not in ("GET", "HEAD") and not is_own_origin(request):
        raise Refused("another-site")


async def read_body(request: Request) -> bytes:
    """Read a body that its route's declaration allows; what objects to it comes before the first byte.

    A dependency, so that it runs behind the gate: nobody makes us read what nobody may send.
    """
    taken: Takes = request.scope["route"].openapi_extra[BODY]
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        raise Refused("length-required")
    if len(length) > 12 or int(length) > taken.most:
        raise Refused("too-large", most=taken.most)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != taken.media:
        raise Refused("media-type", takes=taken.media)
    return await request.body()


Raw = Annotated[bytes, Depends(read_body)]


def _schema(answer: type[Answer] | None, media: str) -> dict[str, Any]:
    if answer is not None:
        return reference(answer.__name__)
    return {"type": "object"} if media.endswith("json") else {"type": "string", "format": "binary"}


def _problem(status: int) -> dict[str, Any]:
    text = _SENTENCES.get(status, "refused")
    return {"description": text, "content": {PROBLEM: {"schema": reference(Problem.__name__)}}}


def asked_etags(request: Request, header: str) -> tuple[str, ...]:
    """Give the entity tags of If-Match or If-None-Match as sent; ("*",) for any."""
    return tuple(tag.strip() for tag in request.headers.get(header, "").split(",") if tag.strip())
