# SPDX-License-Identifier: Apache-2.0
"""Outputs of `show version` and the like → maker, model, version, serial number, name. Pure.

First the grammar of the family (`recognised/commands.yaml`), by what the output itself says, then by the
platform's name where one is given; then the labels that all makers use (`labels.py`), and tables of parts.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec

from probes.facts import Sure
from probes.fillers import FORMS, is_serial, meaning
from probes.labels import labelled
from probes.names import spelled
from probes.patterns import Match, Pattern, compiled
from probes.rows import load

MOST_TEXT = 1024 * 1024  # characters of one output that are looked at
_ESCAPES = compiled("\x1b\\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_COMMENT = compiled("(?m)^(?:##?|!) ")  # a session kept as comments of a configuration
_MARKED = 20_000  # characters in which a family's marks are looked for
_AT_ONCE = 8  # families whose marks are looked for in one pass
_ANY = ".other"  # ends the id of a family of everything else that a maker makes


@dataclass(frozen=True, slots=True)
class Claim:
    """One field's value, how sure, and the rule that said so."""

    field: str
    value: str
    sure: Sure
    rule: str


class Family(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One family of outputs."""

    id: str
    platforms: str
    marks: str
    fields: tuple[str, ...]
    maker: str = ""
    os: str = ""
    device_class: str = ""


@functools.cache
def families() -> tuple[Family, ...]:
    """The families in their order; raises msgspec.ValidationError for one that is not in form."""
    return msgspec.convert(load("commands.yaml")["families"], tuple[Family, ...])


def read(platform: str, command: str, text: str) -> tuple[Claim, ...]:
    """Give what one output says, the surest value of each field. Never raises on hostile text."""
    if _OF_OTHERS.search(command):
        return tuple(_of_family(_family(platform, "")[0], Sure.LIKELY))
    unescaped = text[:MOST_TEXT].replace("\\r", "").replace("\\x20", " ").replace("\r", "")
    shown = _system_entry(_before_neighbours(_COMMENT.sub("", _ESCAPES.sub("", unescaped))))
    best: dict[str, Claim] = {}
    for claim in _claims(platform, command, shown):
        best.setdefault(claim.field, claim)
    return tuple(best.values())


def _before_neighbours(text: str) -> str:
    """Give the text up to where it goes on about a neighbour, with whose version and name."""
    lower = text.lower()
    likely = any(word in lower for word in ("lldp", "neighb", "capability code"))
    title = _TITLE_OF_NEIGHBOURS.search(text) if likely else None
    shown = text[: title.start()] if title else text
    ends = [found.start() for found in (one.search(shown) for one in _NEIGHBOUR) if found]
    return shown[: min(ends)] if len(ends) > 1 else shown


_DMI = compiled(r"(?m)^Handle 0x[0-9A-Fa-f]+, DMI type (?P<kind>[0-9]+)")  # SMBIOS 3.x, DSP0134
_DMI_VERSION = compiled(r"(?m)^\s*Version:[^\n]*$")


def _system_entry(text: str) -> str:
    """Keep of a table of SMBIOS the system's own entry (type 1); its version is the model's, not the firmware's."""
    entries = list(_DMI.finditer(text)) if "DMI type" in text else []
    ends = [entry.start() for entry in entries[1:]] + [len(text)]
    own = [
        text[entry.start() : end] for entry, end in zip(entries, ends, strict=False) if entry["kind"] == "1"
    ]
    return text[: entries[0].start()] + _DMI_VERSION.sub("", own[0]) if own else text


def _claims(platform: str, command: str, text: str) -> Iterator[Claim]:
    family, marked = _family(platform, text)
    if family:
        yield from _of_family(family, Sure.SURE if marked else Sure.LIKELY)
        cards = _are_cards(text)
        yield from (one for one in _grammar(family, text) if not (cards and one.field in ("model", "serial")))
    yield from _inventory(text)
    if not command or _CONFIGURATION.search(command):
        yield from _grammar_of("configuration", (_OWN_NAME,), text)
    if _about_the_device(command, text):
        if family and not marked:  # a product line that one family's name and another's output share
            other = next(iter(_shown(text[:_MARKED])), family)
            yield from (replace(claim, sure=Sure.LIKELY) for claim in _grammar(other, text))
            if not family.maker:
                yield from _of_family(other, Sure.LIKELY)
        told = labelled(text)
        whole = command or marked or (len(_BOX & told.keys()) > 1 and not _is_of_a_part(text))
        for field, value in told.items() if whole else ():
            if not (field == "model" and family and value in (family.os, family.maker)):
                own = spelled(value) if field == "maker" else value
                yield Claim(field, own, Sure.LIKELY, "command.labels")
    yield from _modules(text, bool(command) or marked)


_BOX = {"model", "serial", "firmware_version"}  # one of them alone may be of a part, a peer or a licence
_PART_TITLE = compiled(
    r"(?i)\b(?:transceivers?|x?sfp\w*|qsfp\w*|optics?|power ?suppl(?:y|ies)|psu ?[0-9]*|batter(?:y|ies)|fans?|edid|usb device|licen[cs]es?|peer|partner|neighbou?r)\b|^ *(?:port|slot|interface) [0-9]"
)
_PART_WORD = compiled(  # of a disk, of a certificate (RFC 5280): nowhere in what a box says of itself
    r"(?im)^ *(?:user capacity|rotation rate|logical sector size|smart support is|device model|issuer|subject public key info) *:"
)


def _is_of_a_part(text: str) -> bool:
    """Tell whether a text without its command's name begins by naming a part, or has what only disks and certificates have."""
    head: list[str] = []
    for line in text.splitlines()[:200]:
        head.append(line)
        if _BOX & labelled(line).keys():
            break
    return bool(_PART_WORD.search(text[:_MARKED])) or any(_PART_TITLE.search(line[:200]) for line in head)


def _of_family(family: Family | None, sure: Sure) -> Iterator[Claim]:
    """Give what all devices of a family have in common."""
    for field in ("maker", "os", "device_class"):
        if value := getattr(family, field, ""):
            yield Claim(field, value, sure, f"command.{family.id if family else ''}")


def _family(platform: str, text: str) -> tuple[Family | None, bool]:
    """The family that the platform names, or that the output shows; and whether the output shows it."""
    named, shown = _called(platform.lower()), _shown(text[:_MARKED])
    own = [family for family in shown if family in named and not family.id.endswith(_ANY)]
    if own:
        return own[0], True
    sibling = [family for family in shown if named and family.maker == named[0].maker]
    if sibling and named[0].id.endswith(_ANY):
        return sibling[0], True
    if named:
        return named[0], bool(named[0].maker) and any(family.maker == named[0].maker for family in shown)
    return (shown[0], True) if shown else (None, False)


@functools.cache
def _together() -> tuple[tuple[Pattern, tuple[Family, ...]], ...]:
    """The families, some at a time, each with one pattern of all their marks: most texts bear few of them."""
    groups = [families()[at : at + _AT_ONCE] for at in range(0, len(families()), _AT_ONCE)]
    return tuple((compiled("|".join(f"(?:{one.marks})" for one in group)), group) for group in groups)


def _shown(text: str) -> list[Family]:
    likely = (family for marks, group in _together() if marks.search(text) for family in group)
    return [family for family in likely if compiled(family.marks).search(text)]


@functools.lru_cache(1024)
def _called(platform: str) -> list[Family]:
    words = set(re.split(r"[^a-z0-9]+", platform))
    return [family for family in families() if _named(family, platform, words)]


def _named(family: Family, platform: str, words: set[str]) -> bool:
    return any(name in words or (len(name) > 4 and name in platform) for name in family.platforms.split("|"))


_SLOT = compiled(  # Comware's parts, slot by slot; what stands before the first slot is the chassis
    r"(?m)^ *Slot [0-9]+[^\n]*\n(?: *CPU[^\n]*\n)? *DEVICE_NAME *: *(?P<name>[^\n]*\S)"
)


def _are_cards(text: str) -> bool:
    """Tell whether the slots of a list hold different parts, and the list does not begin with their chassis."""
    slots = list(_SLOT.finditer(text)) if "DEVICE_NAME" in text else []
    begins = "DEVICE_NAME" in text[: slots[0].start()] if slots else False
    return not begins and len({slot["name"] for slot in slots}) > 1


_CONFIGURATION = re.compile(r"conf|run|session|export|tech", re.IGNORECASE)
_OWN_NAME = r'(?m)^(?:hostname|switchname| ?sysname) "?(?P<name>[A-Za-z0-9][\w.-]*)"? *$'  # of many makers


def _grammar(family: Family, text: str) -> Iterator[Claim]:
    return _grammar_of(family.id, family.fields, text)


def _grammar_of(name: str, fields: tuple[str, ...], text: str) -> Iterator[Claim]:
    for number, pattern in enumerate(fields):
        found = compiled(pattern).search(text)
        for field, value in (found.groupdict() if found else {}).items():
            said = meaning((value or "").strip(" ,;\"'"))
            if said and FORMS.get(field, bool)(said):
                told = spelled(said) if field == "maker" else said[:120]
                yield Claim(field, told, Sure.SURE, f"command.{name}.{number}")


_PART = compiled(
    r'(?im)^ *NAME: *"?(?P<name>[^"\n]*?)"? *,? *DESCR: *"?(?P<text>[^"\n]*)"?[^\n]*\n *PID: *(?P<model>[^,\n]*?) *,? *VID: *[^,\n]*?,? *SN: *(?P<serial>[^\s,]*)'
)


_UDI = (  # Cisco's unique device identifier of the box that is asked; further lines are of others in its stack
    compiled(r"(?m)^ *(?:UDI|Active): *PID: *(?P<model>[^,\s]+), *SN: *(?P<serial>\w+)"),
    compiled(
        r"(?m)^ *\*(?:[0-9]+)? +(?P<model>[A-Z][\w./+-]+) +(?P<serial>[A-Z0-9]{8,}) +[A-Z][\w./+-]+:[A-Z0-9]+ *$"
    ),
)

_COMPONENT = compiled(  # of a box, or a box of its own behind it
    r"(?i)\b(?:fan|fantray|power|psu|supply|fex|transceivers?|x?sfp\+?|qsfp\w*|optics?|pluggable)\b|ethernet|gige"
)
_CHASSIS = compiled(r"(?i)chassis|^rack [0-9]+$")
_APPLIANCE = compiled(r"^(?:Cisco )?(?:Firepower|Secure Firewall|ASA) [\w-]+ (?:Security )?Appliance\b")


def _inventory(text: str) -> Iterator[Claim]:
    """Cisco's list of parts: the chassis, or the first part where none is called so and that may be all of the box."""
    parts = list(_PART.finditer(text))[:200]
    named = [part for part in parts if _CHASSIS.search(part["name"]) and not _COMPONENT.search(part["name"])]
    whole = [part for part in parts if not _COMPONENT.search(f"{part['name']} {part['text']}")]
    chassis = named or [part for part in whole if _CHASSIS.search(part["text"])]
    chassis = chassis or [part for part in parts if _APPLIANCE.search(part["text"])]
    for part in (chassis or [part for part in whole if part is parts[0]])[:1]:
        sure = Sure.SURE if chassis else Sure.LIKELY
        yield from _identity(part, sure, "command.inventory")
    for udi in (pattern.search(text) for pattern in _UDI):
        if udi:
            yield from _identity(udi, Sure.SURE, "command.udi")


def _identity(found: Match, sure: Sure, rule: str) -> Iterator[Claim]:
    for field in ("model", "serial"):
        if (value := meaning(found[field])) and FORMS.get(field, bool)(value):
            yield Claim(field, value, sure, rule)


_OF_OTHERS = re.compile(  # neighbours, boxes behind it, parts of it, what it would start next
    r"neighbo|lldp|cdp|isdp|remote[ _-](?:device|system)|transceiver|power|boot[ _-]config|client|crash|(?<=[ _])session|alarm|(?<![a-z])logs?(?![a-z])|(?<![a-z])(?:on[tu]|ap|peer|sfp|fan|psu)s?(?![a-z])",
    re.IGNORECASE,
)
_NEIGHBOUR = tuple(  # two of these in one output: it tells of neighbours (IEEE 802.1AB, CDP)
    compiled(rf"(?im)^[ \t]*(?:{label})[ \t]*(?:\([^)\n]*\)[ \t]*)?:")
    for label in (
        "device id",
        "chassis id",
        "port id",
        "hold ?time",
        "time remaining|expired time",
        "entry address(?:es)?",
    )
)
_TITLE_OF_NEIGHBOURS = compiled(
    r"(?im)^ *capability codes?:|^[^\n]{0,60}\b(?:remote lldp|lldp (?:neighbou?r|remote)s?|neighbou?rs? (?:index|learned)|neighbou?r\(s\))\b?[^\n]{0,60}$"
)
_ABOUT = re.compile(
    r"version|inventory|sys|info|chassis|status|module|hardware|manuinfo|environment|asset|facts|session|platform|device|boot|syseeprom|\bfru\b|(?:show|get)[ _]switch$",
    re.IGNORECASE,
)


def _about_the_device(command: str, text: str) -> bool:
    """Tell whether an output is about the device as a whole; labels elsewhere are of ports, peers and packets."""
    return not command or bool(_ABOUT.search(command))


_RULER = compiled(r"(?m)^ *-{2,}(?:[ +]+-{2,})+ *$")


def _modules(text: str, known: bool) -> Iterator[Claim]:
    """A table of modules: the serial number of the first is all that is shown of the box, so a guess.

    Where it is a table of switches, each row is a whole box, and the first is a guess at which one was asked.
    Where neither the command nor the family is `known`, it must call itself a table of modules or switches.
    """
    ruler = _RULER.search(text)
    if not ruler:
        return
    head = text[: ruler.start()].rstrip("\n").splitlines()[-3:]
    spans = [(m.start(), m.end()) for m in re.finditer(r"-+", ruler[0])]
    row = text[ruler.end() :].lstrip("\n").partition("\n")[0]
    titles = [" ".join(line[begin:end].strip() for line in head).strip().lower() for begin, end in spans]
    if not known and not titles[0].startswith(("mod", "switch")):
        return
    ends = [begin for begin, _ in spans[1:]] + [None]  # a cell may be longer than the ruler above it
    for title, (begin, _), end in zip(titles, spans, ends, strict=True):
        value = row[begin:end].strip()
        if title == "model" and titles[0] == "switch" and re.fullmatch(r"[A-Z0-9][\w./+-]{3,40}", value):
            yield Claim("model", value, Sure.GUESS, "command.first_module")
        if re.search(r"serial", title) and re.fullmatch(r"[A-Za-z0-9-]{6,24}", value) and is_serial(value):
            yield Claim("serial", value, Sure.GUESS, "command.first_module")
