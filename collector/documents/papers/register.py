# SPDX-License-Identifier: Apache-2.0
"""遠隔保守の台帳 (2-(2)): what was found, what was declared, and what vendors confirmed, side by side.

The points of the second table are those that the inspection training tells to ask; no official form exists.
The three lists behind it are what is left to do.
"""

from collector.documents.annex_numbers import Numbers
from collector.documents.era import era_day
from collector.documents.paper import UNKNOWN, Column, Paper, Part
from collector.dossier import Dossier
from collector.dual_homed import Dual, duals
from collector.register import CONFIRMED, CORRECTED, DENIED, NONE, Match, Row, weaknesses
from collector.register_lines import LISTS, Line, lines, of_match
from collector.translation import Words, load_words
from inventory_db.device import RemotePath
from inventory_db.stated import Confirmation, RemoteAccess, Vendor

_MATCHES = {
    Match.MATCHED: "届出と一致",
    Match.DIFFERS: "届出と相違",
    Match.UNDECLARED: "届出なし",
    Match.NOT_FOUND: "届出のみ（見つかっていない）",
}
_STATES = {CONFIRMED: "確認", CORRECTED: "訂正して確認", DENIED: "使っていない", NONE: "遠隔接続なし"}
_PATHS = (
    Column("管理番号", 0.7),
    Column("機器", 1.4),
    Column("見つかった経路", 1.5),
    Column("届出の経路", 1.6),
    Column("突き合わせ", 1.1),
    Column("事業者", 1.2),
    Column("事業者の確認", 2.4),
    Column("証拠", 0.9),
)
_LINES = (
    Column("管理番号", 0.6),
    Column("事業者・契約・連絡先", 1.3),
    Column("接続元拠点・IP", 1.2),
    Column("接続方法・製品", 1.2),
    Column("認証方法", 0.9),
    Column("ID（個人・共用）", 0.7),
    Column("端末の安全状態", 1.0),
    Column("時期・連絡", 1.0),
    Column("目的", 1.0),
    Column("開始", 0.8),
    Column("最終確認", 0.9),
    Column("確認の期限", 0.9),
)
_LIST = (
    Column("管理番号", 0.7),
    Column("機器", 1.4),
    Column("経路", 1.6),
    Column("事業者", 1.6),
    Column("違い・次にすること", 3.4),
)
_DUALS = (
    Column("管理番号", 0.7),
    Column("機器", 1.4),
    Column("見つかった網", 1.5),
    Column("届出との突き合わせ", 1.8),
    Column("目的", 1.8),
    Column("承認", 1.0),
    Column("見直しの日", 0.9),
)
# heading, name of the Excel sheet, and what is to be done, for each of the three lists
_LISTS = {
    Match.UNDECLARED: (
        "見つかったが、届出のない経路",
        "届出のない経路",
        "誰が何のために使うのかを確かめ、届け出るか、閉じてください。",
    ),
    Match.DIFFERS: ("見つかったものと、届出が違う経路", "届出と違う経路", "正しい方に直してください。"),
    Match.NOT_FOUND: (
        "届出があり、見つかっていない経路",
        "見つかっていない届出",
        "今も使うかを事業者に確かめてください。見つからないことは、無いことの証拠になりません。",
    ),
}


