# SPDX-License-Identifier: Apache-2.0
"""`daicho agent`: the long-running agent: schedule, windows, spool, uplink."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from agent.between import Between
from agent.clock import Clock, SystemClock
from agent.collector_client import CollectorAbsent, CollectorClient
from agent.keys import Identity, load_identity, make_new_key
from agent.logbook import Logbook
from agent.memory import Memory
from agent.records import Spool
from agent.refusal import Refusal
from agent.rounds import Orders, Rounds
from agent.settings import Settings, find_zone
from agent.state_folder import LOGBOOK_FILE, find_state_folder, only_one, take_wish, wish_whole
from agent.survey import Survey
from agent.uplink import Uplink, enrol
from deploy.agent_file import AgentFile
from deploy.scan_progress import ScanProgress
from deploy.site import Site
from deploy.terminal import complain, errors
from probes.facts import Scan

_SOMETHING_TO_SEE, _UNFINISHED = 1, 4


def command(
    config: Annotated[Path, typer.Option(help="agent.toml")],
    enrol_code: Annotated[str, typer.Option("--enrol", help="登録コード / one-time enrolment code")] = "",
    once: Annotated[bool, typer.Option("--once", help="いま1回だけ調べる / one scan now, then end")] = False,
    new_key: Annotated[
        bool, typer.Option("--new-key", help="鍵を新しくして終わる / change the key, then end")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="次の調べで全機器に全部尋ねる / the next scan asks every device whole"),
    ] = False,
) -> None:
    """予定どおりに調べ、台帳サーバーへ送り続けます / scan by the schedule and upload, until stopped."""
    file = AgentFile(config, lambda new: _check(new.settings, config, once or new_key), _tell)
    site = file.site
    state = find_state_folder(site.settings.state_folder, os.environ)
    if whole:
        wish_whole(state)
        if not once:
            _tell("次の調べでは、すべての機器に全部尋ねます。", "The next scan asks every device whole.")
            return
    with only_one(state):
        try:
            work = _change_key(site, state) if new_key else _run(file, state, enrol_code, once)
            code = asyncio.run(work)
        except CollectorAbsent as absent:
            complain(absent.ja, absent.en)
            code = _UNFINISHED
    raise typer.Exit(code)


def _check(settings: Settings, config: Path, once: bool) -> None:
    if not (once or settings.schedule):
        raise Refusal(
            f"{config} に予定（[schedule] の every_hours か at）が書かれていません。"
            "予定を書くか、いま1回だけ調べるなら --once を付けてください。何も送信していません。",
            f"{config} has no schedule (every_hours or at under [schedule]). Write one, or add --once for a single "
            "scan now. Nothing was sent.",
        )
    if not settings.collector.url:
        raise Refusal(
            f"{config} に台帳サーバーの場所（[collector] の url）が書かれていません。記録を送れないため始めません。"
            "url を書いてください。この機械だけで調べるなら daicho scan を使ってください。",
            f"{config} does not name the collector (url under [collector]), so no record could be uploaded. Write its "
            "url; to scan into a ledger on this machine, use daicho scan.",
        )


async def _run(file: AgentFile, state: Path, code: str, once: bool) -> int:
    """Run until done or stopped by a signal; gives the exit code."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run gives one
    with _stopping(task):
        try:
            return await _work(file, state, code, once)
        except asyncio.CancelledError:
            task.uncancel()
            _tell("止まりました。", "Stopped.")
            return _UNFINISHED if once else 0


