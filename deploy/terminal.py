# SPDX-License-Identifier: Apache-2.0
"""What people see on the terminal: sentences in Japanese and English; hostile text is made harmless here."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agent.refusal import Refusal
from collector.safe_text import visible

LANGUAGES = ("ja", "en")
PIPED_WIDTH = 200  # columns, where no terminal says how wide it is

errors = Console(stderr=True, highlight=False)


def output() -> Console:
    """Make the console for the result itself: as wide as the terminal (or COLUMNS), wide in a pipe."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if known else PIPED_WIDTH)


def plain(text: str, style: str = "") -> Text:
    """Give text that came from devices or files: never markup, no control or direction characters."""
    return Text(visible(text).replace("\t", " "), style=style)


def called() -> str:
    """Give what to type for `daicho`: the word where the shell finds it, else the path by which it runs now."""
    return "daicho" if shutil.which("daicho") else shlex.quote(sys.argv[0])


def say(ja: str, en: str = "") -> None:
    """Tell a person something, beside the output proper."""
    errors.print(plain(ja), soft_wrap=True)
    if en:
        errors.print(plain(en, "dim"), soft_wrap=True)


def complain(ja: str, en: str) -> None:
    """Tell a person what went wrong, what it means and what to do."""
    errors.print(plain("✗ " + ja, "bold red"), soft_wrap=True)
    errors.print(plain("  " + en, "dim"), soft_wrap=True)


def check_language(language: str) -> str:
    """Give the language back; raises Refusal for one that we do not speak."""
    if language not in LANGUAGES:
        raise Refusal(
            f"言語「{language[:20]}」はありません。--lang ja か --lang en を選んでください。",
            f"There is no language “{language[:20]}”. Choose --lang ja or --lang en.",
        )
    return language


def shell_word(path: Path) -> str:
    """Write a path so that it can be pasted behind a command."""
    return shlex.quote(str(path))
