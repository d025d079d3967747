# SPDX-License-Identifier: Apache-2.0
"""What people sign stays provable: retention lets go of nothing that a signed word stands on."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from collector.carry_over import answer_key
from collector.checking import check
from collector.letting_go import anchor_heads, rules_of, run_retention
from collector.pinning import pin_signed
from collector.sections import Retention, Wrong, read_section
from inventory_db import audit, audit_log, ledger, observations, pins
from inventory_db.facilities import add_facility, bind, unbound
from inventory_db.observations import append
from inventory_db.retention import Rules
from inventory_db.stated import Answer, Approval, Statement
from inventory_db.statements import state
from inventory_db.tables import open_ledger, writing
from probes.facts import Outcome, Scan, Upload
from tests.cli_cases import assert_two_sentences, daicho
from tests.inventory_cases import START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_audit import event

__all__ = ["ledger_engine"]
NIGHTS = 40
SIGNED = START + timedelta(days=NIGHTS)
LATER = START + timedelta(days=3000)
RULES = Rules(*[timedelta(days=400)] * 3)
LIMIT = timedelta(days=60)


def fill(engine: Engine, shift: int = 0, *, closed: bool = False) -> None:
    """Forty nights of a server that offers telnet, its banner another every ten nights; or that refuses it."""
    made, scans = [], []
    for night in range(NIGHTS):
        minute, scan, word = (night + shift) * 1440, f"s{night + shift}", f"login v{night // 10}"
        start = START + timedelta(minutes=minute)
        scans.append(Scan(id=scan, started=start, ended=start + timedelta(hours=1), state="complete"))
        made.append(arp("10.1.0.5", "00:1b:21:00:00:05", minute=minute, scan=scan))
        told = (
            {"outcome": Outcome.REFUSED} if closed else {"TELNET_BANNER": word, "transcript": f"< b'{word}'"}
        )
        made.append(seen("10.1.0.5", minute=minute + 1, scan=scan, probe="telnet", port=23, **told))
    with writing(engine) as connection:
        append(connection, Upload(observations=tuple(made), vantages=VANTAGES, scans=tuple(scans)))
        ledger.refresh(connection)


def signed_answer(engine: Engine) -> tuple[Answer, tuple[str, ...]]:
    """An answer to the first item whose verdict stands on observations."""
    with engine.connect() as connection:
        judgement = check(connection, "R7-hospital", SIGNED, None, LIMIT)
    sheet, item = next((s, i) for s in judgement.sheets for i in s.items if i.judged.observations)
    key = answer_key(judgement.edition.id, item.line, "", 1)
    _, _, vendor, target, number, _ = key.split("/")
    said = Answer(edition=judgement.edition.id, sheet=sheet.sheet.id, target=target, number=number, vendor=vendor,
                  answer="いいえ", on=SIGNED.date())  # fmt: skip
    assert said.key == key
    return said, item.judged.observations


def sign(engine: Engine, said: Statement) -> None:
    with writing(engine) as connection:
        state(connection, said, "院長", SIGNED)


@pytest.mark.parametrize("days_until_pinned", [1, 2900])
def test_what_a_signed_answer_stands_on_is_never_let_go(
    ledger_engine: Engine, days_until_pinned: int
) -> None:
    fill(ledger_engine)
    said, ids = signed_answer(ledger_engine)
    sign(ledger_engine, said)
    if days_until_pinned == 1:
        assert pin_signed(ledger_engine, SIGNED + timedelta(days=1), LIMIT) == 1
    fill(ledger_engine, shift=2000, closed=True)  # nothing of today stands on what was seen then
    [done] = run_retention(ledger_engine, LATER, RULES, LIMIT)
    assert done.pinned == (0 if days_until_pinned == 1 else 1)
    gone = {one.kind: set(one.ids) for one in done.gone}
    assert gone["confirmations"]
    assert not gone["confirmations"] & set(ids)
    with ledger_engine.connect() as connection:
        assert {one.id for one in observations.load_some(connection, ids)} == set(ids)
        before = {id for id in ids if observations.load_transcript(connection, id)}
        assert set(ids) <= pins.pinned(connection)
        assert [one.action for one in audit_log.stream(connection, 1)]
    assert before  # word for word


def test_without_the_signature_the_same_would_have_gone(ledger_engine: Engine) -> None:
    fill(ledger_engine)
    _, ids = signed_answer(ledger_engine)
    fill(ledger_engine, shift=2000, closed=True)
    run_retention(ledger_engine, LATER, RULES, LIMIT)
    with ledger_engine.connect() as connection:
        assert not all(observations.load_transcript(connection, id) for id in ids)


def test_a_statement_about_a_device_pins_what_its_values_stand_on(ledger_engine: Engine) -> None:
    fill(ledger_engine)
    with ledger_engine.connect() as connection:
        [device] = ledger.devices(connection)
    sign(
        ledger_engine,
        Approval(device=device.id, port=23, reason="保守", approver="院長", until=SIGNED.date()),
    )
    assert pin_signed(ledger_engine, SIGNED, LIMIT) == 1
    assert pin_signed(ledger_engine, SIGNED, LIMIT) == 0
    with ledger_engine.connect() as connection:
        assert set(device.services[0].evidence) <= pins.pinned(connection)


def test_an_answer_to_an_edition_that_is_gone_keeps_all_that_counted_then(ledger_engine: Engine) -> None:
    fill(ledger_engine)
    said, _ = signed_answer(ledger_engine)
    sign(
        ledger_engine, Answer(**{f: getattr(said, f) for f in said.__struct_fields__} | {"edition": "R1-old"})
    )
    pin_signed(ledger_engine, SIGNED, LIMIT)
    with ledger_engine.connect() as connection:
        [device] = ledger.devices(connection)
        assert set(device.services[0].evidence) <= pins.pinned(connection)


def test_rules_come_from_the_settings() -> None:
    section = read_section("retention", {"transcripts": "3y", "journal": "90d"})
    assert isinstance(section, Retention)
    assert rules_of(section) == Rules(timedelta(days=3 * 366), None, timedelta(days=90))
    assert rules_of(Retention()).keep_all
    for wrong in ("3", "0d", "29d", "-1y", "101y", "three years", "3Y", "99999y"):
        with pytest.raises(Wrong):
            read_section("retention", {"transcripts": wrong})


def test_the_command_shows_first_and_lets_go_then(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "daicho.sqlite")
    fill(engine)
    (tmp_path / "collector.toml").write_text('[retention]\nconfirmations = "30d"\n', "utf-8")

    def count() -> int:
        with engine.connect() as connection:
            return len(list(observations.load(connection)))

    run = ("retention", "--config", "collector.toml")
    wrong = daicho(*run, cwd=tmp_path)
    assert wrong.returncode == 2
    assert_two_sentences(wrong.stderr, "--dry-run", "--apply")
    shown = daicho(*run, "--dry-run", cwd=tmp_path)
    assert (shown.returncode, count()) == (0, 2 * NIGHTS)
    assert "would go" in shown.stdout
    done = daicho(*run, "--apply", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert count() < 2 * NIGHTS
    assert "let go" in done.stdout
    none = daicho("retention", "--apply", cwd=tmp_path)
    assert "何も消しません" in none.stderr
    engine.dispose()


def test_each_facility_lets_go_of_its_own(ledger_engine: Engine) -> None:
    with unbound(ledger_engine).begin() as connection:
        other = add_facility(connection, "other", "別の病院", START)
    fill(ledger_engine)
    theirs = bind(ledger_engine, other.id)
    fill(theirs, shift=2990)  # nothing of it is old enough
    assert run_retention(ledger_engine, LATER, Rules(), LIMIT) == []
    shown = run_retention(ledger_engine, LATER, RULES, LIMIT, apply=False)
    assert [one.kind for one in shown[0].gone] == ["confirmations", "transcripts", "journal"]
    ours, others = run_retention(ledger_engine, LATER, RULES, LIMIT)
    assert (ours.facility, others.facility) == (1, other.id)
    assert [len(one.ids) for one in ours.gone] == [len(one.ids) for one in shown[0].gone]
    assert any(one.ids for one in ours.gone)
    assert not any(one.ids for one in others.gone)
    with theirs.connect() as connection:
        assert len(list(observations.load(connection))) == 2 * NIGHTS
        assert not list(audit_log.stream(connection, other.id))


def test_heads_are_told_to_the_log_and_to_the_installations_chain(
    ledger_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    assert anchor_heads(ledger_engine, START) == []
    with writing(ledger_engine) as connection:
        audit.record(connection, event())
    [head] = anchor_heads(ledger_engine, START)
    assert str(head) in caplog.text
    with ledger_engine.connect() as connection:
        [told] = audit_log.stream(connection, 0)
    assert (told.action, head.hash in told.detail) == ("audit_heads", True)
