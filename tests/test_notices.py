# SPDX-License-Identifier: Apache-2.0
"""Notices: what is news, that it is told once, that nothing is lost or doubled, and how it travels."""

import email
import email.policy
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.notices import conditions, found
from collector.notices.conditions import Installation, of_agents, of_installation
from collector.notices.found import after_refresh
from collector.notices.mail import NotSent, check_server, send_mail
from collector.notices.postman import Postman
from collector.notices.wording import MOST_LINES, write
from collector.sections import Mail, Notices, Webhook
from collector.settings import Settings, SettingsError, make_settings
from inventory_db import agents
from inventory_db.facilities import add_facility, bind
from inventory_db.ledger import refresh
from inventory_db.notices import (
    FIRST_PAUSE,
    KEEP_TRYING,
    LEASE,
    LONGEST_PAUSE,
    Message,
    News,
    bundle,
    claim,
    known,
    note,
    outbox,
    pause,
    settle,
)
from inventory_db.observations import append
from inventory_db.tables import writing
from probes.facts import Observation, Scan, Upload
from tests import inventory_cases
from tests.inventory_engines import ledger_engine
from tests.mail_server import Hook, Mailbox, certificate, mail_server, web_server

__all__ = ["ledger_engine"]
NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NAME = "受付PC\r\nBcc: x@evil.example\u202e"


def seen(number: int) -> Observation:
    return inventory_cases.arp(f"10.1.0.{number}", f"02:00:00:00:00:{number:02x}")


def scanned(
    engine: Engine, *observations: Observation, scans: tuple[Scan, ...] = (), now: datetime = NOW
) -> int:
    """Take an upload in and derive, as the collector does; gives how much is to be told."""
    with writing(engine) as connection:
        batch = Upload(observations=observations, vantages=inventory_cases.VANTAGES, scans=scans)
        append(connection, batch, "agent")
        refresh(connection)
        return after_refresh(connection, now)


@dataclass
class Desk:
    """A postman on a clock of his own."""

    engine: Engine
    settings: Settings
    folder: Path
    time: datetime = NOW
    backup: datetime | None = None
    made: list[Postman] = field(default_factory=list)

    def step(self) -> int:
        return self.postman().step()

    def postman(self) -> Postman:
        return Postman(
            self.engine, self.settings, self.folder, lambda: self.time, newest_backup=lambda: self.backup
        )

    def states(self, facility: int = 1) -> dict[tuple[str, str], int]:
        with bind(self.engine, facility).connect() as connection:
            return outbox(connection)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server() as made:
        yield made


def mail(box: Mailbox, **more: object) -> Mail:
    values = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "daicho@hospital.example"}
    return Mail(**{**values, "to": ("it@hospital.example",), **more})  # type: ignore[arg-type]


@pytest.fixture
def desk(ledger_engine: Engine, tmp_path: Path, box: Mailbox) -> Desk:
    wish = Notices(link="https://daicho.hospital.example", gather_minutes=10)
    return Desk(ledger_engine, Settings(mail=mail(box), notices=wish), tmp_path)


def texts(box: Mailbox) -> list[str]:
    return [
        str(email.message_from_bytes(one, policy=email.policy.default).get_content()) for one in box.mails
    ]


# ---- what is news ----------------------------------------------------------------------------------


def test_what_was_there_before_is_no_news_and_the_rest_is_told_once(desk: Desk, box: Mailbox) -> None:
    assert scanned(desk.engine, seen(1), seen(2)) == 0
    assert desk.step() == 0
    assert scanned(desk.engine, seen(3)) == 1
    assert scanned(desk.engine, seen(3)) == 0
    assert desk.step() == 0, "it waits for more"
    desk.time += 10 * MINUTE
    assert desk.step() == 1
    desk.time += DAY
    assert scanned(desk.engine, seen(3), now=desk.time) == 0
    assert desk.step() == 0
    (text,) = texts(box)
    assert "台帳にない新しい機器 1 台" in text
    assert "1 new devices" in text
    assert text.index("新しい機器") < text.index("new devices"), "Japanese first"
    assert "https://daicho.hospital.example/devices/" in text
    assert "10.1.0.3" not in text, "no more than a number and a link, unless the site wants more"


def test_many_new_devices_are_one_mail(desk: Desk, box: Mailbox) -> None:
    scanned(desk.engine, seen(1))
    for number in range(2, 60):
        scanned(desk.engine, seen(number))
    desk.time += 11 * MINUTE
    assert desk.step() == 1
    (text,) = texts(box)
    assert "58 台" in text
    assert text.count("https://daicho.hospital.example/devices/") == 2 * MOST_LINES
    assert f"ほかに {58 - MOST_LINES} 件" in text
    assert desk.states() == {("mail", "sent"): 1}


