# SPDX-License-Identifier: Apache-2.0
"""The register of remote maintenance as people read it: one line for each path, with all that the training asks.

Who, from where, how, how safe the terminal is, when and how announced, what for, since when, confirmed when
and until when. What nobody has said stays empty, and the page and the paper show 要確認 there. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec import to_builtins

from collector.case import Case
from collector.register import CONFIRMED, CORRECTED, HOLDS_FOR, Match, Row, holds, register, weaknesses
from collector.verdict import Text
from inventory_db.stated import Confirmation, RemoteAccess, Vendor

SCHEMA = "daicho/register/1"
# the three lists that matter, in the order in which they worry
LISTS = (Match.UNDECLARED, Match.DIFFERS, Match.NOT_FOUND)
_NOBODY = RemoteAccess(id="")
# what a vendor's confirmation may tell anew of a path
_DETAILS = (
    "sources", "where", "product", "authentication", "ids", "terminal_safety", "timing", "purpose"
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One path with everything that is known of it."""

    row: Row
    number: str  # 管理番号 of its device, "" if it stands in no ledger
    device: str  # id of the device, "" likewise
    name: str  # of the device
    vendor: Vendor | None
    carer: Vendor | None  # who has the device in care: whom to ask where nobody declared it
    confirmed: Confirmation | None  # the newest
    held: bool  # whether that confirmation has evidence and holds today
    weak: tuple[Text, ...]  # why not

    @property
    def match(self) -> Match:
        """How found and declared go together."""
        return self.row.match

    @property
    def said(self) -> RemoteAccess:
        """What was declared, with what its vendor said since; all empty if nobody said anything."""
        declared, word = self.row.declared or _NOBODY, self.word
        since = {name: value for name in _DETAILS if (value := getattr(word, name, None))}
        return msgspec.structs.replace(declared, **since)

    @property
    def word(self) -> Confirmation | None:
        """What the vendor whose path or device it is says of it, where it says that it uses it."""
        newest, asked = self.confirmed, self.vendor or self.carer
        used = newest is not None and newest.state in (CONFIRMED, CORRECTED)
        return newest if used and newest and asked and newest.vendor == asked.id else None

    @property
    def from_outside(self) -> bool:
        """Whether it lets people in from elsewhere: found to, or declared."""
        return self.row.declared is not None or (self.row.found is not None and self.row.found.from_outside)

    @property
    def kind(self) -> str:
        """Its kind as found, else as declared."""
        return self.row.found.path.kind if self.row.found else self.said.means

    @property
    def port(self) -> int:
        """Its port as found, else as declared; 0 if nobody knows."""
        return self.row.found.path.port if self.row.found else self.said.port

    @property
    def product(self) -> str:
        """Its product as found, else as declared."""
        return (self.row.found.path.product if self.row.found else "") or self.said.product

    @property
    def vendor_name(self) -> str:
        """Who uses it, by name; "" if nobody said."""
        return self.vendor.name if self.vendor else self.row.vendor

    @property
    def valid_until(self) -> date | None:
        """Until when the newest confirmation holds: a year where it does not say."""
        if self.confirmed is None:
            return None
        until = self.confirmed.valid_until
        return until or (self.confirmed.on + HOLDS_FOR if self.confirmed.on < date.max - HOLDS_FOR else None)

    @property
    def contract(self) -> Text | None:
        """What is known of the contract with its vendor."""
        if self.vendor is None:
            return None
        if not self.vendor.contract:
            return Text("直接の契約なし", "no direct contract")
        until = self.vendor.contract_until
        return (
            Text(f"契約 {until} まで", f"contract until {until}") if until else Text("契約あり", "contract")
        )


def lines(case: Case) -> tuple[Line, ...]:
    """Give the register's lines: ways in from outside first, then the doors inside the house."""
    numbers = {row.device.id: row.number for row in case.rows}
    names = {device.id: next(iter(device.names), "") for device in case.devices}
    vendors = {one.id: one for one in case.said(Vendor)}
    carers = {device: one for one in vendors.values() for device in one.devices}
    found = []
    for row in register(case):
        device = row.found.device.id if row.found else row.declared.device if row.declared else ""
        newest = max(row.confirmations, key=lambda one: (one.on, one.vendor), default=None)
        found.append(
            Line(
                row=row,
                number=numbers.get(device, ""),
                device=device if device in names else "",
                name=names.get(device, ""),
                vendor=vendors.get(row.vendor),
                carer=carers.get(device),
                confirmed=newest,
                held=newest is not None and newest.state in (CONFIRMED, CORRECTED) and holds(case, newest),
                weak=weaknesses(case, newest) if newest else (),
            )
        )
    return tuple(sorted(found, key=lambda line: not line.from_outside))


def of_match(found: Iterable[Line], match: Match) -> tuple[Line, ...]:
    """Give one of the lists."""
    return tuple(line for line in found if line.match is match)


def register_json(found: Iterable[Line], at: datetime) -> dict[str, Any]:
    """Give the register as JSON values (daicho/register/1)."""
    return {"schema": SCHEMA, "generated_at": at.isoformat(), "paths": [_line_json(line) for line in found]}


def _line_json(line: Line) -> dict[str, Any]:
    row = line.row
    return {
        "match": str(line.match),
        "device": line.device or None,
        "number": line.number or None,
        "device_name": line.name or None,
        "kind": line.kind,
        "product": line.product or None,
        "port": line.port,
        "from_outside": line.from_outside,
        "found": row.found.key if row.found else None,
        "declared": to_builtins(row.declared) if row.declared else None,
        "vendor": row.vendor or None,
        "vendor_name": line.vendor_name or None,
        "confirmations": to_builtins(row.confirmations),
        "confirmed": line.held,
        "valid_until": line.valid_until.isoformat() if line.valid_until else None,
        "differences": [{"ja": text.ja, "en": text.en} for text in row.differences],
        "weaknesses": [{"ja": text.ja, "en": text.en} for text in line.weak],
    }
