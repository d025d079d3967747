# SPDX-License-Identifier: Apache-2.0
"""Reads a device from its words: a maker's name, then a model, then a labelled version and serial number. Pure."""

import re

from probes import names
from probes.names import Found
from probes.patterns import compiled
from probes.worded_version import version_in

Said = dict[str, str]

SERIAL = compiled(
    r"(?i)\b(?:s/n|sn|serial(?: ?(?:number|no|#))?)\.?[ :=#-]{1,3}(?P<v>[A-Z0-9][A-Z0-9-]{4,24}[A-Z0-9])\b"
)
_LABELLED_MODEL = compiled(
    r"(?i)\bmodel(?: name| number| no)?[:=] ?(?P<v>[A-Z0-9][A-Z0-9._/+-]*[0-9][A-Z0-9._/+-]*)"
)
_COMPANY = re.compile(
    r"^(?:[\s,.]*\b(?:inc|corp|corporation|co|ltd|llc|gmbh|ag|systems|networks|technologies|technology|company"
    r"|limited|international|communications|electronics|computer|corp|semiconductor|broadband|wireless)\b\.?)*[\s,:;.!|>-]*",
    re.IGNORECASE,
)
_MODEL_END = re.compile(
    r"[,;:(\[\n<>|#\"']|(?<=\d)(?=v\d+\.\d)|-(?=\d+\.\d)|\s[-–]\s|\s{2,}| / |--| [A-Za-z]{0,8}OS(?= [vV]?\d| Rel)|\s(?=[vV]?\d+\.\d+[\w.-]*$)|\s(?=[vV]\.?\s?\d+\.|[A-Z]{2}\.\d\d\.\d|\d+\.\d+\.\d|[rR]ev\b|\d{1,2}[-/]\w{2,3}[-/]\d)"
    r"|\b(?:bootrom|version|ver|rev|release|firmware|software|s/w|f/w|sw|fw|hw|h/w|hardware|running|agent|built|build|copyright|login"
    r"|ftp|telnet|server ready|ready|serial|ser#|ser|sn|s/n|product(?= version)|kernel|eeprom|with|for|is|in|at|on|mac|certificate|webconfigurator"
    r"|compiled|all rights|password|user|administration|authentication|main menu|console|web)\b",
    re.IGNORECASE,
)
NO_MODEL = re.compile(
    r"(?i)\b(?:operating system|agent|os|ios|platform|shell|service|authenticated|http server|self signed|installer|diagnostics|management|webui|certificate|https?|sdk)$"
    r"|^(?:ios|os|snmp|series|typ)\b|\bupnp\b|^[vV]?\d+(?:\.\d+)+\w*$|^(?:SunOS|Solaris|AIX|HP-UX|IRIX|VMS|Linux|FreeBSD)\b"
)
_PROCESSOR = re.compile(
    r"(?i)[\s(]*(?:\(r\)\s*)?(?:x86|i[3-6]86|powerpc|xeon|pentium|core|atom|itanium|celeron|cpu|processor)\b"
)
_RUNS_ON = re.compile(r"(?i)\b(?:for|on)\s+$")
_MOST_MODEL = 48
_MOST_MODEL_WORDS = 5
_KINDS = {
    "network camera": "iot", "ip camera": "iot", "network projector": "iot", "projector": "iot", "ip phone": "phone",
    "video recorder": "iot", "network video": "iot", "print server": "printer", "snmp/web card": "iot", "ups": "iot",
    "laser printer": "printer", "color laser": "printer", "tape library": "server", "stackable switch": "network",
    "ethernet switch": "network", "managed switch": "network", "gigabit switch": "network", "access point": "network",
    "wireless router": "network", "broadband router": "network", "media converter": "network", "disk array": "server",
}  # fmt: skip
_KIND = re.compile(rf"(?i)(?:^|[ ,(])(?P<kind>{'|'.join(_KINDS)})\b")
_MODEL = re.compile(r"[A-Za-z0-9][\w ./+\-!&*]*")
FIRST_WORDS = 3  # where a maker's bare name counts
_SYSTEM = re.compile(
    r"^(?:Linux|Windows|Hardware: |SunOS|FreeBSD|NetBSD|OpenBSD|Darwin|HP-UX|AIX|IRIX(?:64)?|VMware|Ubuntu|Debian|CentOS|Red Hat|Fedora|BusyBox)\b"
)
_COPYRIGHT = re.compile(r"(?i)(?:\(c\)|copyright)(?:[\s,\d-]|\(c\)|copyright|by\b)*")
_WELCOME = re.compile(r"^(?:[\s*#=+-]|\\n)*(?:welcome to (?:the )?)?", re.IGNORECASE)
_RECORD = re.compile(r"(?i)mfg[=:]")  # IEEE 1284 names its parts by keys, not by grammar


