# SPDX-License-Identifier: Apache-2.0
"""Whether a statement can be right: what it refers to exists, its dates are plausible, its words are known.

What is merely unwise (an いいえ without 目標日) is kept and told by the judge; what points nowhere is refused.
"""

import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

import msgspec
from sqlalchemy import Connection

from collector.edition import VENDOR, edition_names, load_edition
from collector.register import NONE_IN_USE, STATES
from inventory_db import attachments, ledger
from inventory_db.networks import network
from inventory_db.stated import (
    NO,
    NOT_APPLICABLE,
    YES,
    Answer,
    Configuration,
    Confirmation,
    DeclaredDual,
    Facility,
    RemoteAccess,
    Statement,
    Vendor,
)
from inventory_db.statements import BadStatement, standing
from probes.facts import printable

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
_PAST = frozenset({"on", "started"})  # days on which something happened
_SUBJECTS = ("ledger", "remote_access", "access_log")
_FORMS = ("hospital", "pharmacy")


@dataclass(frozen=True, slots=True)
class Known:
    """What statements may refer to."""

    devices: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()  # ids of declared remote paths
    attachments: frozenset[str] = frozenset()

    def plus(self, said: Statement) -> "Known":
        """Give what is known once this is stated too."""
        if isinstance(said, Vendor):
            return replace(self, vendors=self.vendors | {said.id})
        if isinstance(said, RemoteAccess):
            return replace(self, paths=self.paths | {said.id})
        return self


def known_in(connection: Connection) -> Known:
    """Read what the ledger knows."""
    return Known(
        frozenset(device.id for device in ledger.devices(connection)),
        frozenset(standing(connection, Vendor)),
        frozenset(standing(connection, RemoteAccess)),
        frozenset(attachments.listed(connection)),
    )


def check_statement(said: Statement, known: Known, today: date) -> None:
    """Raise BadStatement that names the first field that cannot be right."""
    for field, ja, en in _wrongs(said, known, today):
        raise BadStatement(
            f"記入（{said.KIND}）の {field} に誤りがあります: {ja}。何も変更していません。直してもう一度送ってください。",
            f"The field {field} of the statement ({said.KIND}) is wrong: {en}. Nothing was changed."
            " Correct it and send it again.",
        )


_Wrong = tuple[str, str, str]  # field, Japanese, English


def _wrongs(said: Statement, known: Known, today: date) -> Iterator[_Wrong]:
    for field in msgspec.structs.fields(said):
        value = getattr(said, field.name)
        yield from _of_text(field.name, value, needed=field.required)
        yield from _of_day(field.name, value, today)
        yield from _of_reference(field.name, value, known)
        yield from _of_network(field.name, value)
    if isinstance(said, Answer):
        yield from _of_answer(said)
    yield from _of_words(said, known)
    if isinstance(said, DeclaredDual) and said.review_by <= said.on:
        yield (
            "review_by",
            "見直しの日は承認の日より後です",
            "the day of review comes after that of the approval",
        )
    if isinstance(said, Configuration):
        yield (
            "reading",
            "設定の読み取りは手で書けません。daicho load config で設定ファイルから取り込みます",
            "what a configuration says is never typed; hand in its file with daicho load config",
        )


def _of_text(name: str, value: object, *, needed: bool) -> Iterator[_Wrong]:
    texts = [value] if isinstance(value, str) else value if isinstance(value, tuple) else []
    for text in texts:
        if isinstance(text, str) and any(printable(line) != line for line in text.splitlines()):
            yield name, "見えない文字が含まれています", "it holds characters that cannot be seen"
    if needed and isinstance(value, str) and not value.strip() and name != "device":
        yield name, "空です", "it is empty"


def _of_day(name: str, value: object, today: date) -> Iterator[_Wrong]:
    if not isinstance(value, date):
        return
    if not FIRST_DAY <= value <= LAST_DAY:
        yield (
            name,
            f"日付 {value} は確かですか。2000年から2100年までの日を書きます",
            f"{value} is no plausible day",
        )
    elif name in _PAST and value > today:
        yield name, f"日付 {value} が今日より先です", f"{value} lies in the future"


