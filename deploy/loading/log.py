# SPDX-License-Identifier: Apache-2.0
"""`daicho load log`: who inside calls services of remote control, from logs of proxies, name servers, firewalls."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from agent.refusal import Refusal
from collector.imports.logs.calls import Calls, LogRead, formats, read_log
from collector.imports.logs.heard import JAPAN
from deploy.console import tell
from deploy.recorded import ReadProgress, lines
from deploy.terminal import output, plain, say
from inventory_db import ledger as ledgers
from inventory_db.audit import Action
from inventory_db.observations import append, vantages
from inventory_db.tables import open_ledger, writing
from probes.facts import FactKind, Observation, Outcome, Upload, Vantage, fact

_MOST_LINE = 16 * 1024
_SOMETHING_TO_SEE = 1


def command(
    files: Annotated[list[Path], typer.Argument(help="ログファイル / log files")],
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
) -> None:
    """ログから、遠隔操作サービスを呼ぶ機器を台帳に加えます / who calls remote control, from logs.

    squid・dnsmasq・BIND・Windows DNS・FortiGate のログ。ほかの通信先は残しません / no other name is kept.
    """
    for path in files:
        if not path.is_file():
            raise Refusal(
                f"{path} は読めません（ファイルがありません）。名前を確かめてください。何も読み込んでいません。",
                f"{path} cannot be read: there is no such file. Check the name. Nothing was loaded.",
            )
    read = [(path, _read(path)) for path in files]
    engine = open_ledger(ledger)
    with writing(engine) as connection:
        known = vantages(connection)
        seen = tuple(one for path, log in read for one in observations(path, log, known))
        append(connection, Upload(observations=seen))
        ledgers.refresh(connection)
        for path, _ in read:
            tell(connection, Action.IMPORT, "log", path.name, {})
    for path, log in read:
        _tell(path, log)
    raise typer.Exit(_SOMETHING_TO_SEE if seen else 0)


def _read(path: Path) -> LogRead:
    year = datetime.fromtimestamp(path.stat().st_mtime, JAPAN).year
    with ReadProgress(path.stat().st_size) as progress:
        text = (
            line.decode("utf-8", "replace") if line else "" for _, line in lines(path, progress, _MOST_LINE)
        )
        log = read_log(text, year)
    if log.formats:
        return log
    raise Refusal(
        f"{path.name} の {log.lines} 行のどれも、知っている形式（{'、'.join(formats())}）ではありません。何も読み込んでいません。",
        f"None of the {log.lines} lines of {path.name} has a form that we know ({', '.join(formats())}). "
        "Nothing was loaded.",
    )


def observations(path: Path, log: LogRead, known: Sequence[Vantage]) -> Iterator[Observation]:
    """One observation per machine and service, as if it had been heard."""
    for calls in log.calls.values():
        vantage = _vantage(calls.source, known)
        said = f"{path.name}:{calls.line} {calls.name}, {calls.count}×, {calls.first:%Y-%m-%d} – {calls.last:%Y-%m-%d}"
        sure = calls.service.sure
        yield Observation(
            scan=f"log {vantage}",
            vantage=vantage,
            at=calls.last,
            probe="log",
            address=calls.source,
            transport="heard",
            outcome=Outcome.ANSWERED,
            facts=(
                *((fact(FactKind.REMOTE_PATH, calls.service.kind, sure),) if calls.service.kind else ()),
                fact(FactKind.PRODUCT, calls.service.product, sure),
                fact(FactKind.REMOTE_NAME, said),
            ),
        )


def _vantage(source: str, known: Sequence[Vantage]) -> str:
    """The place from which we know the machine's network; the first place else, "" where nobody stood."""
    address = ip_address(source)
    near = [one for one in known if one.network and address in ip_network(one.network, strict=False)]
    return next((one.id for one in (*near, *known)), "")


def _tell(path: Path, log: LogRead) -> None:
    kinds = "、".join(log.formats)
    understood = sum(log.formats.values())
    say(
        f"{path.name}: {log.lines} 行のうち {understood} 行を読みました（{kinds}）。",
        f"{path.name}: {understood} of {log.lines} lines were understood ({', '.join(log.formats)}).",
    )
    if log.too_many:
        say(
            f"呼んだ機器が多すぎるため、{log.too_many} 行を数えていません。",
            f"Too many callers: {log.too_many} lines are not counted.",
        )
    if not log.calls:
        say(
            "遠隔操作サービスを呼んだ記録はありません。ログに無いだけで、使われていない証拠ではありません。",
            "No call to a remote-control service. That is no proof that none is used.",
        )
        return
    output().print(_table(log))


def _table(log: LogRead) -> Table:
    table = Table(
        "機器 / machine", "サービス / service", "名前 / name", "回数 / calls", "初め / first", "最後 / last"
    )
    for calls in sorted(log.calls.values(), key=_order):
        table.add_row(
            plain(calls.source),
            plain(calls.service.product),
            plain(calls.name),
            str(calls.count),
            f"{calls.first:%Y-%m-%d %H:%M}",
            f"{calls.last:%Y-%m-%d %H:%M}",
        )
    return table


def _order(calls: Calls) -> tuple[int, int, str]:
    address = ip_address(calls.source)
    return address.version, int(address), calls.service.product
