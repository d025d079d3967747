# SPDX-License-Identifier: Apache-2.0
"""What is changed at the console, told to the audit log in the transaction of the change."""

import getpass
from collections.abc import Mapping

from sqlalchemy import Connection

from inventory_db.audit import Action, Event, record
from inventory_db.binding import FIRST, bound_to


def tell(
    connection: Connection,
    action: Action,
    kind: str,
    key: str,
    detail: Mapping[str, object],
    *,
    who: str = "",
) -> None:
    """Record what the person at the console did; `who` is the name under which they state something."""
    user = getpass.getuser()
    name = f"{who}（{user}）" if who and who != user else user
    event = Event(
        action=action,
        facility=bound_to(connection) or FIRST,
        name=name,
        origin="console",
        kind=kind,
        key=key,
        detail=detail,
    )
    record(connection, event)