def make(dossier: Dossier) -> Paper:
    """Make the register; finding nothing is never said to be none."""
    words, numbers = load_words("ja"), Numbers(dossier)
    found = lines(dossier.case)
    vendors = {one.id: one.name for one in dossier.case.said(Vendor)}
    return Paper(
        kind="register",
        title="遠隔保守の台帳",
        facility=dossier.facility,
        lines=(
            "見つかった経路、届け出られた経路、事業者の確認を並べています。"
            "SIM 付きルーターや外向きだけの道具は調べに現れないため、「見つかっていない」は「無い」ではありません。",
        ),
        parts=(
            Part(
                heading="経路の一覧",
                columns=_PATHS,
                rows=tuple(
                    _path(row, dossier, words, numbers, vendors) for row in (line.row for line in found)
                ),
                empty="見つかった経路も届出もありません。無いことの証拠にはなりません。事業者に確認してください。",
            ),
            Part(
                heading="経路ごとの内容",
                columns=_LINES,
                rows=tuple(_line(line, words) for line in found),
                empty="見つかった経路も届出もありません。",
                notes=("「要確認」は、まだ誰も届け出ていないか、確認していないことを表します。",),
            ),
            *(_list(match, found, words) for match in LISTS),
            _duals(dossier),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


def _duals(dossier: Dossier) -> Part:
    """Devices on two networks, found or declared."""
    return Part(
        heading="2つの網につながる機器（2枚挿し）",
        sheet="2枚挿し",
        lines=("届出のないもの、届出と違うもの、見直しの日を過ぎたものから並べています。",),
        columns=_DUALS,
        rows=tuple(_dual(one, dossier) for one in duals(dossier.case)),
        empty="見つかったものも届出もありません。答えない機器もあるため、無いことの証拠にはなりません。",
    )


def _dual(one: Dual, dossier: Dossier) -> tuple[str, ...]:
    said = one.said
    return (
        dossier.number(one.device.id),
        one.device.names[0] if one.device.names else "",
        "\n".join(one.networks) or "（2つ目は見つかっていません）",
        load_words("ja").choose("dual_standing", one.standing.value),
        said.purpose if said else UNKNOWN,
        f"{said.approver}\n{era_day(said.on)}" if said else UNKNOWN,
        era_day(said.review_by) if said else UNKNOWN,
    )


def _path(
    row: Row, dossier: Dossier, words: Words, numbers: Numbers, vendors: dict[str, str]
) -> tuple[str, ...]:
    found, said = row.found, row.declared
    device = found.device.id if found else said.device if said else ""
    names = found.device.names if found else ()
    path = found.path if found else None
    shown = _found(path, words) if path else ""
    matched = "\n".join((_MATCHES[row.match], *(one.ja for one in row.differences)))
    return (
        dossier.number(device),
        names[0] if names else "",
        shown,
        _means(said, words),
        matched,
        vendors.get(row.vendor, row.vendor),
        "\n".join(_confirmation(dossier, one, vendors) for one in row.confirmations) or UNKNOWN,
        numbers.text(found.observations) if found else "",
    )


def _found(path: RemotePath, words: Words) -> str:
    """Say a found path; a product that begins with the word of its kind stands for both."""
    kind, product = words.choose("path", path.kind), path.product or ""
    named = product if product.startswith(kind) else f"{kind} {product}"
    return " ".join(f"{named} {path.port or ''}".split())


def _means(said: RemoteAccess | None, words: Words) -> str:
    if said is None:
        return ""
    return " ".join(filter(None, (words.choose("path", said.means), said.product, str(said.port or ""))))


def _confirmation(dossier: Dossier, said: Confirmation, vendors: dict[str, str]) -> str:
    state = _STATES.get(said.state, said.state)
    until = f"、{era_day(said.valid_until)}まで" if said.valid_until else ""
    weak = [one.ja for one in weaknesses(dossier.case, said)]
    who = f"{vendors.get(said.vendor, said.vendor)} {said.by}".strip()
    words = (f"{state}（{who}、{era_day(said.on)}{until}）", said.correction, said.evidence, *weak)
    return "\n".join(filter(None, words))


def _line(line: Line, words: Words) -> tuple[str, ...]:
    said = line.said
    contract = line.contract.ja if line.contract else ""
    users, limit = (line.word.users, line.word.restriction) if line.word else ("", "")
    who = (line.vendor_name, users, contract, line.vendor.contact if line.vendor else "")
    limited = f"制限：{limit}" if limit else ""
    how = (words.choose("path", line.kind), line.product, str(line.port or ""))
    confirmed = era_day(line.confirmed.on) if line.confirmed else ""
    until = era_day(line.valid_until) if line.valid_until else ""
    return (
        line.number,
        "\n".join(filter(None, who)) or UNKNOWN,
        "\n".join(filter(None, (said.where, "、".join(said.sources), limited))) or UNKNOWN,
        " ".join(filter(None, how)) or UNKNOWN,
        said.authentication or UNKNOWN,
        said.ids or UNKNOWN,
        said.terminal_safety or UNKNOWN,
        said.timing or UNKNOWN,
        said.purpose or UNKNOWN,
        era_day(said.started) if said.started else UNKNOWN,
        confirmed or UNKNOWN,
        (until if line.held else f"{until}\n（証拠にならない）") if until else UNKNOWN,
    )


def _list(match: Match, found: tuple[Line, ...], words: Words) -> Part:
    heading, sheet, todo = _LISTS[match]
    return Part(
        heading=heading,
        sheet=sheet,
        lines=(todo,),
        columns=_LIST,
        rows=tuple(_listed(line, words) for line in of_match(found, match)),
    )


def _listed(line: Line, words: Words) -> tuple[str, ...]:
    how = (words.choose("path", line.kind), line.product, str(line.port or ""))
    where = "" if line.from_outside else "院内の入口です（それ自体は外から入れません）。"
    ask = f"（機器の保守 {line.carer.name}）" if line.carer and not line.vendor_name else ""
    return (
        line.number,
        line.name,
        " ".join(filter(None, how)) or UNKNOWN,
        line.vendor_name or ask or UNKNOWN,
        "\n".join(filter(None, (*(one.ja for one in line.row.differences), where))),
    )
