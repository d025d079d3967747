# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document: FastAPI's own of the routes, with our shapes, bodies, and ways of signing in."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from collector.api.declared import BODY, reference
from collector.api.shapes import all_shapes
from collector.api.shapes.people import StatementWish
from collector.holding import product_version
from inventory_db.stated import KINDS

PREFIX = "/api/v1"
_ABOUT = (
    "病院の機器台帳と、その根拠。ログインした人の cookie か、管理者が作ったトークンで使います。"
    " 分からないことは null です。誤りは application/problem+json (RFC 9457) で、日本語と英語で答えます。\n\n"
    "The ledger of a hospital's devices and its evidence, for people who are signed in (cookie) and programs with a"
    " token (bearer). What is not known is null. Errors are application/problem+json in Japanese and English."
)
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a token that an administrator made"},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "daicho_session",
        "description": "a person's session",
    },
}
_CONDITIONS = (
    ("304", "If-None-Match", "an ETag that was read before: 304 if it still stands"),
    ("412", "If-Match", "the ETag that was read: 412 if somebody changed it since"),
)


def make_document(app: FastAPI) -> dict[str, Any]:
    """Give the document of every route under /api/v1."""
    document = get_openapi(title="daicho", version=product_version(), description=_ABOUT, routes=app.routes)
    document["paths"] = {path: kept for path, kept in document["paths"].items() if path.startswith(PREFIX)}
    _, shapes = msgspec.json.schema_components(
        [*all_shapes(), *KINDS.values()],
        schema_hook=_any,
        ref_template="#/components/schemas/{name}",
    )
    kinds = [reference(kind.__name__) for kind in KINDS.values()]
    shapes[StatementWish.__name__]["properties"]["statement"] = {"anyOf": kinds}
    document["components"] = {"schemas": shapes, "securitySchemes": _SCHEMES}
    document["security"] = [{"cookie": []}, {"bearer": []}]
    for operations in document["paths"].values():
        for operation in operations.values():
            _put_body(operation)
            _put_conditions(operation)
    return document


def _put_body(operation: dict[str, Any]) -> None:
    """Put in place of the bytes that the route takes what they are."""
    taken: dict[str, Any] | None = operation.pop(BODY, None)  # FastAPI made a dict of the Takes
    if taken is None:
        return
    schema = reference(taken["shape"]) if taken["shape"] else {"type": "string", "format": "binary"}
    operation["requestBody"] = {"required": True, "content": {taken["media"]: {"schema": schema}}}


def _put_conditions(operation: dict[str, Any]) -> None:
    """Say which preconditions (RFC 9110) an operation heeds."""
    for status, header, what in _CONDITIONS:
        if status in operation["responses"]:
            schema = {"type": "string", "maxLength": 1000}
            parameter = {"name": header, "in": "header", "description": what, "schema": schema}
            operation.setdefault("parameters", []).append(parameter)


def _any(_type: type) -> dict[str, Any]:
    return {"description": "any JSON value"}
