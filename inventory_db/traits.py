# SPDX-License-Identifier: Apache-2.0
"""The fields of one device: the best thing said for each, how sure, and by which observations."""

import functools
import operator
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from inventory_db.device import Confidence, brief
from inventory_db.networks import normal_mac
from inventory_db.observations import Stored
from probes.device_class import class_of
from probes.facts import Fact, FactKind, Sure
from probes.fragility import class_by_maker, fragile_kind
from probes.oui import maker_of
from probes.recognise import Recognition, channel_of, forget_named, in_order, recognise_facts

_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}
_DIRECT = {
    "maker": FactKind.MAKER,
    "model": FactKind.MODEL,
    "serial": FactKind.SERIAL,
    "os": FactKind.OS,
    "os_version": FactKind.OS_VERSION,
    "firmware_version": FactKind.FIRMWARE_VERSION,
}
_LOCATION = FactKind.LOCATION
_FLEETING = frozenset(  # many are others at every look: remembered only for the moment
    {
        *(FactKind.HTTP_COOKIE, FactKind.BANNER),
        *(FactKind.FTP_BANNER, FactKind.SMTP_BANNER, FactKind.TELNET_BANNER),
    }
)
_FIELDS = {kind: field for field, kind in _DIRECT.items()}
_NAME_ORDER = (
    FactKind.NTLM_COMPUTER,
    FactKind.NAME,
    FactKind.SNMP_SYSNAME,
    FactKind.LLDP_SYSTEM_NAME,
    FactKind.CDP_DEVICE,
    FactKind.DHCP_HOSTNAME,
    FactKind.NTLM_DNS_COMPUTER,
    FactKind.MDNS_HOST,
)
_NAMES = frozenset(_NAME_ORDER)
_NOT_TWICE = ("serial", "firmware_version")
_ZEROS = re.compile(r"(?<![\d])0+(?=\d)|\s")  # 17.06.04 is 17.6.4
MOST_NAMES = 20
_TELLING = frozenset(kind for kind in FactKind if channel_of(kind))
_SHORT = 256  # characters of a text that is remembered for long


class Told(NamedTuple):
    """One value for one field; `order` is when, counted in observations."""

    value: str
    sure: Sure
    order: int
    observation: str
    channel: str
    system: str | None = None  # the os that an os_version belongs to
    worded: bool = False  # read out of a sentence, not a value of its own
    own: bool = True  # a value of its own is the better word; an unsure one is mostly of a part inside


@dataclass(frozen=True, slots=True)
class Traits:
    """Values and confidence of a device's own fields."""

    values: Mapping[str, str | None]
    confidence: Mapping[str, Confidence]
    names: tuple[str, ...]
    location: str | None


_OF_ITSELF = (
    "snmp",
    "lldp",
    "cdp",
    "ntlm",
)  # channels in which a device describes itself, not a program on it


def recognised(facts: tuple[Fact, ...]) -> tuple[Recognition, ...]:
    """Recognise the facts of one observation, remembering what was asked before."""
    telling = tuple(fact for fact in facts if fact.kind in _TELLING)
    if len(telling) > 1:
        return _together(telling)
    return _named(telling[0]) if telling else ()


def recognised_in(seen: Stored) -> tuple[Recognition, ...]:
    """Recognise the facts of this observation, remembering it by its id; an id may stand for other facts elsewhere."""
    facts, found = _seen_before.get(seen.id, ((), ()))
    if facts != seen.facts:
        if len(_seen_before) >= _MOST_REMEMBERED:
            _seen_before.clear()
        found = recognised(seen.facts)
        _seen_before[seen.id] = seen.facts, found
    return found


_MOST_REMEMBERED = 16384
_seen_before: dict[str, tuple[tuple[Fact, ...], tuple[Recognition, ...]]] = {}


@functools.lru_cache(maxsize=8192)
def _together(facts: tuple[Fact, ...]) -> tuple[Recognition, ...]:
    return in_order(one for fact in facts for one in _named(fact))


