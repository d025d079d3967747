# SPDX-License-Identifier: Apache-2.0
"""リモートメンテナンス一覧 (2-(2)): what was found, what was declared, and what vendors confirmed, side by side.

The points of the lower table are those that the inspection training tells to ask; no official form exists.
"""

from collections.abc import Iterator

from collector.documents.annex_numbers import Numbers
from collector.documents.era import era_day
from collector.documents.paper import UNKNOWN, Column, Paper, Part
from collector.dossier import Dossier
from collector.register import CONFIRMED, CORRECTED, DENIED, NONE, Match, Row, register, weaknesses
from collector.translation import Words, load_words
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
_DECLARED = (
    Column("事業者", 1.2),
    Column("接続方法", 1.0),
    Column("機器・製品", 1.2),
    Column("接続元拠点・IP", 1.4),
    Column("認証方法", 1.0),
    Column("ID（個人・共用）", 0.8),
    Column("端末の安全状態", 1.2),
    Column("時期・連絡", 1.1),
    Column("目的", 1.3),
)


def make(dossier: Dossier) -> Paper:
    """Make the register; finding nothing is never said to be none."""
    words, numbers = load_words("ja"), Numbers(dossier)
    rows = register(dossier.case)
    vendors = {one.id: one.name for one in dossier.case.said(Vendor)}
    return Paper(
        kind="register",
        title="リモートメンテナンス一覧",
        facility=dossier.facility,
        lines=(
            "見つかった経路、届け出られた経路、事業者の確認を並べています。"
            "SIM 付きルーターや外向きだけの道具は調べに現れないため、「見つかっていない」は「無い」ではありません。",
        ),
        parts=(
            Part(
                heading="経路の一覧",
                columns=_PATHS,
                rows=tuple(_path(row, dossier, words, numbers, vendors) for row in rows),
                empty="見つかった経路も届出もありません。無いことの証拠にはなりません。事業者に確認してください。",
            ),
            Part(
                heading="届出の内容",
                columns=_DECLARED,
                rows=tuple(_declared(dossier, words, vendors)),
                empty="届出がありません。",
                notes=("空の欄は、まだ確認されていないことを「要確認」と示しています。",),
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


def _path(
    row: Row, dossier: Dossier, words: Words, numbers: Numbers, vendors: dict[str, str]
) -> tuple[str, ...]:
    found, said = row.found, row.declared
    device = found.device.id if found else said.device if said else ""
    names = found.device.names if found else ()
    path = found.path if found else None
    shown = f"{words.choose('path', path.kind)} {path.product or ''} {path.port or ''}" if path else ""
    matched = "\n".join((_MATCHES[row.match], *(one.ja for one in row.differences)))
    return (
        dossier.number(device),
        names[0] if names else "",
        " ".join(shown.split()),
        _means(said, words),
        matched,
        vendors.get(row.vendor, row.vendor),
        "\n".join(_confirmation(dossier, one, vendors) for one in row.confirmations) or UNKNOWN,
        numbers.text(found.observations) if found else "",
    )


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


def _declared(dossier: Dossier, words: Words, vendors: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for one in dossier.case.said(RemoteAccess):
        number = dossier.number(one.device)
        yield (
            vendors.get(one.vendor, one.vendor) or UNKNOWN,
            words.choose("path", one.means) or UNKNOWN,
            " ".join(filter(None, (number, one.product))) or UNKNOWN,
            "\n".join(filter(None, (one.where, "、".join(one.sources)))) or UNKNOWN,
            one.authentication or UNKNOWN,
            one.ids or UNKNOWN,
            one.terminal_safety or UNKNOWN,
            one.timing or UNKNOWN,
            one.purpose or UNKNOWN,
        )
