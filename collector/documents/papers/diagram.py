# SPDX-License-Identifier: Apache-2.0
"""ネットワーク構成図 (BCP 確認表 1-1): the drawing, and behind it what it shows as tables.

Source: サイバー攻撃を想定した事業継続計画（BCP）策定の確認表のための手引き 1-1) ネットワーク構成図.
"""

from collections.abc import Iterator

from collector.diagram.drawing import Drawing
from collector.diagram.model import Diagram, Node
from collector.diagram.reading import diagram_in
from collector.diagram.wording import Wording
from collector.documents.era import era_day
from collector.documents.paper import UNKNOWN, Column, Paper, Part
from collector.dossier import Dossier
from collector.safe_text import visible
from collector.translation import load_words

_SEGMENTS = (
    Column("ネットワーク", 1.4),
    Column("分かり方", 1.2),
    Column("機器の台数", 2.4),
    Column("図に描いた機器", 3.0),
    Column("前回との違い", 0.8),
)
_NODES = (
    Column("管理番号", 0.7),
    Column("名前", 1.4),
    Column("種別・役割", 1.6),
    Column("つながる網とアドレス", 2.6),
    Column("外からの経路", 1.8),
    Column("届出との突き合わせ", 1.6),
    Column("前回との違い", 0.8),
)


def make(dossier: Dossier) -> Paper:
    """Make the diagram with its tables."""
    words = load_words("ja")
    diagram = diagram_in(dossier.case, dossier.earlier())
    drawing = Drawing(
        diagram, words, (dossier.facility, words("diagram.made", day=era_day(dossier.case.today)))
    )
    say = Wording(words, visible)
    return Paper(
        kind="diagram",
        title=words("diagram.title"),
        facility=dossier.facility,
        lines=drawing.heading(visible).notes,
        parts=(
            Part(heading="ネットワーク", columns=_SEGMENTS, rows=tuple(_segments(diagram, say))),
            Part(
                heading="網をまたぐ機器、ルータ、外部との接続点",
                sheet="またぐ機器と接続点",
                columns=_NODES,
                rows=tuple(_node(node, say) for node in diagram.nodes),
            ),
        ),
        drawing=drawing,
        made=dossier.made,
        now=dossier.case.now,
    )


def _segments(diagram: Diagram, say: Wording) -> Iterator[tuple[str, ...]]:
    for segment in diagram.segments:
        crowds = [f"{say.words.choose('kind', one.kind)} {one.count}" for one in segment.crowds if one.count]
        drawn = [
            say.name(node) for node in diagram.nodes if segment.id in (foot.segment for foot in node.feet)
        ]
        yield (
            "\n".join(segment.networks),
            say.segment(segment),
            "、".join(crowds),
            "、".join(drawn),
            say.mark(segment.mark),
        )
    for net in diagram.not_scanned:
        yield net, "届出のみ（まだ調べていない）", UNKNOWN, "", ""


def _node(node: Node, say: Wording) -> tuple[str, ...]:
    feet = [f"{foot.segment}: {'、'.join(foot.addresses)}".rstrip(": ") for foot in node.feet]
    feet += [f"外側: {'、'.join(node.outside)}"] if node.outside else []
    name = say.name(node)
    return (
        node.number,
        name.removeprefix(f"{node.number} "),
        say.role(node),
        "\n".join(feet),
        say.ways(node),
        say.state(node),
        say.mark(node.mark),
    )
