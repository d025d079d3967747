# SPDX-License-Identifier: Apache-2.0
"""Passwords, tries, links and second factors on both databases, under a clock of the test's own."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from inventory_db import accounts, invitations, memberships, passwords, pending, second_factors, sessions
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.invitations import LinkExpired, LinkUnknown, LinkUsed, Purpose
from inventory_db.memberships import grant
from inventory_db.notes import Whence
from inventory_db.passwords import hash_password, verify_password, weakness
from inventory_db.sessions import Limits, Stage, signed_in
from inventory_db.signing_in import check_password, come_in
from inventory_db.tries import LONGEST_WAIT, MOST_OF_ADDRESS, network_of, wait_after
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GOOD = "mizuumi to kawa no aida"


def at(number: int) -> Whence:
    return Whence(f"192.0.2.{number % 250}", "browser")


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password(GOOD)


@pytest.fixture
def suzuki(ledger_engine: Engine, hashed: str) -> accounts.Account:
    with changing(ledger_engine) as c:
        made = create_account(c, "suzuki", "鈴木一郎", hashed, NOW)
        grant(c, made.id, 1, Role.OPERATOR, NOW)
    return made


def test_the_right_password_gives_the_account(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    found = check_password(ledger_engine, " Suzuki", GOOD, at(1), NOW)
    assert found is not None
    assert found.id == suzuki.id
    assert check_password(ledger_engine, "suzuki", GOOD + "x", at(1), NOW) is None
    assert check_password(ledger_engine, "nobody", GOOD, at(1), NOW) is None
    assert check_password(ledger_engine, "", "", at(1), NOW) is None


def test_brute_force_gets_few_guesses_a_day(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    """From ever new addresses, as fast as it may: 5 guesses, then waits that double up to 15 minutes."""
    clock, guesses = NOW, 0
    with changing(ledger_engine) as c:
        while clock < NOW + DAY:
            guesses += passwords_tried(c, suzuki.id, clock)
            clock += timedelta(seconds=15)
    assert 95 <= guesses <= 105


def passwords_tried(c: object, account: str, clock: datetime) -> int:
    from inventory_db.tries import take_account

    return int(take_account(c, account, clock))  # type: ignore[arg-type]


def test_a_locked_account_refuses_the_right_password_and_opens_by_itself(
    ledger_engine: Engine, suzuki: accounts.Account
) -> None:
    for number in range(5):
        assert check_password(ledger_engine, "suzuki", "wrong password", at(number), NOW) is None
    assert check_password(ledger_engine, "suzuki", GOOD, at(9), NOW + timedelta(seconds=29)) is None
    assert check_password(ledger_engine, "suzuki", GOOD, at(9), NOW + timedelta(seconds=30)) is not None
    assert wait_after(4) == timedelta(0)
    assert wait_after(5) == timedelta(seconds=30)
    assert wait_after(6) == MINUTE
    assert wait_after(500) == LONGEST_WAIT


def test_a_clock_that_was_set_back_locks_nobody_out(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    for number in range(5):
        assert check_password(ledger_engine, "suzuki", "wrong password", at(number), NOW) is None
    back = NOW - 300 * DAY
    assert check_password(ledger_engine, "suzuki", GOOD, at(9), back) is None
    assert check_password(ledger_engine, "suzuki", GOOD, at(9), back + timedelta(seconds=31)) is not None


def test_parallel_tries_get_no_more_guesses_than_the_rule(
    ledger_engine: Engine, suzuki: accounts.Account
) -> None:
    from inventory_db.tries import take_account

    def take(_: int) -> bool:
        with changing(ledger_engine) as c:
            return take_account(c, suzuki.id, NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(40))) == 5


def test_one_address_gets_few_tries_whatever_the_names(
    ledger_engine: Engine, suzuki: accounts.Account
) -> None:
    from inventory_db.tries import take_address

    with changing(ledger_engine) as c:
        taken = [take_address(c, "192.0.2.7", NOW) for _ in range(MOST_OF_ADDRESS + 5)]
        assert sum(taken) == MOST_OF_ADDRESS
    for _ in range(5):
        assert check_password(ledger_engine, "suzuki", GOOD, Whence("192.0.2.7"), NOW) is None
    assert check_password(ledger_engine, "suzuki", GOOD, Whence("192.0.2.8"), NOW) is not None
    assert check_password(ledger_engine, "suzuki", GOOD, Whence("192.0.2.7"), NOW + 15 * MINUTE) is not None
    assert check_password(ledger_engine, "suzuki", GOOD, Whence("192.0.2.7"), NOW - 9 * DAY) is not None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_an_address_is_one_visitor(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_unknown_name_costs_what_a_known_one_does(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    """Processor time, of which the hash is nearly all: the better of three, with a wide margin."""
    check_password(ledger_engine, "warm", "up", at(0), NOW)

    def cost(login: str) -> float:
        spent = []
        for number in range(3):
            before = time.process_time()
            check_password(ledger_engine, login, "not the password", at(number), NOW)
            spent.append(time.process_time() - before)
        return min(spent)

    known, unknown = cost("suzuki"), cost("nobody")
    assert 0.5 < unknown / known < 2


def test_a_disabled_account_and_one_without_a_place_stay_outside(
    ledger_engine: Engine, suzuki: accounts.Account
) -> None:
    with changing(ledger_engine) as c:
        (place,) = memberships.places(c, suzuki.id, NOW)
        memberships.end(c, 1, place.id, NOW)
        entry = come_in(c, suzuki, NOW, at(1), Limits(), beyond_loopback=False, how="password")
        assert entry is None
        accounts.disable(c, suzuki.id, NOW)
    assert check_password(ledger_engine, "suzuki", GOOD, at(1), NOW) is None


@pytest.mark.parametrize(
    ("role", "beyond", "stage"),
    [
        (Role.OPERATOR, True, Stage.IN),
        (Role.ADMINISTRATOR, False, Stage.IN),
        (Role.ADMINISTRATOR, True, Stage.ENROL),
    ],
)
def test_administrators_need_a_second_factor_beyond_loopback(
    ledger_engine: Engine, role: Role, beyond: bool, stage: Stage
) -> None:
    with changing(ledger_engine) as c:
        person = create_account(c, "person", "", None, NOW)
        grant(c, person.id, 1, role, NOW)
        entry = come_in(c, person, NOW, at(1), Limits(), beyond_loopback=beyond, how="password")
        assert entry is not None
        assert entry.stage is stage
        assert (signed_in(c, entry.token, NOW) is None) == (stage is not Stage.IN)


def test_a_facility_says_of_whom_it_demands_a_second_factor(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        second_factors.demand_factor(c, 1, {Role.OPERATOR, Role.EXECUTIVE})
        assert second_factors.roles_with_factor(c, 1, True) == {Role.OPERATOR, Role.EXECUTIVE}
        assert second_factors.roles_with_factor(c, 2, True) == {Role.ADMINISTRATOR}
        second_factors.demand_factor(c, 1, ())
        assert second_factors.roles_with_factor(c, 1, True) == frozenset()


def test_a_code_counts_once_and_older_ones_no_more(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    with changing(ledger_engine) as c:
        second_factors.start_totp(c, suzuki.id, b"sealed")
        assert not second_factors.has_factor(c, suzuki.id)
        second_factors.confirm_totp(c, suzuki.id, NOW)
        assert second_factors.has_factor(c, suzuki.id)
        second_factors.start_totp(c, suzuki.id, b"another")  # a confirmed app is not replaced so
        found = second_factors.find_totp(c, suzuki.id)
        assert found is not None
        assert found.sealed == b"sealed"
        assert second_factors.take_step(c, suzuki.id, 100)
        assert not second_factors.take_step(c, suzuki.id, 100)
        assert not second_factors.take_step(c, suzuki.id, 99)
        assert second_factors.take_step(c, suzuki.id, 101)


def test_recovery_codes_count_once_each(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    with changing(ledger_engine) as c:
        old = second_factors.new_recovery_codes(c, suzuki.id)
        codes = second_factors.new_recovery_codes(c, suzuki.id)
        assert len(set(codes)) == 10
        assert not second_factors.take_recovery_code(c, suzuki.id, old[0], NOW)
        assert second_factors.take_recovery_code(c, suzuki.id, codes[0].upper().replace("-", " "), NOW)
        assert not second_factors.take_recovery_code(c, suzuki.id, codes[0], NOW)
        assert second_factors.recovery_codes_left(c, suzuki.id) == 9


def test_a_keys_counter_moves_once(ledger_engine: Engine, suzuki: accounts.Account) -> None:
    with changing(ledger_engine) as c:
        second_factors.add_passkey(c, suzuki.id, b"id", b"key", 3, "机の鍵", NOW)
        (key,) = second_factors.list_passkeys(c, suzuki.id)
        assert (key.credential, key.count, key.name) == (b"id", 3, "机の鍵")
        assert second_factors.use_passkey(c, key, 4, NOW)
        assert not second_factors.use_passkey(c, key, 4, NOW)
        assert not second_factors.remove_passkey(c, "another", key.id)
        assert second_factors.remove_passkey(c, suzuki.id, key.id)


def test_the_setup_link_is_one_and_ends_with_the_first_account(ledger_engine: Engine, hashed: str) -> None:
    first = invitations.setup_link(ledger_engine, NOW)
    second = invitations.setup_link(ledger_engine, NOW)
    third = invitations.setup_link(ledger_engine, NOW)
    assert first
    assert second
    assert third
    with changing(ledger_engine) as c:
        for old in (first, second):
            with pytest.raises(LinkExpired):
                invitations.find_invitation(c, old, NOW)
        with pytest.raises(LinkExpired):
            invitations.find_invitation(c, third, NOW + HOUR)
        with pytest.raises(LinkUnknown):
            invitations.find_invitation(c, "guess", NOW)
        place = invitations.accept_as_new(c, third, "chief", "佐藤花子", hashed, NOW, at(1))
        assert (place.facility, place.role) == (1, Role.ADMINISTRATOR)
        with pytest.raises(LinkUsed):
            invitations.accept_as_new(c, third, "second", "", hashed, NOW, at(1))
        assert accounts.by_login(c, "second") is None
    assert invitations.setup_link(ledger_engine, NOW) is None


def test_an_invitation_works_once_and_gives_what_it_says(ledger_engine: Engine, hashed: str) -> None:
    with changing(ledger_engine) as c:
        word = invitations.create_invitation(
            c, 3, Role.INSPECTOR, "県の検査員", NOW, at(1), bound_to="release-1", until=NOW + 10 * DAY
        )
        with pytest.raises(LinkExpired):
            invitations.find_invitation(c, word, NOW + 7 * DAY)
        with pytest.raises(LinkExpired):
            invitations.find_invitation(c, word, NOW - DAY)
        place = invitations.accept_as_new(c, word, "inspector", "", hashed, NOW + DAY, at(1))
        assert (place.facility, place.role, place.bound_to) == (3, Role.INSPECTOR, "release-1")
        assert place.until == NOW + 10 * DAY
        with pytest.raises(LinkUsed):
            invitations.find_invitation(c, word, NOW + DAY)
        assert invitations.list_invitations(c, 3, NOW) == ()


def test_two_collectors_use_a_link_once(ledger_engine: Engine, hashed: str) -> None:
    with changing(ledger_engine) as c:
        word = invitations.create_invitation(c, 1, Role.OPERATOR, "", NOW, at(1))

    def accept(number: int) -> bool:
        try:
            with changing(ledger_engine) as c:
                invitations.accept_as_new(c, word, f"person{number}", "", hashed, NOW, at(number))
        except LinkUsed:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(accept, range(12))) == 1
    with ledger_engine.connect() as c:
        assert len(accounts.every_account(c)) == 1


def test_an_invitation_may_go_to_somebody_who_has_an_account(
    ledger_engine: Engine, suzuki: accounts.Account
) -> None:
    with changing(ledger_engine) as c:
        word = invitations.create_invitation(c, 2, Role.VENDOR, "", NOW, at(1), bound_to="contract")
        invitations.accept_as_known(c, word, suzuki.id, NOW, at(1))
        assert [(p.facility, p.role) for p in memberships.places(c, suzuki.id, NOW)] == [
            (1, Role.OPERATOR),
            (2, Role.VENDOR),
        ]
        assert not memberships.only_here(c, suzuki.id, 1, NOW)
        taken = invitations.create_invitation(c, 2, Role.OPERATOR, "", NOW, at(1))
        (open_one,) = invitations.list_invitations(c, 2, NOW)
        assert not invitations.take_back(c, 1, open_one.id, NOW, at(1))
        assert invitations.take_back(c, 2, open_one.id, NOW, at(1))
        with pytest.raises(LinkExpired):
            invitations.accept_as_known(c, taken, suzuki.id, NOW, at(1))


def test_a_reset_begins_anew(ledger_engine: Engine, suzuki: accounts.Account, hashed: str) -> None:
    with changing(ledger_engine) as c:
        (place,) = memberships.places(c, suzuki.id, NOW)
        token = sessions.open_session(c, place, NOW, at(1), Limits())
        second_factors.start_totp(c, suzuki.id, b"sealed")
        second_factors.confirm_totp(c, suzuki.id, NOW)
        word = invitations.create_invitation(
            c, 1, Role.OPERATOR, "", NOW, at(1), purpose=Purpose.RESET, account=suzuki.id
        )
        with pytest.raises(LinkUnknown):
            invitations.accept_as_new(c, word, "other", "", hashed, NOW, at(1))
        with pytest.raises(LinkUnknown):
            invitations.accept_as_known(c, word, suzuki.id, NOW, at(1))
        invitations.accept_reset(c, word, hashed, NOW, at(1))
        assert signed_in(c, token, NOW) is None
        assert not second_factors.has_factor(c, suzuki.id)
        with pytest.raises(LinkUsed):
            invitations.accept_reset(c, word, hashed, NOW, at(1))


def test_what_has_begun_comes_back_once_and_soon(ledger_engine: Engine) -> None:
    with changing(ledger_engine) as c:
        words = [pending.begin(c, "oidc", {"nonce": "n"}, NOW) for _ in range(3)]
        assert pending.take(c, "webauthn", words[0], NOW) is None
        assert pending.take(c, "oidc", words[0], NOW) == {"nonce": "n"}
        assert pending.take(c, "oidc", words[0], NOW) is None
        assert pending.take(c, "oidc", words[1], NOW + 10 * MINUTE) is None
        assert pending.take(c, "oidc", words[2], NOW - DAY) is None


def test_a_password_is_hashed_as_the_rfc_recommends(hashed: str) -> None:
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert verify_password(GOOD, hashed)
    assert not verify_password(GOOD, None)
    assert not verify_password(GOOD, "nonsense")
    assert verify_password("ｍizuumi to kawa no aida", hashed)  # another keyboard's letters


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("elevenchars", "short"),
        ("x" * 12, "guessable"),
        ("x7" * 101, "long"),
        ("suzuki.ichi7", "guessable"),
        ("SuzukiTaro-San", "known"),
        ("suzukitaro2026", "known"),
        ("password1234", "guessable"),
        ("P@ssw0rd!2026", "guessable"),
        ("administrator", "guessable"),
        ("123456789012", "guessable"),
        ("qwertyuiop12", "guessable"),
        ("1qaz2wsx3edc", "guessable"),
        ("tokyo2026tokyo2026", "guessable"),
        ("hospitaladmin1", "guessable"),
        ("adminadminadmin", "guessable"),
        (GOOD, ""),
        ("さくらがさいたらはなみ弁当", ""),
        ("x7Kq2mZ9tL4w", ""),
    ],
)
def test_passwords_are_refused_for_what_others_try_first(password: str, why: str) -> None:
    assert weakness(password, "suzukitaro", "鈴木太郎") == why


def test_few_hashes_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_WAIT", 0.01)
    seats = [passwords._Seat() for _ in range(passwords._AT_ONCE)]
    for seat in seats:
        seat.__enter__()
    with pytest.raises(passwords.TooBusy):
        verify_password("x", None)
    for seat in seats:
        seat.__exit__()
    assert not verify_password("x", None)
