# SPDX-License-Identifier: Apache-2.0
"""Devices on two networks against what was declared of them: undeclared, declared otherwise, overdue, or fine. Pure.

A declaration says why, who approved it and when somebody looks at it again; without these, or past that day,
it is no longer one to rely on.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from collector.case import Case
from collector.verdict import Finding, Text
from inventory_db.device import Device
from inventory_db.networks import network, overlap
from inventory_db.stated import DeclaredDual


class Standing(enum.StrEnum):
    """How a device's second foot and its declaration go together."""

    UNDECLARED = "undeclared"
    DIFFERS = "differs"  # it stands on a network that was not declared
    OVERDUE = "overdue"
    BARE = "bare"  # marked as declared, but nobody said why, who approved it and until when
    DECLARED = "declared"
    NOT_FOUND = "not_found"  # declared; no way of ours sees the second network


@dataclass(frozen=True, slots=True)
class Dual:
    """One device that stands, or is declared to stand, on two networks."""

    device: Device
    standing: Standing
    said: DeclaredDual | None
    strange: tuple[str, ...] = ()  # networks that it stands on and that were not declared

    @property
    def networks(self) -> tuple[str, ...]:
        """On which networks it was found."""
        return tuple(self.device.dual_homed.networks) if self.device.dual_homed else ()


def duals(case: Case) -> tuple[Dual, ...]:
    """Give every device that is found or declared on two networks, those that worry first."""
    said = {one.device: one for one in case.said(DeclaredDual)}
    found = [_dual(case, device, said.get(device.id)) for device in case.devices]
    order = list(Standing)
    return tuple(sorted((one for one in found if one), key=lambda one: order.index(one.standing)))


def dual_of(case: Case, device: str) -> Dual | None:
    """Give that of one device; None if it is neither found nor declared on two networks."""
    return next((one for one in duals(case) if one.device.id == device), None)


def _dual(case: Case, device: Device, said: DeclaredDual | None) -> Dual | None:
    if device.dual_homed is None:
        overdue = said is not None and said.review_by < case.today
        standing = Standing.OVERDUE if overdue else Standing.NOT_FOUND
        return Dual(device, standing, said) if said else None
    if said is None:
        bare = device.dual_homed.declared
        return Dual(device, Standing.BARE if bare else Standing.UNDECLARED, None)
    strange = _strange(device, said)
    if strange:
        return Dual(device, Standing.DIFFERS, said, strange)
    return Dual(device, Standing.OVERDUE if said.review_by < case.today else Standing.DECLARED, said)


def _strange(device: Device, said: DeclaredDual) -> tuple[str, ...]:
    """Networks under the device that none of the declared ones touches."""
    declared = [text for text in said.networks if network(text)]
    found = device.dual_homed.networks if device.dual_homed else ()
    return tuple(net for net in found if declared and not any(overlap(net, one) for one in declared))


def dual_findings(case: Case) -> Iterator[Finding]:
    """Give what somebody must do about devices on two networks."""
    for one in duals(case):
        if one.standing in _WORDS:
            yield _finding(one)


def _finding(one: Dual) -> Finding:
    code, ja, en, todo = _WORDS[one.standing]
    said, device = one.said, one.device
    words = {
        "networks": "・".join(one.strange or one.networks),
        "day": said.review_by.isoformat() if said else "",
        "name": device.called,
    }
    return Finding(
        code=code,
        device=device.id,
        text=Text(ja.format(**words), en.format(**words)),
        todo=todo,
        proven=False,
        observations=(device.shown_by,) if device.shown_by else device.observations[-1:],
    )


_DECLARE = Text(
    "設計どおりなら、目的・承認した人・見直しの日を届け出てください（機器の画面、または daicho state dual_homed）。"
    "心当たりがなければ、余分な口を抜いてください。",
    "If it is meant to be so, declare purpose, approver and day of review (on the device's page, or daicho state"
    " dual_homed). If nobody knows why, unplug the second connection.",
)
_REVIEW = Text(
    "今も必要かを確かめ、新しい見直しの日で届け出直してください。",
    "Check whether it is still needed, and declare it again with a new day of review.",
)
_WORDS: dict[Standing, tuple[str, str, str, Text]] = {
    Standing.UNDECLARED: (
        "path.dual_homed",
        "{name} が2系統（{networks}）につながっていますが、届出がありません。",
        "{name} stands on two networks ({networks}) and is declared by nobody.",
        _DECLARE,
    ),
    Standing.DIFFERS: (
        "path.dual_differs",
        "{name} は、届け出た網のほかに {networks} にもつながっています。",
        "{name} stands on {networks} besides the networks that were declared.",
        _DECLARE,
    ),
    Standing.OVERDUE: (
        "path.dual_overdue",
        "{name} の2系統接続の届出は、見直しの日（{day}）を過ぎています。",
        "The declaration that {name} stands on two networks is past its day of review ({day}).",
        _REVIEW,
    ),
    Standing.BARE: (
        "path.dual_bare",
        "{name} の2系統接続（{networks}）は届出済とありますが、目的・承認した人・見直しの日の記入がありません。",
        "{name} is marked as declared on two networks ({networks}), without purpose, approver and day of review.",
        _DECLARE,
    ),
}
