# SPDX-License-Identifier: Apache-2.0
"""What changed, on a terminal: one block for each sort of change, what lets somebody in first."""

from datetime import tzinfo

from rich.console import Console
from rich.table import Table

from collector.changed import QUIET, Changed, Section, say_looks
from collector.settings import in_zone
from collector.translation import Words, load_words
from deploy.terminal import plain

_STYLE = {"paths": "bold red", "dual": "bold red", "new": "yellow", "silent": "yellow"}
_MOST_QUIET = 5  # devices without a change that are named


def print_changed(console: Console, changed: Changed, language: str, zone: tzinfo) -> None:
    """Print the period, when we looked in it, what happened, and what is still the same."""
    words = load_words(language)
    period = [f"{in_zone(moment, zone):%Y-%m-%d %H:%M}" for moment in (changed.since, changed.until)]
    console.print(plain(words("changes.period", since=period[0], until=period[1]), "bold"))
    for sentence in say_looks(changed, words):
        console.print(plain(sentence, "dim"), soft_wrap=True)
    for section in changed.happened:
        console.print()
        title = words(f"changes.section_{section.key}")
        head = words("changes.heading", title=title, devices=section.devices)
        console.print(plain(head, _STYLE.get(section.key, "bold")))
        console.print(_table(section, words))
    console.print()
    if changed.looks and not changed.happened:
        console.print(plain(words("changes.nothing"), "green"))
    for key in QUIET:
        _print_quiet(console, changed.section(key), words)


def _table(section: Section, words: Words) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
    table.add_column(overflow="fold")
    before = ""
    for change in section.changes:
        same = change.device_id == before
        before = change.device_id
        said = change.ja if words.language == "ja" else change.en
        table.add_row(plain("" if same else change.number), plain("" if same else change.name), plain(said))
    return table


def _print_quiet(console: Console, section: Section, words: Words) -> None:
    if not section.changes:
        return
    title = words(f"changes.section_{section.key}")
    console.print(plain(words("changes.heading", title=title, devices=section.devices), "bold"))
    for change in section.changes[:_MOST_QUIET]:
        said = change.ja if words.language == "ja" else change.en
        console.print(plain(f"  {change.number} {change.name}　{said}", "dim"), soft_wrap=True)
    left = len(section.changes) - _MOST_QUIET
    if left > 0:
        console.print(plain("  " + words("changes.more", count=left), "dim"))
