# SPDX-License-Identifier: Apache-2.0
"""The remote-gateway survey, questions 8 to 14, with what the ledger knows beside each question.

Only a person answers: a question without an answer keeps its boxes empty, and なし never comes from us, since
a gateway may be switched off, behind a SIM card, or in a network that nobody scanned.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

import msgspec
import yaml

from collector.documents.annex_numbers import Numbers
from collector.documents.era import era_day
from collector.documents.gateways import Model, group_models, is_vpn
from collector.documents.paper import UNKNOWN, Column, Paper, Part
from collector.dossier import Dossier
from inventory_db.stated import Answer, Document, RemoteAccess, Review

_BOX, _TICKED = "□", "■"


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One question of the survey."""

    number: str
    text: str
    guidance: str = ""
    choices: tuple[str, ...] = ()
    shows: tuple[
        str, ...
    ] = ()  # gateways, models, "verdict KEY", "review SUBJECT", "document TYPE", "answer KEY"


class Survey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The survey as data."""

    source: str
    confidence: str
    title: str
    edition: str  # edition of the Answer statements that answer it
    choices_known: bool
    questions: tuple[Question, ...]


@cache
def load_survey() -> Survey:
    """Read the survey's questions; raises msgspec.ValidationError if the file is not in form."""
    text = files("collector.documents").joinpath("survey.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), Survey)


def make(dossier: Dossier) -> Paper:
    """Make the survey with people's answers, the gateways by maker and model, and what we can say."""
    survey = load_survey()
    models = group_models(dossier.case.rows, dossier.case.said(RemoteAccess))
    words = _Words(dossier, models)
    unsure = "選択肢の言葉は回答要領に載っていないため、受け取った回答様式に合わせてください。"
    return Paper(
        kind="survey",
        title=survey.title,
        facility=dossier.facility,
        lines=(
            "回答の欄は人が選びます。右の欄は daicho の台帳と証拠から言えることで、回答ではありません。"
            "見つからなかったことは「存在しない」の証拠になりません。",
        ),
        parts=(
            Part(
                heading="設問",
                columns=(
                    Column("問", 0.3),
                    Column("設問", 2.4),
                    Column("回答（人が選ぶ）", 1.3),
                    Column("台帳と証拠から言えること", 2.8),
                    Column("証拠", 0.8),
                ),
                rows=tuple(words.row(survey, question) for question in survey.questions),
                notes=((unsure,) if not survey.choices_known else ()) + (f"出典：{survey.source}",),
            ),
            Part(
                heading="問9　VPN装置のメーカー名、型番、台数",
                sheet="問9 VPN装置",
                columns=(
                    Column("メーカー名", 1.2),
                    Column("型番", 1.6),
                    Column("台数", 0.4),
                    Column("管理番号", 1.2),
                    Column("備考", 2.0),
                ),
                rows=tuple(words.model(model) for model in models),
                empty="VPN装置は見つかっておらず、届出もありません。存在しないことの証拠にはなりません。",
                notes=("「要確認」の行は、装置の銘板か事業者への照会で確かめて記入してください。",),
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


class _Words:
    """Says what the dossier knows beside a question."""

    def __init__(self, dossier: Dossier, models: tuple[Model, ...]) -> None:
        self._dossier = dossier
        self._models = models
        self._numbers = Numbers(dossier)
        self._tellers: dict[str, Callable[[str], Iterator[tuple[str, str]]]] = {
            "gateways": self._gateways,
            "models": self._count,
            "verdict": self._verdict,
            "review": self._review,
            "document": self._document,
            "answer": self._answer,
        }

    def row(self, survey: Survey, question: Question) -> tuple[str, ...]:
        """Write one question: number, text, boxes, what is known, evidence."""
        told = [one for wish in question.shows for one in self._tell(wish)]
        known = "\n".join(text for text, _ in told if text)
        evidence = "、".join(dict.fromkeys(mark for _, mark in told if mark))
        text = f"{question.text}\n{question.guidance}".strip()
        return question.number, text, self._boxes(survey, question), known, evidence

    def model(self, model: Model) -> tuple[str, ...]:
        """Write one maker and model with its count."""
        numbers = [self._dossier.number(id) for id in model.devices]
        remarks = []
        if model.unsure:
            remarks.append(f"{UNKNOWN}（メーカーか型番が分かりません）")
        if model.declared:
            remarks.append(f"届出のみ、台帳の機器と結び付いていません: {'、'.join(model.declared)}")
        return model.maker, model.model, str(model.count), "、".join(numbers), "\n".join(remarks)

    def _tell(self, wish: str) -> Iterator[tuple[str, str]]:
        teller, _, subject = wish.partition(" ")
        yield from self._tellers[teller](subject)

    def _boxes(self, survey: Survey, question: Question) -> str:
        said = [
            one
            for one in self._dossier.case.said(Answer)
            if one.edition == survey.edition and one.number == question.number
        ]
        latest = max(said, key=lambda one: (one.round, one.on), default=None)
        boxes = [
            f"{_TICKED if latest and latest.answer == choice else _BOX}{choice}"
            for choice in question.choices
        ]
        if latest and latest.answer not in question.choices:
            boxes.append(latest.answer)
        signed = [f"（{era_day(latest.on)}）", latest.remark] if latest else []
        return "\n".join(filter(None, (*boxes, *signed)))

    def _gateways(self, _: str) -> Iterator[tuple[str, str]]:
        found = [row for row in self._dossier.case.rows if is_vpn(row.device)]
        declared = sum(len(model.declared) for model in self._models)
        if found:
            numbers = "、".join(row.number for row in found)
            yield f"VPN装置と見られる機器が {len(found)} 台見つかっています（管理番号 {numbers}）。", ""
        if declared:
            yield f"届け出られた経路のうち {declared} 件は、台帳の機器と結び付いていません。", ""
        if not found and not declared:
            yield (
                "VPN装置は見つかっていません。存在しないことの証拠にはなりません。事業者に照会してください。",
                "",
            )
        for row in found:
            for path in row.device.remote_paths:
                yield "", self._numbers.text(one.observation for one in path.evidence)

    def _count(self, _: str) -> Iterator[tuple[str, str]]:
        unsure = sum(model.unsure for model in self._models)
        yield f"下の表のとおり、{len(self._models)} 種類・{sum(m.count for m in self._models)} 台。", ""
        if unsure:
            yield f"うち {unsure} 種類はメーカーか型番が{UNKNOWN}です。", ""

    def _verdict(self, key: str) -> Iterator[tuple[str, str]]:
        one = self._dossier.item(key)
        if one:
            marks = self._numbers.text(one.judged.observations)
            number, judged = one.line.item.printed, one.judged
            yield f"チェックリスト {number} の判定：{judged.verdict}。{judged.reason.ja}", marks

    def _review(self, subject: str) -> Iterator[tuple[str, str]]:
        held = sorted(
            (one for one in self._dossier.case.said(Review) if one.subject == subject), key=lambda r: r.on
        )
        if held:
            yield f"直近の確認：{era_day(held[-1].on)}、{held[-1].by}。", ""
        else:
            yield "確認の記録がありません。", ""

    def _document(self, type: str) -> Iterator[tuple[str, str]]:
        for one in self._dossier.case.said(Document):
            if one.type == type:
                yield f"文書：{one.title or one.type}（{era_day(one.on)}）。", ""

    def _answer(self, key: str) -> Iterator[tuple[str, str]]:
        one = self._dossier.item(key)
        if one and one.mark:
            yield f"チェックリスト {one.line.item.printed} の記入：{one.mark}。", ""
