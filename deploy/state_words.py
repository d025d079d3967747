# SPDX-License-Identifier: Apache-2.0
"""What the fields of statements mean, in both languages, for those who type them."""

from datetime import date

from collector.statement_check import field_type
from inventory_db.stated import Statement

_FIELDS: dict[str, tuple[str, str]] = {
    "about": (
        "機器と口のほかに、何についてか（CVE の番号、事業者 …）",
        "what else it is about: a CVE, a vendor …",
    ),
    "address": ("住所やアドレス", "address"),
    "admin_logon": ("管理者権限でのログオンをするか", "whether people log on as administrator"),
    "advisory": ("CVE-… か JVNDB-…", "CVE-… or JVNDB-…"),
    "answer": ("はい・いいえ・対象外", "はい (yes), いいえ (no) or 対象外 (n/a)"),
    "antivirus": ("ウイルス対策ソフトの稼働状況", "state of its antivirus"),
    "approver": ("承認した人", "who approved"),
    "assignee": ("担当（人、事業者、自由な言葉）", "who sees to it: a person, a vendor, any words"),
    "attachments": ("添付（ふつうは --attach で付ける）", "files (usually by --attach)"),
    "authentication": ("認証のしかた", "how people are authenticated"),
    "by": ("言った人・行った人の名前", "name of the person who said or did it"),
    "cells": ("列の名:値、…", "column:value, …"),
    "code": (
        "やることの種類（/api/v1/checks の findings の code）",
        "kind of finding (code in findings of /api/v1/checks)",
    ),
    "columns": ("見出し:台帳の列、…", "their heading:our column, …"),
    "contact": ("連絡先", "contact"),
    "contract": ("施設と直接の契約があるか", "whether the facility has a contract with it"),
    "contract_until": ("契約の終わる日", "last day of the contract"),
    "correction": ("届出と違うところ", "what differs from what was declared"),
    "device": ("管理番号・IP アドレス・名前のどれか", "its number, IP address or name"),
    "devices": (
        "受け持つ機器（管理番号・IP アドレス・名前）",
        "devices in its care: number, address or name",
    ),
    "domain": ("ドメインやアドレス", "domain or address"),
    "edition": ("様式の版 R6-hospital など", "edition, like R6-hospital"),
    "evidence": ("何に基づくか（書類や画面の名）", "what it rests on"),
    "excluded": ("契約に含まない項目 server/2-7 など", "items its contract leaves out, like server/2-7"),
    "file": ("ファイル名", "file name"),
    "form": ("hospital か pharmacy", "hospital or pharmacy"),
    "found": ("あったか yes・no・unknown", "whether it was there: yes, no or unknown"),
    "has_system": ("医療情報システムを使っているか", "whether it has medical information systems"),
    "has_vendor_contract": ("事業者と契約しているか", "whether it has contracts with vendors"),
    "header": ("表の見出し、…", "headings of the table, …"),
    "how": ("どのように限っているか", "how it is limited"),
    "id": ("施設が決める短い番号か名前", "a short id of your own"),
    "ids": ("個人 か 共用", "個人 (personal) or 共用 (shared)"),
    "item": ("機器の番号、または元の台帳の行の番号", "id of the device or of the listed row"),
    "ledger": ("どの台帳か", "which ledger"),
    "limited": ("限っているか", "whether it is limited"),
    "managed_by": ("管理主体", "who manages it"),
    "means": (
        "ssl_vpn、ipsec、openvpn、rdp、vnc、ssh、web_admin、mobile_router など",
        "ssl_vpn, ipsec, openvpn, rdp, vnc, ssh, web_admin, mobile_router …",
    ),
    "name": ("名称", "name"),
    "networks": ("網 192.168.1.0/24、…", "networks, like 192.168.1.0/24, …"),
    "next_due": ("次の期限", "when it is due next"),
    "number": ("項目の番号（item=server/2-7 とも書ける）", "number of the item (or write item=server/2-7)"),
    "on": ("その日", "the day"),
    "one": ("一方の機器の手がかり（画面が書く）", "handles of the one device (the page writes them)"),
    "other": ("他方の機器の手がかり（画面が書く）", "handles of the other device (the page writes them)"),
    "patched": ("脆弱性対応状況", "how it is patched"),
    "path": (
        "届け出た経路の id、none、found:機器/種類/口",
        "id of a declared path, none, or found:DEVICE/KIND/PORT",
    ),
    "place": ("場所（SSID・スイッチ・階）", "place: SSID, switch or floor"),
    "port": ("口の番号", "port number"),
    "product": ("製品名", "product"),
    "provider": ("提供事業者", "provider"),
    "purpose": ("目的", "purpose"),
    "reason": ("理由", "reason"),
    "remark": ("備考", "remark"),
    "restriction": ("接続元をどう限っているか", "how it is kept to those sources"),
    "review_by": ("いつまでに見直すか", "by when somebody looks at it again"),
    "role": ("役職", "role"),
    "round": ("1回目 1、2回目 2", "1 for the first round, 2 for the second"),
    "same": ("同じ機器か", "whether they are one device"),
    "says": ("事業者の説明", "what the vendor says"),
    "service": ("サービスの名", "name of the service"),
    "sheet": ("facility か vendor（書かなければ自動）", "facility or vendor (found by itself)"),
    "since": ("利用開始日", "since when"),
    "source": ("元のファイル", "source"),
    "sources": ("接続元の網 203.0.113.0/24、…", "networks it comes from, like 203.0.113.0/24"),
    "started": ("始めた日", "since when"),
    "subject": ("ledger、remote_access、access_log のどれか", "ledger, remote_access or access_log"),
    "systems": ("納めたもの 電子カルテ、PACS …", "what it supplies"),
    "target": ("対象（item= に含まれる）", "target (part of item=)"),
    "target_date": ("目標日（いいえの回答、やることの担当）", "target date of an いいえ, or of a finding"),
    "terminal_safety": ("接続する端末の安全対策", "how the connecting machine is kept safe"),
    "timing": ("いつ使うか、連絡の有無", "when it is used, and whether it is announced"),
    "title": ("文書名", "title"),
    "transport": ("tcp か udp", "tcp or udp"),
    "type": (
        "mds、sds、contact_chart、bcp、service_inventory など",
        "mds, sds, contact_chart, bcp, service_inventory …",
    ),
    "until": ("いつまで", "last day"),
    "use": ("使用用途", "use"),
    "users": ("利用者やグループ", "users or groups"),
    "valid_until": ("有効期限", "valid until"),
    "vendor": ("事業者の id", "id of the vendor"),
    "version": ("版", "version"),
    "where": ("接続元の拠点", "place it comes from"),
    "zone": ("時間帯 Asia/Tokyo", "time zone"),
}
_SAID = {  # kind and field, where the kind gives the field another meaning
    ("confirmation", "state"): (
        "confirmed（届出どおり）、corrected（訂正）、denied（使っていない）、none_in_use（経路なし）",
        "confirmed, corrected, denied or none_in_use",
    ),
    ("cloud_service", "state"): ("利用状況", "state of use"),
    ("cloud_service", "path"): ("利用場所や経路", "where and how it is used"),
}
_TYPES = {bool: ("はい か いいえ", "yes or no"), date: ("日付", "day"), int: ("数", "number")}


def field_words(kind: type[Statement], name: str) -> tuple[str, str]:
    """Say in both languages what a field means and how it is written."""
    ja, en = _SAID.get((kind.KIND, name)) or _FIELDS.get(name, ("", ""))
    wanted = field_type(kind, name)
    how = _TYPES.get(wanted) if wanted else None
    if how is None:
        return ja, en
    return (f"{ja}（{how[0]}）", f"{en} ({how[1]})") if ja else how
