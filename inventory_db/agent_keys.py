# SPDX-License-Identifier: Apache-2.0
"""An agent's key replaced by a new one, in one transaction with the sequence that asked for it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from inventory_db.agents import AgentRevoked, KeyKnown, accept, agents


def change_key(
    connection: Connection, id: str, old: bytes, new: bytes, sequence: int, now: datetime, skew: timedelta
) -> None:
    """Let the agent sign with `new` from now on; the same key again changes nothing.

    Raises KeyKnown, Replayed, and AgentRevoked also when the old key was replaced meanwhile.
    The caller holds the writer's lock.
    """
    accept(connection, id, sequence, now, skew)
    other = select(agents.c.id).where(agents.c.public_key == new, agents.c.id != id)
    if connection.execute(other).first():
        raise KeyKnown
    fitting = agents.update().where(agents.c.id == id, agents.c.public_key == old)
    try:
        changed = connection.execute(fitting.values(public_key=new)).rowcount
    except IntegrityError as error:  # of an agent that this connection does not see
        raise KeyKnown from error
    if not changed:
        raise AgentRevoked
