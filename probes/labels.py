# SPDX-License-Identifier: Apache-2.0
"""Labels and their values in a text of any maker: `Serial Number : X`, `Serial Number.... X`, `<serial>X</serial>`,
`"serialNumber": "X"`. Pure.

The table says which label means which field, best first: a chassis' own before a general one.
"""

import re
from collections.abc import Iterator

from probes.fillers import is_serial, meaning

_MOST_LINES = 3000
_MOST_LINE = 400
_LABELS: dict[str, tuple[str, ...]] = {
    "serial": (
        "chassis serial number", "chassis serial nbr", "system serial number", "device serial number", "olt serial number", "system serial no",
        "serial number", "serial no", "serial nbr", "serialnumber", "serial num", "serial", "hw s/n", "s/n", "s/n no", "sn", "unit serial number",
        "serial-number", "serial-num", "product serial number", "product serial", "appliance serial number", "box serial number",
        "switch serial number", "switch serial no", "system serial num",
    ),
    "firmware_version": (
        "product version", "software version", "software image version", "system software version", "sw version", "sw-version",
        "arubaos-cx version", "firmware version", "firmware-version", "softwareversion", "software-version", "firmware revision", "software revision", "system version",
        "os version", "os-version", "image version", "runtime version", "firm ver", "firmware ver", "firmware", "main software version", "active version",
        "running version", "current version", "version", "release version", "software release", "installed-version", "soft version", "software",
        "system image version", "ios version", "operation code version", "opcode version", "product release", "zynos f/w version",
    ),
    "model": (
        "chassis model", "machine model", "product model", "model name", "model number", "device model", "product name", "productname", "system model", "model id",
        "hardware model", "hw model", "model", "model no", "machine type", "system type", "board-name", "product", "device type", "hardware type", "chassis type",
        "modelname", "platform", "model-name", "system product name",
    ),
    "name": ("hostname", "host name", "system name", "sysname", "device name", "switch name", "host-name"),
    "maker": ("manufacturer", "vendor", "manufacturer's name", "vendor name", "mfg-name", "manufacturer name", "product manufacturer"),
}  # fmt: skip
_RANKS = {label: (field, rank) for field, labels in _LABELS.items() for rank, label in enumerate(labels)}
_LINE = re.compile(
    r"^[\s!#*|;]*(?P<label>[A-Za-z][\w ./'()#-]{0,39}?)\s*(?::\s|:$|\s:(?=\S)|(?<=[\w .]{6}):|\s?=\s?|\.{2,}\s?|\s(?=\x22)|(?<=number)\sis\s)\s*(?P<value>.*)$",
    re.ASCII,
)
_TLV = re.compile(  # ONIE's table of an EEPROM
    r"^(?P<label>[A-Z][A-Za-z ]{3,24}?)\s+0x[0-9A-Fa-f]{2}\s+\d{1,3}\s+(?P<value>\S.*)$"
)
_JSON = re.compile(r'"(?P<label>[A-Za-z_ -]{2,40})"\s*:\s*"(?P<value>[^"]{1,120})"')
_XML = re.compile(r"<(?P<label>[A-Za-z][\w-]{1,40})>(?P<value>[^<]{1,120})</")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def labelled(text: str) -> dict[str, str]:
    """Give for each field the value of its best label; of equally good ones the first."""
    best: dict[str, tuple[int, str]] = {}
    for label, value in _pairs(text):
        known = _RANKS.get(label)
        if known is None or (label == "version" and _FORMAT.fullmatch(value.strip())):
            continue
        field, rank = known
        said = _clean(field, value)
        if said and (field not in best or rank < best[field][0]):
            best[field] = (rank, said)
    return {field: value for field, (_, value) in best.items()}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines()[:_MOST_LINES]:
        short = line[:_MOST_LINE]
        found = _TLV.match(short) or _LINE.match(short)
        if found:
            label = found["label"].lower().replace("#", " no")
            yield " ".join(label.split()).rstrip("."), found["value"]
        for pattern in (_JSON, _XML):
            for pair in pattern.finditer(short):
                if pattern is _XML and pair["label"] == "version":
                    continue  # a document numbers itself
                label = _CAMEL.sub(" ", pair["label"]).lower()
                yield " ".join(re.split(r"[_\s]+", label)), pair["value"]


_FORMAT = re.compile(r"\"?\d{1,2}(?: \(.*\))?\"?")  # numbers a format or a distribution, never a firmware
_VERSION = re.compile(r"^(?:[A-Za-z][A-Za-z .-]{0,20}\s)?(?P<v>[A-Za-z]{0,4}[-.]?\d\S*)")
_SPACED = re.compile(r"^(?P<v>[A-Za-z]{0,10}-?[0-9a-f]{2}(?:[ -][0-9a-f]{2}){7,20})$")  # of a virtual machine
_SUBTYPE = re.compile(  # how a neighbour's id is meant (IEEE 802.1AB), never a model
    r"(?i)(?:mac|network)[ -]?address$|interface[ -]?(?:name|alias)$|local(?:ly)?(?: assigned)?$|(?:chassis|port)[ -]?component$"
)
_SERIAL = re.compile(r"^(?P<v>[A-Za-z0-9][A-Za-z0-9./_-]{3,29})(?:\s|,|$)")


def _clean(field: str, value: str) -> str:
    """Give the part of a value that is the field, "" if it cannot be one."""
    text = meaning(value.strip(" \t\r,;\"'"))
    if not text or text[0] in "{[<" or (field == "maker" and text.startswith("0x")):
        return ""
    if field == "firmware_version":
        found = _VERSION.match(text)
        version = found["v"].rstrip(",;") if found and any(c.isdigit() for c in found["v"]) else ""
        while version.count(")") > version.count("("):
            version = version[: version.rfind(")")]
        return version
    if field == "serial":
        found = _SPACED.match(text) or _SERIAL.match(text)
        return found["v"] if found and is_serial(found["v"]) else ""
    short = re.split(r"\s{2,}|,\s", text)[0][:80].rstrip(",")
    return "" if field == "model" and _SUBTYPE.match(short) else short
