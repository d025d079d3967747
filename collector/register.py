# SPDX-License-Identifier: Apache-2.0
"""The register of remote access: paths found, paths declared, and what vendors confirmed. Pure.

One row for each path: found and declared, found only, declared only, or both but differing. A tool
without a listener, a SIM router or a powered-off device is never found, so finding nothing proves nothing.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from collector.case import Case
from collector.documents_held import has_file, is_valid
from collector.verdict import Text
from inventory_db.device import Device, RemotePath
from inventory_db.path_words import say_path
from inventory_db.stated import Confirmation, RemoteAccess
from inventory_db.typed_values import folded, is_no_answer

# let people in from elsewhere by themselves; the others are doors inside the house
FROM_OUTSIDE = frozenset(
    {
        "ssl_vpn",
        "ipsec",
        "openvpn",
        "l2tp",
        "pptp",
        "softether",
        "wireguard",
        "remote_tool",
        "mobile_router",
        "port_mapping",
    }
)
NONE_IN_USE = "none"  # Confirmation.path of a vendor that uses no remote access at all
CONFIRMED, CORRECTED, DENIED, NONE = "confirmed", "corrected", "denied", "none_in_use"
STATES = (CONFIRMED, CORRECTED, DENIED, NONE)
_SPOKEN = frozenset(
    {"口頭", "口頭のみ", "口頭確認", "口頭で確認", "口頭による", "電話", "電話確認", "電話で確認"}
)
HOLDS_FOR = timedelta(days=366)  # a confirmation without an end: 少なくとも年に1回


class Match(enum.StrEnum):
    """How what was found and what was declared go together."""

    MATCHED = "matched"
    DIFFERS = "differs"
    UNDECLARED = "undeclared"  # found, declared by nobody
    NOT_FOUND = "not_found"  # declared, seen by no scan


@dataclass(frozen=True, slots=True)
class FoundPath:
    """One remote path that a scan found on a device."""

    device: Device
    path: RemotePath

    @property
    def key(self) -> str:
        """The word under which a vendor confirms it."""
        return found_key(self.device.id, self.path.kind, self.path.port, self.path.product or "")

    @property
    def from_outside(self) -> bool:
        """Whether it lets people in from elsewhere by itself."""
        return self.path.kind in FROM_OUTSIDE

    @property
    def observations(self) -> tuple[str, ...]:
        """Ids of what shows it."""
        return tuple(evidence.observation for evidence in self.path.evidence)


@dataclass(frozen=True, slots=True)
class Row:
    """One path of the register."""

    match: Match
    found: FoundPath | None
    declared: RemoteAccess | None
    confirmations: tuple[Confirmation, ...] = ()
    differences: tuple[Text, ...] = ()

    @property
    def vendor(self) -> str:
        """The vendor that declared it, "" if nobody did."""
        return self.declared.vendor if self.declared else ""


def found_key(device: str, kind: str, port: int, product: str = "") -> str:
    """Give the key of a found path, as Confirmation.path has it; without a port the product tells paths apart."""
    return f"found:{device}/{kind}/{port}" + (f"/{product}" if product and not port else "")


def found_paths(case: Case) -> list[FoundPath]:
    """Give every path that a scan found."""
    return [FoundPath(device, path) for device in case.devices for path in device.remote_paths]


def standing_words(case: Case) -> tuple[Confirmation, ...]:
    """Give the vendors' words that are about something that stands as it stood when they were said.

    A word on a path that is neither declared nor found any more, or on a declaration that was changed since, confirms
    nothing of today: the vendor must be asked again.
    """
    declared = {one.said.key: one.number for one in case.stated.get(RemoteAccess.KIND, {}).values()}
    found = {one.key for one in found_paths(case)}
    return tuple(
        one.said
        for one in case.stated.get(Confirmation.KIND, {}).values()
        if isinstance(one.said, Confirmation)
        and (
            one.said.path == NONE_IN_USE
            or one.said.path in found
            or declared.get(one.said.path, one.number + 1) <= one.number
        )
    )


def register(case: Case) -> tuple[Row, ...]:
    """Put found, declared and confirmed paths side by side, found ones first."""
    found = found_paths(case)
    declared = case.said(RemoteAccess)
    confirmed = standing_words(case)
    rows: list[Row] = []
    used: set[str] = set()
    for one in found:
        partners = _partners(one, declared, found)
        used |= {partner.id for partner in partners}
        rows += [_pair(one, partner, confirmed) for partner in partners] or [_alone(one, confirmed)]
    rows += [
        Row(Match.NOT_FOUND, None, one, _confirming(confirmed, {one.id}))
        for one in declared
        if one.id not in used
    ]
    return tuple(rows)


def _partners(
    one: FoundPath, declared: Iterable[RemoteAccess], found: Iterable[FoundPath]
) -> list[RemoteAccess]:
    """Give the declarations that mean this path: the exact ones, else those that nearly fit."""
    on_device = [said for said in declared if said.device and said.device == one.device.id]
    exact = [said for said in on_device if _fits(said, one)]
    if exact:
        return exact
    others = [other for other in found if other.device.id == one.device.id]
    return [
        said
        for said in on_device
        if not any(_fits(said, other) for other in others)
        and (said.means == one.path.kind or (said.port and said.port == one.path.port))
    ]


def _fits(said: RemoteAccess, one: FoundPath) -> bool:
    same_kind = said.means in ("", one.path.kind)
    same_port = 0 in (said.port, one.path.port) or said.port == one.path.port
    return same_kind and same_port and bool(said.means or said.port)


def _pair(one: FoundPath, said: RemoteAccess, confirmed: Iterable[Confirmation]) -> Row:
    differences = tuple(_differences(one, said))
    match = Match.DIFFERS if differences else Match.MATCHED
    return Row(match, one, said, _confirming(confirmed, {said.id, one.key}), differences)


def _alone(one: FoundPath, confirmed: Iterable[Confirmation]) -> Row:
    return Row(Match.UNDECLARED, one, None, _confirming(confirmed, {one.key}))


def _differences(one: FoundPath, said: RemoteAccess) -> Iterator[Text]:
    path = one.path
    if said.means and said.means != path.kind:
        (ja, en), (found_ja, found_en) = say_path(said.means), say_path(path.kind)
        yield Text(f"届出は {ja}、見つかったのは {found_ja}", f"declared {en}, found {found_en}")
    if said.port and path.port and said.port != path.port:
        yield Text(
            f"届出のポートは {said.port}、見つかったのは {path.port}",
            f"declared port {said.port}, found {path.port}",
        )
    if said.product and path.product and not _same_product(said.product, path.product):
        yield Text(
            f"届出の製品は {said.product}、見つかったのは {path.product}",
            f"declared product {said.product}, found {path.product}",
        )


def _same_product(one: str, other: str) -> bool:
    a, b = one.casefold().replace(" ", ""), other.casefold().replace(" ", "")
    return a in b or b in a


def _confirming(confirmed: Iterable[Confirmation], keys: set[str]) -> tuple[Confirmation, ...]:
    return tuple(one for one in confirmed if one.path in keys)


def weaknesses(case: Case, said: Confirmation) -> tuple[Text, ...]:
    """Say why a confirmation supports nothing; empty if it holds today and has evidence."""
    return tuple(_weaknesses(case, said))


def _weaknesses(case: Case, said: Confirmation) -> Iterator[Text]:
    if said.state not in STATES:
        yield Text(f"状態「{said.state}」は知らない言葉です。", f"The state “{said.state}” is not known.")
    if not _rests_on_something(said.evidence) and not has_file(case, said.attachments):
        yield Text("証拠がなく、事業者の言葉だけです。", "There is no evidence, only the vendor's word.")
    if said.state == CORRECTED and is_no_answer(said.correction):
        yield Text("どう正したのかの記入がありません。", "It does not say what is corrected.")
    if is_no_answer(said.by):
        yield Text("確認した人の名前がありません。", "The name of who confirmed it is missing.")
    if said.on > case.today:
        yield Text(f"確認の日（{said.on}）が今日より先です。", f"It is dated in the future ({said.on}).")
    end = said.valid_until or said.on + HOLDS_FOR if said.on < date.max - HOLDS_FOR else said.valid_until
    if not is_valid(end, case.today):
        yield Text(f"確認の期限（{end}）が過ぎています。", f"It ran out on {end}.")


def _rests_on_something(evidence: str) -> bool:
    """Whether the words name something that can be shown; a vendor's spoken word is a claim."""
    return not is_no_answer(evidence) and folded(evidence) not in _SPOKEN


def holds(case: Case, said: Confirmation) -> bool:
    """Whether a confirmation has evidence, a name, and holds today."""
    return not weaknesses(case, said)
