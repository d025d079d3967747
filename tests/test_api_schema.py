# SPDX-License-Identifier: Apache-2.0
"""Every route of the OpenAPI document with generated input, as each role: no 5xx, nothing that was not declared.

The input is the same in every run. Half of it fits the document (with ids that exist among those that do not),
half of it breaks it. How many examples a role gets depends on how far it gets.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from collector.api.openapi import make_document
from inventory_db.accounts import Role
from tests.api_cases import API, Site, make_site
from tests.signed_in import bearer, sign_in

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# visitor → examples of each operation and kind of input
VISITORS = {
    "administrator": 6,
    "operator": 3,
    "executive": 2,
    "token to read": 2,
    "vendor": 1,
    "inspector": 1,
    "nobody": 1,
}

OUTSIDE = {
    "vendor": 403,
    "inspector": 403,
    "nobody": 401,
}  # what they meet everywhere but at the agents' door
# what no generated request can do: sign as an agent, or name what nobody has made
AGENTS = {"POST /api/v1/agents/enrol", "POST /api/v1/agents/{id}/uploads", "POST /api/v1/agents/{id}/key"}
NEVER_MET = {
    *AGENTS,
    "DELETE /api/v1/agents/{id}",
    "DELETE /api/v1/statements/{kind}",
    "POST /api/v1/statements/{kind}",
    "DELETE /api/v1/statements/answer",
    "POST /api/v1/statements/answer",
    "GET /api/v1/devices/{id}/observations/{observation}",
}


def headers_of(site: Site, visitor: str) -> dict[str, str]:
    site.client.cookies.clear()
    if visitor == "nobody":
        return {}
    if visitor == "token to read":
        return bearer(site.engine, Role.OPERATOR, scopes={"read"})
    return {"Cookie": f"daicho_session={sign_in(site.engine, visitor)}"}


def known_ids(site: Site, headers: dict[str, str]) -> dict[str, list[str]]:
    """Ids that exist, by the name of the path parameter."""
    devices = site.get("/ledger", headers=headers).json()["devices"]
    first = site.get(f"/devices/{devices[0]['id']}", headers=headers).json()
    observations = [one["observation"]["id"] for one in first["evidence"]]
    sent = {"content-type": "application/octet-stream", **headers}
    made = site.client.post(f"{API}/attachments?name=a", content=b"x", headers=sent).json()
    return {
        "id": [devices[0]["id"], made["id"]],
        "observation": observations[:2],
        "edition": ["R6-hospital"],
        "format": ["csv", "xlsx", "netbox", "glpi", "cyclonedx"],
    }


def with_ids(document: dict[str, Any], ids: dict[str, list[str]]) -> dict[str, Any]:
    """The document with nothing but ids that exist, so that requests which fit it meet something."""
    named = copy.deepcopy(document)
    wish = named["components"]["schemas"]["DeviceWish"]["properties"]
    wish |= {"id": {"enum": ids["id"][:1]}, "if_match": {"const": ""}}
    for operations in named["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in ids:
                    parameter["schema"] = {"enum": ids[parameter["name"]]}
    return named


def exercise(
    client: Any, operation: Any, mode: GenerationMode, examples: int, headers: dict[str, str]
) -> list[int]:
    """Send generated requests to one operation and hold every answer against the document; gives the statuses."""
    statuses: list[int] = []

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        answer = case.call(base_url="http://127.0.0.1", headers=headers, session=client)
        statuses.append(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    send()
    return statuses


def exercise_all(
    site: Site, document: dict[str, Any], mode: GenerationMode, visitor: str, headers: dict[str, str]
) -> dict[str, list[int]]:
    schema = schemathesis.openapi.from_dict(document)
    schema.app = site.app
    seen: dict[str, list[int]] = {}
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        said = document["paths"][operation.path][operation.method]
        if mode is GenerationMode.NEGATIVE and not {"parameters", "requestBody"} & set(said):
            continue  # without input there is none that breaks it
        try:
            seen[operation.label] = exercise(site.client, operation, mode, VISITORS[visitor], headers)
        except BaseException as error:
            error.add_note(f"{visitor}: {operation.label} ({mode})")
            raise
    return seen


@pytest.mark.parametrize("visitor", VISITORS)
def test_no_generated_request_breaks_anything(visitor: str, tmp_path: Path) -> None:
    site = make_site(tmp_path)
    ids = known_ids(site, headers_of(site, "administrator"))
    document, headers = make_document(site.app), headers_of(site, visitor)
    del (
        document["security"],
        document["components"]["securitySchemes"],
    )  # who asks is ours to say, not generated
    fitting = exercise_all(site, with_ids(document, ids), GenerationMode.POSITIVE, visitor, headers)
    breaking = exercise_all(site, document, GenerationMode.NEGATIVE, visitor, headers)
    assert len(fitting) == sum(map(len, document["paths"].values()))
    assert len(breaking) > 25
    if visitor in OUTSIDE:
        for label, statuses in (*fitting.items(), *breaking.items()):
            assert set(statuses) == {OUTSIDE[visitor]} or label in AGENTS, (label, statuses)
    if visitor == "administrator":
        met = {label for label, statuses in fitting.items() if any(status < 300 for status in statuses)}
        assert set(fitting) - met <= NEVER_MET
