# SPDX-License-Identifier: Apache-2.0
"""The API over a real ledger: lists, versions, changes that nobody overwrites, files, and what its document promises."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest

from collector import ledger_view
from collector.api import lists
from collector.api.shapes import all_shapes
from collector.api.shapes.device import DeviceDocument, Ledger
from collector.api.shapes.record import Changes, Check, Register
from inventory_db import ledger
from inventory_db.attachments import MOST_BYTES
from tests.api_cases import API, JSON, Site, make_site
from tests.browser.material import SCRIPT


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that no test changes."""
    site = make_site(tmp_path_factory.mktemp("api"))
    with site.client:
        yield site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = make_site(tmp_path)
    with site.client:
        yield site


def test_the_whole_ledger_is_the_document_of_the_command(kept: Site) -> None:
    answer = kept.get("/ledger")
    with kept.engine.connect() as connection:
        document = json.loads(msgspec.json.encode(ledger.document(connection)))
    assert answer.json() | {"generated_at": ""} == document | {"generated_at": ""}
    assert answer.json()["schema"] == "daicho/ledger/1"


def test_a_part_is_the_same_ledger_with_its_place(kept: Site) -> None:
    whole = kept.get("/ledger").json()["devices"]
    answer = kept.get("/ledger", params={"page": 2, "per": 10})
    assert answer.json()["devices"] == whole[10:20]
    paging = answer.json()["paging"]
    assert (paging["page"], paging["per"], paging["matching"], paging["total"]) == (
        2,
        10,
        len(whole),
        len(whole),
    )
    links = answer.headers["link"]
    assert f'<{API}/ledger?page=3&per=10>; rel="next"' in links
    assert f'<{API}/ledger?page=1&per=10>; rel="prev"' in links
    assert kept.get("/ledger?page=9999").json()["devices"] == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"q": "core-RTX"}, ["10.10.1.254"]),
        ({"kind": "printer"}, ["10.20.1.50"]),
        ({"mark": "dual"}, ["10.10.1.20"]),
        ({"mark": "dual", "kind": "printer"}, []),
        ({"network": "10.20.1.0/24", "q": "uketsuke"}, ["10.20.1.50"]),
    ],
)
def test_filters_narrow_the_list(kept: Site, asked: dict[str, str], found: list[str]) -> None:
    answer = kept.get("/ledger", params=asked).json()
    assert [device["addresses"][0]["ip"] for device in answer["devices"]] == found
    assert answer["paging"]["matching"] == len(found)


def test_sorting_goes_both_ways(kept: Site) -> None:
    up = kept.get("/ledger?sort=c6&per=500").json()["devices"]
    down = kept.get("/ledger?sort=c6&down=true&per=500").json()["devices"]
    assert [one["id"] for one in up] == [one["id"] for one in down[::-1]]


def test_what_changed_since_a_moment_is_a_filter(site: Site) -> None:
    device = site.devices()["10.10.1.254"]
    since = {"changed_since": "2026-11-21T00:00:00+09:00"}
    assert site.get("/ledger", params=since).json()["devices"] == []
    site.client.patch(f"{API}/devices/{device['id']}", json={"columns": {"設置場所": "サーバ室"}})
    assert [one["id"] for one in site.get("/ledger", params=since).json()["devices"]] == [device["id"]]


def test_the_parameters_are_the_pages_own() -> None:
    """The lists of words in the document are those that the pages filter and sort by."""
    for said, known in ((lists.Kind, ledger_view.CLASSES), (lists.Mark, ledger_view.MARKS)):
        assert set(get_args(get_args(said)[0])) == {"", *known}
    assert set(get_args(get_args(lists.Sort)[0])) == set(ledger_view.SORTS)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/ledger?page=0", "page"),
        ("/ledger?per=501", "per"),
        ("/ledger?kind=toaster", "kind"),
        ("/ledger?changed_since=soon", "changed_since"),
        ("/changes?since=tomorrow", "since"),
        ("/changes?since=2030-01-01&until=2020-01-01", "since"),
        ("/journal?cursor=x", "cursor"),
        ("/journal?address=010.10.1.31", "address"),
        ("/journal?address=10.10.1.0/24", "address"),
        ("/services?port=70000", "port"),
        ("/checks/R6-hospital?at=soon", "at"),
        ("/attachments?per=many", "per"),
    ],
)
def test_a_wrong_parameter_is_named_and_its_value_is_not_repeated(kept: Site, path: str, named: str) -> None:
    answer = kept.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (field,) = answer.json()["fields"]
    assert (field["in"], field["name"]) == ("query", named)
    assert answer.json()["ja"] != answer.json()["en"]


