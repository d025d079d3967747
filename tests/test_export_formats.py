# SPDX-License-Identifier: Apache-2.0
"""NetBox, GLPI and CycloneDX: what they hold, what stays empty, and that hostile devices stay text in them."""

import csv
import io
import json
import re
import uuid
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.export_formats import format_names, load_format
from collector.holding import Holding, hold, read_holding
from collector.netbox_rows import NetBox
from inventory_db.device import Address, Confidence, Device, Service
from inventory_db.ledger import edit, official_rows, refresh
from inventory_db.observations import append
from inventory_db.official import official_row
from inventory_db.tables import open_ledger, writing
from probes.facts import Sure
from tests.browser.material import SCRIPT, upload
from tests.cli_cases import assert_two_sentences, daicho
from tests.papers_material import SEEN

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x08\x0b-\x1f\x7f]")
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,100}")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exports") / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
        router = next(row for row in official_rows(connection) if "core-rtx" in row.values)
        edit(connection, router.device.id, "設置場所", "サーバ室", "鈴木", NOW)
    engine.dispose()
    return path


@pytest.fixture(scope="module")
def holding(ledger: Path) -> Holding:
    engine = open_ledger(ledger)
    with engine.connect() as connection:
        found = read_holding(connection, "東山台病院", NOW)
    engine.dispose()
    return found


def unzip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def netbox(holding: Holding) -> dict[str, list[dict[str, str]]]:
    files = unzip(load_format("netbox").write(holding))
    return {
        re.sub(r"^\d+-|\.csv$", "", name): list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        for name, data in files.items()
        if name.endswith(".csv")
    }


def glpi(holding: Holding) -> dict[str, dict[str, Any]]:
    files = unzip(load_format("glpi").write(holding))
    return {name: json.loads(data) for name, data in files.items() if name.endswith(".json")}


def bom(holding: Holding) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(load_format("cyclonedx").write(holding))
    return found


def test_every_format_is_found_by_place() -> None:
    assert format_names() == ["cyclonedx", "glpi", "netbox"]
    with pytest.raises(KeyError):
        load_format("../netbox")


def test_netbox_takes_its_tables_in_an_order_in_which_every_reference_is_known(holding: Holding) -> None:
    tables = netbox(holding)
    assert list(tables)[:3] == ["tags", "sites", "locations"]
    known = {name: {row.get("name", "") for row in rows} for name, rows in tables.items()}
    types = {(row["manufacturer"], row["model"]) for row in tables["device-types"]}
    interfaces = {(row["device"], row["name"]) for row in tables["interfaces"]}
    for row in tables["devices"]:
        assert row["site"] in known["sites"]
        assert row["role"] in known["device-roles"]
        assert (row["manufacturer"], row["device_type"]) in types
        assert row["manufacturer"] in known["manufacturers"]
        assert row["platform"] in known["platforms"] | {""}
        assert row["location"] in known["locations"] | {""}
        assert set(row["tags"].split(",")) <= known["tags"]
    for table in ("mac-addresses", "ip-addresses"):
        assert {(row["device"], row["interface"]) for row in tables[table]} <= interfaces
    assert {row["parent"] for row in tables["services"]} <= known["devices"]


def test_netbox_holds_what_was_seen_and_no_more(holding: Holding) -> None:
    tables = netbox(holding)
    assert len(tables["devices"]) == len(holding.devices)
    router = next(row for row in tables["devices"] if row["name"] == "core-rtx")
    assert (router["manufacturer"], router["device_type"], router["location"]) == (
        "Yamaha",
        "RTX1210",
        "サーバ室",
    )
    assert router["serial"] == ""
    assert "daicho-" in router["tags"]
    silent = next(row for row in tables["devices"] if row["device_type"] == "Unknown")
    assert silent["platform"] == ""
    both = [row["address"] for row in tables["ip-addresses"] if row["device"] == "HIS-DB01"]
    assert both == ["10.10.1.20/24", "10.20.1.20/24"]
    assert {row["prefix"] for row in tables["prefixes"]} == {"10.10.1.0/24", "10.20.1.0/24"}


def test_netbox_names_and_slugs_are_unique_and_fit(holding: Holding) -> None:
    tables = netbox(holding)
    names = [row["name"].casefold() for row in tables["devices"]]
    assert len(set(names)) == len(names)
    assert all(0 < len(name) <= 65 for name in names)
    for table in ("sites", "locations", "manufacturers", "device-types", "device-roles", "platforms"):
        slugs = [row["slug"] for row in tables[table]]
        assert len(set(slugs)) == len(slugs)
        assert all(SLUG.fullmatch(slug) for slug in slugs), slugs
    assert all(
        len(row["description"]) <= 200 for rows in tables.values() for row in rows if "description" in row
    )


