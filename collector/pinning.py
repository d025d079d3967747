# SPDX-License-Identifier: Apache-2.0
"""Pins what signed words stand on, so that retention never lets go of it.

An answer stands on the observations of its item's verdict, as judged at the moment of signing; another statement
about a device on everything that the device's values rest on. What cannot be judged any more (an edition that is
gone) keeps all that the whole ledger rested on then.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from collector.carry_over import answer_key
from collector.checking import NoSuchEdition, check
from collector.judged import Judgement
from inventory_db import ledger, pins
from inventory_db.retention import stands_on
from inventory_db.stated import (
    KINDS,
    Answer,
    Assignment,
    ColumnMapping,
    Confirmation,
    ListedDevice,
    Statement,
)
from inventory_db.statements import Entry, history
from inventory_db.tables import writing

_FRESH = timedelta(days=2)  # signed so lately that the ledger of now is the one that was looked at
_NOTHING = (
    ListedDevice,
    ColumnMapping,
    Assignment,
)  # a table read in, who does what: no word about what was found
_FOUND = "found:"


def pin_signed(engine: Engine, now: datetime, age_limit: timedelta) -> int:
    """Pin what every signed word stands on that has no pins yet; gives how many words were new."""
    with engine.connect() as connection:
        known = pins.reasons(connection)
        new = [(why, entry) for why, entry in _signed(connection) if why not in known]
        found = _answers(connection, new, now, age_limit) | _about_devices(connection, new)
    if found:
        with writing(engine) as connection:
            for why, ids in found.items():
                pins.pin(connection, why, ids, now)
    return len(found)


def reason_of(entry: Entry) -> str:
    """Give the reason under which a signed word's pins are kept."""
    return pins.reason(entry.kind, entry.key, entry.at.isoformat())


def _signed(connection: Connection) -> list[tuple[str, Entry]]:
    every = (entry for kind in KINDS for entry in history(connection, kind))
    return [(reason_of(one), one) for one in every if one.said and not isinstance(one.said, _NOTHING)]


def _answers(
    connection: Connection, new: Sequence[tuple[str, Entry]], now: datetime, age_limit: timedelta
) -> dict[str, Iterable[str]]:
    """Judge once for each edition and day on which something was signed."""
    days: dict[tuple[object, str], list[tuple[str, Entry]]] = defaultdict(list)
    for why, entry in new:
        if isinstance(entry.said, Answer):
            days[entry.at.date(), entry.said.edition].append((why, entry))
    found: dict[str, Iterable[str]] = {}
    for (_, edition), many in days.items():
        at = max(entry.at for _, entry in many)
        moment = None if now - at < _FRESH else at
        stands = _verdicts(connection, edition, now, moment, age_limit)
        whole = () if all(entry.key in stands for _, entry in many) else _everything(connection, moment)
        found |= {why: stands.get(entry.key, whole) for why, entry in many}
    return found


def _verdicts(
    connection: Connection, edition: str, now: datetime, at: datetime | None, age_limit: timedelta
) -> dict[str, tuple[str, ...]]:
    """Give what each item's verdict stands on, by the key of the answer to it."""
    try:
        judgement = check(connection, edition, now, at, age_limit)
    except NoSuchEdition:
        return {}
    return {key: ids for round in (1, 2) for key, ids in _items(judgement, round)}


def _items(judgement: Judgement, round: int) -> Iterable[tuple[str, tuple[str, ...]]]:
    for sheet in judgement.sheets:
        vendor = sheet.vendor.id if sheet.vendor else ""
        for item in sheet.items:
            yield answer_key(judgement.edition.id, item.line, vendor, round), item.judged.observations


def _everything(connection: Connection, at: datetime | None) -> set[str]:
    return stands_on(ledger.devices(connection, at))


def _about_devices(connection: Connection, new: Sequence[tuple[str, Entry]]) -> dict[str, Iterable[str]]:
    """Give what the devices rest on that the other statements are about; nothing for those about no device."""
    others = [(why, entry.said) for why, entry in new if entry.said and not isinstance(entry.said, Answer)]
    devices = {one.id: one for one in ledger.devices(connection)} if others else {}
    found: dict[str, Iterable[str]] = {}
    for why, said in others:
        device = devices.get(_device_of(said))
        found[why] = stands_on([device]) if device else ()
    return found


def _device_of(said: Statement) -> str:
    if isinstance(said, Confirmation) and said.path.startswith(_FOUND):
        return said.path.removeprefix(_FOUND).partition("/")[0]
    return str(getattr(said, "device", ""))
