# SPDX-License-Identifier: Apache-2.0
"""`daicho read`: recorded material through the same readers as a scan; sends nothing.

The inputs are found by place: one file of `deploy/reading` each, its name is the option.
"""

import difflib
import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from agent.refusal import Refusal
from deploy import reading
from deploy.recorded import ReadProgress
from deploy.terminal import say

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True}
_SOMETHING_TO_SEE = 1

Reader = Callable[[Sequence[Path], ReadProgress], Iterator[dict[str, Any]]]


def command(context: typer.Context) -> None:
    """記録を読み、1件を1行の JSON で示します（送信しません） / reads recorded material, sends nothing.

    --snmprec FILE… | --banners FILE.jsonl | --commands FILE.jsonl | --pcap FILE… | --config FILE…
    """
    kind, files = _asked(context.args)
    reader = _reader(kind)
    for path in files:
        _check(path)
    rows, faulty = 0, 0
    with ReadProgress(sum(path.stat().st_size for path in files)) as progress:
        for row in reader(files, progress):
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
            rows, faulty = rows + 1, faulty + bool(row.get("errors"))
    sys.stdout.flush()
    if faulty:
        say(
            f"{rows} 件のうち {faulty} 件に、読めなかったところがあります（errors の欄をご覧ください）。",
            f"{faulty} of {rows} rows have something that could not be read; see their errors.",
        )
    raise typer.Exit(_SOMETHING_TO_SEE if faulty else 0)


def inputs() -> list[str]:
    """The inputs, found by place."""
    return [info.name for info in pkgutil.iter_modules(reading.__path__)]


def _asked(arguments: Sequence[str]) -> tuple[str, tuple[Path, ...]]:
    """Give the one input that is asked for and its files; raises Refusal."""
    kinds: dict[str, None] = {}
    files: list[Path] = []
    options = True
    for argument in arguments:
        if argument == "--" and options:
            options = False
        elif options and argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            kinds[_known(name)] = None
            files += [Path(value)] if equals else []
        else:
            files.append(Path(argument))
    if len(kinds) != 1 or not files:
        shown = " | ".join(f"--{name} FILE" for name in inputs())
        raise Refusal(
            f"読むものを一種類と、そのファイルを指定してください（daicho read {shown}）。",
            f"Give one kind of input and its files: daicho read {shown}.",
        )
    return next(iter(kinds)), tuple(files)


def _known(name: str) -> str:
    if name in inputs():
        return name
    near = difflib.get_close_matches(name, inputs(), n=1)
    meant_ja, meant_en = (f"--{near[0]} のことですか。", f"Did you mean --{near[0]}? ") if near else ("", "")
    choices = ", ".join(f"--{one}" for one in inputs())
    raise Refusal(
        f"「--{name[:40]}」という入力はありません。{meant_ja}使えるもの: {choices}。",
        f"There is no input “--{name[:40]}”. {meant_en}Inputs: {choices}.",
    )


def _reader(kind: str) -> Reader:
    module = importlib.import_module(f"deploy.reading.{kind}")
    reader: Reader = module.read
    return reader


def _check(path: Path) -> None:
    """Raise Refusal where there is no file that we may read."""
    if not path.is_file():
        what = ("フォルダです", "is a folder") if path.is_dir() else ("ありません", "does not exist")
        raise Refusal(
            f"{path} は読めません（{what[0]}）。ファイル名を確かめてください。何も読んでいません。",
            f"{path} cannot be read: it {what[1]}. Check the name. Nothing was read.",
        )
    if not os.access(path, os.R_OK):
        raise Refusal(
            f"{path} を読む権限がありません。権限のある利用者で実行するか、権限を付けてください。",
            f"You may not read {path}. Run as a user who may, or give yourself permission.",
        )