async def _work(file: AgentFile, state: Path, code: str, once: bool) -> int:
    settings = file.site.settings
    clock = SystemClock(find_zone(settings.schedule.time_zone))
    async with CollectorClient(settings.collector, clock) as client:
        identity = await _identify(settings, state, code, clock)
        with Logbook(state / LOGBOOK_FILE, most_bytes=settings.spool_bytes) as logbook:

            async def reread() -> Orders | None:
                return _orders(file, logbook, clock) if await file.changed(clock) else None

            orders = _orders(file, logbook, clock)
            rounds = Rounds(
                orders.schedule,
                orders.blackouts,
                identity.agent,
                state,
                logbook,
                Uplink(logbook, identity, client, clock, state_folder=state),
                lambda spool: _scan(file.site, spool, clock, logbook, state),
                _tell,
                clock,
                orders.between,
                reread,
            )
            if not once:
                await rounds.run()
                return 0
            return await _told(await rounds.run_once(), logbook)


def _orders(file: AgentFile, logbook: Logbook, clock: Clock) -> Orders:
    site = file.site
    return Orders(site.settings.schedule, site.scope.blackouts, _between(site, logbook, clock))


def _between(site: Site, logbook: Logbook, clock: Clock) -> Callable[[], Awaitable[None]] | None:
    """What is done between two scans: listening, where agent.toml allows it."""
    if not site.settings.listen_between:
        return None
    return Between(site.scope, logbook, clock, logbook.newest_scan, _tell).run


async def _change_key(site: Site, state: Path) -> int:
    """Make a new key and hand it over; what began before and was interrupted is finished instead."""
    clock = SystemClock(find_zone(site.settings.schedule.time_zone))
    async with CollectorClient(site.settings.collector, clock) as client:
        identity = await _identify(site.settings, state, "", clock)
        make_new_key(state)
        with Logbook(state / LOGBOOK_FILE, most_bytes=site.settings.spool_bytes) as logbook:
            await Uplink(logbook, identity, client, clock, state_folder=state).settle_key()
    _tell(
        f"鍵を新しくしました（{identity.agent}）。前の鍵はもう使えません。",
        f"The key of {identity.agent} is new; the old one is good for nothing any more.",
    )
    return 0


async def _identify(settings: Settings, state: Path, code: str, clock: Clock) -> Identity:
    """Give who we are to this collector; a code is used only when we are not enrolled with it yet."""
    known = load_identity(state)
    if known and (not code or known.url == settings.collector.url):
        if code:
            _tell(
                "もう登録されています。登録コードは使いません。", "Enrolled already; the code is not needed."
            )
        return known
    if not code:
        raise Refusal(
            "このエージェントはまだ登録されていません。台帳サーバーで daicho agents code 名前 を実行し、"
            "出たコードを --enrol に付けて、もう一度実行してください。何も送信していません。",
            "This agent is not enrolled yet. Run daicho agents code NAME on the collector, then run this again with "
            "--enrol and the code. Nothing was sent.",
        )
    identity = await enrol(settings.collector, state, code, clock)
    _tell(f"登録されました（{identity.agent}）。", f"Enrolled as {identity.agent}.")
    return identity


async def _scan(site: Site, spool: Spool, clock: Clock, notebook: Logbook, state: Path) -> Scan:
    days, now = site.settings.schedule.whole_every_days, clock.now()
    memory = await Memory.open(notebook, days, now, wish=take_wish(state))
    survey = Survey(
        site.settings, site.scope, spool, clock, ScanProgress("plain").tell, notebook=notebook, memory=memory
    )
    return await survey.run()


async def _told(scan: Scan | None, logbook: Logbook) -> int:
    if scan is None or scan.state != "complete":
        return _UNFINISHED
    waiting, _ = await logbook.position()
    if waiting:
        _tell(
            f"{waiting} 件の記録がまだ手元にあります。次に動いたときに送ります。",
            f"{waiting} records are still here; they are sent when the agent runs again.",
        )
    return _SOMETHING_TO_SEE if waiting else 0


def _tell(ja: str, en: str) -> None:
    errors.print(Text(f"{ja} / {en}"), soft_wrap=True)


@contextlib.contextmanager
def _stopping(task: "asyncio.Task[int]") -> Iterator[None]:
    """The first SIGTERM or Ctrl-C ends the work in order; a second one ends it at once."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
        task.cancel()

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
