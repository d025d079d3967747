# SPDX-License-Identifier: Apache-2.0
"""`daicho people list|invite|disable|enable|reset`: who may come in, for whoever stands at the machine itself."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from sqlalchemy import Connection, Engine

from agent.refusal import Refusal
from collector.settings import Settings, load_settings
from deploy.moment import read_moment
from deploy.page_address import page_address
from deploy.terminal import output, plain, say
from inventory_db import accounts, invitations, memberships, notes
from inventory_db.account_tables import changing
from inventory_db.accounts import Account, Role
from inventory_db.audit import Action
from inventory_db.invitations import Purpose
from inventory_db.memberships import NeedsBinding
from inventory_db.notes import Note, Whence
from inventory_db.tables import open_ledger

_ROLES = {
    Role.OPERATOR: "システム運用担当者",
    Role.ADMINISTRATOR: "管理者",
    Role.EXECUTIVE: "経営層",
    Role.VENDOR: "事業者",
    Role.INSPECTOR: "検査員",
}
_MOST_DAYS = 60

ConfigOption = Annotated[Path | None, typer.Option("--config", help="collector.toml")]
LedgerOption = Annotated[str, typer.Option("--ledger", help="台帳ファイルか URL / ledger file or URL")]
FacilityOption = Annotated[int, typer.Option(help="施設の番号 / number of the facility")]
LoginArgument = Annotated[str, typer.Argument(help="ログイン名 / login name", metavar="LOGIN")]


def group(_part: str) -> typer.Typer:
    """Make the commands of people."""
    app = typer.Typer(no_args_is_help=True, help="利用者: 招待、一覧、停止、入り直し / who may come in")
    app.command("list")(show)
    app.command("invite")(invite)
    app.command("disable")(disable)
    app.command("enable")(enable)
    app.command("reset")(reset)
    return app


def show(config: ConfigOption = None, ledger: LedgerOption = "") -> None:
    """利用者の一覧 / everybody who has an account."""
    engine, _ = _open(config, ledger)
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("ログイン名\nlogin", "氏名\nname", "施設：役割\nfacility: role", "状態\nstate"):
        table.add_column(name, overflow="fold")
    with engine.connect() as connection:
        for person in accounts.every_account(connection):
            table.add_row(*map(plain, _row(connection, person, now)))
    engine.dispose()
    output().print(table)


def invite(
    name: Annotated[str, typer.Argument(help="氏名 / name", metavar="NAME")],
    role: Annotated[str, typer.Option(help="役割 / role: " + ", ".join(Role))] = "operator",
    facility: FacilityOption = 1,
    bound_to: Annotated[str, typer.Option(help="事業者の見出し、公開の番号 / vendor or release")] = "",
    until: Annotated[str, typer.Option(help="最終日（検査員） / last day (inspector)")] = "",
    days: Annotated[int, typer.Option(min=1, max=_MOST_DAYS, help="リンクの有効日数 / days of the link")] = 7,
    config: ConfigOption = None,
    ledger: LedgerOption = "",
) -> None:
    """1回だけ使える招待のリンクを作ります / make a link that lets one person register."""
    what, now = _role(role), datetime.now(UTC)
    engine, settings = _open(config, ledger)
    last = read_moment(until, settings.zone)
    try:
        with changing(engine) as connection:
            word = invitations.create_invitation(
                connection,
                facility,
                what,
                name,
                now,
                Whence(facility=facility),
                valid_for=timedelta(days=days),
                bound_to=bound_to,
                until=last,
            )
    except NeedsBinding as error:
        raise Refusal(
            "事業者には --bound-to（届け出た事業者の見出し）、検査員には --until（最終日）が要ります。何も作っていません。",
            "A vendor needs --bound-to (a stated vendor), an inspector --until (the last day). Nothing was made.",
        ) from error
    finally:
        engine.dispose()
    _give_link(settings, word, f"{days} 日", f"{days} days")


def disable(login: LoginArgument, config: ConfigOption = None, ledger: LedgerOption = "") -> None:
    """どの施設にも入れなくし、開いているログインを終わらせます / let an account in no more."""
    person = _change(config, ledger, login, "disabled")
    say(
        f"{person.login} を停止し、ログインを終わらせました。記録は残ります。",
        f"{person.login} is disabled and its sessions ended. Records stay.",
    )


def enable(login: LoginArgument, config: ConfigOption = None, ledger: LedgerOption = "") -> None:
    """停止した人を、もう一度入れるようにします / let a disabled account in again."""
    person = _change(config, ledger, login, "enabled")
    say(f"{person.login} はもう一度入れます。", f"{person.login} can come in again.")


def reset(login: LoginArgument, config: ConfigOption = None, ledger: LedgerOption = "") -> None:
    """入れなくなった人に、新しい入り方のリンクを作ります / make a new way in for somebody who is locked out."""
    engine, settings = _open(config, ledger)
    now = datetime.now(UTC)
    try:
        with changing(engine) as connection:
            person = _person(connection, login)
            place = next(iter(memberships.places(connection, person.id, now)), None)
            facility = place.facility if place else 1
            word = invitations.create_invitation(
                connection,
                facility,
                place.role if place else Role.OPERATOR,
                person.name,
                now,
                Whence(facility=facility),
                valid_for=invitations.RESET_VALID,
                purpose=Purpose.RESET,
                account=person.id,
            )
    finally:
        engine.dispose()
    _give_link(settings, word, "24 時間", "24 hours")


def _open(config: Path | None, ledger: str) -> tuple[Engine, Settings]:
    settings = load_settings(config) if config else Settings()
    return open_ledger(ledger or settings.ledger, create=False), settings


def _give_link(settings: Settings, word: str, ja: str, en: str) -> None:
    sys.stdout.write(f"{page_address(settings)}invited/{word}\n")
    say(
        f"{ja}以内に1回だけ使えます。控えは残りません。本人に直接渡してください。",
        f"Good once, within {en}; it is kept nowhere. Hand it to the person directly.",
    )


def _change(config: Path | None, ledger: str, login: str, what: str) -> Account:
    engine, _ = _open(config, ledger)
    now = datetime.now(UTC)
    try:
        with changing(engine) as connection:
            person = _person(connection, login)
            if what == "disabled":
                accounts.disable(connection, person.id, now)
            else:
                accounts.enable(connection, person.id)
            facilities = {one.facility for one in memberships.places(connection, person.id, now)} or {0}
            for facility in sorted(facilities):
                here = Whence(facility=facility)
                notes.note(connection, Note(Action.RIGHTS, now, here, key=person.id, detail=what))
    finally:
        engine.dispose()
    return person


def _person(connection: Connection, login: str) -> Account:
    found = accounts.by_login(connection, login)
    if found is None:
        raise Refusal(
            f"ログイン名「{login[:40]}」の人はいません。daicho people list で確かめてください。",
            f"Nobody has the login name “{login[:40]}”. See daicho people list.",
        )
    return found


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise Refusal(
            f"役割「{text[:30]}」はありません。{'、'.join(Role)} のどれかにしてください。",
            f"There is no role “{text[:30]}”. Choose one of {', '.join(Role)}.",
        ) from error


def _row(connection: Connection, person: Account, now: datetime) -> tuple[str, str, str, str]:
    places = [
        f"{one.facility}: {_ROLES[one.role]} / {one.role}{f'（〜{one.until.astimezone():%Y-%m-%d}）' if one.until else ''}"
        for one in memberships.places(connection, person.id, now)
    ]
    state = "停止 / disabled" if person.disabled else "有効 / active"
    return person.login, person.name, "\n".join(places) or "-", state
