# SPDX-License-Identifier: Apache-2.0
"""What the papers say: only what was seen or stated, the unknown as such, nobody's answer but a person's."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace as replace_struct

from collector.documents.annex_numbers import MOST_NAMED, Numbers
from collector.documents.gateways import group_models, is_network, is_vpn
from collector.documents.paper import UNKNOWN, Paper
from collector.documents.papers import load_kind
from collector.documents.papers.survey import load_survey
from collector.verdict import Finding, Text
from inventory_db.observations import as_stored
from inventory_db.official import listed_row
from inventory_db.stated import (
    Answer,
    CloudService,
    Confirmation,
    DeviceDetail,
    Facility,
    ListedDevice,
    RemoteAccess,
    Review,
)
from inventory_db.statements import Stated
from probes.facts import FactKind, Outcome, fact
from tests.papers_material import NOW, SAID, SILENT, VENDOR, device, dossier


def rows(paper: Paper, part: int = 0) -> list[dict[str, str]]:
    titles = [column.title for column in paper.parts[part].columns]
    return [dict(zip(titles, row, strict=True)) for row in paper.parts[part].rows]


def survey_answer(number: str, word: str, **more: Any) -> Answer:
    values: dict[str, Any] = {"on": date(2026, 11, 1)} | more
    return Answer(
        edition="gateway-survey",
        sheet="facility",
        target="organisation",
        number=number,
        answer=word,
        **values,
    )


def test_every_device_stands_on_exactly_one_list_of_the_bcp() -> None:
    paper = load_kind("bcp").make(dossier(VENDOR))
    listed = [row["管理番号"] for part in (0, 1, 2) for row in rows(paper, part)]
    assert sorted(listed) == ["001", "002", "003", "004"]


def test_what_no_scan_sees_says_so_until_a_person_fills_it() -> None:
    blank = rows(load_kind("bcp").make(dossier()))[0]
    columns = ("使用用途", "ウイルス対策ソフトの稼働状況", "管理者権限でのログオン", "所在", "管理主体")
    assert {blank[column] for column in columns} == {UNKNOWN}
    detail = DeviceDetail(
        device="d3", use="電子カルテ", antivirus="稼働", admin_logon=False, managed_by="医療機関"
    )
    filled = rows(load_kind("bcp").make(dossier(detail)))[0]
    assert [filled[column] for column in columns] == ["電子カルテ", "稼働", "なし", UNKNOWN, "医療機関"]


def test_the_patch_state_is_what_was_found_and_never_good_by_itself() -> None:
    paper = load_kind("bcp").make(dossier())
    network = {row["管理番号"]: row["脆弱性対応状況"] for row in rows(paper, 1)}
    assert network == {"001": "修正版が出ています。", "002": UNKNOWN}
    judged = dossier(DeviceDetail(device="d2", patched="2026/10 に更新"))
    assert rows(load_kind("bcp").make(judged), 1)[1]["脆弱性対応状況"] == "2026/10 に更新"


def test_what_is_open_about_a_version_is_counted_and_not_claimed() -> None:
    built = dossier()
    assert built.judgement
    patches = next(item for item in built.judgement.sheets[0].items if item.line.item.rule == "patches")
    doubt = Finding(
        code="patch.unknown", device="d2", text=Text("FW (10.1.0.9): 版を答えません。", ""), proven=False
    )
    proof = Finding(code="patch.affected", device="d2", text=Text("FW (10.1.0.9): 古い版です。", ""))
    judged = replace(patches.judged, findings=(doubt, proof))
    sheet = replace(built.judgement.sheets[0], items=(replace(patches, judged=judged),))
    built = replace(built, judgement=replace(built.judgement, sheets=(sheet,)))
    network = {row["管理番号"]: row["脆弱性対応状況"] for row in rows(load_kind("bcp").make(built), 1)}
    assert network == {"001": UNKNOWN, "002": "古い版です。\n要確認（決められない点 1 件）"}


def test_who_answers_for_which_device() -> None:
    care = {row["管理主体"]: row for row in rows(load_kind("bcp").make(dossier(VENDOR)), 4)}
    assert care["髙木システム㈱"]["管理する機器（管理番号）"] == "001–002"
    assert care["髙木システム㈱"]["連絡先"] == "03-0000-0000"
    assert care[UNKNOWN]["台数"] == "2"
    assert list(care)[-1] == UNKNOWN


def test_a_declared_router_with_a_sim_card_is_listed_though_no_scan_saw_it() -> None:
    said = RemoteAccess(
        id="r1", vendor="v1", means="mobile_router", product="LTE-1", purpose="検査装置の保守"
    )
    built = dossier(VENDOR, said)
    row = rows(load_kind("bcp").make(built), 1)[-1]
    assert (row["管理番号"], row["種別"], row["管理主体"]) == ("届出", "モバイルルーター", "髙木システム㈱")
    assert row["IPアドレス"] == UNKNOWN
    models = rows(load_kind("survey").make(built), 1)
    assert {"メーカー名": UNKNOWN, "型番": "LTE-1", "台数": "1"}.items() <= models[-1].items()


def test_gateways_are_grouped_and_counted_and_unknown_models_asked_for() -> None:
    more = tuple(device(f"x{n}", f"10.1.1.{n}", "gateway", maker="Yamaha", model="RTX1210") for n in range(3))
    built = dossier(devices=(*dossier().case.devices, *more))
    models = group_models(built.case.rows, ())
    assert [(one.maker, one.model, one.count, one.unsure) for one in models] == [
        ("Yamaha", "RTX1210", 4, False),
        ("Fortinet", UNKNOWN, 1, True),
    ]


def test_what_counts_as_a_gateway_and_what_as_network() -> None:
    assert is_vpn(device("a", "10.0.0.1", "gateway"))
    assert not is_vpn(device("a", "10.0.0.1", "network"))
    assert is_network(device("a", "10.0.0.1", "network"))
    assert is_network(device("a", "10.0.0.1", "server", forwards=True))
    assert not is_network(device("a", "10.0.0.1", "server"))


def test_the_survey_never_answers_by_itself() -> None:
    for devices in ((), None):
        for row in rows(load_kind("survey").make(dossier(devices=devices))):
            assert "■" not in row["回答（人が選ぶ）"]
    nothing = rows(load_kind("survey").make(dossier(devices=())))[0]
    assert "存在しないことの証拠にはなりません" in nothing["台帳と証拠から言えること"]


def test_the_survey_shows_a_persons_answer_and_only_the_latest() -> None:
    said = (survey_answer("8", "存在しない", round=1), survey_answer("8", "存在する", round=2))
    [box] = [
        row["回答（人が選ぶ）"] for row in rows(load_kind("survey").make(dossier(*said))) if row["問"] == "8"
    ]
    assert box.splitlines() == ["■存在する", "□存在しない", "（令和8年11月1日）"]


def test_a_word_that_the_boxes_do_not_have_stands_as_it_was_said() -> None:
    rows_ = rows(load_kind("survey").make(dossier(survey_answer("10", "一部の装置のみ"))))
    assert "一部の装置のみ" in rows_[2]["回答（人が選ぶ）"]
    assert "■" not in rows_[2]["回答（人が選ぶ）"]


def test_the_survey_holds_questions_8_to_14_and_shows_what_we_know() -> None:
    assert [one.number for one in load_survey().questions] == [str(number) for number in range(8, 15)]
    said = (Review(subject="access_log", by="院長", on=date(2026, 4, 1)),)
    told = {row["問"]: row for row in rows(load_kind("survey").make(dossier(*said)))}
    assert "2 台見つかっています" in told["8"]["台帳と証拠から言えること"]
    assert "E-001" in told["8"]["証拠"] or "E-002" in told["8"]["証拠"]
    assert "判定できない" in told["10"]["台帳と証拠から言えること"]
    assert "令和8年4月1日、院長" in told["12"]["台帳と証拠から言えること"]


def test_evidence_is_numbered_verdicts_first_and_always_the_same() -> None:
    one, other = Numbers(dossier(VENDOR)), Numbers(dossier(VENDOR))
    assert one.ids() == other.ids() == [SILENT.id, SAID.id]
    assert one.number(SILENT.id) == "E-001"
    assert one.number("nobody") == ""
    assert any(use.startswith("(2-(7)) サーバ") for use in one.uses(SILENT.id))
    assert any(use.startswith("台帳 001") for use in one.uses(SAID.id))
    assert one.text([SAID.id, SILENT.id, SAID.id]) == "E-002、E-001"


def test_many_numbers_in_one_cell_are_shortened() -> None:
    numbers = Numbers(dossier())
    numbers._numbers.update({f"x{n}": f"E-{n:03d}" for n in range(20)})
    assert numbers.text(f"x{n}" for n in range(20)).endswith(f"ほか {20 - MOST_NAMED} 件")


def test_the_annex_tells_asked_and_silent_apart_and_quotes_both_sides() -> None:
    first, second = rows(load_kind("annex").make(dossier(VENDOR)))
    assert first["相手"] == "10.1.0.2\n22/tcp"
    assert first["答え"] == "答えなし"
    assert first["尋ねたこと"] == "SSH\nhello"
    assert second["尋ねたこと"].endswith("\\x00<script>")
    assert second["答え"] == "*strong* \\xff"
    assert second["立っていた所"] == "probe1 eth0\n10.1.0.250"
    assert second["日時"] == "令和8年11月29日\n12:00:00"


def test_facts_without_a_transcript_stand_in_the_annex_in_words() -> None:
    heard = (fact(FactKind.OPEN, "tcp"), fact(FactKind.SERVICE, "rdp"), fact(FactKind.REMOTE_PATH, "rdp"))
    seen = replace_struct(as_stored(SAID), facts=heard)
    made = replace(dossier(VENDOR), observations=lambda _: (seen,), transcripts=lambda _: {})
    (only,) = rows(load_kind("annex").make(made))
    assert only["答え"] == "開いているポート tcp、サービス rdp、遠隔接続の経路 リモートデスクトップ"
    ways = (fact(FactKind.NOT_TRIED, "smb never_list"), fact(FactKind.NOT_TRIED, "oxid fragile"))
    seen = replace_struct(seen, facts=ways, outcome=Outcome.HELD_BACK, reason="techniques: 手段 / ways")
    (only,) = rows(load_kind("annex").make(replace(made, observations=lambda _: (seen,))))
    assert only["答え"] == (
        "尋ねず（手段）\n試さなかった手段 SMB の名乗り（GUID と名前）：触れない一覧にある、"
        "DCOM のアドレス一覧（OXID）：壊れやすい機器なので尋ねない"
    )


def test_found_declared_and_confirmed_paths_stand_side_by_side() -> None:
    declared = RemoteAccess(
        id="r1", vendor="v1", device="d1", means="ipsec", port=500, where="本社", ids="個人"
    )
    loose = RemoteAccess(id="r2", vendor="v1", means="mobile_router", product="LTE-1")
    claim = Confirmation(vendor="v1", path="r1", state="confirmed", by="佐藤", on=date(2026, 11, 1))
    paper = load_kind("register").make(dossier(VENDOR, declared, loose, claim))
    first, second = rows(paper)
    assert (first["管理番号"], first["見つかった経路"], first["突き合わせ"]) == (
        "001",
        "IPsec-VPN IKEv2 500",
        "届出と一致",
    )
    assert "確認（髙木システム㈱ 佐藤、令和8年11月1日）" in first["事業者の確認"]
    assert "事業者の言葉だけです" in first["事業者の確認"]
    assert first["証拠"] == "E-002"
    assert second["突き合わせ"] == "届出のみ（見つかっていない）"
    assert second["事業者の確認"] == UNKNOWN
    assert rows(paper, 1)[0]["ID（個人・共用）"] == "個人"
    assert rows(paper, 1)[1]["認証方法"] == UNKNOWN
    assert rows(paper, 1)[0]["最終確認"] == "令和8年11月1日"
    assert "証拠にならない" in rows(paper, 1)[0]["確認の期限"]
    assert [len(rows(paper, part)) for part in (2, 3, 4)] == [0, 0, 1]


def test_a_register_without_rows_is_no_evidence_of_none() -> None:
    assert "無いことの証拠にはなりません" in load_kind("register").make(dossier(devices=())).parts[0].empty


def test_the_check_of_the_ledger_names_what_is_missing_on_either_side() -> None:
    cells = {"コンピュータ名": "OLD-PC", "IPアドレス": "10.9.9.9"}
    said = ListedDevice(id="l1", cells=cells, source="台帳.xlsx", row=7)
    paper = load_kind("coverage").make(
        dossier(said, Review(subject="ledger", by="院長", on=date(2026, 4, 1)))
    )
    assert [row["管理番号"] for row in rows(paper)] == ["001", "002", "003", "004"]
    [old] = rows(paper, 1)
    assert (old["自院の台帳の行"], old["最後に見た日"]) == ("台帳.xlsx 7", "一度も見ていない")
    assert "設置場所" in rows(paper, 2)[0]["空の欄"]
    assert dict(paper.header)["責任者の確認"] == "令和8年4月1日 院長"


def test_the_cloud_ledger_holds_what_people_stated() -> None:
    said = CloudService(
        id="c1", provider="〇〇クラウド", service="予約", domain="y.example", since="2023/4/1"
    )
    [row] = rows(load_kind("cloud").make(dossier(said)))
    assert (row["サービス提供事業者"], row["ドメイン/アドレス"], row["利用開始日"]) == (
        "〇〇クラウド",
        "y.example",
        "2023/4/1",
    )
    assert "人が記入します" in load_kind("cloud").make(dossier()).parts[0].empty


@pytest.mark.parametrize(("form", "title"), [("hospital", "利用者"), ("pharmacy", "主な利用者属性")])
def test_the_ledger_is_the_facilitys_own_form(form: str, title: str) -> None:
    paper = load_kind("ledger").make(dossier(Facility(name="さくら", form=form)))
    assert paper.facility == "さくら"
    assert paper.parts[0].columns[8].title == title
    assert paper.header == (("最終更新日", "令和8年11月29日"), ("最終更新者", "鈴木一郎"))


def test_what_is_only_listed_stands_on_the_ledger_and_the_bcp_as_not_seen() -> None:
    listed = ListedDevice(
        id="l1", cells={"管理番号": "A-7", "コンピュータ名": "OLD-PC"}, source="台帳.xlsx", row=7
    )
    row = listed_row(Stated(listed, "鈴木一郎", NOW), 5, {})
    built = replace(dossier(listed), listed=(row,))
    assert load_kind("ledger").make(built).parts[0].rows[-1][0] == "005"
    assert "［調査では未確認］" in load_kind("ledger").make(built).parts[0].rows[-1][11]
    [old] = rows(load_kind("bcp").make(built), 3)
    assert (old["管理番号"], old["元の台帳の番号"], old["OS"]) == ("005", "A-7", UNKNOWN)
    assert rows(load_kind("coverage").make(built), 1)[-1]["管理番号"] == "005"


def test_there_is_no_paper_of_another_name() -> None:
    with pytest.raises(KeyError):
        load_kind("nothing")