TAGGED = (
    "/ledger",
    "/ledger?kind=pc",
    "/services",
    "/remote-paths",
    "/register",
    "/checks/R6-hospital",
    "/statements/vendor",
    "/attachments",
)


@pytest.mark.parametrize("path", TAGGED)
def test_an_unchanged_answer_is_not_sent_again(kept: Site, path: str) -> None:
    first = kept.get(path)
    again = kept.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert kept.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_each_change_makes_a_new_version(site: Site) -> None:
    id = site.devices()["10.10.1.254"]["id"]
    paths = ("/ledger", f"/devices/{id}", "/register")
    seen = [{path: site.get(path).headers["etag"] for path in paths}]
    site.client.patch(f"{API}/devices/{id}", json={"columns": {"利用者": "放射線科"}})
    seen.append({path: site.get(path).headers["etag"] for path in paths})
    site.client.post(f"{API}/statements/vendor", json={"statement": {"id": "a", "name": "A社"}})
    seen.append({path: site.get(path).headers["etag"] for path in paths})
    assert all(seen[0][path] != seen[1][path] for path in paths)
    assert seen[1]["/ledger"] == seen[2]["/ledger"]
    assert seen[1]["/register"] != seen[2]["/register"]


def test_other_devices_keep_their_version(site: Site) -> None:
    one, other = (site.devices()[ip]["id"] for ip in ("10.10.1.254", "10.10.1.31"))
    before = site.get(f"/devices/{other}").headers["etag"]
    site.client.patch(f"{API}/devices/{one}", json={"columns": {"利用者": "放射線科"}})
    assert site.get(f"/devices/{other}").headers["etag"] == before


def test_a_person_s_columns_are_set_and_taken_back(site: Site) -> None:
    id = site.devices()["10.10.1.254"]["id"]
    answer = site.client.patch(
        f"{API}/devices/{id}", json={"columns": {"設置場所": " 1階\u202e ", "利用者": "情報課"}}
    )
    assert answer.status_code == 200
    assert answer.json()["device"]["people"] == {"設置場所": "1階\ufffd", "利用者": "情報課"}
    assert answer.json()["entries"][0]["who"] == site.get("/me").json()["name"]
    back = site.client.patch(f"{API}/devices/{id}", json={"columns": {"設置場所": None}})
    assert back.json()["device"]["people"] == {"利用者": "情報課"}


def test_nobody_overwrites_what_they_have_not_read(site: Site) -> None:
    id = site.devices()["10.10.1.254"]["id"]
    tag = site.get(f"/devices/{id}").headers["etag"]
    wish = {"columns": {"利用者": "A"}}
    first = site.client.patch(f"{API}/devices/{id}", json=wish, headers={"If-Match": tag})
    assert first.status_code == 200
    late = site.client.patch(
        f"{API}/devices/{id}", json={"columns": {"利用者": "B"}}, headers={"If-Match": tag}
    )
    assert (late.status_code, late.json()["title"]) == (412, "changed-meanwhile")
    assert site.get(f"/devices/{id}").json()["device"]["people"] == {"利用者": "A"}
    newest = {"If-Match": first.headers["etag"]}
    assert site.client.patch(f"{API}/devices/{id}", json=wish, headers=newest).status_code == 200


def bulk(site: Site, *devices: dict[str, Any]) -> Any:
    return site.client.patch(f"{API}/devices", json={"devices": list(devices)})


def test_many_devices_are_set_at_once(site: Site) -> None:
    ids = [device["id"] for device in site.devices().values()][:5]
    answer = bulk(site, *({"id": id, "columns": {"状態": "稼働", "説明": "x"}} for id in ids))
    assert answer.json() == {"devices": 5, "values": 10}
    assert [site.get(f"/devices/{id}").json()["device"]["people"]["状態"] for id in ids] == ["稼働"] * 5


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ({"id": "nobody", "columns": {"状態": "稼働"}}, 404),
        ({"columns": {"管理番号": "9"}}, 422),
        ({"columns": {"種別": "toaster"}}, 422),
        ({"columns": {"状態": "廃棄"}, "if_match": '"old"'}, 412),
        ({"columns": {}}, 422),
        ({"columns": {"状態": "x" * 2001}}, 422),
    ],
)
def test_one_wrong_entry_keeps_all_of_them_out(site: Site, second: dict[str, Any], status: int) -> None:
    one, other = [device["id"] for device in site.devices().values()][:2]
    answer = bulk(site, {"id": one, "columns": {"状態": "稼働"}}, {"id": other} | second)
    assert answer.status_code == status
    assert answer.json()["ja"]
    assert site.get(f"/devices/{one}").json()["device"]["people"] == {}


