# SPDX-License-Identifier: Apache-2.0
"""Logins by SSH against real servers on loopback: one attempt, pinned keys, closed commands, no secret anywhere."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from agent.clock import SystemClock
from agent.door import Door
from agent.guard import Permit
from agent.host import HostSurvey
from agent.logins.ssh_access import SshAccess
from agent.logins.ssh_book import SshBook
from agent.pace import Pace
from agent.plan import Question, View, all_questions
from agent.records import Record, Records
from agent.refusal import Refusal
from agent.scope import write_scope
from agent.settings import ScopeSection, settings_from
from agent.ssh_settings import SshSecret
from probes.facts import FactKind, Observation, Outcome, Sent

PASSWORD = "Tana-Bata-7!"
VERSION = """Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 12.2(55)SE7, RELEASE SOFTWARE (fc1)
sw-his uptime is 3 years, 2 weeks
cisco WS-C2960-24TT-L (PowerPC405) processor (revision D0) with 65536K bytes of memory.
Processor board ID FOC1010X104
"""
IX = """NEC Portable Internetwork Core Operating System Software
IX Series IX2106 (magellan-sec) Software, Version 10.2.42, RELEASE SOFTWARE
System woke up by reload, caused by power-on
"""
FORTI = "Version: FortiGate-60F v7.0.14,build0601,240206 (GA.M)\nSerial-Number: FGT60FTK20000001\nHostname: fw-main\n"


@dataclass
class Device:
    """An SSH server on loopback that counts what it was told."""

    key: asyncssh.SSHKey
    port: int = 0
    passwords: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    pages: int = 0
    version: str = VERSION
    hangs: asyncio.Event | None = None  # set when it was asked, and says nothing more


class _Server(asyncssh.SSHServer):
    def __init__(self, device: Device, *, hangs_up: bool = False) -> None:
        self._device, self._hangs_up = device, hangs_up

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def password_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._device.passwords.append(password)
        if password != PASSWORD and self._hangs_up:
            self._conn.abort()
        return password == PASSWORD

    def get_kbdint_challenge(
        self, username: str, lang: str, submethods: str
    ) -> asyncssh.auth.KbdIntChallenge:
        return ("", "", "", [("Password: ", False)])

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        self._device.passwords += responses
        return list(responses) == [PASSWORD]


def _shell(device: Device) -> Callable[["asyncssh.SSHServerProcess[str]"], object]:
    async def serve(process: "asyncssh.SSHServerProcess[str]") -> None:
        if process.command is not None:
            device.commands.append(process.command)
            process.stdout.write(FORTI)
            process.exit(0)
            return
        process.stdout.write("\r\nAuthorised users only\r\n\r\nsw-his#")
        paging = True
        async for line in process.stdin:
            command = line.strip()
            device.commands.append(command)
            if device.hangs:
                device.hangs.set()
                await asyncio.Event().wait()
            paging = paging and command != "terminal length 0"
            shown = device.version if command == "show version" else ""
            if shown and paging:
                head, _, shown = shown.partition("\n")
                process.stdout.write(f"{head}\r\n --More-- ")
                device.pages += len(await process.stdin.read(1))
                process.stdout.write("\r          \r")
            process.stdout.write(shown.replace("\n", "\r\n") + "sw-his#")
        process.exit(0)

    return serve


@contextlib.asynccontextmanager
async def device(hangs_up: bool = False, **options: Any) -> AsyncIterator[Device]:
    made = Device(asyncssh.generate_private_key("ssh-ed25519"))
    server = await asyncssh.create_server(
        lambda: _Server(made, hangs_up=hangs_up),
        "127.0.0.1",
        0,
        server_host_keys=[made.key],
        process_factory=_shell(made),
        line_editor=False,
        **options,
    )
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()


class Kept(list[Record]):
    """A spool in memory."""

    async def put(self, records: Sequence[Record]) -> None:
        self.extend(records)


async def login(
    secret: SshSecret, book: SshBook, *, budget: int = 120, a_second: int = 200, payload: int = 32_768
) -> tuple[Observation, list[Sent]]:
    kept = Kept()
    records = Records(kept, "s1")
    scope = write_scope(ScopeSection(), ["127.0.0.1/32"], (), yes_large=False)
    pace = Pace(a_second, 1000, 0.0, budget, payload=payload)
    door = Door("127.0.0.1", scope, pace, SystemClock(), "s1", "v1", records.add)
    door.permit = Permit.SEND
    host = HostSurvey(door, records, "standard", "127.0.0.0/8", ssh=SshAccess(secret, book))
    seen = await host.put(Question("ssh_commands", secret.port, "the site gave a login"))
    await records.flush()
    return seen, [record for record in kept if isinstance(record, Sent)]


def secret(port: int, password: str = PASSWORD, family: str = "cisco_ios", **more: Any) -> SshSecret:
    return SshSecret(
        hosts=("127.0.0.1",), family=family, user="daicho-ro", password=password, port=port, **more
    )


async def test_a_switch_says_what_it_is_and_hears_nothing_but_listed_commands() -> None:
    async with device() as switch:
        seen, sent = await login(secret(switch.port), SshBook())
    assert seen.outcome is Outcome.ANSWERED, seen.reason
    said = {fact.kind: fact.value for fact in seen.facts}
    assert said[FactKind.MAKER] == "Cisco"
    assert said[FactKind.FIRMWARE_VERSION] == "12.2(55)SE7"
    assert said[FactKind.MODEL] == "WS-C2960-24TT-L"
    assert said[FactKind.SERIAL] == "FOC1010X104"
    assert switch.commands == ["terminal length 0", "show version", "show inventory"]
    assert [(line.action, line.connections, line.probe) for line in sent] == [
        ("tcp connect", 1, "ssh_commands")
    ]
    assert sent[0].packets > 10


async def test_a_family_without_a_shell_is_given_its_command_as_one() -> None:
    async with device() as firewall:
        seen, _ = await login(secret(firewall.port, family="fortinet"), SshBook())
    assert (firewall.commands, seen.outcome) == (["get system status"], Outcome.ANSWERED)
    assert "FGT60FTK20000001" in seen.of(FactKind.SERIAL)
    assert "7.0.14,build0601,240206" in seen.of(FactKind.FIRMWARE_VERSION)


async def test_a_pager_that_cannot_be_turned_off_is_paged_through() -> None:
    async with device() as router:
        router.version = IX
        seen, _ = await login(secret(router.port, family="nec_ix"), SshBook())
    assert (router.commands, router.pages) == (["show version"], 1)
    assert (*seen.of(FactKind.FIRMWARE_VERSION), *seen.of(FactKind.MODEL)) == ("10.2.42", "IX2106")


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_wrong_password_is_sent_once_and_never_again_until_it_is_changed(
    tmp_path: Path, hangs_up: bool
) -> None:
    file = tmp_path / "ssh.json"
    async with device(hangs_up=hangs_up) as switch:
        first, _ = await login(secret(switch.port, "wrong"), SshBook(file))
        assert first.outcome is (Outcome.OTHER_PROTOCOL if hangs_up else Outcome.REFUSED) or first.reason
        again, sent = await login(secret(switch.port, "wrong"), SshBook(file))
        assert (again.outcome, sent) == (Outcome.HELD_BACK, [])
        assert again.reason.startswith("credential_refused")
        assert switch.passwords == ["wrong"]
        changed, _ = await login(secret(switch.port), SshBook(file))
        assert (changed.outcome, switch.passwords) == (Outcome.ANSWERED, ["wrong", PASSWORD])
    assert file.stat().st_mode & 0o777 == 0o600


async def test_another_host_key_than_before_gets_no_password(tmp_path: Path) -> None:
    book = SshBook(tmp_path / "ssh.json")
    async with device() as switch:
        await login(secret(switch.port), book)
        port = switch.port
    book._kept.keys = {f"127.0.0.1 {port}": "ssh-ed25519 SHA256:of-the-device-before"}
    async with device() as stranger:
        book._kept.keys[f"127.0.0.1 {stranger.port}"] = "ssh-ed25519 SHA256:of-the-device-before"
        seen, _ = await login(secret(stranger.port), book)
    assert seen.outcome is Outcome.HELD_BACK
    assert seen.reason.startswith("host_key_changed")
    assert stranger.passwords == []


async def test_old_algorithms_only_where_the_site_allows_them() -> None:
    old = {
        "kex_algs": ["diffie-hellman-group1-sha1"],
        "encryption_algs": ["3des-cbc"],
        "mac_algs": ["hmac-sha1"],
    }
    async with device(False, **old) as relic:
        held, _ = await login(secret(relic.port), SshBook())
        assert held.reason.startswith("no_common_algorithm")
        assert relic.passwords == []
        seen, _ = await login(secret(relic.port, old_algorithms=True), SshBook(), a_second=9)
    assert "12.2(55)SE7" in seen.of(FactKind.FIRMWARE_VERSION)


async def test_no_secret_is_in_records_book_or_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "ssh.json"
    texts = []
    async with device() as switch:
        for password in (PASSWORD, "wrong-" + PASSWORD):
            given = secret(switch.port, password)
            seen, sent = await login(given, SshBook(file))
            texts += [repr(given), repr(seen), repr(sent), file.read_text("utf-8")]
    texts.append(caplog.text)
    assert not [text for text in texts if PASSWORD in text]
    assert switch.passwords == [PASSWORD, "wrong-" + PASSWORD], "they were really used"


@pytest.mark.parametrize("after", ["banner", "login"])
async def test_a_stop_ends_a_login_within_the_second_whatever_the_device_does(after: str) -> None:
    ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    waits = asyncio.Event()
    theirs: list[asyncio.StreamWriter] = []

    async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs.append(writer)
        writer.write(b"SSH-2.0-Stuck\r\n")
        waits.set()
        while await reader.read(4096):
            pass
        ended.set_result(time.monotonic())  # and keeps its side open

    async with contextlib.AsyncExitStack() as stack:
        if after == "banner":
            server = await stack.enter_async_context(await asyncio.start_server(stuck, "127.0.0.1", 0))
            port = server.sockets[0].getsockname()[1]
        else:
            switch = await stack.enter_async_context(device())
            switch.hangs, port = waits, switch.port
        task = asyncio.create_task(login(secret(port), SshBook(), a_second=9))
        await asyncio.wait_for(waits.wait(), 10)
        await asyncio.sleep(0.1)
        asked = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
        if after == "banner":
            assert (
                await asyncio.wait_for(ended, 1) - asked < 0.8
            )  # the switch is looked at five times a second
            theirs[0].close()
        else:
            assert time.monotonic() - asked < 0.8


async def test_the_budget_of_the_host_ends_a_login() -> None:
    async with device() as switch:
        seen, sent = await login(secret(switch.port), SshBook(), budget=14)
    assert seen.outcome is Outcome.HELD_BACK
    assert seen.reason.startswith("budget")
    assert sum(line.packets for line in sent) <= 14


async def test_the_payload_of_the_host_ends_a_login_too() -> None:
    async with device() as switch:
        seen, sent = await login(secret(switch.port), SshBook(), payload=1500)
    assert (seen.outcome, seen.reason.partition(":")[0]) == (Outcome.HELD_BACK, "budget")
    assert 0 < sum(line.payload_bytes for line in sent) <= 1500
    assert "> " not in seen.transcript, "no command is said to have been given"


def test_a_credential_for_many_devices_is_held_back_everywhere_after_one_refusal() -> None:
    book, one = SshBook(), secret(22)
    book.refused(one, "10.1.0.1")
    assert not book.may_try(one, "10.1.0.2")
    assert book.may_try(secret(22, "another"), "10.1.0.2")


def test_a_credential_that_is_good_elsewhere_may_fail_twice() -> None:
    book, one = SshBook(), secret(22)
    book.accepted(one, "10.1.0.1")
    book.refused(one, "10.1.0.2")
    assert not book.may_try(one, "10.1.0.2")
    assert book.may_try(one, "10.1.0.3")
    book.refused(one, "10.1.0.3")
    assert not book.may_try(one, "10.1.0.4")
    assert book.may_try(one, "10.1.0.1"), "where it works it goes on working"


def test_a_broken_book_stops_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "ssh.json").write_text("{", "utf-8")
    with pytest.raises(Refusal, match=r"ssh\.json"):
        SshBook(tmp_path / "ssh.json")


def test_a_book_that_cannot_be_written_stops_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", "utf-8")
    with pytest.raises(Refusal, match=r"ssh\.json"):
        SshBook(tmp_path / "state" / "ssh.json")


def test_the_plan_logs_in_where_the_port_is_open_and_the_site_gave_a_login() -> None:
    def asked(view: View) -> list[Question]:
        return [q for q in all_questions(view, "standard") if q.probe == "ssh_commands"]

    assert [q.port for q in asked(View(Permit.SEND, ssh_port=22, open_ports=frozenset({22})))] == [22]
    assert asked(View(Permit.SEND, ssh_port=22)) == []
    assert asked(View(Permit.SEND, open_ports=frozenset({22}))) == []
    assert [q.port for q in asked(View(Permit.SEND, ssh_port=50022))] == [50022]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("hosts", {"hosts": ["everywhere"]}),
        ("family", {"family": "toaster"}),
        ("user", {"user": ""}),
        ("password", {"key_file": "/etc/hostname"}),
        ("key_file", {"password": "", "key_file": "/nowhere/id"}),
        ("port", {"port": 0}),
    ],
)
def test_a_section_that_cannot_be_meant_so_is_named(key: str, change: dict[str, object]) -> None:
    section = {"hosts": ["10.0.0.1"], "family": "cisco_ios", "user": "ro", "password": PASSWORD, **change}
    with pytest.raises(Refusal) as refused:
        settings_from({"ssh": [section]}, "agent.toml")
    assert f"ssh[0].{key}" in str(refused.value)
    assert PASSWORD not in str(refused.value)
