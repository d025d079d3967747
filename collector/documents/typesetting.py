# SPDX-License-Identifier: Apache-2.0
"""Data into PDF: one template, values only as JSON, our own fonts only, no character lost.

Nothing that came from a device, a file or a person is ever part of a template's source: it travels as
JSON in `sys.inputs` and stays text. PDF/A makes a glyph that is missing after all an error of ours.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from collector.documents.glyphs import BadFont, Fitted, coverage, fit

MOST_TEXT = 4000  # characters of one value; more is cut, and the paper says so
_STYLES = (
    ("BIZUDGothic-Regular.ttf", "NotoSansJP-Regular.ttf"),
    ("BIZUDGothic-Bold.ttf", "NotoSansJP-Bold.ttf"),
)
_RUN = re.compile(r"[^\s\u2e80-\uffff]{16,}")  # Japanese text breaks anywhere by itself
_PLACES = re.compile(r"[,:;/.=&?+)_-](?=.)|[^,:;/.=&?+)_-]{10}(?=[^,:;/.=&?+)_-])")
_PPI = 144.0  # of pictures: one and a half dots to the pixel of a drawing
Draw = Callable[[Callable[[str], str]], list[str]]  # from what makes text printable to SVG drawings
_BREAK = "\u200b"  # a place where a line may end, no glyph of its own


class PaperError(Exception):
    """A paper that could not be made; `ja` and `en` say what happened, what it means, what to do."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja}\n{en}")
        self.ja = ja
        self.en = en


def font_folder() -> Path:
    """Give the folder that deploy/build_frontend.sh puts the fonts into."""
    return Path(str(files("collector") / "static" / "vendor"))


def printable_characters(fonts: Path) -> frozenset[str]:
    """Give the characters that our papers can print; raises PaperError when fonts are missing or broken."""
    missing = [name for style in _STYLES for name in style if not (fonts / name).is_file()]
    if missing:
        raise PaperError(
            f"PDF に要る日本語の字体がありません（{'、'.join(missing)}）。字が欠けた書類を出さないため、PDF は作っていません。"
            "npm を入れて bash deploy/build_frontend.sh を実行すると入ります。Excel（xlsx）はそのまま作れます。",
            f"The Japanese fonts that a PDF needs are not there ({', '.join(missing)}). No PDF was made, because "
            "characters would be missing from it. Install npm and run bash deploy/build_frontend.sh. Excel files "
            "can be made without them.",
        )
    try:
        return coverage(tuple(tuple(fonts / name for name in style) for style in _STYLES))
    except BadFont as error:
        raise PaperError(
            f"字体のファイルが壊れています（{error}）。PDF は作っていません。bash deploy/build_frontend.sh をもう一度実行してください。",
            f"A font file is broken ({error}). No PDF was made. Run bash deploy/build_frontend.sh again.",
        ) from error


def typeset(
    template: str,
    data: Mapping[str, Any],
    now: datetime,
    *,
    fonts: Path | None = None,
    tagged: bool = True,
    draw: Draw | None = None,
    picture: bool = False,
) -> bytes:
    """Give the PDF of `template` (a .typ beside this file) with `data`; raises PaperError.

    The same data and `now` give the same bytes. Without tags large tables come out a tenth in size.
    `draw` makes the SVG drawings that the template finds in `data.drawings`; a `picture` comes out as PNG.
    """
    folder = fonts or font_folder()
    fitting = Fitting(printable_characters(folder))
    fitted = fitting.value(data)
    fitted["drawings"] = draw(fitting.fit) if draw else []
    fitted["fitting"] = fitting.remarks()
    place = Path(str(files("collector.documents") / template))
    pdf: dict[str, Any] = {"format": "pdf", "pdf_standards": ["a-2u"], "pdf_tags": tagged}
    try:
        compiled = typst.compile(
            str(place),
            root=str(place.parent),
            font_paths=typst.Fonts(False, False, [str(folder)]),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(fitted, ensure_ascii=False)},
            timestamp=int((now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()),
            **({"format": "png", "ppi": _PPI} if picture else pdf),
        )
    except typst.TypstError as error:
        raise _fault(template, error) from error
    if not isinstance(compiled, bytes):
        raise _fault(template, TypeError("no single file"))
    return compiled


@dataclass(slots=True)
class Fitting:
    """Makes values printable and counts what had to be replaced or cut."""

    printable: frozenset[str]
    missing: int = 0
    plain: int = 0
    cut: int = 0
    _known: dict[str, str] = field(default_factory=dict)

    def value(self, value: Any) -> Any:
        """Give JSON values of the same shape, every text in them printable; keys are ours and stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(one) for key, one in value.items()}
        if isinstance(value, Sequence):
            return [self.value(one) for one in value]
        return value

    def text(self, text: str) -> str:
        """Give the text so that every character has a glyph and no word runs over the edge of its box."""
        known = self._known.get(text)
        if known is not None:
            return known
        if len(text) > MOST_TEXT:
            self.cut += 1
            text = f"{text[:MOST_TEXT]}…（以下 {len(text) - MOST_TEXT:,} 字を省略）"
        fitted = self._fit(text)
        shown = _RUN.sub(_divide, fitted.text) if len(fitted.text) > 15 else fitted.text
        if not (fitted.missing or fitted.plain):
            self._known[text] = shown
        return shown

    def fit(self, text: str) -> str:
        """Give the text so that every character has a glyph, for one line that is cut to its room."""
        return self._fit(text).text.replace("\n", " ")

    def _fit(self, text: str) -> Fitted:
        fitted = fit(text, self.printable)
        self.missing += fitted.missing
        self.plain += fitted.plain
        return fitted

    def remarks(self) -> list[str]:
        """Say what is not as it was given, one sentence each."""
        said = (
            (self.missing, f"字体にない文字 {self.missing:,} 字を 〓 で示しています。元の文字は JSON と Excel にあります。"),
            (self.plain, f"異体字 {self.plain:,} 字を標準の字形で示しています。"),
            (self.cut, f"長すぎる値 {self.cut:,} 件を途中で省略しています。"),
        )  # fmt: skip
        return [sentence for count, sentence in said if count]


def _divide(word: re.Match[str]) -> str:
    return _PLACES.sub(rf"\g<0>{_BREAK}", word[0])


def _fault(template: str, error: Exception) -> PaperError:
    return PaperError(
        f"書類を組めませんでした（{template}: {str(error)[:300]}）。開発元へこの表示を送ってください。何も変更していません。",
        f"The paper could not be set ({template}: {str(error)[:300]}). Send this to the developers. Nothing was changed.",
    )
