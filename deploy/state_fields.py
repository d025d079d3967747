# SPDX-License-Identifier: Apache-2.0
"""Statements typed as field=value: days in any form people write, devices by number, address or name."""

import difflib
import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import msgspec

from agent.refusal import Refusal
from collector.edition import edition_names, load_edition
from collector.statement_check import field_type
from inventory_db.official import OfficialRow
from inventory_db.stated import KINDS, Answer, Statement
from inventory_db.statements import read_statement
from inventory_db.typed_values import day_in, folded

_YES = frozenset({"はい", "yes", "true", "1", "有", "あり", "y"})
_NO = frozenset({"いいえ", "no", "false", "0", "無", "なし", "n"})
_ANSWERS = {"yes": "はい", "no": "いいえ", "n/a": "対象外", "not applicable": "対象外"}


def read_fields(kind: str, typed: Sequence[str], rows: Sequence[OfficialRow]) -> Statement:
    """Make a statement of field=value words; raises Refusal or BadStatement that names the field."""
    known = KINDS[kind]
    values = dict(_split(word) for word in typed)
    if known is Answer:
        values = _with_item(values)
    names = [field.name for field in msgspec.structs.fields(known)]
    read: dict[str, Any] = {}
    for name, text in values.items():
        if name not in names:
            raise _unknown(name, names)
        read[name] = _value(known, name, text, rows)
    missing = [f.name for f in msgspec.structs.fields(known) if f.required and f.name not in read]
    if missing:
        raise Refusal(
            f"記入（{kind}）に {'、'.join(missing)} がありません。daicho state {kind} で例を見てください。何も変更していません。",
            f"The statement ({kind}) lacks {', '.join(missing)}. See the example: daicho state {kind}. Nothing was changed.",
        )
    return read_statement(kind, json.dumps(read, ensure_ascii=False, default=date.isoformat))


def _split(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.strip():
        raise Refusal(
            f"「{word[:40]}」は 項目=値 の形で書いてください。例: name=東山台病院。何も変更していません。",
            f"Write “{word[:40]}” as field=value, like name=Higashiyama. Nothing was changed.",
        )
    return name.strip(), value.strip()


def _with_item(values: dict[str, str]) -> dict[str, str]:
    """Read item=server/2-7; the sheet is the vendor's where a vendor is named."""
    given = dict(values)
    if item := given.pop("item", ""):
        target, slash, number = item.partition("/")
        if not slash:
            target, number = _only_target(given.get("edition", ""), item), item
        given |= {"target": target, "number": number}
    given.setdefault("sheet", "vendor" if given.get("vendor") else "facility")
    return given


def _only_target(edition: str, number: str) -> str:
    """Give the target of an item whose number stands once in its sheet; raises Refusal."""
    sheet = load_edition(edition).sheet("facility") if edition in edition_names() else None
    keys = [key for key in sheet.expects if key.partition("/")[2] == number] if sheet else []
    if len(keys) == 1:
        return keys[0].partition("/")[0]
    hint = "、".join(keys) or "server/2-7"
    raise Refusal(
        f"項目「{number[:20]}」は一つに決まりません。item={hint} のように対象も書いてください。何も変更していません。",
        f"Item “{number[:20]}” is not one single item. Name its target too: {', '.join(keys) or 'server/2-7'}."
        " Nothing was changed.",
    )


def _value(kind: type[Statement], name: str, text: str, rows: Sequence[OfficialRow]) -> object:
    wanted = field_type(kind, name)
    if name in ("device", "devices"):
        found = [find_device(one, rows) for one in _parts(text)]
        return found if wanted is tuple else (found[0] if found else "")
    if name == "path" and text.startswith("found:"):
        return _found_path(text, rows)
    if name == "answer":
        return _ANSWERS.get(text.casefold(), text)
    if wanted is date:
        return _day(name, text)
    if wanted is bool:
        return _truth(name, text)
    if wanted is int:
        return _number(name, text)
    if wanted is tuple:
        return _parts(text)
    if wanted is dict:
        return dict(_pair(name, part) for part in _parts(text))
    return text


def _found_path(text: str, rows: Sequence[OfficialRow]) -> str:
    """Read found:DEVICE/KIND/PORT with the device by number, address or name."""
    device, slash, rest = text.removeprefix("found:").partition("/")
    return f"found:{find_device(device, rows)}{slash}{rest}"


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("、", ",").split(",") if part.strip()]


def _pair(name: str, part: str) -> tuple[str, str]:
    key, colon, value = part.replace("：", ":").partition(":")
    if not colon:
        raise _bad(name, part, "見出し:値, 見出し:値 の形", "heading:value, heading:value")
    return key.strip(), value.strip()


def _day(name: str, text: str) -> date:
    day = day_in(text)
    if day is None:
        raise _bad(name, text, "2026-07-01 か 令和8年7月1日 の形", "a day like 2026-07-01")
    return day


def _truth(name: str, text: str) -> bool:
    word = folded(text)
    if word in _YES or word in _NO:
        return word in _YES
    raise _bad(name, text, "はい か いいえ", "yes or no")


def _number(name: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise _bad(name, text, "数", "a number")


def find_device(word: str, rows: Iterable[OfficialRow]) -> str:
    """Give the id of the device with this id, 管理番号, address or name; raises Refusal unless it is one."""
    same = folded(word)
    every = list(rows)
    for belongs in (_is_id, _has_number, _has_address, _has_name):
        found = [row.device.id for row in every if belongs(row, same)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Refusal(
                f"「{word[:60]}」に当てはまる機器が{len(found)}台あります。管理番号で書いてください。何も変更していません。",
                f"“{word[:60]}” means {len(found)} devices. Give the 管理番号. Nothing was changed.",
            )
    raise Refusal(
        f"「{word[:60]}」という機器は台帳にありません。管理番号か IP アドレスを daicho ledger で確かめてください。何も変更していません。",
        f"There is no device “{word[:60]}” in the ledger. See its number or address with daicho ledger. Nothing was changed.",
    )


def _is_id(row: OfficialRow, word: str) -> bool:
    return row.device.id == word


def _has_number(row: OfficialRow, word: str) -> bool:
    return word.isdecimal() and row.number != "" and int(row.number) == int(word)


def _has_address(row: OfficialRow, word: str) -> bool:
    return any(address.ip == word for address in row.device.addresses)


def _has_name(row: OfficialRow, word: str) -> bool:
    return any(folded(name) == word for name in row.device.names)


def _unknown(name: str, names: list[str]) -> Refusal:
    near = difflib.get_close_matches(name, names, n=1)
    meant_ja, meant_en = (f"{near[0]} のことですか。", f"Did you mean {near[0]}? ") if near else ("", "")
    return Refusal(
        f"「{name[:40]}」という項目はありません。{meant_ja}使えるもの: {'、'.join(names)}。何も変更していません。",
        f"There is no field “{name[:40]}”. {meant_en}Fields: {', '.join(names)}. Nothing was changed.",
    )


def _bad(name: str, text: str, ja: str, en: str) -> Refusal:
    return Refusal(
        f"{name} の値「{text[:40]}」は読めません。{ja}で書いてください。何も変更していません。",
        f"The value “{text[:40]}” of {name} cannot be read. Write {en}. Nothing was changed.",
    )