def test_a_device_shows_its_evidence_newest_first(kept: Site) -> None:
    id = kept.devices()["10.10.1.31"]["id"]
    document = kept.get(f"/devices/{id}").json()
    listed = kept.get(f"/devices/{id}/observations?per=1").json()
    assert listed["observations"] == document["evidence"][::-1][:1]
    assert listed["paging"]["total"] == len(document["evidence"])
    spoken = next(one["observation"] for one in document["evidence"] if one["observation"]["probe"] == "ssh")
    one = kept.get(f"/devices/{id}/observations/{spoken['id']}").json()
    assert one["observation"] == spoken
    assert "OpenSSH" in one["transcript"]


def test_an_observation_is_found_only_under_its_own_device(kept: Site) -> None:
    devices = kept.devices()
    seen = kept.get(f"/devices/{devices['10.10.1.31']['id']}").json()["evidence"][0]["observation"]["id"]
    assert kept.get(f"/devices/{devices['10.10.1.254']['id']}/observations/{seen}").status_code == 404


def test_services_and_paths_name_their_device(kept: Site) -> None:
    ssh = kept.get("/services?port=22&transport=tcp&q=openssh").json()
    assert [row["product"] for row in ssh["services"]] == ["OpenSSH"]
    (rdp,) = kept.get("/remote-paths?kind=rdp").json()["remote_paths"]
    assert (rdp["device_name"], rdp["port"]) == ("HIS-DB01", 3389)
    own = kept.get(f"/devices/{rdp['device']}/remote-paths").json()
    assert own["remote_paths"][0]["evidence"] == rdp["evidence"]
    assert kept.get(f"/devices/{rdp['device']}/services").json()["services"]


def test_the_journal_is_read_to_its_end_in_parts(kept: Site) -> None:
    entries: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        part = kept.get("/journal", params={"per": 37, "cursor": cursor}).json()
        entries += part["entries"]
        cursor = part["next"]
    assert [one["at"] for one in entries] == sorted((one["at"] for one in entries), reverse=True)
    one = [entry for entry in entries if entry["address"] == "10.10.1.31"]
    assert kept.get("/journal?address=10.10.1.31").json() == {"entries": one, "next": None}
    assert kept.get("/journal?address=::ffff:10.10.1.31").json() == {"entries": one, "next": None}
    unique = {json.dumps(entry, sort_keys=True) for entry in entries}
    assert len(unique) == len(entries) > 37


def test_scans_changes_and_register_have_their_forms(kept: Site) -> None:
    assert kept.get("/scans").json()["scans"][0]["id"] == "scan-1"
    changes = kept.get("/changes?since=2026-11-01").json()
    assert changes["schema"] == "daicho/changes/1"
    assert changes["counts"]["new"] > 60
    register = kept.get("/register").json()
    assert register["schema"] == "daicho/register/1"
    assert {row["match"] for row in register["paths"]} == {"undeclared"}


def test_answers_have_the_shapes_that_the_document_promises(kept: Site) -> None:
    id = kept.devices()["10.10.1.20"]["id"]
    for path, shape in (
        ("/ledger", Ledger),
        (f"/devices/{id}", DeviceDocument),
        ("/changes", Changes),
        ("/register", Register),
        ("/checks/R6-hospital", Check),
    ):
        value = kept.get(path).json()
        again = json.loads(msgspec.json.encode(msgspec.convert(value, shape)))
        assert _keys(value) == _keys(again), f"{path}: members that the shape does not have"


def _keys(value: Any) -> Any:
    """The names of all members, without empty ones and without what is any JSON."""
    if isinstance(value, dict):
        return {name: _keys(one) for name, one in value.items() if one not in (None, "", [], {}, 0)}
    return [_keys(one) for one in value] if isinstance(value, list) else None


def attach(site: Site, data: bytes, name: str = "図.pdf", **headers: str) -> Any:
    sent = {"content-type": "application/octet-stream", **headers}
    return site.client.post(
        f"{API}/attachments", params={"name": name, "media_type": "text/html"}, content=data, headers=sent
    )


