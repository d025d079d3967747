# SPDX-License-Identifier: Apache-2.0
"""Enrolled agents in the ledger's database, on SQLite and PostgreSQL: codes, sequences, revocation."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from inventory_db import agents, observations
from inventory_db.facilities import close_facility, reopen_facility
from inventory_db.tables import writing
from tests.inventory_cases import seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))


def enrolled(engine: Engine, key: bytes = KEY) -> agents.Agent:
    with writing(engine) as c:
        return agents.enrol(c, agents.create_enrolment(c, "放射線科の機械", HOUR, now=NOW), key, NOW)


def test_codes_are_long_random_and_readable(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        codes = {agents.create_enrolment(c, "x" * 1000, HOUR) for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code.replace("-", "")) == 26 for code in codes)  # 128 bits in base32


def test_a_code_makes_one_agent(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        code = agents.create_enrolment(c, "a", HOUR, now=NOW)
        agent = agents.enrol(c, code, KEY, NOW)
        assert agents.enrol(c, code.lower(), KEY, NOW + 2 * HOUR) == agents.find_agent(c, agent.id) == agent
        with pytest.raises(agents.CodeUsed):
            agents.enrol(c, code, OTHER, NOW)
        with pytest.raises(agents.CodeUnknown):
            agents.enrol(c, "", KEY, NOW)
        with pytest.raises(agents.KeyKnown):
            agents.enrol(c, agents.create_enrolment(c, "b", HOUR, now=NOW), KEY, NOW)
        late = agents.create_enrolment(c, "c", HOUR, now=NOW)
        with pytest.raises(agents.CodeExpired):
            agents.enrol(c, late, OTHER, NOW + HOUR)
        assert agents.list_agents(c) == (agent,)


def test_a_revoked_agent_stays_out_even_with_its_code(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        code = agents.create_enrolment(c, "a", HOUR, now=NOW)
        agent = agents.enrol(c, code, KEY, NOW)
        agents.revoke(c, agent.id, NOW)
        agents.revoke(c, agent.id, NOW + HOUR)
        with pytest.raises(agents.AgentRevoked):
            agents.enrol(c, code, KEY, NOW)
        with pytest.raises(agents.AgentRevoked):
            agents.accept(c, agent.id, 1, NOW, timedelta())
        found = agents.find_agent(c, agent.id)
    assert found is not None
    assert found.revoked == NOW


def test_nobody_enrols_at_a_closed_facility(ledger_engine: Engine) -> None:
    agent = enrolled(ledger_engine)
    with writing(ledger_engine) as c:
        code = agents.create_enrolment(c, "b", HOUR, now=NOW)
        close_facility(c, 1, NOW)
        with pytest.raises(agents.AgentOfClosed):
            agents.enrol(c, code, OTHER, NOW)
        assert [one.closed for one in agents.list_agents(c)] == [True]
        reopen_facility(c, 1)
        assert agents.find_agent(c, agent.id) == agent
        assert agents.enrol(c, code, OTHER, NOW).name == "b"


def test_a_sequence_counts_only_with_its_records(ledger_engine: Engine) -> None:
    agent = enrolled(ledger_engine)
    with ledger_engine.connect() as c, c.begin() as transaction:
        agents.accept(c, agent.id, 5, NOW, timedelta(seconds=-3))
        observations.append(c, upload(seen("10.1.0.1")), agent.id)
        transaction.rollback()
    with writing(ledger_engine) as c:
        assert list(observations.load(c)) == []
        agents.accept(c, agent.id, 5, NOW, timedelta(seconds=-3))
        found = agents.find_agent(c, agent.id)
    assert found is not None
    assert (found.sequence, found.last_seen, found.skew) == (5, NOW, timedelta(seconds=-3))


def test_one_of_many_with_the_same_sequence_is_accepted(ledger_engine: Engine) -> None:
    agent = enrolled(ledger_engine)
    outcomes: list[int] = []

    def send() -> None:
        try:
            with writing(ledger_engine) as c:
                agents.accept(c, agent.id, 1, NOW, timedelta())
            outcomes.append(0)
        except agents.Replayed as error:
            outcomes.append(error.last)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0] + [1] * 7