def _of_reference(name: str, value: object, known: Known) -> Iterator[_Wrong]:
    kinds = {"device": known.devices, "devices": known.devices, "vendor": known.vendors}
    kinds["attachments"] = known.attachments
    if name not in kinds:
        return
    for one in value if isinstance(value, tuple) else [value]:
        if isinstance(one, str) and one and one not in kinds[name]:
            shown = printable(one, 60)
            yield name, f"「{shown}」は台帳にありません", f"“{shown}” is not in the ledger"


def _of_network(name: str, value: object) -> Iterator[_Wrong]:
    if name in ("networks", "sources") and isinstance(value, tuple):
        for text in value:
            if network(str(text)) is None:
                shown = printable(str(text), 60)
                yield (
                    name,
                    f"「{shown}」は 192.168.1.0/24 の形ではありません",
                    f"“{shown}” is not like 192.168.1.0/24",
                )
    if name == "port" and isinstance(value, int) and not 0 <= value <= 65535:
        yield name, "ポートは 65535 までの数です", "a port is a number up to 65535"


def _of_answer(said: Answer) -> Iterator[_Wrong]:
    if said.edition not in edition_names():
        names = "、".join(edition_names())
        yield "edition", f"版は {names} のどれかです", f"choose one of {', '.join(edition_names())}"
        return
    sheet = load_edition(said.edition).sheet(said.sheet)
    key = f"{said.target}/{said.number}"
    if sheet is None:
        yield "sheet", "この版にない様式です", "the edition has no such sheet"
    elif key not in sheet.expects:
        yield (
            "number",
            f"項目 {printable(key, 60)} はこの様式にありません",
            f"the sheet has no item {printable(key, 60)}",
        )
    if said.round not in (1, 2):
        yield "round", "1 か 2 です", "it is 1 or 2"
    if (said.sheet == VENDOR) != bool(said.vendor):
        yield (
            "vendor",
            "事業者確認用の回答にだけ事業者を書きます",
            "a vendor belongs to an answer on a vendor's sheet",
        )


def _of_words(said: Statement, known: Known) -> Iterator[_Wrong]:
    allowed: Mapping[type[Statement], tuple[str, tuple[str, ...]]] = {
        Answer: ("answer", (YES, NO, NOT_APPLICABLE)),
        Confirmation: ("state", STATES),
        Facility: ("form", _FORMS),
    }
    if type(said) in allowed:
        name, words = allowed[type(said)]
        if getattr(said, name) not in words:
            told = "yes, no, n/a" if isinstance(said, Answer) else ", ".join(words)
            yield name, f"{'、'.join(words)} のどれかです", f"it is one of {told}"
    if getattr(said, "subject", None) not in (None, *_SUBJECTS):
        yield "subject", f"{'、'.join(_SUBJECTS)} のどれかです", f"it is one of {', '.join(_SUBJECTS)}"
    if isinstance(said, Confirmation) and not _is_path(said.path, known):
        yield (
            "path",
            f"届け出た経路の番号、found:機器/種類/ポート、または {NONE_IN_USE} を書きます",
            f"give the id of a declared path, found:DEVICE/KIND/PORT, or {NONE_IN_USE}",
        )


def _is_path(path: str, known: Known) -> bool:
    if path == NONE_IN_USE or path in known.paths:
        return True
    parts = path.removeprefix("found:").split("/", 3)
    return (
        path.startswith("found:") and len(parts) >= 3 and parts[0] in known.devices and parts[2].isdecimal()
    )


def field_type(kind: type[Statement], name: str) -> type | None:
    """Give the plain type of a field (str, int, bool, date, tuple, dict); None if there is none."""
    hint = typing.get_type_hints(kind).get(name)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    plain = typing.get_origin(hint) or hint
    return plain if isinstance(plain, type) else None