def device(id: str, *addresses: Address, **given: Any) -> Device:
    values: dict[str, Any] = {"first_seen": SEEN, "last_seen": SEEN, "last_asked": SEEN, "anchor": id}
    return Device(id=id, addresses=addresses, **values | given)


def held(*devices: Device) -> Holding:
    rows = [official_row(one, place, {}) for place, one in enumerate(devices, 1)]
    return Holding("病院", NOW, hold(devices, rows))


def test_one_address_on_two_isolated_networks_is_two_addresses_in_netbox() -> None:
    def at(vantage: str) -> Address:
        return Address("192.168.0.9", None, "192.168.0.0/24", vantage, "asked")

    tables = netbox(held(device("a", at("v-his")), device("b", at("v-mod")), device("c")))
    assert [(row["address"], row["vrf"]) for row in tables["ip-addresses"]] == [
        ("192.168.0.9/24", "daicho v-his"),
        ("192.168.0.9/24", "daicho v-mod"),
    ]
    assert [row["name"] for row in tables["vrfs"]] == ["daicho v-his", "daicho v-mod"]
    assert len(tables["prefixes"]) == 2


def test_a_name_that_two_devices_have_is_told_apart_by_the_number() -> None:
    names = ("PC", "pc", "PC (002)", "PC")
    holding = held(*(device(str(place), names=(name,)) for place, name in enumerate(names)))
    found = [one.name for one in holding.devices]
    assert len({name.casefold() for name in found}) == 4
    assert found[:2] == ["PC", "pc (002)"]


def test_a_device_that_fell_silent_is_offline_in_netbox() -> None:
    later = (datetime.fromisoformat(SEEN) + timedelta(days=1)).isoformat()
    quiet = device("a", last_asked=later, answered_last=False)
    assert netbox(held(quiet))["devices"][0]["status"] == "offline"


def test_glpi_knows_what_each_device_is_or_leaves_it_to_a_person(holding: Holding) -> None:
    found = glpi(holding)
    assert len(found) == len(holding.devices)
    for name, one in found.items():
        assert set(one) <= {"action", "deviceid", "itemtype", "content", "tag"}
        assert one["content"]["versionclient"].startswith("daicho_v")
        assert ("itemtype" in one) is name.startswith("inventory/")
        if one.get("itemtype") in ("NetworkEquipment", "Printer"):
            assert one["content"]["network_device"]["type"] in ("Networking", "Printer")
    router = next(
        one for one in found.values() if one["content"].get("network_device", {}).get("name") == "core-rtx"
    )
    assert router["content"]["network_device"]["location"] == "サーバ室"
    assert "serial" not in router["content"]["network_device"]
    assert router["content"]["network_ports"][0]["ips"] == ["10.10.1.254"]


def test_glpi_leaves_out_what_is_not_known() -> None:
    (only,) = glpi(held(device("a", device_class="pc"))).values()
    content = only["content"]
    assert set(content) == {"versionclient", "hardware", "bios"}
    assert "name" not in content["hardware"]
    assert content["bios"] == {"assettag": "001"}


def test_glpi_has_computers_with_their_networks_system_and_software(holding: Holding) -> None:
    server = next(
        one for one in glpi(holding).values() if one["content"].get("hardware", {}).get("name") == "HIS-DB01"
    )
    assert server["itemtype"] == "Computer"
    assert {one["ipaddress"] for one in server["content"]["networks"]} == {"10.10.1.20", "10.20.1.20"}
    assert {one["ipmask"] for one in server["content"]["networks"]} == {"255.255.255.0"}
    assert "Windows" in server["content"]["operatingsystem"]["name"]


COMPONENT = {
    "type", "bom-ref", "name", "version", "manufacturer", "properties", "components", "evidence",
}  # fmt: skip


