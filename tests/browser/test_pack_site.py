# SPDX-License-Identifier: Apache-2.0
"""The pack's pages in a real browser, opened from a folder without any server."""

import io
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Browser

from collector.documents.pack import make_pack
from tests.papers_material import VENDOR, dossier, needs_fonts

pytestmark = [pytest.mark.browser, needs_fonts]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pack")
    pack = make_pack(dossier(VENDOR), Ed25519PrivateKey.generate())
    with zipfile.ZipFile(io.BytesIO(pack.data)) as archive:
        archive.extractall(path)
    return path


def test_every_page_opens_from_a_folder_with_its_style_and_no_complaint(
    browser: Browser, folder: Path
) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 800})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) >= 9
    for file in pages:
        page.goto(file.as_uri())
        assert page.locator("h1").count() == 1
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).fontSize") == "22.4px"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), file.name
    assert not said
    page.close()


def test_a_reader_comes_from_the_list_to_the_evidence_and_back(browser: Browser, folder: Path) -> None:
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("link", name="医療機関確認用").first.click()
    page.get_by_role("link", name="E-001").first.click()
    assert page.url.endswith("annex.html#E-001")
    assert "10.1.0.2" in page.locator("tr:target").inner_text()
    page.get_by_role("link", name="資料の一覧へ戻る").click()
    assert page.locator("h1").inner_text() == "立入検査の資料"
    page.close()
