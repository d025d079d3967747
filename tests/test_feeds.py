# SPDX-License-Identifier: Apache-2.0
"""Importers: every publisher's shape read, every damaged feed refused with its place, old data kept."""

import gzip
import io
import json
import ssl
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.advisories import importers
from collector.advisories.affected import Answer, decide
from collector.advisories.download import fetch
from collector.advisories.feed import BadFeed, Loaded, Source
from collector.advisories.knowledge import Weakness
from collector.advisories.loaded import held_day, knowledge_in, known_exploited, take
from collector.advisories.shipped import shipped_knowledge, shipped_products
from collector.versions import parse
from inventory_db.tables import open_ledger, writing
from tests import feed_cases as cases
from tests.patch_cases import product_of

TODAY = date(2026, 11, 29)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def source(data: bytes, name: str = "feed.json", **fields: Any) -> Source:
    return Source(
        name=name, open=lambda: io.BytesIO(data), today=TODAY, products=shipped_products(),
        known=known_exploited(), **fields,
    )  # fmt: skip


def read(data: bytes, name: str = "feed.json", **fields: Any) -> Loaded:
    kind = importers.kind_of(data[:4096], name)
    assert kind is not None
    return importers.importer(kind).read(source(data, name, **fields))


def answer(weakness: Weakness, version: str) -> Answer:
    scheme = product_of(weakness.products[0]).scheme
    taken = parse(scheme, version)
    assert taken is not None
    return decide(scheme, taken, weakness).answer


@pytest.fixture
def ledger(tmp_path: Path) -> Engine:
    return open_ledger(tmp_path / "l.sqlite")


def test_kev_gives_what_attackers_use() -> None:
    loaded = read(cases.kev())
    assert (loaded.kind, loaded.as_of, loaded.read) == ("kev", "2026-11-20", len(cases.KEV_ROWS))
    assert loaded.whole
    assert {"fortios", "windows", "yamaha"} <= set(loaded.covers)
    row = next(one for one in loaded.weaknesses if one.id == "CVE-2026-99999")
    assert (row.products, row.exploited, row.ransomware, row.since) == (
        ("fortios",),
        True,
        True,
        "2026-08-01",
    )


