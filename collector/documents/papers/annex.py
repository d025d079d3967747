# SPDX-License-Identifier: Apache-2.0
"""証拠一覧: each observation that something stands on, with its time, vantage, question and answer.

What was said and answered is an excerpt of the transcript as kept: bytes stand in Python's notation, so
nothing in it is alive.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from collector.documents.annex_numbers import Numbers
from collector.documents.era import era_day
from collector.documents.paper import Column, Paper, Part
from collector.dossier import Dossier
from collector.settings import in_zone
from collector.translation import Words, load_words, plain_reason
from inventory_db.observations import Stored
from probes.facts import Fact, FactKind, Outcome

MOST_PRINTED = 3000  # rows in the PDF; Excel and JSON hold all
MOST_EXCERPT = 160  # characters of what was said, and of what was answered
_BYTES = re.compile(r"^b(['\"])(.*)\1$")
_COLUMNS = (
    Column("番号", 0.6),
    Column("日時", 1.0),
    Column("立っていた所", 1.3),
    Column("相手", 1.1),
    Column("尋ねたこと", 1.9),
    Column("答え", 2.9),
    Column("使われた所", 1.5),
)


def make(dossier: Dossier) -> Paper:
    """Make the annex, verdicts' evidence first; paper holds its first MOST_PRINTED rows."""
    numbers = Numbers(dossier)
    return Paper(
        kind="annex",
        title="証拠一覧",
        facility=dossier.facility,
        lines=(
            "チェックリストの判定と機器台帳の各欄が拠り所とする観測の一覧です。"
            "観測は取ったときのまま保存され、書き換えられません。",
        ),
        parts=(
            Part(
                sheet="証拠一覧",
                columns=_COLUMNS,
                rows=tuple(_rows(dossier, numbers, numbers.ids())),
                empty="拠り所となる観測がまだありません。",
                most_printed=MOST_PRINTED,
                notes=(
                    "「答えなし」は尋ねたが返事がなかったこと、「尋ねず」はあえて尋ねなかったことを表し、区別しています。",
                ),
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


def _rows(dossier: Dossier, numbers: Numbers, ids: list[str]) -> Iterator[tuple[str, ...]]:
    words = load_words("ja")
    seen = {one.id: one for one in dossier.observations(ids)}
    texts = dossier.transcripts(ids)
    places = {one.id: f"{one.host} {one.interface}\n{one.address}" for one in dossier.case.vantages}
    for id in ids:
        one = seen.get(id)
        if one is None:
            continue
        at = in_zone(one.at, dossier.zone)
        asked, answered = _exchange(one, texts, words)
        yield (
            numbers.number(id),
            f"{era_day(at.date())}\n{at:%H:%M:%S}",
            places.get(one.vantage, one.vantage),
            _whom(one),
            f"{words.choose('probe', one.probe)}\n{asked}".strip(),
            f"{_outcome(one, words.choose('outcome', one.outcome))}\n{answered}".strip(),
            _short(numbers.uses(id)),
        )


def _whom(one: Stored) -> str:
    port = f"{one.port}/{one.transport}" if one.port else ""
    return "\n".join(filter(None, (one.address or one.mac, port)))


def _outcome(one: Stored, word: str) -> str:
    return {Outcome.SILENT: "答えなし", Outcome.HELD_BACK: "尋ねず", Outcome.ANSWERED: ""}.get(
        one.outcome, word
    ) + (f"（{_cut(plain_reason(one.reason, 'ja'))}）" if one.reason else "")


def _exchange(one: Stored, texts: Mapping[str, str], words: Words) -> tuple[str, str]:
    """Give what we said and what they said; without a transcript, the facts that were read."""
    lines = texts.get(one.id, "").splitlines()
    said = " ".join(_plain(line[2:]) for line in lines if line.startswith("> "))
    heard = " ".join(_plain(line[2:]) for line in lines if line.startswith("< "))
    if not heard:
        heard = _facts(one.facts[:6], words)
    return _cut(said), _cut(heard)


def _facts(facts: Sequence[Fact], words: Words) -> str:
    """Say facts in words; those of one kind that follow each other stand under its word once."""
    said = (
        (
            words.choose("fact", kind),
            _ways(some, words) if kind is FactKind.NOT_TRIED else _values(some, words),
        )
        for kind, some in groupby(facts, key=lambda fact: fact.kind)
    )
    return "、".join(f"{kind} {values}" for kind, values in said)


def _values(facts: Iterable[Fact], words: Words) -> str:
    return "、".join(
        words.choose("path", one.value) if one.kind is FactKind.REMOTE_PATH else one.value for one in facts
    )


def _ways(facts: Iterable[Fact], words: Words) -> str:
    """Say which ways were not tried, each reason once."""
    ways = groupby((one.value.split(" ", 1) for one in facts), key=lambda pair: pair[-1])
    return "、".join(
        "・".join(words.choose("technique", way) for way, *_ in some) + f"：{words.choose('untried', why)}"
        for why, some in ways
    )


def _plain(line: str) -> str:
    """Take a bytes literal out of its quotes; its escapes stay as they are."""
    found = _BYTES.match(line[: 4 * MOST_EXCERPT]) or _BYTES.match(line)
    return found[2] if found else line


def _cut(text: str) -> str:
    return text if len(text) <= MOST_EXCERPT else f"{text[:MOST_EXCERPT]}…（全 {len(text):,} 字）"


def _short(uses: tuple[str, ...]) -> str:
    more = f" ほか {len(uses) - 4}" if len(uses) > 4 else ""
    return "\n".join(uses[:4]) + more