def test_a_new_path_and_a_failed_scan(ledger_engine: Engine) -> None:
    failed = Scan(id="f", started=NOW, ended=NOW + MINUTE, state="failed")
    assert scanned(ledger_engine, seen(1)) == 0
    desktop = inventory_cases.seen(
        "10.1.0.1", minute=1, probe="rdp", port=3389, SERVICE="rdp", REMOTE_PATH="rdp"
    )
    assert scanned(ledger_engine, desktop, scans=(failed,)) == 2
    assert scanned(ledger_engine, desktop, scans=(failed,)) == 0
    with ledger_engine.connect() as connection:
        assert known(connection, found.SCAN) == {"f"}
        (path,) = known(connection, found.PATH)
    assert path.endswith(" rdp 3389")


def test_a_ledger_is_told_of_from_its_own_begin(desk: Desk, box: Mailbox) -> None:
    """Facilities do not see or tell each other's news."""
    with writing(desk.engine) as connection:
        other = add_facility(connection, "kita", "北病院", NOW).id
    second = bind(desk.engine, other)
    scanned(desk.engine, seen(1))
    scanned(second, seen(2))
    assert scanned(second, seen(3)) == 1
    desk.settings = Settings(
        mail=desk.settings.mail, notices=Notices(mail_to={str(other): ("kita@hospital.example",)})
    )
    desk.time += 11 * MINUTE
    assert desk.step() == 1
    assert box.readers == ["TO:<kita@hospital.example>"]
    assert (desk.states(), desk.states(other)) == ({}, {("mail", "sent"): 1})


def agent(last_seen: datetime | None, revoked: datetime | None = None) -> agents.Agent:
    return agents.Agent("a" * 16, "2F", bytes(32), NOW - 9 * DAY, revoked, 1, last_seen, None, 1)


def test_a_silent_agent_is_told_once_a_silence() -> None:
    wish = Notices(agent_silent_hours=26)
    hours = timedelta(hours=1)
    assert not list(of_agents([agent(NOW - 25 * hours)], wish, NOW))
    first = list(of_agents([agent(NOW - 26 * hours)], wish, NOW))
    later = list(of_agents([agent(NOW - 26 * hours)], wish, NOW + DAY))
    again = list(of_agents([agent(NOW + DAY)], wish, NOW + 9 * DAY))
    assert [one.subject for one in first] == [one.subject for one in later] != [one.subject for one in again]
    assert not list(of_agents([agent(NOW - 9 * DAY, revoked=NOW)], wish, NOW))
    assert len(list(of_agents([agent(None)], wish, NOW))) == 1, "one that never came is missed too"


@pytest.mark.parametrize(
    ("left", "step"), [(31, None), (30, 30), (8, 30), (7, 7), (1, 1), (0, 0), (-1, 0), (-400, 0)]
)
def test_a_certificate_is_told_of_at_its_steps(left: int, step: int | None) -> None:
    state = Installation(certificate=("AB:CD", NOW + left * DAY))
    told = [one.subject for one in of_installation(state, Notices(certificate_days=30), NOW)]
    assert told == ([] if step is None else [f"AB:CD {step}"])


def test_disk_and_backup() -> None:
    full = Installation(free=1 << 20, least=1 << 28)
    kinds = [one.kind for one in of_installation(full, Notices(), NOW)]
    assert kinds == [conditions.DISK]
    assert not list(of_installation(Installation(free=1 << 30, least=1 << 28), Notices(), NOW))
    wish = Notices(backup_days=3)
    never = Installation(backup_wanted=True)
    assert [one.kind for one in of_installation(never, wish, NOW)] == [conditions.BACKUP]
    for days, told in ((2, 0), (3, 1), (30, 1)):
        old = Installation(backup=NOW - days * DAY, backup_wanted=True)
        assert len(list(of_installation(old, wish, NOW))) == told


# ---- nothing lost, nothing doubled -------------------------------------------------------------------


