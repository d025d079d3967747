# SPDX-License-Identifier: Apache-2.0
"""How often somebody may try: per account and per address, in the database, so that it holds on every collector.

A try takes its ticket before anything is compared, and a right answer gives it back. So no number of parallel
tries gets more guesses than the rule has. A locked account locks for a time that doubles, never for good.
"""

import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from inventory_db.account_tables import accounts, attempts, moment
from inventory_db.observations import microseconds

FREE = 5  # wrong tries before an account waits
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)  # after which old tries count no more
WINDOW, MOST_OF_ADDRESS = timedelta(minutes=15), 30  # wrong tries of one address


def wait_after(failed: int) -> timedelta:
    """Give how long an account waits after so many wrong tries."""
    if failed < FREE:
        return timedelta(0)
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(failed - FREE, 20)))


def take_account(connection: Connection, account: str, now: datetime) -> bool:
    """Take a ticket of the account; False while it waits. The caller holds the lock."""
    row = connection.execute(
        select(accounts.c.failed, accounts.c.failed_at).where(accounts.c.id == account)
    ).one()
    last = min(moment(row.failed_at), now)  # a clock that was set back makes no longer wait
    failed = 0 if now - last >= FORGOTTEN else row.failed
    free = now >= last + wait_after(failed)
    new = (failed + 1, now) if free else (failed, last)
    _keep(connection, account, *new)
    return free


def give_back(connection: Connection, account: str, now: datetime) -> None:
    """Give the ticket of a right answer back, while another factor is still to come: that one may be tried now."""
    tried = connection.execute(select(accounts.c.failed).where(accounts.c.id == account)).scalar_one()
    failed = max(0, tried - 1)
    _keep(connection, account, failed, now - wait_after(failed))


def forget(connection: Connection, account: str) -> None:
    """Forget wrong tries: the person has come in, or was given a new way."""
    connection.execute(accounts.update().where(accounts.c.id == account).values(failed=0, failed_at=0))


def take_address(connection: Connection, address: str, now: datetime) -> bool:
    """Take a ticket of the address (of an IPv6 address's /64); False when it has none left.

    What it tries beyond that is counted, once more, so that `just_ran_out` is true for one try of a window.
    """
    key = network_of(address)
    connection.execute(attempts.delete().where(attempts.c.since <= microseconds(now - WINDOW)))
    connection.execute(attempts.delete().where(attempts.c.since > microseconds(now)))
    count = connection.execute(select(attempts.c.count).where(attempts.c.address == key)).scalar_one_or_none()
    if count is None:
        connection.execute(attempts.insert().values(address=key, since=microseconds(now), count=1))
        return True
    connection.execute(
        attempts.update().where(attempts.c.address == key).values(count=min(count + 1, MOST_OF_ADDRESS + 2))
    )
    return bool(count < MOST_OF_ADDRESS)


def just_ran_out(connection: Connection, address: str) -> bool:
    """Say whether the last try was the first that got no ticket: worth a line in the audit log, which is not flooded."""
    mine = select(attempts.c.count).where(attempts.c.address == network_of(address))
    return connection.execute(mine).scalar_one_or_none() == MOST_OF_ADDRESS + 1


def give_address_back(connection: Connection, address: str) -> None:
    """Give the address's ticket of a right answer back."""
    connection.execute(
        attempts.update()
        .where(attempts.c.address == network_of(address), attempts.c.count > 0)
        .values(count=attempts.c.count - 1)
    )


def network_of(address: str) -> str:
    """Give the address as one visitor: IPv4 as it is, the /64 of an IPv6 address; nonsense as text."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _keep(connection: Connection, account: str, failed: int, at: datetime) -> None:
    new = {"failed": failed, "failed_at": microseconds(at)}
    connection.execute(accounts.update().where(accounts.c.id == account).values(new))
