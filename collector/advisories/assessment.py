# SPDX-License-Identifier: Apache-2.0
"""What a device's versions mean: affected, not affected, out of support, mitigated as a vendor says, or not told.

Pure. Every assessment says what, known since when, what mends it, how sure, and from which data of what age.
"""

import dataclasses
import enum
from collections.abc import Iterable
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from collector.advisories.affected import Answer, Decision, decide
from collector.advisories.knowledge import Knowledge, Weakness, age_days
from collector.advisories.products import RANK, Fitting, Matched, Product, Signature, matches
from collector.advisories.support import End, State, Support, support_of
from collector.versions import Order, Version, against_bound, compare, parse, release_order
from inventory_db.device import Device
from inventory_db.stated import Mitigation
from probes.facts import Sure


class Kind(enum.StrEnum):
    """What an assessment says."""

    AFFECTED = "affected"
    SOUND = "not affected"
    END_OF_SUPPORT = "end of support"
    SUPPORT_UNCLEAR = "support unclear"
    MITIGATED = "vendor says mitigated"
    UNTOLD = "device does not tell"
    CONTRADICTS = "device contradicts itself"
    NO_SCHEME = "version cannot be compared"
    BACKPORTED = "distribution mends without raising the version"
    UNCONFIRMED = "not affected by unconfirmed data"
    BEHIND = "newer release exists"
    NO_DATA = "no data"
    OLD_DATA = "data too old"


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is known, or not known, of one product on one device."""

    device: str
    kind: Kind
    product: str = ""  # key; "" where the device does not say what it is
    title: str = ""
    version: str = ""
    id: str = ""  # CVE-… or eol:…
    name: str = ""
    name_ja: str = ""
    since: str = ""
    fixed_in: str = ""
    no_fix: bool = False  # none will come on this branch
    exploited: bool = False
    ransomware: bool = False
    condition: str = ""
    condition_ja: str = ""
    ends: tuple[End, ...] = ()
    state: State | None = None
    others: tuple[str, ...] = ()  # contradicting versions
    mitigation: Mitigation | None = None
    sure: Sure = Sure.GUESS
    confirmed: bool = True  # whether the data was read in the maker's or the CVE's record
    source: str = ""
    as_of: str = ""
    age: int | None = None  # days
    observations: tuple[str, ...] = ()
    typed: bool = False  # the version is a person's entry in the ledger, not the device's word
    port: int = 0
    transport: str = ""

    @property
    def proven(self) -> bool:
        """Whether it proves that a patch is missing."""
        if self.kind is Kind.END_OF_SUPPORT:
            return self.sure is not Sure.GUESS
        return (
            self.kind is Kind.AFFECTED and self.exploited and self.confirmed and self.sure is not Sure.GUESS
        )

    @property
    def fine(self) -> bool:
        """Whether it speaks for はい without reserve."""
        return self.kind is Kind.SOUND and self.confirmed and self.sure is Sure.SURE


class Assessor:
    """Assesses devices on one body of knowledge and one day; equal versions are decided once."""

    def __init__(self, knowledge: Knowledge, today: date) -> None:
        self.knowledge = knowledge
        self.today = today
        self._fitting: dict[Signature, Fitting] = {}
        self._decided: dict[tuple[str, str], tuple[tuple[Weakness, Decision], ...]] = {}
        self._supported: dict[tuple[str, str, str | None], Support] = {}

    def assess(
        self, device: Device, mitigations: Iterable[Mitigation] = (), typed: str = ""
    ) -> tuple[Assessment, ...]:
        """Give everything known of the device's products; never empty.

        `typed` is the version that a person wrote into the ledger: it stands in for one that the device
        does not tell, as a guess.
        """
        found = matches(device, self.knowledge.products, self._fitting)
        said: list[Assessment] = []
        if not any(one.product.system for one in found):
            version = device.firmware_version or device.os_version or ""
            said.append(Assessment(device=device.id, kind=Kind.UNTOLD, version=version))
        for one in found:
            said += self._product(device, _with_entry(one, typed) if one.product.system else one)
        return _mitigated(said, mitigations, self.today)

    def _product(self, device: Device, matched: Matched) -> list[Assessment]:
        product = matched.product
        frame = Assessment(
            device=device.id,
            kind=Kind.UNTOLD,
            product=product.key,
            title=_title(product, device),
            version=matched.version or "",
            sure=matched.sure,
            observations=matched.observations,
            typed=matched.typed,
            port=matched.port,
            transport=matched.transport,
        )
        if not matched.version:
            return [frame]
        version = parse(product.scheme, matched.version)
        if version is None:
            return [replace(frame, kind=Kind.NO_SCHEME)]
        said: list[Assessment] = []
        others = _contradicting(product.scheme, version, matched.others)
        if others:
            frame = replace(frame, sure=Sure.GUESS)
            said.append(replace(frame, kind=Kind.CONTRADICTS, others=others))
        windows = (device.os or "").startswith("Windows")
        if product.backported and not product.system and not windows:
            return [*said, replace(frame, kind=Kind.BACKPORTED)]
        if not version.told:
            said.append(frame)
        said += self._weaknesses(frame, product, version)
        said += self._support(frame, product, version, device.os)
        return said or [self._sound(frame, product)]

    def _weaknesses(self, frame: Assessment, product: Product, version: Version) -> list[Assessment]:
        said, listed = [], self.knowledge.listed(product.key)
        if listed is None and not product.backported:
            said.append(replace(frame, kind=Kind.NO_DATA, id="kev"))
        elif listed is not None and self.knowledge.too_old(listed.as_of, self.today):
            age = age_days(listed.as_of, self.today)
            said.append(
                replace(frame, kind=Kind.OLD_DATA, source=listed.title, as_of=listed.as_of, age=age, id="kev")
            )
        for weakness, decision in self._decisions(product, version):
            if decision.answer is Answer.AFFECTED:
                said.append(self._of(frame, weakness, decision, Kind.AFFECTED))
            elif decision.answer is Answer.UNKNOWN:
                said.append(self._of(frame, weakness, decision, Kind.NO_DATA))
            elif not decision.confirmed:
                said.append(self._of(frame, weakness, decision, Kind.UNCONFIRMED))
        return said

    def _decisions(self, product: Product, version: Version) -> tuple[tuple[Weakness, Decision], ...]:
        key = (product.key, version.text)
        if key not in self._decided:
            self._decided[key] = tuple(_decisions(product, version, self.knowledge))
        return self._decided[key]

    def _of(self, frame: Assessment, weakness: Weakness, decision: Decision, kind: Kind) -> Assessment:
        return replace(
            frame,
            kind=kind,
            id=weakness.id,
            name=weakness.name,
            name_ja=weakness.name_ja,
            since=weakness.since,
            fixed_in=decision.fixed_in,
            no_fix=decision.no_fix,
            exploited=weakness.exploited,
            ransomware=weakness.ransomware,
            condition=weakness.condition,
            condition_ja=weakness.condition_ja,
            sure=max(frame.sure, weakness.sure, key=RANK.__getitem__),
            confirmed=decision.confirmed,
            source=weakness.source,
            as_of=weakness.as_of,
            age=age_days(weakness.as_of, self.today),
        )

    def _support_of(self, product: Product, version: Version, system: str | None) -> Support:
        key = (product.key, version.text, system)
        if key not in self._supported:
            self._supported[key] = support_of(product, version, system, self.knowledge, self.today)
        return self._supported[key]

    def _support(
        self, frame: Assessment, product: Product, version: Version, system: str | None
    ) -> list[Assessment]:
        support = self._support_of(product, version, system)
        about = replace(
            frame,
            id=support.key,
            ends=support.ends,
            state=support.state,
            source=support.source,
            as_of=support.as_of,
            age=age_days(support.as_of, self.today),
        )
        if support.state is State.GOING:
            if release_order(product.scheme, version.text, support.latest) is Order.LESS:
                return [replace(about, kind=Kind.BEHIND, fixed_in=support.latest)]
            old = self.knowledge.too_old(support.as_of, self.today)
            return [replace(about, kind=Kind.OLD_DATA)] if old else []
        if support.state is State.UNKNOWN:
            return [replace(about, kind=Kind.NO_DATA, id=support.key or "eol")]
        return [_ended(about, support)]

    def _sound(self, frame: Assessment, product: Product) -> Assessment:
        listed = self.knowledge.listed(product.key)
        as_of = listed.as_of if listed else ""
        source = listed.title if listed else ""
        return replace(frame, kind=Kind.SOUND, source=source, as_of=as_of, age=age_days(as_of, self.today))


def _with_entry(matched: Matched, typed: str) -> Matched:
    """The match with a person's entry as its version, where the device tells none or less; it stays a guess.

    The column also holds versions of other programs, so an entry that differs contradicts nothing.
    """
    entry = parse(matched.product.scheme, typed)
    if entry is None or not entry.told:
        return matched
    own = parse(matched.product.scheme, matched.version)
    finer = own is not None and not own.told and against_bound(entry, own) is Order.EQUAL
    if matched.version and not finer:
        return matched
    return dataclasses.replace(matched, version=typed, sure=Sure.GUESS, typed=True)


def _title(product: Product, device: Device) -> str:
    """The product's name; of Windows the releases that its build may be."""
    return device.os if product.key == "windows" and device.os else product.title