def _named(fact: Fact) -> tuple[Recognition, ...]:
    if len(fact.value) > _SHORT:
        return _long(fact)
    return _passing(fact) if fact.kind in _FLEETING else _short(fact)


@functools.lru_cache(maxsize=65536)
def _short(fact: Fact) -> tuple[Recognition, ...]:
    return recognise_facts((fact,))


@functools.lru_cache(maxsize=1024)
def _long(fact: Fact) -> tuple[Recognition, ...]:
    return recognise_facts((fact,))


@functools.lru_cache(maxsize=8192)
def _passing(fact: Fact) -> tuple[Recognition, ...]:
    return recognise_facts((fact,))


def forget_recognised() -> None:
    """Forget what was recognised before, for measuring."""
    _seen_before.clear()
    forget_named()
    for remembering in (_together, _short, _long, _passing, _class_of, _best_first):
        remembering.cache_clear()


def traits_of(seen: Sequence[Stored], macs: Sequence[str], ports: Iterable[int]) -> Traits:
    """Choose the fields from living observations, oldest first, of one device; its main MAC comes first."""
    told, said = _gather(seen)
    values: dict[str, str | None] = {}
    confidence: dict[str, Confidence] = {}
    for field in _DIRECT:
        candidates = told[field]
        if field == "os_version":
            candidates = [t for t in candidates if t.system is None or t.system == values["os"]]
        values[field] = _choose(field, candidates, confidence)
    if values["model"] is not None and values["model"] == values["serial"]:
        values["model"] = None  # a description that is a serial number names no model
        del confidence["model"]
    registered = _registered(macs, seen)
    if values["maker"] is None and registered is not None:
        values["maker"], confidence["maker"] = registered
    said_once = tuple(sorted(set(said), key=_best_first))
    maker = registered[0] if registered else values["maker"]
    device_class, sure, reason = _class_of(said_once, maker, frozenset(ports))
    if sure is Sure.GUESS:
        device_class, sure, reason = _by_fragile_card(macs) or (device_class, sure, reason)
    values["device_class"] = device_class
    ja, _, en = reason.partition(" / ")
    confidence["device_class"] = Confidence(sure, ja, en or ja, _speakers(seen))
    return Traits(values, confidence, names_of(seen), _location(seen))


def _by_fragile_card(macs: Iterable[str]) -> tuple[str, Sure, str] | None:
    """The class of device that the card's maker makes, where that maker makes little else."""
    for mac in macs:
        if kind := fragile_kind(mac):
            ja, _, en = kind[1].partition(" / ")
            reason = f"MAC アドレスの登録者から{ja}とみられます。 / The MAC belongs to a maker of: {en}."
            return kind[0], Sure.LIKELY, reason
    return None


_class_of = functools.lru_cache(maxsize=8192)(class_of)


@functools.lru_cache(maxsize=8192)
def _best_first(one: Recognition) -> tuple[int, str]:
    return _RANK[one.sure], repr(one)


def _speakers(seen: Sequence[Stored]) -> tuple[str, ...]:
    """Observations from which something was recognised; the latest few."""
    return tuple(one.id for one in seen if recognised_in(one))[-5:]


_direct = operator.attrgetter(*_DIRECT)


def _gather(seen: Sequence[Stored]) -> tuple[dict[str, list[Told]], list[Recognition]]:
    told: dict[str, list[Told]] = defaultdict(list)
    said: list[Recognition] = []
    for order, one in enumerate(seen):
        for fact in one.facts:
            if (field := _FIELDS.get(fact.kind)) and fact.value:
                own = field == "maker" or fact.sure is Sure.SURE
                told[field].append(Told(brief(fact.value), fact.sure, order, one.id, one.probe, own=own))
        for found in recognised_in(one):
            said.append(found)
            for field, value in zip(_DIRECT, _direct(found), strict=True):
                if value:
                    system = found.os if field == "os_version" else None
                    own = field == "maker" or found.sure is Sure.SURE
                    said_so = Told(
                        brief(value), found.sure, order, one.id, found.channel, system, worded=True, own=own
                    )
                    told[field].append(said_so)
    return told, said


