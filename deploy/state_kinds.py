# SPDX-License-Identifier: Apache-2.0
"""What each kind of statement is for, with one example that can be typed as it stands."""

from inventory_db.stated import KINDS

# kind → Japanese, English, example fields
WORDS: dict[str, tuple[str, str, str]] = {
    "facility": (
        "施設そのもの。networks は医療情報システムのすべての網",
        "the facility; networks are all its medical networks",
        "name=東山台病院 form=hospital has_vendor_contract=はい networks=192.168.1.0/24,192.168.2.0/24",
    ),
    "vendor": (
        "事業者とその契約、受け持つ機器",
        "a vendor, its contract and the devices in its care",
        "id=a name=A社 systems=電子カルテ devices=001,192.168.1.20 contract_until=2027-03-31",
    ),
    "answer": (
        "チェックリストの回答（1回目、2回目）",
        "an answer on the checklist",
        "edition=R6-hospital item=server/2-4 answer=いいえ on=令和6年6月1日 target_date=2025-03-31 remark=権限表を作成中",
    ),
    "remote_access": (
        "届け出る遠隔保守の経路",
        "a declared path of remote maintenance",
        "id=vpn1 vendor=a device=192.168.1.1 means=ssl_vpn port=443 sources=203.0.113.0/24 purpose=電子カルテの保守",
    ),
    "dual_homed": (
        "2つの網につながるのが設計どおりの機器（2枚挿しの届出）",
        "a device that stands on two networks on purpose",
        "device=192.168.1.30 networks=192.168.1.0/24,192.168.77.0/24 purpose=オンライン資格確認 approver=院長 on=2026-04-01 review_by=2027-03-31",
    ),
    "confirmation": (
        "経路についての事業者の答え。path=none は「使っていない」",
        "a vendor's answer on a path; path=none: it uses none",
        "vendor=a path=vpn1 state=confirmed by=保守担当 on=2026-07-01 evidence=接続申請書の写し valid_until=2027-06-30",
    ),
    "approval": (
        "意図して開けているサービスの承認",
        "an open service that is meant to be there",
        "device=192.168.1.20 port=23 service=telnet reason=検査装置の保守 approver=院長 until=2027-03-31",
    ),
    "assignment": (
        "やること1件の担当と目標日（ふつうは「やること」の画面で）",
        "who sees to a finding and by when (usually on the page of findings)",
        "code=service.weak.telnet device=192.168.1.20 port=23 transport=tcp assignee=情報係 target_date=2027-03-31",
    ),
    "allowed_sources": (
        "あるサービスに届いてよい網",
        "networks that may reach a service",
        "device=192.168.1.1 port=443 networks=203.0.113.0/24",
    ),
    "access_limit": (
        "MAC アドレスや無線の接続制限",
        "limits on MAC addresses or wireless stations",
        "place=1階無線 limited=はい how=MACアドレス登録 by=情報係 on=2026-07-01",
    ),
    "mitigation": (
        "既知の弱点への、事業者による別の対処",
        "another remedy of a vendor for a known weakness",
        "device=192.168.1.1 advisory=CVE-2024-21762 vendor=a says=SSL-VPN を停止 by=保守担当 on=2026-07-01 until=2027-03-31",
    ),
    "cloud_service": (
        "クラウドサービスの台帳の1行",
        "a row of the cloud-service ledger",
        "id=c1 provider=B社 service=予約システム domain=yoyaku.example authentication=二要素 since=2024-04-01",
    ),
    "review": (
        "経営層の見直し（ledger、remote_access、access_log）",
        "an executive's review",
        "subject=ledger by=院長 on=2026-07-01 remark=運営会議で確認 next_due=2027-06-30",
    ),
    "device_detail": (
        "機器についての細かい記入",
        "details of a device",
        "device=192.168.1.20 use=電子カルテ",
    ),
    "listed_device": (
        "施設の台帳の1行（ふつうは daicho load ledger で取り込む）",
        "a row of the facility's own ledger (usually imported)",
        "id=r1 cells=コンピュータ名:PC1,設置場所:受付 device=001",
    ),
    "column_mapping": (
        "取り込む表の列の意味（取り込みが覚える）",
        "what a column of an imported table means (kept by the import)",
        "header=場所,名前 columns=場所:設置場所,名前:コンピュータ名",
    ),
    "configuration": (
        "機器の設定の読み取り（daicho load config が書く）",
        "what a configuration says (written by daicho load config)",
        "",
    ),
    "document": (
        "保管している文書（mds、sds、contact_chart、bcp …）。--attach でファイルを付ける",
        "a document that is kept; attach its file with --attach",
        "id=bcp1 type=bcp title=事業継続計画 version=2 on=2026-04-01 valid_until=2027-03-31",
    ),
}


def words(kind: str) -> tuple[str, str, str]:
    """Give what the kind is for, in both languages, and an example; empty for one without."""
    return WORDS.get(kind, ("", "", ""))


def kinds() -> list[str]:
    """Give the kinds in the order in which a facility comes to need them."""
    return [kind for kind in WORDS if kind in KINDS] + [kind for kind in KINDS if kind not in WORDS]
