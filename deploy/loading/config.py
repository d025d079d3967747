# SPDX-License-Identifier: Apache-2.0
"""`daicho load config`: configurations of gateways and switches as evidence for item 2-(8); the file is not kept."""

import getpass
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from agent.refusal import Refusal
from collector.imports.configurations.limits import DAY_GUESSED
from collector.imports.configurations.lines import LARGEST
from collector.imports.configurations.owner import named, owners
from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.reading import Reading
from collector.imports.configurations.shown import as_json
from deploy.configuration_table import print_reading
from deploy.console import tell
from deploy.terminal import check_language, output, say
from inventory_db import ledger as ledgers
from inventory_db.audit import Action
from inventory_db.device import Device
from inventory_db.stated import Configuration
from inventory_db.statements import state_all
from inventory_db.tables import open_ledger, writing

_SOMETHING_TO_SEE = 1
_ZONE = ZoneInfo("Asia/Tokyo")


@dataclass(frozen=True, slots=True)
class _Read:
    """One file, read."""

    path: Path
    sha256: str
    reading: Reading
    on: date
    guessed: bool = False  # nobody says when it was taken; `on` is the file's own date


def command(
    files: Annotated[list[Path], typer.Argument(help="設定ファイル / configuration files")],
    device: Annotated[str, typer.Option(help="どの機器の設定か（ID か IP） / whose it is: id or IP")] = "",
    on: Annotated[str, typer.Option(help="いつ取得したか 2026-04-01 / the day it was taken")] = "",
    who: Annotated[str, typer.Option(help="取り込む人の名前 / your name")] = "",
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """機器の設定から、管理の入口と接続元の制限を証拠にします / configurations as evidence.

    秘密は読み取らず残しません / who may manage the device from where; no secret is kept.
    """
    language = check_language(lang)
    if device and len(files) > 1:
        raise Refusal(
            "--device は、ファイルが一つのときに使ってください。何も読み込んでいません。",
            "Use --device with one file only. Nothing was loaded.",
        )
    read = [_read(path, _day(on)) for path in files]
    engine = open_ledger(ledger, create=False)
    with engine.connect() as connection:
        devices = ledgers.devices(connection)
    kept = [_statement(one, devices, device) for one in read]
    with writing(engine) as connection:
        state_all(connection, kept, who or getpass.getuser(), datetime.now(UTC))
        for said in kept:
            tell(connection, Action.IMPORT, "configuration", said.key, {"file": said.file}, who=who)
    unsettled = False
    for one, statement in zip(read, kept, strict=True):
        print_reading(output(), one.path.name, one.reading, one.on, _owner(statement, devices), language)
        unsettled |= not statement.device or not one.reading.whole
    say(f"台帳に書きました: 設定 {len(kept)} 件。", f"Kept in the ledger: configurations: {len(kept)}.")
    raise typer.Exit(_SOMETHING_TO_SEE if unsettled else 0)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day > datetime.now(_ZONE).date():
        raise Refusal(
            f"--on「{text[:20]}」は今日までの日付ではありません。2026-04-01 の形で書いてください。何も読み込んでいません。",
            f"--on “{text[:20]}” is no day up to today. Write it as 2026-04-01. Nothing was loaded.",
        )
    return day


def _read(path: Path, on: date | None) -> _Read:
    """Read one file; raises Refusal where it is not there or not a configuration that we know."""
    if not path.is_file():
        raise Refusal(
            f"{path} は読めません（ファイルがありません）。名前を確かめてください。何も読み込んでいません。",
            f"{path} cannot be read: there is no such file. Check the name. Nothing was loaded.",
        )
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    reading = read_configuration(data, path.name)
    if not reading.maker:
        problem = reading.problems[0]
        raise Refusal(
            f"{path.name}: {problem.ja}何も読み込んでいません。",
            f"{path.name}: {problem.en} Nothing was loaded.",
        )
    changed = datetime.fromtimestamp(path.stat().st_mtime, _ZONE).date()
    day = on or reading.taken
    if day is None:
        day = min(changed, datetime.now(_ZONE).date())
        say(
            f"{path.name} には取得日が書かれていないため、ファイルの更新日 {day} としました。"
            "「はい」の証拠にするには、取得した日を --on で示して取り込み直してください。",
            f"{path.name} does not say when it was taken; the file's own date {day} is used. "
            "To make it evidence for yes, load it again with the day it was taken: --on.",
        )
    return _Read(path, hashlib.sha256(data).hexdigest(), reading, day, not (on or reading.taken))


def _statement(one: _Read, devices: Sequence[Device], wanted: str) -> Configuration:
    return Configuration(
        device=_whose(one, devices, wanted),
        file=one.path.name,
        sha256=one.sha256,
        on=one.on,
        reading=as_json(one.reading, one.path.name) | ({DAY_GUESSED: True} if one.guessed else {}),
    )


def _whose(one: _Read, devices: Sequence[Device], wanted: str) -> str:
    """Give the device's id, "" if none fits; raises Refusal where the wanted one is not there or several fit."""
    if wanted:
        chosen = named(wanted, devices)
        if len(chosen) == 1:
            return chosen[0].id
        raise Refusal(
            f"台帳に「{wanted[:60]}」という ID か IP の機器が{'ありません' if not chosen else '二台以上あります'}。"
            "daicho ledger で確かめてください。何も読み込んでいません。",
            f"The ledger has {'no' if not chosen else 'more than one'} device with the id or IP “{wanted[:60]}”. "
            "See daicho ledger. Nothing was loaded.",
        )
    found = owners(one.reading, devices)
    if len(found) > 1:
        ids = ", ".join(device.id for device, _ in found[:5])
        raise Refusal(
            f"{one.path.name} に合う機器が台帳に {len(found)} 台あります（{ids}）。--device で選んでください。"
            "何も読み込んでいません。",
            f"{len(found)} devices of the ledger fit {one.path.name} ({ids}). Choose one with --device. "
            "Nothing was loaded.",
        )
    if not found:
        say(
            f"{one.path.name} に合う機器が台帳に見つかりません。読み取りは残しますが、証拠になりません。"
            "--device で機器を指定して、もう一度読み込んでください。",
            f"No device of the ledger fits {one.path.name}. The reading is kept but proves nothing; "
            "load it again and name the device with --device.",
        )
        return ""
    return found[0][0].id


def _owner(statement: Configuration, devices: Sequence[Device]) -> Device | None:
    return next((one for one in devices if one.id == statement.device), None)