def test_a_server_that_is_away_is_tried_ever_more_seldom(desk: Desk, box: Mailbox) -> None:
    scanned(desk.engine, seen(1))
    scanned(desk.engine, seen(2))
    box.refuses = 3
    desk.time += 10 * MINUTE
    for attempt in (1, 2, 3):
        assert desk.step() == 0
        assert len(box.readers) == attempt
        desk.time += pause(attempt) - timedelta(seconds=1)
        assert desk.step() == 0
        assert len(box.readers) == attempt, "not before its time"
        desk.time += timedelta(seconds=1)
    assert desk.step() == 1
    assert (len(box.mails), desk.states()) == (1, {("mail", "sent"): 1})
    assert [pause(n) for n in (1, 2, 3)] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pause(10**6) == LONGEST_PAUSE


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_sending_loses_nothing(
    desk: Desk, box: Mailbox, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scanned(desk.engine, seen(1))
    scanned(desk.engine, seen(2))
    desk.time += 10 * MINUTE

    def dies(message: email.message.EmailMessage, settings: Mail) -> None:
        if moment == "after":
            send_mail(message, settings)
        raise Crash

    monkeypatch.setattr("collector.notices.postman.send_mail", dies)
    with pytest.raises(Crash):
        desk.step()
    monkeypatch.undo()
    assert desk.states() == {("mail", "waiting"): 1}
    assert desk.step() == 0, "the lease holds: another collector does not send it meanwhile"
    desk.time += LEASE
    assert desk.step() == 1
    desk.time += DAY
    assert desk.step() == 0
    ids = {email.message_from_bytes(one)["Message-ID"] for one in box.mails}
    assert len(ids) == 1, "what was sent already comes under the same id"
    assert len(box.mails) == (2 if moment == "after" else 1)


def test_two_collectors_do_not_send_the_same(desk: Desk, box: Mailbox) -> None:
    scanned(desk.engine, seen(1))
    scanned(desk.engine, seen(2))
    desk.time += 10 * MINUTE
    with writing(desk.engine) as connection:
        bundle(connection, ("mail", "webhook"), desk.time, MINUTE)
        first = claim(connection, ("mail",), desk.time)
        assert first is not None
        assert claim(connection, ("mail",), desk.time) is None
        hooked = claim(connection, ("webhook",), desk.time)
    assert hooked is not None
    assert (hooked.news, hooked.id != first.id) == (first.news, True)


def test_what_cannot_be_sent_for_a_month_is_given_up(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        note(connection, [News("device_new", "x", {})], NOW)
        bundle(connection, ("mail",), NOW, timedelta())
        message = claim(connection, ("mail",), NOW)
        assert message is not None
        settle(connection, message, NOW + KEEP_TRYING - DAY, "OSError")
        assert outbox(connection) == {("mail", "waiting"): 1}
        settle(connection, message, NOW + KEEP_TRYING, "OSError")
        assert outbox(connection) == {("mail", "given_up"): 1}


# ---- mail -----------------------------------------------------------------------------------------------


def test_mail_is_plain_short_and_cannot_be_led_astray(desk: Desk, box: Mailbox) -> None:
    news = News("device_new", "d", {"device": "d", "number": "7", "name": NAME, "address": "10.1.0.9"})
    message = Message("ab" * 16, "mail", NOW, 1, (news,))
    least = write(message, desk.settings).text
    assert "受付PC" not in least
    assert "10.1.0.9" not in least
    wish = Notices(detail="names")
    letter = write(message, Settings(notices=wish))
    assert "受付PC" in letter.text
    assert "\u202e" not in letter.text
    assert "\nBcc" not in letter.text
    assert len(letter.title.splitlines()) == 1


def test_starttls_a_password_and_a_certificate_that_fits(tmp_path: Path, ledger_engine: Engine) -> None:
    pem = certificate(tmp_path)
    (tmp_path / "password").write_text("geheim99\n")
    with mail_server(pem) as box:
        more = {"security": "starttls", "ca_file": str(pem), "user": "daicho"}
        settings = Settings(
            mail=mail(box, host="localhost", password_file=str(tmp_path / "password"), **more),
            notices=Notices(gather_minutes=0),
        )
        scanned(ledger_engine, seen(1))
        scanned(ledger_engine, seen(2))
        assert Desk(ledger_engine, settings, tmp_path).step() == 1
        assert box.encrypted == [True]
        assert box.logins == ["\0daicho\0geheim99"]
        got = email.message_from_bytes(box.mails[0], policy=email.policy.default)
        assert got["Auto-Submitted"] == "auto-generated"
        assert got["Subject"].startswith("[daicho] 台帳にない新しい機器 1 台 / 1 new devices")
        check_server(settings.mail)
        assert len(box.mails) == 1


def test_no_password_and_no_mail_without_encryption(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    (tmp_path / "password").write_text("geheim99")
    with mail_server() as box:  # offers no STARTTLS, as if somebody in between had taken it out
        wanted = mail(box, security="starttls", user="daicho", password_file=str(tmp_path / "password"))
        with pytest.raises(NotSent, match="SMTPNotSupportedError"):
            check_server(wanted)
        assert box.logins == []
    with mail_server(pem) as box:  # a certificate that nobody vouches for
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            check_server(mail(box, host="localhost", security="starttls"))
        assert box.logins == []
    with mail_server(certificate(tmp_path, "other.example")) as box:  # noqa: SIM117 - the certificate comes first
        with pytest.raises(NotSent, match="SSLCertVerificationError"):
            check_server(
                mail(box, host="localhost", security="starttls", ca_file=str(tmp_path / "server.pem"))
            )


# ---- webhook --------------------------------------------------------------------------------------------


def hooked(hook: Hook, tmp_path: Path, **more: str) -> Settings:
    (tmp_path / "secret").write_text("a-shared-secret")
    values = {
        "url": f"http://127.0.0.1:{hook.port}/in?room=1",
        "secret_file": str(tmp_path / "secret"),
        **more,
    }
    return Settings(webhook=Webhook(**values), notices=Notices(gather_minutes=0))


def test_a_webhook_can_be_checked_by_its_receiver(ledger_engine: Engine, hook: Hook, tmp_path: Path) -> None:
    scanned(ledger_engine, seen(1))
    scanned(ledger_engine, seen(2))
    desk = Desk(ledger_engine, hooked(hook, tmp_path), tmp_path)
    assert desk.step() == 1
    ((path, headers, body),) = hook.posts
    assert path == "/in?room=1"
    signed = headers["Daicho-Time"].encode() + b"." + body
    right = "sha256=" + hmac.new(b"a-shared-secret", signed, hashlib.sha256).hexdigest()
    assert headers["Daicho-Signature"] == right
    content = json.loads(body)
    assert content["schema"] == "daicho/notice/1"
    assert (content["id"], content["facility"]) == (headers["Daicho-Delivery"], 1)
    (one,) = content["notices"]
    assert one["kind"] == "device_new"
    assert one["ja"].startswith("管理番号")
    assert "10.1.0.2" not in body.decode()
    assert b"a-shared-secret" not in body


def test_redirects_and_refusals_are_failures(ledger_engine: Engine, hook: Hook, tmp_path: Path) -> None:
    scanned(ledger_engine, seen(1))
    scanned(ledger_engine, seen(2))
    desk = Desk(ledger_engine, hooked(hook, tmp_path), tmp_path)
    with web_server() as elsewhere:
        hook.status, hook.location = 307, f"http://127.0.0.1:{elsewhere.port}/"
        assert desk.step() == 0
        assert elsewhere.posts == []
    hook.status, hook.location = 500, ""
    desk.time += FIRST_PAUSE
    assert desk.step() == 0
    hook.status = 200
    desk.time += 2 * FIRST_PAUSE
    assert desk.step() == 1
    assert len({headers["Daicho-Delivery"] for _, headers, _ in hook.posts}) == 1
    assert len(hook.posts) == 3


def test_a_webhook_over_tls_needs_the_right_certificate(ledger_engine: Engine, tmp_path: Path) -> None:
    scanned(ledger_engine, seen(1))
    scanned(ledger_engine, seen(2))
    pem = certificate(tmp_path)
    with web_server(pem) as hook:
        url = f"https://localhost:{hook.port}/"
        desk = Desk(ledger_engine, hooked(hook, tmp_path, url=url), tmp_path)
        assert desk.step() == 0
        assert hook.posts == []
        desk.settings = hooked(hook, tmp_path, url=url, ca_file=str(pem))
        desk.time += FIRST_PAUSE
        assert desk.step() == 1


# ---- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "values", "named"),
    [
        ("mail", {"host": "mail.example", "security": "none", "sender": "a@b.c"}, "mail.security"),
        ("mail", {"host": "mail.example", "sender": "no address"}, "mail.sender"),
        ("mail", {"host": "mail.example", "sender": "a@b.c", "to": ["x@y\r\nBcc: z@q"]}, "mail.to"),
        ("mail", {"host": "mail.example", "sender": "a@b.c", "user": "u"}, "mail.password_file"),
        ("mail", {"password": "hunter2"}, "[mail]"),
        ("webhook", {"url": "http://hook.example/", "secret_file": "s"}, "webhook.url"),
        ("webhook", {"url": "https://user:hunter2@hook.example/", "secret_file": "s"}, "webhook.url"),
        ("webhook", {"url": "file:///etc/passwd", "secret_file": "s"}, "webhook.url"),
        ("webhook", {"url": "https://hook.example/"}, "webhook.secret_file"),
        ("notices", {"detail": "all"}, "[notices]"),
        ("notices", {"agent_silent_hours": 0}, "notices.agent_silent_hours"),
        ("notices", {"mail_to": {"kita": ["a@b.c"]}}, "notices.mail_to"),
        ("notices", {"link": "javascript:x"}, "notices.link"),
        ("tls", {"certificate": "c.pem"}, "tls.key"),
    ],
)
def test_settings_that_would_leak_or_cannot_be_are_named(
    section: str, values: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        make_settings({section: values})
    for text in (caught.value.ja, caught.value.en):
        assert named in text
        assert "hunter2" not in text
