# SPDX-License-Identifier: Apache-2.0
"""What the BCP's lists ask of a device, from the columns of the facility's own ledger. Pure.

As with the form's human columns: an empty field is filled, a field that only an import filled follows the file,
and what a person stated otherwise stays and is shown.
"""

from collections.abc import Mapping, Sequence

import msgspec

from collector.imports.agreement import same_words
from collector.imports.ledger_plan import Difference, Item
from inventory_db.stated import DeviceDetail
from inventory_db.typed_values import folded

_FIELDS = {"使用用途": "use", "脆弱性対応": "patched", "ウイルス対策": "antivirus"}
_ADMIN = "管理者権限"
_YES = (
    "あり",
    "有",
    "有り",
    "○",
    "〇",
    "◯",
    "はい",
    "yes",
    "y",
    "true",
    "する",
    "1",
    "管理者",
    "administrator",
)
_NO = (
    "なし",
    "無",
    "無し",
    "×",
    "✕",
    "いいえ",
    "no",
    "n",
    "false",
    "しない",
    "0",
    "標準",
    "標準ユーザー",
    "一般",
)
_NO_WORDS, _YES_WORDS = frozenset(map(folded, _NO)), frozenset(map(folded, _YES))


def plan_details(
    items: Sequence[Item], standing: Mapping[str, DeviceDetail], *, replace: bool
) -> tuple[list[DeviceDetail], list[Difference]]:
    """Give the details to state, and where a person stated otherwise (which stays)."""
    made: dict[str, DeviceDetail] = {}
    kept: list[Difference] = []
    for item in items:
        device = item.match.device
        if not device:
            continue
        before = made.get(device) or standing.get(device) or DeviceDetail(device=device)
        after = _with_words(item, before, kept, replace)
        if after != before:
            made[device] = after
    return list(made.values()), kept


def _with_words(item: Item, detail: DeviceDetail, kept: list[Difference], replace: bool) -> DeviceDetail:
    for column, name in _FIELDS.items():
        value, now = item.listed.cells.get(column, ""), getattr(detail, name)
        if not value or same_words(column, value, now):
            continue
        base = item.before.cells.get(column, "") if item.before else ""
        if not now or replace or (base and same_words(column, base, now)):
            detail = msgspec.structs.replace(detail, **{name: value})
        else:
            kept.append(Difference(item.line, detail.device, "", column, value, now, "person"))
    says = admin_logon(item.listed.cells.get(_ADMIN, ""))
    if says is None or says == detail.admin_logon:
        return detail
    base_says = admin_logon(item.before.cells.get(_ADMIN, "")) if item.before else None
    if detail.admin_logon is None or replace or base_says == detail.admin_logon:
        return msgspec.structs.replace(detail, admin_logon=says)
    now = "あり" if detail.admin_logon else "なし"
    kept.append(Difference(item.line, detail.device, "", _ADMIN, item.listed.cells[_ADMIN], now, "person"))
    return detail


def admin_logon(text: str) -> bool | None:
    """Read whether people log on as administrators; None for anything but a plain yes or no."""
    word = folded(text)
    if word in _YES_WORDS:
        return True
    if word in _NO_WORDS:
        return False
    return None
