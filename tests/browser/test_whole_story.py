# SPDX-License-Identifier: Apache-2.0
"""The whole story in a real browser: an empty machine, a first hour, a vendor, an inspection, and what changed after.

A real `daicho serve` process, a real agent's uplink, four people in browsers of their own; nothing is written past
the pages. Verdicts rest on the shipped knowledge: where it is renewed, story_material's firmware may have to follow.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.documents.pack_check import check_pack
from tests.browser import story_material as hospital
from tests.browser.axe import AXE
from tests.browser.story import Story
from tests.browser.story_people import LINK, Person
from tests.papers_material import needs_fonts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core (bash deploy/build_frontend.sh --tests)"),
]
REFUSED_TO_READERS = (
    "/today",
    "/findings",
    "/checklist",
    "/releases",
    "/audit",
    "/people",
    "/import",
    "/api/v1/ledger",
)
NETWORK_PATCHES = "#item-network-2-7"


@needs_fonts
def test_from_an_empty_machine_to_what_changed_after_the_inspection(story: Story, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    admin = story.begin()
    agent = story.first_hour(admin)
    assert agent.hand_over(hospital.first_look(now - timedelta(days=1))) > 20
    admin.wait_for_devices(6)
    admin.state("ledger")
    assert "必要な手順は済みました" in admin.text("/welcome")
    admin.state("welcome, done")
    operator = story.invite(admin, "suzuki", "鈴木一郎")
    take_in_the_old_ledger(operator, tmp_path)
    vendor = vendor_answers(story, admin, operator)
    mark_the_checklist(operator)
    inspector = released(story, admin)
    before = read_as_inspector(inspector)
    assert agent.hand_over(hospital.second_look(now - timedelta(minutes=10))) > 20
    admin.wait_for_devices(7)
    look_at_what_changed(operator)
    assert read_as_inspector(inspector) == before
    vendor.go("/vendor")
    assert "CT-CONSOLE" in vendor.text()
    who_did_what(admin)
    story.check()


def take_in_the_old_ledger(operator: Person, folder: Path) -> None:
    operator.go("/import")
    operator.state("import")
    operator.page.set_input_files("#file", hospital.old_ledger(folder))
    operator.press("form[enctype] button.primary")
    preview = operator.text()
    operator.state("import, preview")
    assert "まだ何も変えていません" in preview
    assert "合計などの行" in preview
    assert "医事課" not in operator.text("/")
    operator.go("/import/preview")
    operator.press("form[action='/import/apply'] button")
    assert "取り込みました" in operator.text()
    operator.state("import, done")
    ledger = operator.text("/")
    assert "医事課" in ledger  # found by wide digits
    assert ledger.count("２階 サーバ室") == 2  # merged cells
    assert "2020/12/1" in ledger  # 令和2年12月1日
    assert hospital.NEVER_SEEN in operator.text("/findings")


def vendor_answers(story: Story, admin: Person, operator: Person) -> Person:
    number = operator.number_of("CT-CONSOLE")
    operator.go("/vendors")
    operator.state("vendors, none")
    operator.press("a.button")
    operator.page.fill("#id", "ogawa")
    operator.page.fill("#name", "大川医療機器")
    operator.page.check("[name=contract]")
    operator.page.fill("#contract_until", str(datetime.now(UTC).date() + timedelta(days=365)))
    operator.page.fill("#devices", number)
    operator.state("vendor, its form")
    operator.press("form[action='/vendors'] button.primary")
    admin.go("/vendors/ogawa")
    admin.state("vendor of the facility")
    admin.page.locator("form[action$='/invite'] [name=name]").fill("大川 進")
    admin.press("form[action$='/invite'] button")
    vendor = story.person()
    vendor.register(admin.secret(), "okawa", "大川 進")
    home = vendor.text("/vendor")
    vendor.state("vendor's home")
    assert "CT-CONSOLE" in home
    assert not any(other in home for other in ("fw-main", "HIS-DB01", hospital.FIREWALL, hospital.SERVER))
    stay_outside(vendor, "/vendor")
    answer(vendor, "リモートデスクトップ", "confirmed", "保守手順書 第3版 12頁")
    answer(vendor, "VNC", "denied", "当社の保守では VNC を使いません")
    said = operator.text("/vendors/ogawa")
    assert "確認済み" in said
    assert "使っていないとの答え" in said
    operator.state("vendor, answered")
    return vendor


def stay_outside(person: Person, home: str) -> None:
    """Nothing but the own pages opens; the front door leads to them."""
    assert [person.go(path) for path in REFUSED_TO_READERS] == [403] * len(REFUSED_TO_READERS)
    person.go("/")
    assert person.page.url == person.site + home


def answer(vendor: Person, path: str, state: str, evidence: str) -> None:
    vendor.go("/vendor")
    vendor.press(f"tr:has-text('{path}') a.button")
    vendor.page.check(f"[name=state][value={state}]")
    vendor.page.fill("#evidence", evidence)
    vendor.state(f"vendor's path, {state}")
    vendor.press("button.primary")
    assert vendor.page.url.endswith("/vendor?message=kept")


def mark_the_checklist(operator: Person) -> None:
    operator.go("/checklist")
    operator.state("checklist")
    item = operator.page.locator(NETWORK_PATCHES)
    assert "いいえの証拠あり" in item.inner_text()
    item.locator("details:has(form) > summary").click()
    item.locator("[name=answer]").select_option("いいえ")
    item.locator("[name=target_date]").fill(str(datetime.now(UTC).date() + timedelta(days=30)))
    item.locator("[name=remark]").fill("次の保守日に上げる")
    item.locator("button.primary").click()
    marked = operator.page.locator(NETWORK_PATCHES).inner_text()
    assert "次の保守日に上げる" in marked
    assert "目標日" in marked
    first = operator.page.locator("#item-organisation-1-1")
    first.locator("details:has(form) > summary").click()
    first.locator("[name=answer]").select_option("はい")
    operator.state("checklist, a mark being made")
    first.locator("button.primary").click()
    assert "はい" in operator.page.locator("#item-organisation-1-1").inner_text()


def released(story: Story, admin: Person) -> Person:
    admin.go("/releases")
    admin.state("releases, none")
    admin.press("form[action='/releases/new'] button")
    admin.state("release, asked")
    admin.press("form[action='/releases'] button.primary")
    admin.state("releases")
    admin.page.locator("form[action$='/invite'] [name=name]").fill("田中 検査官")
    admin.press("form[action$='/invite'] button")
    link = admin.secret()
    assert LINK.fullmatch(link)
    inspector = story.person(java_script_enabled=False)
    inspector.register(link, "tanaka", "田中 検査官")
    return inspector


def read_as_inspector(inspector: Person) -> dict[str, str]:
    """Read every released page, search, print, take the pack along; give what was read."""
    inspector.go("/inspection")
    links = inspector.page.locator("main .released a").evaluate_all("all => all.map(a => a.pathname)")
    pages = [link for link in dict.fromkeys(links) if link.endswith(".html")]
    read = {"/inspection": inspector.text()}
    for path in pages:
        assert inspector.go(path) == 200, path
        inspector.state(f"inspection {path}")
        read[path] = inspector.text()
    whole = "\n".join(read.values())
    for word in (
        "HIS-DB01",
        "fw-main",
        hospital.OLD_FIRMWARE,
        "次の保守日に上げる",
        "大川",
        hospital.NEVER_SEEN,
    ):
        assert word in whole, word
    assert hospital.NEW not in whole
    assert inspector.page.pdf().startswith(b"%PDF")
    inspector.go("/inspection")
    inspector.page.fill("#q", "HIS-DB01")
    inspector.press("form[role=search] button")
    read["search"] = inspector.text()
    inspector.state("inspection, searched")
    assert hospital.SERVER in read["search"]
    inspector.go("/inspection")
    with inspector.page.expect_download() as coming:
        inspector.page.click("a[href='/inspection/pack.zip']")
    pack = Path(coming.value.path()).read_bytes()
    assert check_pack(pack).problems == ()
    stay_outside(inspector, "/inspection")
    return read | {"pack": hashlib.sha256(pack).hexdigest()}


def look_at_what_changed(operator: Person) -> None:
    for page in ("/today", "/changes"):
        text = operator.text(page)
        operator.state(page)
        for sentence in (
            f"新しい機器です（{hospital.NEW}）",
            f"「{hospital.OLD_FIRMWARE}」から「{hospital.NEW_FIRMWARE}」に変わりました",
            "応答しなくなりました",
            "2系統のネットワークにつながりました",
        ):
            assert sentence in text, (page, sentence)
    findings = operator.text("/findings")
    operator.state("/findings")
    assert hospital.OLD_FIRMWARE not in findings
    assert "PC-RECEPT" in findings
    operator.go("/checklist")
    item = operator.page.locator(NETWORK_PATCHES).inner_text()
    assert "いいえの証拠あり" not in item
    assert "次の保守日に上げる" in item
    operator.state("checklist, after")
    operator.go("/?q=HIS-DB01")
    assert hospital.SERVER_AGAIN in operator.text()
    operator.press("th.number a")
    operator.state("device on two networks")


def who_did_what(admin: Person) -> None:
    admin.go("/audit")
    admin.state("audit")
    lines = admin.context.request.get(f"{admin.site}/audit.jsonl").text().splitlines()
    told = {(one["name"], one["action"], one["outcome"]) for one in map(json.loads, lines)}
    for name, actions in {
        "佐藤花子": ("accept", "settings", "agent_enrolled", "invite", "release", "read_audit"),
        "鈴木一郎": ("accept", "import", "statement", "read_verdicts"),
        "大川 進": ("accept", "statement", "read_statements"),
        "田中 検査官": ("accept", "read_ledger", "read_evidence", "download"),
    }.items():
        for action in actions:
            assert (name, action, "done") in told, (name, action)
    for name in ("大川 進", "田中 検査官"):
        assert any(who == name and outcome == "refused" for who, _, outcome in told)