def _preferred(told: Told) -> tuple[int, bool, int, bool, str, str]:
    itself = told.channel.startswith(_OF_ITSELF)
    return _RANK[told.sure], not itself, -told.order, told.worded is told.own, told.value, told.channel


def _choose(field: str, candidates: Sequence[Told], confidence: dict[str, Confidence]) -> str | None:
    """Take the surest; among equally sure ones what it says of itself as a device, then the latest.

    Where one answer contradicts itself, nobody can tell which is right: nothing is said.
    """
    if not candidates:
        return None
    best = min(candidates, key=_preferred)
    if field in _NOT_TWICE and any(_contradicts(best, other) for other in candidates):
        return None
    seen = dict.fromkeys(t.observation for t in candidates if t.value == best.value)
    others = sorted({t.value for t in candidates if t.value != best.value and t.sure == best.sure})
    ja, en = f"{best.channel} の応答による値です。", f"Read from its {best.channel} answer."
    if others:
        ja += f"ほかに {'、'.join(others[:3])} という応答もあります。"
        en += f" Other answers say {', '.join(others[:3])}."
    confidence[field] = Confidence(best.sure, ja, en, tuple(seen)[-5:], _otherwise(best, candidates))
    return best.value


def _contradicts(best: Told, other: Told) -> bool:
    """Tell whether a sentence and a value of the same answer say different numbers.

    A maker's own variable, which is sure, stands against a sentence; a sentence never against the box's own value.
    """
    if other.observation != best.observation or other.worded is best.worded:
        return False
    if best.sure is Sure.SURE and not (best.worded and other.sure is Sure.LIKELY):
        return False
    one, two = (_ZEROS.sub("", told.value.casefold()) for told in (best, other))
    return not (one in two or two in one)


def _otherwise(best: Told, candidates: Sequence[Told]) -> tuple[str, ...]:
    """What other channels say last and differently; an older word of the same channel was replaced."""
    last = {told.channel: told for told in sorted(candidates, key=lambda told: told.order)}
    last.pop(best.channel, None)
    differing = {
        told.value for told in last.values() if told.value != best.value and told.sure is not Sure.GUESS
    }
    return tuple(sorted(differing))[:5]


def _registered(macs: Iterable[str], seen: Sequence[Stored]) -> tuple[str, Confidence] | None:
    """The registered maker of its network card: a hint, for cards are bought in."""
    for mac in dict.fromkeys(macs):
        maker = maker_of(mac)
        if maker:
            own = class_by_maker(maker) not in (None, "pc")
            ja = f"MAC アドレス {mac} の登録メーカーです。ネットワークカードのメーカーの場合があります。"
            en = f"Registered maker of the MAC {mac}; it may be the maker of the network card only."
            ids = tuple(o.id for o in seen if normal_mac(o.mac) == mac)[-3:]
            return maker, Confidence(Sure.LIKELY if own else Sure.GUESS, ja, en, ids)
    return None


def names_of(seen: Sequence[Stored]) -> tuple[str, ...]:
    """Give the names a device has for itself, best kind first, in each kind the latest first."""
    said: dict[FactKind, list[str]] = defaultdict(list)
    for one in reversed(seen):
        for fact in one.facts:
            if fact.kind in _NAMES:
                said[fact.kind].append(fact.value)
    found: dict[str, str] = {}
    for kind in _NAME_ORDER:
        for value in said.get(kind, ()):
            name = brief(value.strip().rstrip("."))
            if name:
                found.setdefault(name.casefold(), name)
    return tuple(found.values())[:MOST_NAMES]


def _location(seen: Sequence[Stored]) -> str | None:
    values = (value for one in reversed(seen) for value in one.of(_LOCATION) if value)
    return brief(next(values, "")) or None
