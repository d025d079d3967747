# SPDX-License-Identifier: Apache-2.0
"""Sessions, memberships and tokens on both databases, under a clock of the test's own."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from inventory_db import accounts, memberships, sessions, tokens
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.memberships import LastAdministrator, NeedsBinding, NotHere, grant
from inventory_db.notes import Whence
from inventory_db.sessions import Limits, NoSession, Stage, open_session, signed_in
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
HERE = Whence("192.0.2.1", "browser")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def person(c: Connection, login: str = "suzuki", role: Role = Role.OPERATOR, **more: object) -> str:
    made = create_account(c, login, "鈴木一郎", None, NOW)
    return grant(c, made.id, 1, role, NOW, **more).id  # type: ignore[arg-type]


def come_in(c: Connection, membership: str, now: datetime = NOW, **more: object) -> str:
    return open_session(c, memberships.find(c, 1, membership), now, HERE, Limits(), **more)  # type: ignore[arg-type]


def test_a_session_says_who_is_there_and_keeps_no_token(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        token = come_in(c, person(c))
    with ledger_engine.connect() as c:
        who = signed_in(c, token, NOW + MINUTE)
        assert who is not None
        assert (who.name, who.role, who.facility, who.scopes) == ("鈴木一郎", Role.OPERATOR, 1, None)
        assert token not in who.session
        assert signed_in(c, who.session, NOW + MINUTE) is None  # the id in a list is no key
        assert signed_in(c, token + "x", NOW) is None
        assert signed_in(c, "", NOW) is None


def test_an_idle_session_ends_and_a_used_one_ends_at_its_longest(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        token = come_in(c, person(c))
        assert signed_in(c, token, NOW + 29 * MINUTE) is not None
        assert signed_in(c, token, NOW + 30 * MINUTE) is None
        at = NOW
        while at < NOW + 12 * HOUR:
            assert signed_in(c, token, at) is not None
            found = sessions.arrive(c, token, at)
            assert found is not None
            assert found.due == (at > NOW)
            sessions.touch(c, token, at)
            at += 20 * MINUTE
        assert signed_in(c, token, NOW + 12 * HOUR) is None


def test_a_clock_that_was_set_back_gives_no_longer_life(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        token = come_in(c, person(c))
        assert signed_in(c, token, NOW - 4 * MINUTE) is not None  # another collector's clock
        assert signed_in(c, token, NOW - DAY) is None


@pytest.mark.parametrize("stage", [Stage.FACTOR, Stage.ENROL])
def test_half_way_in_is_not_in(ledger_engine: Engine, stage: Stage) -> None:
    with changing(ledger_engine) as c:
        token = come_in(c, person(c), stage=stage)
        assert signed_in(c, token, NOW) is None
        assert sessions.find_session(c, token, NOW + 9 * MINUTE) is not None
        assert sessions.find_session(c, token, NOW + 10 * MINUTE) is None
        new = sessions.advance(c, token, NOW + MINUTE, HERE, stage=Stage.IN, factor="totp")
        assert new != token
        assert sessions.find_session(c, token, NOW + MINUTE) is None
        assert signed_in(c, new, NOW + MINUTE) is not None
        with pytest.raises(NoSession):
            sessions.advance(c, token, NOW + MINUTE, HERE, stage=Stage.IN, factor="totp")


def test_a_disabled_account_and_an_ended_membership_count_at_once(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        person(c, "chief", Role.ADMINISTRATOR)
        place = person(c)
        token = come_in(c, place)
        memberships.end(c, 1, place, NOW)
        assert signed_in(c, token, NOW) is None
        other = person(c, "sato")
        token = come_in(c, other)
        accounts.disable(c, memberships.find(c, 1, other).account, NOW)
        assert signed_in(c, token, NOW) is None
        assert come_in(c, other)  # a session that was opened in the same moment
        accounts.enable(c, memberships.find(c, 1, other).account)
        assert signed_in(c, token, NOW) is None  # the old session stays ended


def test_an_inspectors_day_ends_it_by_itself(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        place = person(c, "inspector", Role.INSPECTOR, until=NOW + 2 * HOUR)
        token = open_session(c, memberships.find(c, 1, place), NOW, HERE, Limits(idle=DAY, most=DAY))
        who = signed_in(c, token, NOW + HOUR)
        assert who is not None
        assert who.until == NOW + 2 * HOUR
        assert signed_in(c, token, NOW + 2 * HOUR) is None
        assert memberships.places(c, who.account, NOW + 2 * HOUR) == ()


def test_a_session_moves_between_a_persons_own_places_only(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        place = person(c)
        account = memberships.find(c, 1, place).account
        there = grant(c, account, 2, Role.EXECUTIVE, NOW)
        strange = grant(c, create_account(c, "other", "", None, NOW).id, 2, Role.OPERATOR, NOW)
        token = come_in(c, place)
        with pytest.raises(NotHere):
            sessions.switch_facility(c, token, strange.id, NOW + HOUR / 4, HERE)
        new = sessions.switch_facility(c, token, there.id, NOW + HOUR / 4, HERE)
        who = signed_in(c, new, NOW + HOUR / 4)
        assert who is not None
        assert (who.facility, who.role) == (2, Role.EXECUTIVE)
        assert signed_in(c, token, NOW + HOUR / 4) is None
        (only,) = sessions.list_sessions(c, NOW + HOUR / 4, account=account)
        assert only.expires == NOW + 12 * HOUR  # no switch makes it longer
        assert sessions.list_sessions(c, NOW, facility=1) == ()


def test_sessions_are_ended_by_their_owner_or_their_facility_only(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        place = person(c)
        account = memberships.find(c, 1, place).account
        mine, other = come_in(c, place), come_in(c, place)
        id = sessions.secret_hash(other)
        assert not sessions.end_session(c, id, account="another")
        assert not sessions.end_session(c, id, facility=2)
        assert sessions.end_session(c, id, account=account)
        come_in(c, place)
        assert sessions.end_sessions(c, account, but=sessions.secret_hash(mine)) == 1
        assert signed_in(c, mine, NOW) is not None


def test_the_last_administrator_stays(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        place = person(c, "chief", Role.ADMINISTRATOR)
        with pytest.raises(LastAdministrator):
            memberships.end(c, 1, place, NOW)
        with pytest.raises(LastAdministrator):
            memberships.change_role(c, 1, place, Role.OPERATOR, NOW)
        person(c, "second", Role.ADMINISTRATOR)
        token = come_in(c, place)
        now = memberships.change_role(c, 1, place, Role.OPERATOR, NOW + MINUTE)
        assert now.role is Role.OPERATOR
        assert signed_in(c, token, NOW + MINUTE) is None
        with pytest.raises(NotHere):
            memberships.end(c, 2, now.id, NOW)


def test_vendors_and_inspectors_are_bound(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        account = create_account(c, "vendor", "", None, NOW).id
        for role in (Role.VENDOR, Role.INSPECTOR):
            with pytest.raises(NeedsBinding):
                grant(c, account, 1, role, NOW)
        bound = grant(c, account, 1, Role.VENDOR, NOW, bound_to="contract-1")
        with pytest.raises(NeedsBinding):
            memberships.change_role(c, 1, bound.id, Role.OPERATOR, NOW)


@pytest.mark.parametrize("same", ["Suzuki", " SUZUKI ", "ｓｕｚｕｋｉ"])
def test_login_names_are_one_however_they_are_written(ledger_engine: Engine, same: str) -> None:
    with changing(ledger_engine) as c:
        made = create_account(c, "suzuki", "", None, NOW)
        with pytest.raises(accounts.LoginTaken):
            create_account(c, same, "", None, NOW)
        found = accounts.by_login(c, same)
        assert found is not None
        assert found.id == made.id


@pytest.mark.parametrize("bad", ["", "a", "a b", "<script>", "x" * 65, "a\u202eb", "a\x00b", "a/b"])
def test_login_names_that_cannot_be_typed_again_are_refused(ledger_engine: Engine, bad: str) -> None:
    with changing(ledger_engine) as c, pytest.raises(accounts.BadLogin):
        create_account(c, bad, "", None, NOW)


def test_a_token_stands_for_its_role_until_its_day(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        made, secret = tokens.create_token(
            c, 2, "monitoring", Role.OPERATOR, frozenset({"read"}), NOW + DAY, "鈴木", NOW
        )
        who = tokens.token_holder(c, secret, NOW)
        assert who is not None
        assert (who.account, who.name, who.facility, who.session) == ("", "monitoring", 2, "")
        assert who.scopes == frozenset({"read"})
        assert tokens.token_holder(c, secret, NOW + DAY) is None
        assert tokens.token_holder(c, secret[:-1], NOW) is None
        assert (found := tokens.arrive_by_token(c, secret, NOW)) is not None
        assert found.due
        tokens.touch_token(c, secret, NOW)
        assert (found := tokens.arrive_by_token(c, secret, NOW)) is not None
        assert not found.due
        assert not tokens.revoke_token(c, 1, made.id, NOW)  # another facility's
        assert tokens.revoke_token(c, 2, made.id, NOW)
        assert tokens.token_holder(c, secret, NOW) is None
        assert [one.last_used for one in tokens.list_tokens(c, 2)] == [NOW]


@pytest.mark.parametrize(
    ("name", "role", "scopes", "life"),
    [
        ("", Role.OPERATOR, {"read"}, DAY),
        ("x", Role.VENDOR, {"read"}, DAY),
        ("x", Role.OPERATOR, set(), DAY),
        ("x", Role.OPERATOR, {"all"}, DAY),
        ("x", Role.OPERATOR, {"read"}, -DAY),
    ],
)
def test_tokens_that_make_no_sense_are_not_made(
    ledger_engine: Engine, name: str, role: Role, scopes: set[str], life: timedelta
) -> None:
    with changing(ledger_engine) as c, pytest.raises(tokens.BadToken):
        tokens.create_token(c, 1, name, role, frozenset(scopes), NOW + life, "x", NOW)
