# SPDX-License-Identifier: Apache-2.0
"""How the collector stands, each line with what to do about it. Looks only; sends nothing unless asked to."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from collector.certificate import PEM_FILE, CertificateError, find_certificate
from collector.documents.pack_key import key_folder
from collector.health import LEAST_FREE
from collector.notices.mail import NotSent, check_server
from collector.sections import is_loopback
from collector.settings import Settings, load_settings
from deploy.doctor import Finding, look_at_clock, look_at_fonts
from inventory_db import agents, condition, notices
from inventory_db.tables import LedgerError, look_at

LEAST_DAYS = 30  # that a certificate should still be good for
MOST_DAYS = 7  # since the last backup, where the settings do not say
MOST_SKEW = timedelta(minutes=5)
_KEYS = (".key", ".pem")


def examine_collector(
    config: Path, *, mail: bool = False, now: datetime | None = None
) -> tuple[Finding, ...]:
    """Look at everything that these settings name; raises SettingsError, and nothing else."""
    settings = load_settings(config)
    folder, moment = key_folder(settings.state_folder, os.environ), now or datetime.now(UTC)
    findings = [
        *_ledger(settings, moment),
        *_disk(folder),
        *_certificate(settings, folder, moment),
        *_keys(settings, folder),
        *look_at_fonts(),
        *look_at_clock(),
    ]
    return (*findings, *(_mail(settings) if mail else ()))


def _ledger(settings: Settings, now: datetime) -> Iterator[Finding]:
    try:
        engine = look_at(settings.ledger)
    except LedgerError as error:
        yield Finding("database", False, error.ja, error.en)
        return
    try:
        yield from _database(engine)
        yield from _backup(engine, settings, now)
        yield from _agents(engine, settings, now)
        yield _outbox(engine)
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        yield Finding(
            "tables",
            False,
            f"台帳の表をすべては読めません（{kind}）。版が古いときは、collector を始めると新しくなります。",
            f"Not every table can be read ({kind}). If the ledger is of an older version, starting the collector updates it.",
        )
    finally:
        engine.dispose()


def _database(engine: Engine) -> Iterator[Finding]:
    found = condition.look_at(engine)
    size = (found.size or 0) >> 20
    yield Finding(
        "database",
        not found.fault,
        f"{found.kind}、{size} MiB"
        if not found.fault
        else f"台帳につながりません（{found.fault}）。サーバーと権限を確かめてください。",
        f"{found.kind}, {size} MiB"
        if not found.fault
        else f"Cannot be reached ({found.fault}). Check server and permissions.",
    )
    yield Finding(
        "schema",
        found.is_current,
        f"版 {found.revision}"
        if found.is_current
        else f"版 {found.revision} は古いままです（今は {found.newest}）。バックアップを取ってから collector を始めてください。",
        f"revision {found.revision}"
        if found.is_current
        else f"Revision {found.revision} is old (today's is {found.newest}). Make a backup, then start the collector.",
    )
    if found.above_rules is not None:
        yield _role(found.above_rules)


def _role(above: bool) -> Finding:
    return Finding(
        "role",
        not above,
        "データベースの利用者は施設を分ける規則に従います"
        if not above
        else "データベースの利用者が superuser か BYPASSRLS で、施設を分ける規則（行レベルセキュリティ）が効きません。"
        "NOSUPERUSER NOBYPASSRLS の利用者を作り、表の持ち主をその利用者にしてください。",
        "the database role obeys the rules that keep facilities apart"
        if not above
        else "The database role is a superuser or has BYPASSRLS, so row-level security does not bind it. Make a role "
        "with NOSUPERUSER NOBYPASSRLS and let it own the tables.",
    )


def _backup(engine: Engine, settings: Settings, now: datetime) -> Iterator[Finding]:
    last, most = condition.newest_backup(engine), settings.notices.backup_days or MOST_DAYS
    if last is None:
        yield Finding(
            "backup",
            False,
            "バックアップの記録がありません。daicho backup を毎晩の予定に入れてください。",
            "There is no record of a backup. Let daicho backup run each night.",
        )
        return
    days = (now - last) // timedelta(days=1)
    yield Finding(
        "backup",
        days < most,
        f"最後のバックアップは {days} 日前"
        + ("" if days < most else "です。daicho backup が動いているか確かめてください。"),
        f"last backup {days} days ago" + ("" if days < most else ": see whether daicho backup runs."),
    )


def _agents(engine: Engine, settings: Settings, now: datetime) -> Iterator[Finding]:
    with engine.connect() as connection:
        living = [one for one in agents.list_agents(connection) if one.revoked is None]
    limit = timedelta(hours=settings.notices.agent_silent_hours)
    silent = [one.id for one in living if now - (one.last_seen or one.enrolled) >= limit]
    wrong = [one.id for one in living if one.skew is not None and abs(one.skew) > MOST_SKEW]
    ids = ", ".join(silent[:5])
    yield Finding(
        "agents",
        not silent,
        f"エージェント {len(living)} 台"
        + (f"、連絡のないもの {len(silent)} 台（{ids}）。動いているか確かめてください。" if silent else ""),
        f"{len(living)} agents"
        + (f", {len(silent)} silent ({ids}): see whether they run." if silent else ""),
    )
    if wrong:
        ids = ", ".join(wrong[:5])
        yield Finding(
            "agent clocks",
            False,
            f"時計が5分より大きくずれたエージェント: {ids}。時刻を合わせてください（15分を超えると受け取れません）。",
            f"Agents whose clock is more than 5 minutes off: {ids}. Set it (beyond 15 minutes nothing is taken in).",
        )


def _outbox(engine: Engine) -> Finding:
    with engine.connect() as connection:
        counted = notices.outbox(connection)
    lost = sum(count for (_, state), count in counted.items() if state == notices.GIVEN_UP)
    waiting = sum(count for (_, state), count in counted.items() if state == notices.WAITING)
    return Finding(
        "notices",
        not lost,
        f"送れずにあきらめたお知らせ {lost} 通。メールサーバーと Webhook を確かめてください。"
        if lost
        else f"待っているお知らせ {waiting} 通",
        f"{lost} notices were given up. Check mail server and webhook."
        if lost
        else f"{waiting} notices wait",
    )


def _disk(folder: Path) -> Iterator[Finding]:
    place = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(place).free
    ok = free >= LEAST_FREE
    yield Finding(
        "disk",
        ok,
        f"{place} の空き {free >> 20} MiB"
        + ("" if ok else "。これでは記録を受け取れなくなります。空けてください。"),
        f"{free >> 20} MiB free at {place}" + ("" if ok else ": soon nothing can be taken in. Make room."),
    )


def _certificate(settings: Settings, folder: Path, now: datetime) -> Iterator[Finding]:
    site = bool(settings.tls.certificate)
    if not site and (is_loopback(settings.host) or settings.behind_proxy):
        why_ja, why_en = (
            ("プロキシが持ちます", "the proxy has it")
            if settings.behind_proxy
            else ("この機械の中だけ", "loopback only")
        )
        yield Finding("certificate", True, why_ja, why_en)
        return
    if not site and not (folder / PEM_FILE).exists():
        yield Finding("certificate", True, "最初に始めたときに作ります", "made at the first start")
        return
    try:
        found = find_certificate(settings, folder, now)
    except CertificateError as error:
        yield Finding("certificate", False, error.ja, error.en)
        return
    days, missing = found.days_left(now), found.missing(frozenset(settings.host_names))
    yield Finding(
        "certificate",
        days >= LEAST_DAYS,
        f"あと {days} 日（{found.ends:%Y-%m-%d} まで）"
        + ("" if days >= LEAST_DAYS else "。新しいものに替えてください。"),
        f"good for {days} days (until {found.ends:%Y-%m-%d})"
        + ("" if days >= LEAST_DAYS else ": get a new one."),
    )
    yield Finding("fingerprint", True, found.fingerprint, found.fingerprint)
    if missing:
        names = ", ".join(missing)
        yield Finding(
            "certificate names",
            False,
            f"証明書にない名前: {names}。その名前で開くとブラウザーが警告します。証明書を作り直してください。",
            f"The certificate does not bear: {names}. Browsers warn there; have a new certificate made.",
        )


def _keys(settings: Settings, folder: Path) -> Iterator[Finding]:
    """Look at who may read keys and secrets: ours nobody else, those that the settings name their group at most."""
    ours = (
        [(path, 0o077) for path in sorted(folder.iterdir()) if path.suffix in _KEYS]
        if folder.is_dir()
        else []
    )
    named = (
        settings.metrics_token_file,
        settings.mail.password_file,
        settings.webhook.secret_file,
        settings.tls.key,
    )
    site = [(Path(name).expanduser(), 0o007) for name in named if name]
    if settings.sign_on and settings.sign_on.secret_file:
        site.append((Path(settings.sign_on.secret_file).expanduser(), 0o007))
    troubles = [(path, text) for path, mask in (*ours, *site) if (text := _trouble(path, mask))]
    for path, (ja, en) in troubles:
        yield Finding("key file", False, f"{path}: {ja}", f"{path}: {en}")
    if not troubles:
        count = len(ours) + len(site)
        yield Finding(
            "key files", True, f"{count} 個、ほかの人は読めません", f"{count}, nobody else may read them"
        )


def _trouble(path: Path, mask: int) -> tuple[str, str] | None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return (
            f"読めません（{error.strerror}）。場所を確かめてください。",
            f"cannot be read ({error.strerror}). Check the place.",
        )
    if mode & mask:
        return (
            f"ほかの人が読めます（{mode & 0o777:o}）。chmod 600 を実行し、読まれたおそれがあれば替えてください。",
            f"others may read it ({mode & 0o777:o}). Run chmod 600, and replace it if somebody may have read it.",
        )
    return None


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.mail.host:
        yield Finding(
            "mail", False, "設定の [mail] に host がありません。", "The settings name no host under [mail]."
        )
        return
    where = f"{settings.mail.host}:{settings.mail.port}"
    try:
        check_server(settings.mail)
    except NotSent as error:
        yield Finding(
            "mail",
            False,
            f"{where} を使えません（{error}）。名前、ポート、証明書、利用者とパスワードを確かめてください。",
            f"{where} cannot be used ({error}). Check name, port, certificate, user and password.",
        )
    else:
        yield Finding("mail", True, f"{where} につながりました", f"{where} answers")
