# SPDX-License-Identifier: Apache-2.0
"""Releases and drafts in both databases: kept, ended, never changed, and apart for each facility."""

from datetime import timedelta

from sqlalchemy import Engine

from inventory_db.audit import Action, Event, record
from inventory_db.audit_log import last_times
from inventory_db.drafts import drop_draft, find_draft, keep_draft
from inventory_db.facilities import add_facility, bind
from inventory_db.releases import add_release, find_release, list_releases, pack_of, withdraw_release
from inventory_db.tables import writing
from tests.inventory_cases import START
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

LATER = START + timedelta(days=3)


def test_a_release_is_kept_and_ends(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        other = add_facility(c, "higashi", "東病院", START).id
        made = add_release(c, b"PK\0" * 1000, by="佐藤", made=START, until=LATER, note="保健所", files=3)
        newer = add_release(c, b"x", by="佐藤", made=START + timedelta(hours=1), until=LATER)
    with ledger_engine.connect() as c:
        assert [one.id for one in list_releases(c)] == [newer.id, made.id]
        assert find_release(c, made.id) == made
        assert pack_of(c, made.id) == b"PK\0" * 1000
        assert made.stands(START)
        assert not made.stands(LATER)
    foreign = bind(ledger_engine, other)
    with writing(foreign) as c:
        assert list_releases(c) == ()
        assert (find_release(c, made.id), pack_of(c, made.id)) == (None, None)
        assert not withdraw_release(c, made.id, "x", START)
    with writing(ledger_engine) as c:
        assert withdraw_release(c, made.id, "鈴木", LATER - timedelta(days=1))
        assert not withdraw_release(c, made.id, "鈴木", LATER)
        ended = find_release(c, made.id)
    assert ended is not None
    assert (ended.withdrawn_by, ended.stands(START)) == ("鈴木", False)


def test_a_draft_is_replaced_and_dropped_at_its_own_facility(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        other = add_facility(c, "higashi", "東病院", START).id
        keep_draft(c, "sheet/x", {"a": "1"}, "山田", START)
        keep_draft(c, "sheet/x", {"a": "2"}, "田中", LATER)
    with writing(bind(ledger_engine, other)) as c:
        assert find_draft(c, "sheet/x") is None
        keep_draft(c, "sheet/x", {"a": "9"}, "東", START)
        drop_draft(c, "sheet/x")
    with writing(ledger_engine) as c:
        draft = find_draft(c, "sheet/x")
        drop_draft(c, "sheet/x")
        assert find_draft(c, "sheet/x") is None
    assert draft is not None
    assert (draft.fields, draft.by, draft.at) == ({"a": "2"}, "田中", LATER)


def test_the_last_time_of_each_account(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        for account, facility, at in (("a", 1, START), ("a", 1, LATER), ("b", 1, START), ("c", 2, LATER)):
            record(c, Event(action=Action.LOGIN, facility=facility, account=account, at=at))
        record(c, Event(action=Action.LOGOUT, facility=1, account="b", at=LATER))
        assert last_times(c, 1, Action.LOGIN, ["a", "b", "c"]) == {"a": LATER, "b": START}
        assert last_times(c, 1, Action.LOGIN, []) == {}
