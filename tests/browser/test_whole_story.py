# SPDX-License-Identifier: Apache-2.0
"""The whole story in a real browser: an empty machine, a first hour, a vendor, an inspection, and what changed after.

A real `daicho serve` process and four people in browsers of their own; nothing is written past the pages. It is told
twice: by mouse and in Japanese, where a real agent scans a virtual hospital (`story_hospital`) twice, changed in the
night between; and by keyboard alone and in English, where the same agent's looks are recorded (`story_material`).
Verdicts rest on the shipped knowledge: where it is renewed, story_material's firmware may have to follow.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from collector.documents.pack_check import check_pack
from tests.browser import story_material as hospital
from tests.browser.axe import AXE
from tests.browser.hands import Hands, Keys, Mouse
from tests.browser.story import Story, recorded
from tests.browser.story_hospital import HospitalAgent
from tests.browser.story_people import LINK, Person
from tests.browser.story_site import Agent, StorySite
from tests.papers_material import needs_fonts

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
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
NETWORK_PATCHES, FIRST_ITEM = "#item-network-2-7", "#item-organisation-1-1"

_OLD, _NEW = hospital.OLD_FIRMWARE, hospital.NEW_FIRMWARE
CHANGED = {
    "ja": (
        f"新しい機器です（{hospital.NEW}）",
        f"「{_OLD}」から「{_NEW}」に変わりました",
        "応答しなくなりました",
        "2系統のネットワークにつながりました",
    ),
    "en": (
        f"A new device ({hospital.NEW})",
        f"changed from {_OLD} to {_NEW}",
        "No longer answers",
        "Now stands on several networks",
    ),
}


@needs_fonts
@pytest.mark.parametrize(
    ("hands", "locale", "agent"),
    [
        pytest.param(Mouse, "ja-JP", HospitalAgent, id="real scans, by mouse"),
        pytest.param(Keys, "en-GB", recorded, id="by keyboard alone, in English"),
    ],
)
def test_from_an_empty_machine_to_what_changed_after_the_inspection(
    story: Story,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hands: Callable[[Page], Hands],
    locale: str,
    agent: Callable[[StorySite, str], Agent],
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # a lab of our own beside any other
    story.hands, story.locale = hands, locale
    admin = story.begin()
    eyes = story.first_hour(admin, agent)
    admin.wait_for_devices(6)
    admin.state("ledger")
    assert admin.words("welcome.all_done") in admin.text("/welcome")
    admin.state("welcome, done")
    operator = story.invite(admin, "suzuki", "鈴木一郎")
    take_in_the_old_ledger(operator, tmp_path)
    vendor = vendor_answers(story, admin, operator)
    mark_the_checklist(operator)
    inspector = released(story, admin)
    before = read_as_inspector(inspector)
    with eyes.looking():
        pass
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
    operator.hands.attach(operator.page.locator("#file"), hospital.old_ledger(folder))
    operator.press("form[enctype] button.primary")
    preview = operator.text()
    operator.state("import, preview")
    assert operator.words("import.nothing_yet") in preview
    assert ("合計などの行" if operator.words.language == "ja" else "a line of sums") in preview
    assert "医事課" not in operator.text("/")
    operator.go("/import/preview")
    operator.press("form[action='/import/apply'] button")
    assert operator.words("import.done").partition("{")[0] in operator.text()
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
    operator.fill("#id", "ogawa")
    operator.fill("#name", "大川医療機器")
    operator.hands.tick(operator.page.locator("[name=contract]"))
    operator.fill("#contract_until", str(datetime.now(UTC).date() + timedelta(days=365)))
    operator.fill("#devices", number)
    operator.state("vendor, its form")
    operator.press("form[action='/vendors'] button.primary")
    admin.go("/vendors/ogawa")
    admin.state("vendor of the facility")
    admin.fill("form[action$='/invite'] [name=name]", "大川 進")
    admin.press("form[action$='/invite'] button")
    vendor = story.person()
    vendor.register(admin.secret(), "okawa", "大川 進")
    home = vendor.text("/vendor")
    vendor.state("vendor's home")
    assert "CT-CONSOLE" in home
    assert not any(other in home for other in ("fw-main", "HIS-DB01", hospital.FIREWALL, hospital.SERVER))
    stay_outside(vendor, "/vendor")
    answer(vendor, vendor.words("path.rdp"), "confirmed", "保守手順書 第3版 12頁")
    answer(vendor, "VNC", "denied", "当社の保守では VNC を使いません")
    said = operator.text("/vendors/ogawa")
    assert operator.words("vendor.stand_confirmed") in said
    assert operator.words("vendor.stand_denied") in said
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
    vendor.hands.tick(vendor.page.locator(f"[name=state][value={state}]"))
    vendor.fill("#evidence", evidence)
    vendor.state(f"vendor's path, {state}")
    vendor.press("button.primary")
    assert vendor.page.url.endswith("/vendor?message=kept")


def mark_the_checklist(operator: Person) -> None:
    operator.come_back("suzuki", "/checklist")
    operator.state("checklist")
    assert operator.words("verdict.no") in operator.page.locator(NETWORK_PATCHES).inner_text()
    item = operator.unfold(NETWORK_PATCHES)
    operator.hands.choose(item.locator("[name=answer]"), "いいえ")
    until = datetime.now(UTC).date() + timedelta(days=30)
    operator.hands.fill(item.locator("[name=target_date]"), str(until))
    operator.hands.fill(item.locator("[name=remark]"), "次の保守日に上げる")
    operator.press("button.primary", NETWORK_PATCHES)
    marked = operator.page.locator(NETWORK_PATCHES).inner_text()
    assert "次の保守日に上げる" in marked
    assert operator.words("checklist.target_date") in marked
    first = operator.unfold(FIRST_ITEM)
    operator.hands.choose(first.locator("[name=answer]"), "はい")
    operator.state("checklist, a mark being made")
    operator.press("button.primary", FIRST_ITEM)
    assert "はい" in operator.page.locator(FIRST_ITEM).inner_text()


def released(story: Story, admin: Person) -> Person:
    admin.go("/releases")
    admin.state("releases, none")
    admin.press("form[action='/releases/new'] button")
    admin.state("release, asked")
    admin.press("form[action='/releases'] button.primary")
    admin.state("releases")
    admin.fill("form[action$='/invite'] [name=name]", "田中 検査官")
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
    inspector.fill("#q", "HIS-DB01")
    inspector.press("form[role=search] button")
    read["search"] = inspector.text()
    inspector.state("inspection, searched")
    assert hospital.SERVER in read["search"]
    inspector.go("/inspection")
    pack = inspector.take("a[href='/inspection/pack.zip']")
    assert check_pack(pack).problems == ()
    stay_outside(inspector, "/inspection")
    return read | {"pack": hashlib.sha256(pack).hexdigest()}


def look_at_what_changed(operator: Person) -> None:
    for page in ("/today", "/changes"):
        text = operator.text(page)
        operator.state(page)
        for sentence in CHANGED[operator.words.language]:
            assert sentence in text, (page, sentence, text)
    findings = operator.text("/findings")
    operator.state("/findings")
    assert hospital.OLD_FIRMWARE not in findings
    assert "PC-RECEPT" in findings
    operator.go("/checklist")
    item = operator.page.locator(NETWORK_PATCHES).inner_text()
    assert operator.words("verdict.no") not in item
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