def description(text: str) -> Said | None:
    """Read a description: whose device, which model, which version, which serial number."""
    if _SYSTEM.match(text) or _RECORD.match(text):
        return None
    text = _WELCOME.sub("", text)
    maker = maker_in(text)
    said = device_said(text, maker) if maker else {}
    if labelled := _LABELLED_MODEL.search(text):
        said = said | {"model": labelled["v"].strip(), "product": ""}
    version = version_in(text)
    if version and version != said.get("model", ""):
        said["firmware_version"] = version
    if maker is None and (owner := _owner(text)):
        model = model_in(text)
        kind = "model" if any(char.isdigit() for char in model) else "product"
        return {kind: model, "maker": owner.name.maker or "", "device_class": owner.name.kind or ""} | said
    if maker is None:
        return said or None
    serial = SERIAL.search(text)
    if serial and any(char.isdigit() for char in serial["v"]):
        said["serial"] = serial["v"]
    return said


def maker_in(text: str) -> Found | None:
    """The first name of a maker that stands where a device names itself, or the first product line."""
    for found in names.find(names.makers(), text):
        if _RUNS_ON.search(text[: found.begin]) or _PROCESSOR.match(text, found.end):
            continue  # whoever made its system or its processor made no device
        if found.name.line or found.word < FIRST_WORDS:
            return found
    return None


def _owner(text: str) -> Found | None:
    """The maker who claims the copyright, where nobody else is named."""
    claim = _COPYRIGHT.search(text)
    found = next(names.find(names.makers(), text[claim.end() :]), None) if claim else None
    return found if found and found.word == 0 else None


def device_said(text: str, found: Found) -> Said:
    """Name the device whose maker stands at this place, with the model that follows."""
    part = "-" in found.name.text and found.end - found.begin > len(found.name.text.rstrip("*"))
    begin = found.begin if found.name.line or part else found.end
    model = model_in(text[begin:])
    if not found.name.line and model.lower().startswith(f"{found.name.text.rstrip('*')} "):
        model = model[len(found.name.text.rstrip("*")) :].strip()  # "Samsung Samsung ML-3050"
    said = {"maker": found.name.maker or "", "device_class": found.name.kind or ""}
    if NO_MODEL.search(model):
        return said
    said["device_class"] = _kind_in(text) or said["device_class"]
    return said | {"model" if any(char.isdigit() for char in model) else "product": model}


def _kind_in(text: str) -> str:
    """Class that the text itself names, whatever its maker mostly makes."""
    found = _KIND.search(text)
    return next(
        (kind for name, kind in _KINDS.items() if found and found["kind"].lower().startswith(name)), ""
    )


def model_in(text: str) -> str:
    """Give the model's name at the beginning of a text, "" where it is no name."""
    rest = text[_COMPANY.match(text).end() :]  # type: ignore[union-attr]
    end = _MODEL_END.search(rest)
    found = _MODEL.match(rest[: end.start()] if end else rest)
    words = found[0].split()[:_MOST_MODEL_WORDS] if found else []
    model = " ".join(words).strip(" .-/")
    return model if 1 < len(model) <= _MOST_MODEL and any(c.isalnum() for c in model) else ""
