# SPDX-License-Identifier: Apache-2.0
"""The pages that look at the whole facility, and the commands that give the same."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.documents.papers import paper_kinds
from collector.settings import LANGUAGES, Settings
from collector.terms import every_term
from collector.translation import load_words
from inventory_db.accounts import Role
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import Document, Facility, RemoteAccess, Vendor
from inventory_db.statements import state_all
from inventory_db.tables import open_ledger, writing
from tests.browser.material import SCRIPT, upload
from tests.cli_cases import assert_two_sentences, daicho
from tests.papers_material import needs_fonts, text_of
from tests.signed_in import as_role

SAID = (
    Facility(name="𠮷祥会病院", networks=("10.10.0.0/16", "172.16.5.0/24")),
    Vendor(id="v1", name="髙木システム㈱", contact="03-0000-0000", contract_until=date(2027, 3, 31)),
    RemoteAccess(id="sim", vendor="v1", means="mobile_router", product=SCRIPT, purpose="保守"),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("overviews") / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
        state_all(connection, SAID, "鈴木一郎", datetime(2026, 11, 21, tzinfo=UTC))
    engine.dispose()
    return path


@pytest.fixture
def client(filled: Path, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(ledger=str(filled), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(ledger=str(tmp_path / "empty.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def test_the_diagram_page_links_each_node_to_its_device(client: TestClient) -> None:
    page = client.get("/diagram")
    assert page.status_code == 200
    links = re.findall(r'<a href="(/devices/[^"]+)">', page.text)
    assert links
    assert all(client.get(link).status_code == 200 for link in links)
    assert "<script" not in page.text
    assert 'style="' not in page.text  # the policy of our pages forbids it


@pytest.mark.parametrize("day", ["2026-11-01", "2026-11-25"])
def test_the_diagram_compares_with_a_day(client: TestClient, day: str) -> None:
    page = client.get("/diagram", params={"since": day, "lang": "en"}).text
    assert ("Compared with 2026/11/25" in page) == (day == "2026-11-25")


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31", SCRIPT])
def test_a_day_that_is_none_is_said_and_the_diagram_still_shown(client: TestClient, day: str) -> None:
    page = client.get("/diagram", params={"since": day})
    assert page.status_code == 200
    assert "日付として読めません" in page.text
    assert "<svg" in page.text
    assert "<script" not in page.text


def test_an_empty_ledger_has_a_page_that_says_so(empty: TestClient) -> None:
    assert "まだ機器がありません" in empty.get("/diagram").text


@needs_fonts
def test_the_diagram_in_every_form(client: TestClient) -> None:
    pdf = client.get("/papers/diagram.pdf")
    assert "ネットワーク構成図" in text_of(pdf.content)[0]
    assert "10.10.1.0/24" in text_of(pdf.content)[0]
    assert client.get("/papers/diagram.png").content.startswith(b"\x89PNG")
    assert fromstring(client.get("/papers/diagram.svg").content).tag.endswith("svg")
    assert fromstring(client.get("/papers/diagram.drawio").content).tag == "mxfile"
    assert client.get("/papers/diagram.xlsx").content.startswith(b"PK")
    assert client.get("/papers/bcp.svg").status_code == 404
    pack = zipfile.ZipFile(io.BytesIO(client.get("/pack.zip").content))
    names = [f"書類/ネットワーク構成図.{ending}" for ending in ("pdf", "svg", "drawio", "xlsx")]
    assert set(names) <= set(pack.namelist())


@needs_fonts
def test_the_command_writes_the_diagram(filled: Path, tmp_path: Path) -> None:
    for ending, start in {"svg": b"<svg", "drawio": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}.items():
        out = tmp_path / f"d.{ending}"
        ran = daicho("papers", "diagram", "--ledger", str(filled), "--out", str(out), cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        assert out.read_bytes().startswith(start)


def test_a_paper_without_a_drawing_says_so(filled: Path, tmp_path: Path) -> None:
    ran = daicho("papers", "survey", "--ledger", str(filled), "--out", str(tmp_path / "s.svg"), cwd=tmp_path)
    assert ran.returncode == 2
    assert_two_sentences(ran.stderr)
    assert not (tmp_path / "s.svg").exists()


def test_the_page_of_changes(client: TestClient, empty: TestClient) -> None:
    page = client.get("/changes").text
    assert "すべて「新しい」" in page
    assert SCRIPT not in page
    assert re.findall(r'href="(/devices/[^"]+)"', page)
    assert "この間に調査はありません" in client.get("/changes", params={"since": "2026-11-25"}).text
    assert "まだありません" in empty.get("/changes").text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": "tomorrow"}, "日付として読めません"),
        ({"until": SCRIPT}, "日付として読めません"),
        ({"since": "2026-05-01", "until": "2026-04-01"}, "終わりより後"),
    ],
)
def test_days_of_the_page_of_changes_that_make_no_sense(
    client: TestClient, query: dict[str, str], said: str
) -> None:
    page = client.get("/changes", params=query)
    assert page.status_code == 200
    assert said in page.text
    assert SCRIPT not in page.text


@needs_fonts
def test_the_page_of_documents_leads_to_every_paper_and_shows_what_is_held(client: TestClient) -> None:
    held = Document(id="d1", type="bcp", title=SCRIPT, on=date(2020, 4, 1), vendor="nobody-knows")
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with writing(engine) as connection:
        state_all(connection, [held], "鈴木", datetime(2026, 11, 1, tzinfo=UTC))
    page = client.get("/documents").text
    assert SCRIPT not in page
    assert "期限切れ" in page
    links = re.findall(r'href="(/papers/[a-z]+\.pdf)"', page)
    assert set(links) == {f"/papers/{kind}.pdf" for kind in paper_kinds()}
    english = client.get("/documents", params={"lang": "en"}).text
    assert english.count("Evidence annex") == 3  # its row and two links


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_of_a_page_are_explained_at_its_foot(client: TestClient, language: str) -> None:
    words = load_words(language)
    assert all(words(f"means.{one}") and words(f"term.{one}") for one in every_term())
    for path in ("/", "/checklist", "/scans", "/register", "/documents"):
        assert (
            f"<summary>{words('terms.title')}</summary>" in client.get(path, params={"lang": language}).text
        )


def test_the_register_page_has_the_three_lists(client: TestClient, empty: TestClient) -> None:
    page = client.get("/register").text
    for title in (
        "届出のない経路　1件",
        "届出が違う経路　0件",
        "見つかっていない経路　1件",
        "すべての経路　2件",
    ):
        assert title in page
    assert "03-0000-0000" in page
    assert "契約 2027-03-31 まで" in page
    assert SCRIPT not in page
    assert "contract until 2027-03-31" in client.get("/register", params={"lang": "en"}).text
    assert "無いことの証拠にはなりません" in empty.get("/register").text