def test_a_file_is_kept_once_and_given_back_as_a_download(site: Site) -> None:
    data = f"<html>{SCRIPT}</html>".encode()
    first, again = attach(site, data), attach(site, data, "other")
    assert (first.status_code, again.json()) == (201, first.json())
    assert first.json()["id"] == hashlib.sha256(data).hexdigest()
    assert site.get("/attachments").json()["paging"]["total"] == 1
    content = site.get(f"/attachments/{first.json()['id']}/content")
    assert content.content == data
    assert content.headers["content-type"] == "application/octet-stream"
    assert content.headers["x-content-type-options"] == "nosniff"
    assert content.headers["content-disposition"].startswith("attachment;")
    assert content.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\r\nSet-Cookie: x=1", 'b";x="', "c\u202egpj.exe", "C:\\x\\d"]
)
def test_a_hostile_file_name_stays_a_name(site: Site, name: str) -> None:
    answer = attach(site, b"x", name)
    assert "/" not in answer.json()["name"]
    assert "\u202e" not in answer.json()["name"]
    content = site.get(f"/attachments/{answer.json()['id']}/content")
    assert "set-cookie" not in content.headers
    assert "\n" not in content.headers["content-disposition"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": str(MOST_BYTES + 1)}, 413),
        ({"content-type": "text/html"}, 415),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_a_file_that_is_not_taken_is_not_even_read(site: Site, headers: dict[str, str], status: int) -> None:
    answer = attach(site, b"x", **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert site.get("/attachments").json()["attachments"] == []


def test_an_empty_file_is_refused(site: Site) -> None:
    assert attach(site, b"").status_code == 422


@pytest.mark.parametrize("form", ["csv", "xlsx", "netbox", "glpi", "cyclonedx"])
def test_each_format_is_a_download(kept: Site, form: str) -> None:
    answer = kept.get(f"/exports/{form}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="ledger.')
    assert kept.get("/exports/pptx").status_code == 404
    page = kept.client.get(f"/export/{form}")
    assert (page.status_code, len(page.content) > 0) == (200, True)
    assert page.headers["content-disposition"] == answer.headers["content-disposition"]
    assert kept.client.get("/export/pptx").status_code == 404


def test_an_administrator_lets_agents_in_and_out(site: Site) -> None:
    made = site.client.post(f"{API}/agents/codes", json={"name": "検査室"})
    assert made.status_code == 201
    assert len(made.json()["code"].replace("-", "")) == 26
    assert site.get("/agents").json() == {"agents": []}
    assert site.client.delete(f"{API}/agents/nobody").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"columns": 1}', b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_body_that_cannot_be_read_is_named(kept: Site, body: bytes) -> None:
    id = kept.devices()["10.10.1.254"]["id"]
    answer = kept.client.patch(f"{API}/devices/{id}", content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["in"] == "body"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/ledger", 405),
        ("PUT", "/devices/x", 405),
        ("GET", "/devices/x", 404),
        ("GET", "/devices/" + "x" * 65, 422),
        ("GET", "/attachments/x/content", 404),
    ],
)
def test_trouble_is_a_problem_document(kept: Site, method: str, path: str, status: int) -> None:
    answer = kept.client.request(method, API + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:daicho:problem:")
    assert body["ja"]
    assert body["en"]
    assert status != 405 or answer.headers["allow"]


def references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            if name == "$ref":
                yield cast(str, one)
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_the_document_is_complete(kept: Site) -> None:
    document = kept.get("/openapi.json").json()
    shapes = document["components"]["schemas"]
    assert {name.rpartition("/")[2] for name in references(document)} <= set(shapes)
    names = [shape.__name__ for shape in all_shapes()]
    assert len(set(names)) == len(names)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            said = operation["responses"]
            assert {"401", "403", "422", "500"} <= set(said), (method, path)
            assert operation["summary"], (method, path)
            for status, one in said.items():
                if status >= "400":
                    assert list(one["content"]) == ["application/problem+json"], (method, path, status)
            for parameter in operation.get("parameters", []):
                assert _limited(parameter["schema"]), (method, path, parameter)
    assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie"}


def _limited(schema: dict[str, Any]) -> bool:
    kinds = schema.get("anyOf", [schema])
    limits = {"maxLength", "maximum", "enum", "const"}
    return all(limits & set(one) or one["type"] in ("boolean", "null") for one in kinds)
