# SPDX-License-Identifier: Apache-2.0
"""The judged checklist on a terminal: one row for each item, with the reason and what would make it はい."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text as Rich

from collector.judged import JudgedItem, JudgedSheet, Judgement
from collector.verdict import VERDICTS_EN, Finding, Text, Verdict
from deploy.terminal import plain
from deploy.wrapping import wrap

WIDE = 100  # columns of the terminal from which what the person marked has a column of its own
_GAP, _LEAST = 2, 20  # cells between two columns; cells that the reason keeps
_HEADS_JA = ("項目", "判定", "記入", "理由、→ はいにするには")
_HEADS_EN = ("Item", "Verdict", "Marked", "Reason, → what would make it yes")
MOST_FINDINGS = 3  # told for one item; the JSON has all
_STYLE = {
    Verdict.SUPPORTS_YES: "green",
    Verdict.PROVES_NO: "bold red",
    Verdict.CANNOT_TELL: "yellow",
    Verdict.ASK_PERSON: "cyan",
    Verdict.NOT_APPLICABLE: "dim",
}
_TARGETS = {
    "organisation": ("", ""),
    "all": ("全般", "all"),
    "server": ("サーバ", "server"),
    "pc": ("端末PC", "PC"),
    "network": ("NW機器", "network"),
    "server_pc": ("サーバ・PC", "server, PC"),
}
_MARKS_EN = {"はい": "yes", "いいえ": "no", "対象外": "n/a", "": "–"}


def print_check(console: Console, judgement: Judgement, language: str) -> None:
    """Print what the verdicts stand on, every sheet, and what a person must look at."""
    _print_head(console, judgement, language)
    for sheet in judgement.sheets:
        console.print()
        console.print(plain(_title(sheet), "bold"))
        console.print(_table(sheet, language, console.width))
    _print_foot(console, judgement, language)


def _print_head(console: Console, judgement: Judgement, language: str) -> None:
    ja = language == "ja"
    edition = judgement.edition
    console.print(plain(edition.title, "bold"))
    if edition.status_note:
        provisional = f"暫定: {edition.status_note}" if ja else "Provisional: the final wording was not seen."
        console.print(plain(provisional, "yellow"))
    looking = f"{'調べ' if ja else 'Looking'}: {_say(judgement.basis.text, language)}"
    _print_wrapped(console, looking)


def _print_wrapped(console: Console, text: str, style: str = "") -> None:
    for line in wrap(text, console.width, "  "):
        console.print(plain(line, style), no_wrap=True)


def _title(sheet: JudgedSheet) -> str:
    return f"{sheet.sheet.form}  {sheet.vendor.name}" if sheet.vendor else sheet.sheet.form


def _table(sheet: JudgedSheet, language: str, width: int) -> Table:
    ja, wide = language == "ja", width >= WIDE
    heads = _HEADS_JA if ja else _HEADS_EN
    names = [_name(item, language) for item in sheet.items]
    verdicts = [_verdict(item, language, wide=wide) for item in sheet.items]
    widths = [_widest([head, *cells]) for head, cells in zip(heads[:2], (names, verdicts), strict=True)]
    if wide:
        widths.append(_widest([heads[2], *(plain(_mark(item, language)) for item in sheet.items)]))
    rest = max(width - sum(widths) - _GAP * len(widths), _LEAST)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for head, cells in zip(
        [*heads[:2], *(heads[2:3] if wide else []), heads[3]], [*widths, rest], strict=True
    ):
        table.add_column(head, width=cells, no_wrap=True)
    before = ""
    for item, name, verdict in zip(sheet.items, names, verdicts, strict=True):
        lines, said = _reasons(item, language, before)
        before = said
        marked = [plain(_mark(item, language))] if wide else []
        table.add_row(name, verdict, *marked, _wrapped(lines, rest))
    return table


def _widest(cells: Sequence[Rich | str]) -> int:
    lines = (line for cell in cells for line in str(cell).split("\n"))
    return max(cell_len(line) for line in lines)


def _mark(item: JudgedItem, language: str) -> str:
    return (item.mark or "–") if language == "ja" else _MARKS_EN[item.mark]


def _wrapped(lines: Sequence[tuple[str, str]], cells: int) -> Rich:
    shown = (plain(line, style) for text, style in lines for line in wrap(text, cells, "  "))
    return Rich("\n").join(shown)


def _name(item: JudgedItem, language: str) -> Rich:
    target = _TARGETS[item.line.group.target][language != "ja"]
    printed = item.line.item.number.replace("-", "-(", 1) + ")" if "-" in item.line.item.number else "0"
    return plain(f"{printed}\n{target}".rstrip())


def _verdict(item: JudgedItem, language: str, *, wide: bool) -> Rich:
    verdict = item.judged.verdict
    word = str(verdict) if language == "ja" else VERDICTS_EN[verdict]
    text = plain(word, _STYLE[verdict])
    if not wide and item.mark:
        marked = f"\n記入: {item.mark}" if language == "ja" else f"\nmarked: {_MARKS_EN[item.mark]}"
        text.append(marked, "dim")
    return text


def _reasons(item: JudgedItem, language: str, before: str) -> tuple[list[tuple[str, str]], str]:
    """Give the lines with their styles, and the reason in full, which is not repeated below itself."""
    ja, judged = language == "ja", item.judged
    reason, toward = _say(judged.reason, language), _say(judged.toward_yes, language)
    wanted = item.needed and judged.verdict is not Verdict.SUPPORTS_YES and bool(toward)
    said = f"{reason}\n{toward}"
    if said == before:
        lines = [("（上に同じ）" if ja else "(as above)", "dim")]
    else:
        lines = [(reason, "")]
        lines += [(f"・{_say(one.text, language)}", "") for one in _told(item)]
        more = len(_against(item)) - len(_told(item))
        if more > 0:
            lines.append((f"・ほか{more}件" if ja else f"・{more} more", "dim"))
        lines += [(f"→ {toward}", "dim")] if wanted else []
    lines += [
        (f"！{_say(text, language)}", "bold red") for text in (*item.problems, item.contradiction) if text
    ]
    lines += [(_say(one.text, language), "yellow") for one in item.reminders]
    if item.proposal and not item.mark:
        lines.append((_say(item.proposal.text, language), "cyan"))
    return lines, said


def _against(item: JudgedItem) -> list[Finding]:
    found = [one for one in item.judged.findings if one.against]
    return sorted(found, key=lambda one: not one.proven)


def _told(item: JudgedItem) -> list[Finding]:
    return _against(item)[:MOST_FINDINGS]


def _print_foot(console: Console, judgement: Judgement, language: str) -> None:
    console.print()
    for text, style in _foot(judgement, language):
        _print_wrapped(console, text, style)


def _foot(judgement: Judgement, language: str) -> Iterator[tuple[str, str]]:
    for problem in judgement.problems:
        yield (f"！{_say(problem, language)}", "bold red")
    general = [one for one in judgement.reminders if one.kind != "answer"]
    for reminder in general[: MOST_FINDINGS * 3]:
        yield (_say(reminder.text, language), "yellow")
    counts = ((verdict, _count(judgement, verdict)) for verdict in Verdict)
    if language == "ja":
        yield ("、".join(f"{verdict} {count}" for verdict, count in counts if count), "")
        yield ("判定は提案です。はい・いいえを決めて署名するのは人です。", "dim")
    else:
        yield (", ".join(f"{VERDICTS_EN[verdict]} {count}" for verdict, count in counts if count), "")
        yield ("A verdict is a proposal; a person decides and signs.", "dim")


def _count(judgement: Judgement, verdict: Verdict) -> int:
    return sum(item.judged.verdict is verdict for sheet in judgement.sheets for item in sheet.items)


def _say(text: Text, language: str) -> str:
    return text.ja if language == "ja" else text.en