def _ended(about: Assessment, support: Support) -> Assessment:
    if support.state is not State.ENDED:
        return replace(about, kind=Kind.SUPPORT_UNCLEAR)
    since = max((one.last for one in support.ends), default="")
    weaker = max(about.sure, Sure.LIKELY, key=RANK.__getitem__)
    sure = weaker if support.inferred else about.sure
    return replace(about, kind=Kind.END_OF_SUPPORT, since=since, sure=sure)


def _decisions(
    product: Product, version: Version, knowledge: Knowledge
) -> Iterable[tuple[Weakness, Decision]]:
    """Decide each weakness once, from everything that is known of it; what was read outweighs the rest."""
    by_id: dict[str, list[Weakness]] = {}
    for weakness in knowledge.weaknesses_of(product.key):
        by_id.setdefault(weakness.id, []).append(weakness)
    for ones in by_id.values():
        decided = [(one, decide(product.scheme, version, one)) for one in ones if one.decidable]
        known = [pair for pair in decided if pair[1].answer is not Answer.UNKNOWN]
        read = [pair for pair in known if pair[1].confirmed] or known
        answers = {decision.answer for _, decision in read}
        exploited = any(one.exploited for one in ones)
        if len(answers) == 1:
            weakness, decision = min(read, key=lambda pair: RANK[pair[0].sure])
        elif (
            exploited or len(answers) > 1 or any(one.read for one in ones)
        ):  # nobody can say, or the records contradict each other
            weakness, decision = decided[0] if decided else (ones[0], Decision(Answer.UNKNOWN))
            decision = Decision(Answer.UNKNOWN, decision.fixed_in, decision.no_fix, decision.confirmed)
        else:
            continue  # not known to be used by attackers, and its record says nothing of this version
        yield _together(weakness, ones, exploited), decision


