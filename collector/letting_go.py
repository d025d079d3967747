# SPDX-License-Identifier: Apache-2.0
"""What a collector does at night about evidence: retention of every facility, pins first; heads of the audit log told.

A nightly job calls `run_retention` and `anchor_heads`.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from collector.pinning import pin_signed
from collector.sections import Retention
from inventory_db.audit import Action, Event, Head, heads, record_now
from inventory_db.binding import bind, every, unbound
from inventory_db.facilities import list_facilities
from inventory_db.retention import Rules
from inventory_db.retention_run import LetGo, due, let_go

_log = logging.getLogger(__name__)
_MOST_HEADS = 20  # that fit into one entry; the log has all


@dataclass(frozen=True, slots=True)
class OfFacility:
    """What goes, or went, of one facility."""

    facility: int
    name: str
    pinned: int  # signed words whose evidence was pinned now
    gone: tuple[LetGo, ...]


def rules_of(section: Retention) -> Rules:
    """Give the rules that the settings name."""
    return Rules(section.span("transcripts"), section.span("confirmations"), section.span("journal"))


def run_retention(
    engine: Engine, now: datetime, rules: Rules, age_limit: timedelta, *, apply: bool = True
) -> list[OfFacility]:
    """Pin what signed words stand on, then let go of what the rules say; without `apply` only say what would go."""
    if rules.keep_all:
        return []
    with every(engine).connect() as connection:
        facilities = list_facilities(connection)
    found = []
    for one in facilities:
        bound = bind(engine, one.id)
        pinned = pin_signed(bound, now, age_limit)
        if apply:
            gone = let_go(bound, rules, now)
        else:
            with bound.connect() as connection:
                gone = due(connection, rules, now)
        found.append(OfFacility(one.id, one.name or one.key, pinned, tuple(gone)))
    return found


def anchor_heads(engine: Engine, now: datetime) -> list[Head]:
    """Write the heads of every chain of the audit log to the log and to the installation's chain; gives them.

    The log goes where the database does not reach (journald, another machine): its lines tell later whether a chain
    was cut or written anew. The entry ties the facilities' chains to the installation's.
    """
    with unbound(engine).connect() as connection:
        found = heads(connection)
    for head in found:
        _log.warning("audit head %s", head)  # a warning, so that no setting keeps it out of the log
    if found:
        told = {str(head.facility): f"{head.number}:{head.hash}" for head in found[:_MOST_HEADS]}
        record_now(
            engine, [Event(action=Action.AUDIT_HEADS, name="daicho", origin="collector", detail=told, at=now)]
        )
    return found