def parts_of(components: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [part for one in components for part in (one, *parts_of(one.get("components", [])))]


def test_the_bom_has_the_form_of_cyclonedx_1_6(holding: Holding) -> None:
    document = bom(holding)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert str(uuid.UUID(document["serialNumber"].removeprefix("urn:uuid:"))) in document["serialNumber"]
    assert datetime.fromisoformat(document["metadata"]["timestamp"]) == NOW
    every = parts_of(document["components"])
    refs = [one["bom-ref"] for one in every]
    assert len(set(refs)) == len(refs)
    for one in every:
        assert set(one) <= COMPONENT
        assert one["type"] in ("device", "firmware", "operating-system", "application")
        assert one["name"]
        for identity in one.get("evidence", {}).get("identity", []):
            assert identity["field"] in ("name", "version")
            assert 0 < identity["confidence"] <= 1
            assert set(identity["methods"][0]) == {"technique", "confidence", "value"}
        assert all(one["location"] for one in one.get("evidence", {}).get("occurrences", []))
        assert all(set(entry) == {"name", "value"} for entry in one.get("properties", []))
    (composition,) = document["compositions"]
    assert composition["aggregate"] == "incomplete"
    assert set(composition["assemblies"]) == {one["bom-ref"] for one in document["components"]}


def test_the_bom_says_which_software_was_seen_where_and_how_sure(holding: Holding) -> None:
    every = parts_of(bom(holding)["components"])
    openssh = next(one for one in every if one["name"] == "OpenSSH")
    assert openssh["version"] == "9.2p1"
    assert openssh["evidence"]["occurrences"] == [{"location": "tcp/22 ssh"}]
    firmware = next(one for one in every if one["type"] == "firmware" and one["version"] == "14.01.42")
    assert firmware["evidence"]["identity"][0]["methods"][0]["value"].startswith(("sure", "likely"))


def test_a_version_that_nobody_told_is_not_in_the_bom() -> None:
    one = device("a", services=(Service(80, "tcp", "http", "nginx", None),), os="Linux")
    every = parts_of(bom(held(one))["components"])
    assert ["version" in part for part in every] == [False, False, False]


@pytest.mark.parametrize("form", ["netbox", "glpi", "cyclonedx"])
def test_hostile_devices_stay_text(holding: Holding, form: str) -> None:
    data = load_format(form).write(holding)
    files = unzip(data) if load_format(form).ENDING == "zip" else {"one": data}
    assert any(SCRIPT.encode() in text or b"document" in text for text in files.values())
    for name, text in files.items():
        assert re.fullmatch(r"[A-Za-z0-9./-]+", name)
        assert not HIDDEN.search(text.decode().replace("\r\n", "\n"))
        if name.endswith(".csv"):
            cells = [cell for row in csv.reader(io.StringIO(text.decode(), newline="")) for cell in row]
            assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋"))]


def test_no_markup_of_a_device_lives_in_netbox_comments() -> None:
    mark = Confidence(Sure.LIKELY, "x", "![x](http://evil.example/a.png) <b>")
    (row,) = netbox(held(device("a", model="m", confidence={"model": mark})))["devices"]
    assert "![x]" not in row["comments"].replace("\\", "") or "\\!\\[x\\]\\(" in row["comments"]
    assert "](" not in row["comments"]
    assert "\\<b\\>" in row["comments"]


@given(text=st.text(max_size=120), other=st.text(max_size=40))
def test_any_text_of_a_device_gives_files_that_can_be_read_back(text: str, other: str) -> None:
    address = Address(other, text, other, text, text)
    one = device(
        "a" * 16, address, names=(text, other), maker=text, model=other, serial=text, os=text, os_version=other,
        firmware_version=text, services=(Service(443, "tcp", text, other, text),),
    )  # fmt: skip
    holding = held(one, replace(one, id="b" * 16))
    assert len(netbox(holding)["devices"]) == 2
    assert len(glpi(holding)) == 2
    assert len(bom(holding)["components"]) == 2


@pytest.mark.parametrize("form", ["netbox", "glpi", "cyclonedx"])
def test_the_same_ledger_gives_the_same_bytes(holding: Holding, form: str) -> None:
    assert load_format(form).write(holding) == load_format(form).write(holding)


def test_an_empty_ledger_makes_an_empty_file(ledger: Path) -> None:
    empty = Holding("", NOW, ())
    assert netbox(empty)["sites"][0]["name"] == "daicho"
    assert glpi(empty) == {}
    assert bom(empty)["components"] == []
    assert "devices" not in NetBox(empty).tables()


@pytest.mark.parametrize(("form", "start"), [("netbox", b"PK"), ("glpi", b"PK"), ("cyclonedx", b"{")])
def test_the_command_writes_each_format(ledger: Path, tmp_path: Path, form: str, start: bytes) -> None:
    out = tmp_path / "file"
    asked = ("ledger", "--ledger", str(ledger), "--format", form, "--out", str(out))
    assert daicho(*asked, cwd=tmp_path).returncode == 0
    assert out.read_bytes().startswith(start)
    refused = daicho(*asked, "--cloud", cwd=tmp_path)
    assert refused.returncode == 2
    assert_two_sentences(refused.stderr, "クラウド", "cloud")