def _together(weakness: Weakness, ones: list[Weakness], exploited: bool) -> Weakness:
    """The weakness with what its other records say of its use and its Japanese name."""
    since = [one.since for one in ones if one.exploited and one.since] or [
        one.since for one in ones if one.since
    ]
    changes: dict[str, Any] = {
        "exploited": exploited,
        "ransomware": any(one.ransomware for one in ones),
        "since": min(since, default=""),
        "name": weakness.name or next((one.name for one in ones if one.name), ""),
        "name_ja": weakness.name_ja or next((one.name_ja for one in ones if one.name_ja), ""),
    }
    held = {name: getattr(weakness, name) for name in changes}
    return weakness if held == changes else replace(weakness, **changes)


def _contradicting(scheme: str, version: Version, others: Iterable[str]) -> tuple[str, ...]:
    """Other versions that the device says of the same thing; one told less finely contradicts nothing."""
    found = []
    for text in others:
        other = parse(scheme, text)
        if other is None or compare(scheme, version.text, text) is Order.EQUAL:
            continue
        if Order.EQUAL in (against_bound(version, other), against_bound(other, version)):
            continue
        found.append(text)
    return tuple(found)


def _mitigated(
    said: list[Assessment], mitigations: Iterable[Mitigation], today: date
) -> tuple[Assessment, ...]:
    """Mark what a vendor says is dealt with otherwise, while that statement holds."""
    about = {(one.device, one.advisory): one for one in mitigations}
    if not about:
        return tuple(said)
    return tuple(_held(one, about.get((one.device, one.id)), today) for one in said)


def _held(one: Assessment, mitigation: Mitigation | None, today: date) -> Assessment:
    open_kinds = (Kind.AFFECTED, Kind.END_OF_SUPPORT, Kind.SUPPORT_UNCLEAR, Kind.NO_DATA, Kind.UNCONFIRMED)
    if mitigation is None or one.kind not in open_kinds:
        return one
    if mitigation.on > today or (mitigation.until is not None and mitigation.until < today):
        return replace(one, mitigation=mitigation)  # shown as past; it changes nothing
    return replace(one, kind=Kind.MITIGATED, mitigation=mitigation)