def test_nvd_ranges_decide() -> None:
    loaded = read(cases.nvd([cases.nvd_row(), cases.nvd_row("CVE-2025-22222", vulnStatus="Rejected")]))
    assert loaded.gone == ("CVE-2025-22222",)
    (row,) = loaded.weaknesses
    assert answer(row, "7.6.3") is Answer.AFFECTED
    assert answer(row, "7.6.4") is Answer.SOUND
    assert answer(row, "7.4.3") is Answer.SOUND
    hotfix = cases.match("cpe:2.3:o:paloaltonetworks:pan-os:10.2.9:h1:*:*:*:*:*:*")
    node = [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": [hotfix]}]}]
    (row,) = read(cases.nvd([cases.nvd_row(configurations=node)])).weaknesses
    assert row.affected[0].only == ("10.2.9-h1",)


@pytest.mark.parametrize(
    ("criteria", "ends", "wanted"),
    [
        ("cpe:2.3:o:cisco:ios:15.2\\(4\\)m7:*:*:*:*:*:*:*", {}, {"15.2(4)M7": Answer.AFFECTED, "15.2(4)M8": Answer.UNKNOWN, "17.9.4": Answer.SOUND}),
        ("cpe:2.3:o:cisco:nx-os:7.0\\(3\\)i7\\(2\\):*:*:*:*:*:*:*", {}, {"7.0(3)I7(2)": Answer.AFFECTED}),
        ("cpe:2.3:a:ivanti:connect_secure:22.7:r2.4:*:*:*:*:*:*", {}, {"22.7R2.4": Answer.AFFECTED, "9.1R18.9": Answer.SOUND}),
        ("cpe:2.3:o:juniper:junos:22.4:r3-s1:*:*:*:*:*:*", {}, {"22.4R3-S1": Answer.AFFECTED}),
        ("cpe:2.3:o:paloaltonetworks:pan-os:*:*:*:*:*:*:*:*", {"versionStartIncluding": "10.2.0", "versionEndExcluding": "10.2.9"},
         {"10.2.8": Answer.AFFECTED, "10.2.8-h4": Answer.UNKNOWN, "10.2.9": Answer.SOUND, "11.1.0": Answer.SOUND}),
        ("cpe:2.3:o:microsoft:windows_server_2022:*:*:*:*:*:*:*:*", {"versionEndExcluding": "10.0.20348.2402"},
         {"10.0.20348.2401": Answer.AFFECTED, "10.0.20348.2402": Answer.SOUND, "10.0.17763.1": Answer.SOUND, "10.0.20348": Answer.UNKNOWN}),
        (cases.FORTIOS, {}, {"7.6.3": Answer.UNKNOWN}),  # it names no version at all
    ],
)  # fmt: skip
def test_cpe_names_in_their_makers_habits(
    criteria: str, ends: dict[str, str], wanted: dict[str, Answer]
) -> None:
    node = [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": [cases.match(criteria, **ends)]}]}]
    (row,) = read(cases.nvd([cases.nvd_row(configurations=node)])).weaknesses
    assert {version: answer(row, version) for version in wanted} == wanted


def test_hardware_that_narrows_a_range_makes_it_a_suspicion() -> None:
    nodes = [{"operator": "OR", "negate": False, "cpeMatch": [cases.match(cases.FORTIOS, versionEndExcluding="7.6.4")]},
             {"operator": "OR", "negate": False, "cpeMatch": [cases.match("cpe:2.3:h:fortinet:fortigate_60f:-:*:*:*:*:*:*:*") | {"vulnerable": False}]}]  # fmt: skip
    (row,) = read(cases.nvd([cases.nvd_row(configurations=[{"operator": "AND", "nodes": nodes}])])).weaknesses
    assert not row.confirmed


@pytest.mark.parametrize(
    ("vendor", "product", "versions", "affected", "sound", "unknown"),
    [
        ("Fortinet", "FortiOS", [{"version": "7.6.0", "lessThanOrEqual": "7.6.3", "status": "affected", "versionType": "semver"}],
         "7.6.3", "7.6.4", None),
        ("Palo Alto Networks", "PAN-OS", [{"version": "11.1.0", "lessThan": "11.1.15", "status": "affected",
          "changes": [{"at": "11.1.15", "status": "unaffected"}, {"at": "11.1.10-h25", "status": "unaffected"}]}],
         "11.1.11", "11.1.10-h25", None),
        ("Palo Alto Networks", "PAN-OS", [{"version": "11.2.0", "lessThan": "11.2.12, 11.2.10-h6", "status": "affected"}],
         "11.2.10-h5", "11.2.10-h6", None),
        ("Palo Alto Networks", "PAN-OS", [{"version": "10.2.0", "lessThan": "10.2.9-h1", "status": "affected"}],
         "10.2.9", "10.2.9-h1", "10.2.8-h4"),
        ("checkpoint", "Quantum Security Gateways", [{"version": "R82 with Jumbo Hotfix Take 103 or below", "status": "affected"}],
         "R82 Take 103", "R82 Take 104", "R82"),
        ("Fortinet", "FortiOS", [{"version": "FortiOS 6.0.0 to 6.0.4, 5.6.0 to 5.6.7", "status": "affected"}], "6.0.4", "6.0.5", None),
        ("Cisco", "Cisco Adaptive Security Appliance (ASA) Software", [{"version": "9.8.1", "status": "affected"}, {"version": "9.8.2.17", "status": "affected"}],
         "9.8(2)17", "9.16(4)", "9.8(3)"),
        ("Fortinet", "FortiOS", [{"version": "n/a", "status": "affected"}], None, None, "7.0.1"),
    ],
)  # fmt: skip
def test_cve_records_in_their_makers_habits(
    vendor: str,
    product: str,
    versions: list[dict[str, Any]],
    affected: str | None,
    sound: str | None,
    unknown: str | None,
) -> None:
    (row,) = read(cases.cve_record("CVE-2026-0300", vendor, product, versions)).weaknesses
    for version, wanted in ((affected, Answer.AFFECTED), (sound, Answer.SOUND), (unknown, Answer.UNKNOWN)):
        if version:
            assert answer(row, version) is wanted, version


def archive(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in entries.items():
            packed.writestr(f"cves/2026/0xxx/{name.replace('_', '-')}.json", data)
    return out.getvalue()


def test_a_zip_and_a_folder_of_records(tmp_path: Path) -> None:
    ours = cases.cve_record(
        "CVE-2026-0300",
        "Fortinet",
        "FortiOS",
        [{"version": "7.0.0", "lessThan": "7.0.9", "status": "affected"}],
    )
    other = cases.cve_record("CVE-2026-0301", "Nobody", "Thing", [])
    loaded = read(archive(CVE_2026_0300=ours, CVE_2026_0301=other), "main.zip")
    assert (loaded.read, [one.id for one in loaded.weaknesses]) == (2, ["CVE-2026-0300"])
    nested = io.BytesIO()
    with zipfile.ZipFile(nested, "w") as packed:
        packed.writestr("cves.zip", archive(CVE_2026_0300=ours))
    assert read(nested.getvalue(), "all.zip").read == 1
    (tmp_path / "CVE-2026-0300.json").write_bytes(ours)
    folder = importers.importer("cve").read(source(b"", path=tmp_path))
    assert [one.id for one in folder.weaknesses] == ["CVE-2026-0300"]


def test_jvn_names_what_a_person_must_read() -> None:
    loaded = read(cases.jvn(), "jvndb_2025.rdf")
    assert [one.id for one in loaded.weaknesses] == ["CVE-2025-20000", "CVE-2025-20001"]
    first = loaded.weaknesses[0]
    assert (first.products, first.decidable) == (("yamaha",), False)
    assert first.name_ja.startswith("ヤマハ製ルータ")
    assert first.read.startswith("https://jvndb.jvn.jp/")
    assert not read(cases.jvn(body="** 未確定 **"), "jvndb_2025.rdf").weaknesses


def test_both_shapes_of_endoflife_date() -> None:
    old = [
        {
            "cycle": "7.6",
            "releaseDate": "2024-07-25",
            "support": "2027-07-25",
            "eol": "2030-01-25",
            "latest": "7.6.9",
            "latestReleaseDate": "2026-11-10",
            "lts": False,
        }
    ]
    loaded = read(json.dumps(old).encode(), "fortios.json")
    assert (loaded.as_of, loaded.lifecycles[0].product) == ("2026-11-10", "fortios")
    release = {
        "name": "7.6",
        "label": "7.6",
        "releaseDate": "2024-07-25",
        "isEol": False,
        "eolFrom": "2030-01-25",
        "latest": {"name": "7.6.9", "date": "2026-11-10", "link": None},
    }
    new = {
        "schema_version": "1.2.0",
        "last_modified": "2026-11-22T00:00:00Z",
        "result": {"name": "fortios", "label": "FortiOS", "releases": [release]},
    }
    loaded = read(json.dumps(new).encode(), "x.json")
    assert (loaded.as_of, loaded.lifecycles[0].cycles[0].latest) == ("2026-11-22", "7.6.9")


def test_newer_windows_dates_reach_the_builds(ledger: Engine) -> None:
    cycles = [
        {"cycle": "11-24h2-w", "releaseLabel": "11 24H2 (W)", "eol": "2026-12-31", "latest": "10.0.26100", "releaseDate": "2026-11-01"},
        {"cycle": "11-27h2-e", "releaseLabel": "11 27H2 (E)", "eol": "2030-10-08", "latest": "10.0.29999", "releaseDate": "2026-11-01"},
    ]  # fmt: skip
    with writing(ledger) as connection:
        take(connection, read(json.dumps(cycles).encode(), "windows.json"), "windows.json", "0", "", NOW)
    with ledger.connect() as connection:
        builds = knowledge_in(connection).builds
    assert {one.eol for one in builds["10.0.26100"] if one.cycle == "11-24h2-w"} == {"2026-12-31"}
    assert len(builds["10.0.26100"]) == len(shipped_knowledge().builds["10.0.26100"])
    assert [one.label for one in builds["10.0.29999"]] == ["Windows 11 27H2 Enterprise/Education"]


DEBIAN = (
    "version,codename,series,created,release,eol,eol-lts,eol-elts\n"
    "12,Bookworm,bookworm,2021-08-14,2023-06-10,2026-06-10,2028-06-30,2033-06-30\n"
    "13,Trixie,trixie,2023-06-10,2025-08-09,2028-08-09,2030-06-30,2035-06-30\n"
    ",Sid,sid,1993-08-16\n"
)


def test_distro_info() -> None:
    loaded = read(DEBIAN.encode(), "debian.csv", as_of="2026-11-01")
    (lifecycle,) = loaded.lifecycles
    assert [(one.cycle, one.eol, one.extended) for one in lifecycle.cycles] == [
        ("13", "2028-08-09", "2030-06-30"),
        ("12", "2026-06-10", "2028-06-30"),
    ]


BROKEN: list[tuple[str, Callable[[], bytes], str, str]] = [
    ("kev cut", lambda: cases.kev()[:-4000], "kev.json", "bytes, record"),
    ("kev count", lambda: cases.kev(count=1674), "kev.json", "declared 1674"),
    ("kev no count", lambda: cases.kev().replace(b'"count"', b'"number"'), "kev.json", "declared None"),
    ("kev field", lambda: cases.kev(rows=[{"cveID": "CVE-1"}]), "kev.json", "vulnerabilities[0]"),
    ("kev part", lambda: cases.kev(rows=cases.KEV_ROWS[:20]), "kev.json", "part of the list"),
    ("kev future", lambda: cases.kev("2027-05-01"), "kev.json", "future"),
    ("kev no day", lambda: cases.kev(dateReleased="", catalogVersion="x"), "kev.json", "of which day"),
    ("nvd cut", lambda: cases.nvd([cases.nvd_row()] * 3)[:-50], "n.json", "cut off"),
    ("nvd count", lambda: cases.nvd([cases.nvd_row()]).replace(b'"resultsPerPage": 1', b'"resultsPerPage": 2000').replace(b'"totalResults": 1', b'"totalResults": 7'), "n.json", "declared 7"),
    ("nvd year", lambda: cases.nvd([cases.nvd_row("CVE-2026-12345")]), "nvdcve-2.0-2024.json", "2024"),
    ("nvd id", lambda: cases.nvd([cases.nvd_row("CVE-<script>")]), "n.json", "vulnerabilities[0]"),
    ("nvd type", lambda: cases.nvd([cases.nvd_row(configurations="x")]), "n.json", "$.cve.configurations"),
    ("deep", lambda: b'{"totalResults": 1, "vulnerabilities": [{"cve": ' + b"[" * 5000 + b"]" * 5000 + b"}]}", "n.json", "nests too deep"),
    ("deep record", lambda: b'{"cveMetadata": ' + b"[" * 200_000, "CVE-2026-0001.json", "cut off"),
    ("big record", lambda: cases.nvd([cases.nvd_row(descriptions=[{"lang": "en", "value": "x" * 9_000_000}])]), "n.json", "too large"),
    ("zip cut", lambda: archive(CVE_2026_0300=cases.cve_record("CVE-2026-0300", "Fortinet", "FortiOS", []))[:-40], "m.zip", "zip"),
    ("zip record", lambda: archive(CVE_2026_0300=b'{"cveMetadata": {"cveId": "CVE-2026-0300", "fortinet'), "m.zip", "CVE-2026-0300.json"),
    ("zip empty", lambda: archive(readme=b"x"), "m.zip", "no CVE record"),
    ("jvn cut", lambda: cases.jvn()[:-100], "jvndb_2025.rdf", ":"),
    ("jvn count", lambda: cases.jvn(declared=50), "jvn.xml", "declared 50"),
    ("jvn year", lambda: cases.jvn(year=2023), "jvndb_2025.rdf", "JVNDB-2023"),
    ("jvn bomb", lambda: cases.jvn().replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>', 1), "jvn.xml", "must not be read"),
    ("jvn outside", lambda: cases.jvn().replace(b"?>", b'?><!DOCTYPE x SYSTEM "file:///etc/passwd">', 1), "jvn.xml", "must not be read"),
    ("jvn error", lambda: cases.jvn().replace(b'retCd="0"', b'retCd="1" errMsg="no"'), "jvn.xml", "answered an error"),
    ("eol cut", lambda: b'[{"cycle": "7.6", "eol": "2030-01-25"}, {"cycle": "7.4", "eo', "fortios.json", "cut off"),
    ("eol field", lambda: b'[{"cycle": "7.6", "eol": {"x": 1}}]', "fortios.json", "[0]"),
    ("eol empty", lambda: b'{"result": {"name": "fortios", "releases": []}}', "x.json", "no release"),
    ("distro cut", DEBIAN[:-30].encode, "debian.csv", "cut off"),
    ("distro day", lambda: DEBIAN.replace("2026-06-10", "2026-13-10").encode(), "debian.csv", "debian.csv:2"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "name", "place"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN]
)
def test_a_damaged_feed_is_refused_with_its_place(make: Callable[[], bytes], name: str, place: str) -> None:
    with pytest.raises(BadFeed) as caught:
        read(make(), name)
    assert place in caught.value.en
    assert "何も取り込んでいません" in caught.value.ja
    assert "The data held before stays" in caught.value.en or "the data held before stays" in caught.value.en


def test_what_is_loaded_comes_back_with_what_ships(ledger: Engine) -> None:
    with writing(ledger) as connection:
        take(connection, read(cases.kev()), "kev.json", "0", "山田", NOW)
        take(connection, read(cases.nvd([cases.nvd_row()])), "n.json", "0", "山田", NOW)
        take(connection, read(cases.jvn(), "jvndb_2025.rdf"), "j.rdf", "0", "山田", NOW)
        take(connection, read(DEBIAN.encode(), "debian.csv", as_of="2026-11-01"), "debian.csv", "0", "", NOW)
    with ledger.connect() as connection:
        known = knowledge_in(connection)
        assert held_day(connection, "kev") == "2026-11-20"
    assert {one.id for one in known.weaknesses_of("fortios")} >= {
        "CVE-2026-99999",
        "CVE-2025-11111",
        "CVE-2024-21762",
    }
    listed = known.listed("yamaha")
    assert listed is not None
    assert listed.as_of == "2026-11-20"
    assert known.lifecycles["debian"].as_of == "2026-11-01"
    assert len(known.feeds) == len(shipped_knowledge().feeds) + 4


def test_a_record_that_was_taken_back_goes(ledger: Engine) -> None:
    back = cases.nvd([cases.nvd_row(vulnStatus="Rejected")])
    with writing(ledger) as connection:
        assert take(connection, read(cases.nvd([cases.nvd_row()])), "a", "0", "", NOW) == 1
        assert take(connection, read(back), "b", "0", "", NOW) == 0


def test_older_data_is_refused_and_changes_nothing(ledger: Engine) -> None:
    with writing(ledger) as connection:
        take(connection, read(cases.kev()), "kev.json", "0", "", NOW)
    with pytest.raises(BadFeed, match="older than the data held"):
        read(cases.kev("2025-08-25"), held="2026-11-20")
    older = read(cases.kev("2025-08-25"))
    with pytest.raises(BadFeed, match="older"), writing(ledger) as connection:
        take(connection, older, "kev.json", "0", "", NOW)
    with ledger.connect() as connection:
        assert held_day(connection, "kev") == "2026-11-20"


def test_a_fetch_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    data = cases.kev()
    with cases.mirror() as server:
        server.pages["/kev.json"] = data
        server.break_after = 1000
        with pytest.raises(BadFeed) as caught:
            fetch(f"{server.url}/kev.json", tmp_path)
        assert "1,000" in caught.value.ja
        fetched = fetch(f"{server.url}/kev.json", tmp_path)
        assert server.asked[-1] == ("/kev.json", "bytes=1000-")
    assert fetched.path.read_bytes() == data


def test_a_changed_feed_is_fetched_anew(tmp_path: Path) -> None:
    with cases.mirror() as server:
        server.pages["/kev.json"] = cases.kev()
        server.break_after = 1000
        with pytest.raises(BadFeed):
            fetch(f"{server.url}/kev.json", tmp_path)
        for note in tmp_path.glob("*.json"):
            note.write_text("{")  # what was remembered is damaged
        assert fetch(f"{server.url}/kev.json", tmp_path).path.read_bytes() == cases.kev()
        assert server.asked[-1][1] == ""


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://x/"])
def test_only_http_and_https_are_fetched(url: str, tmp_path: Path) -> None:
    with pytest.raises(BadFeed, match="only http and https"):
        fetch(url, tmp_path)


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    certificate = cases.own_certificate(tmp_path)
    with cases.mirror(certificate) as server:
        server.pages["/kev.json"] = cases.kev()
        with pytest.raises(BadFeed, match="certificate"):
            fetch(f"{server.url}/kev.json", tmp_path / "f")
        known = ssl.create_default_context(cafile=certificate)
        assert fetch(f"{server.url}/kev.json", tmp_path / "f", known).path.read_bytes() == cases.kev()
        server.redirect = server.url.replace("https", "http") + "/kev.json"
        with pytest.raises(BadFeed, match="redirect to http"):
            fetch(f"{server.url}/other.json", tmp_path / "f", known)


def test_redirects_do_not_lead_elsewhere(tmp_path: Path) -> None:
    with cases.mirror() as server:
        server.redirect = "file:///etc/passwd"
        with pytest.raises(BadFeed):
            fetch(f"{server.url}/kev.json", tmp_path)
        server.redirect = ""
        with pytest.raises(BadFeed, match="Not Found"):
            fetch(f"{server.url}/none.json", tmp_path)
        server.pages["/big"] = b"x" * 5000
        with pytest.raises(BadFeed, match="at most"):
            fetch(f"{server.url}/big", tmp_path, most=1000)


def test_gzip_that_is_cut_off_is_refused() -> None:
    packed = gzip.compress(cases.kev())[:-200]
    broken = Source(
        name="kev.json.gz", open=lambda: gzip.GzipFile(fileobj=io.BytesIO(packed)), today=TODAY,  # type: ignore[arg-type,return-value]
        products=shipped_products(), known=known_exploited(),
    )  # fmt: skip
    with pytest.raises(BadFeed):
        importers.importer("kev").read(broken)
