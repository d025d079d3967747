# SPDX-License-Identifier: Apache-2.0
"""`daicho people` and the setup link of `daicho serve`, as processes of their own."""

import re
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory_db import accounts, invitations, memberships
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.notes import Whence
from inventory_db.tables import open_ledger
from tests.cli_cases import DAICHO, assert_two_sentences, daicho, environment
from tests.live_collector import free_port


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "daicho.sqlite"
    engine = open_ledger(path)
    now = datetime.now(UTC)
    with changing(engine) as c:
        chief = create_account(c, "chief", "佐藤花子", None, now)
        memberships.grant(c, chief.id, 1, Role.ADMINISTRATOR, now)
    engine.dispose()
    return path


def test_list_invite_disable_and_reset(ledger: Path) -> None:
    here = ledger.parent
    shown = daicho("people", "list", cwd=here)
    assert shown.returncode == 0, shown.stderr
    assert [word for word in ("chief", "佐藤花子", "administrator") if word not in shown.stdout] == []
    made = daicho("people", "invite", "林", "--role", "vendor", "--bound-to", "c-1", cwd=here)
    (word,) = re.findall(r"^http://127\.0\.0\.1:8000/invited/([\w-]{43})$", made.stdout, re.MULTILINE)
    reset = daicho("people", "reset", "CHIEF", cwd=here)
    (again,) = re.findall(r"/invited/([\w-]{43})$", reset.stdout, re.MULTILINE)
    assert daicho("people", "disable", "chief", cwd=here).returncode == 0
    assert "disabled" in daicho("people", "list", cwd=here).stdout
    assert daicho("people", "enable", "chief", cwd=here).returncode == 0
    engine, now = open_ledger(ledger), datetime.now(UTC)
    with changing(engine) as c:
        link = invitations.find_invitation(c, word, now)
        assert (link.name, link.role, link.bound_to, link.facility) == ("林", Role.VENDOR, "c-1", 1)
        person = invitations.accept_reset(c, again, "hash", now, Whence())
        assert person.login == "chief"
        assert accounts.account(c, person.id).disabled is None
    engine.dispose()


@pytest.mark.parametrize(
    ("arguments", "ja", "en"),
    [
        (("reset", "nobody"), "nobody", "Nobody has"),
        (("invite", "x", "--role", "king"), "king", "no role"),
        (("invite", "x", "--role", "vendor"), "--bound-to", "vendor needs"),
        (("invite", "x", "--role", "inspector"), "--until", "--until"),
    ],
)
def test_wrong_use_makes_nothing(ledger: Path, arguments: tuple[str, ...], ja: str, en: str) -> None:
    done = daicho("people", *arguments, cwd=ledger.parent)
    assert done.returncode == 2
    assert_two_sentences(done.stderr, ja, en)
    assert done.stdout == ""


def start(folder: Path, port: int) -> str:
    """Start `daicho serve`, read what it says up to the link, and end it."""
    command = [*DAICHO, "serve", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment()
    ) as running:
        assert running.stderr is not None
        said = ""
        while "for a new one" not in said:
            line = running.stderr.readline()
            assert line, said
            said += line
        running.send_signal(signal.SIGINT)
        return said + running.stderr.read()


def test_a_first_start_prints_one_link_and_a_later_one_another(tmp_path: Path) -> None:
    words = []
    for _ in range(2):
        said = start(tmp_path, free_port())
        words += re.findall(r"^http://127\.0\.0\.1:\d+/setup/([\w-]{43})$", said, re.MULTILINE)
    assert len(set(words)) == 2
    engine = open_ledger(tmp_path / "daicho.sqlite")
    now = datetime.now(UTC)
    with changing(engine) as c:
        with pytest.raises(invitations.LinkExpired):
            invitations.find_invitation(c, words[0], now)
        invitations.accept_as_new(c, words[1], "chief", "", None, now, Whence())
    assert invitations.setup_link(engine, now) is None
    engine.dispose()
