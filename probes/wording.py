# SPDX-License-Identifier: Apache-2.0
"""Reads texts by how makers word them: a known name, then a model, then a labelled version. Pure.

It knows names (`names.py`) and the grammar of such texts, not products, so it also reads products that
nobody described to us. What it says is likely at best; the rows of `recognised/*.yaml` come first.
"""

import re
from collections.abc import Callable, Iterator

from probes import names
from probes.facts import Sure
from probes.patterns import compiled
from probes.worded_device import Said, description
from probes.worded_page import certificate, cookie, realm, title
from probes.worded_software import greeting, software_said, tokens


def read(channel: str, text: str) -> Iterator[tuple[str, Sure, Said]]:
    """Give what the wording of a text on a channel says: the reading's name, how sure, and fields.

    Software names itself with its version; a model's name is where grammar can only guess at its end.
    """
    for name, reading in _READINGS.get(channel, ()):
        said = {key: value for key, value in (reading(text) or {}).items() if value}
        device = not said.get("vendor") and not said.get("version")
        unsure = ("model", "product") if "maker" in said else ("model", "product", "firmware_version")
        guessed = {key: said.pop(key) for key in unsure if key in said and device}
        if said:
            yield name, _sure(name, said), said
        if guessed:
            yield f"{name}.model", Sure.GUESS, guessed


def _sure(name: str, said: Said) -> Sure:
    """A page or a certificate may be about another thing than the box that serves it."""
    return Sure.GUESS if "maker" in said and name in ("title", "realm", "certificate") else Sure.LIKELY


_SSH = compiled(
    r"^(?:SSH-[0-9.]+-)?(?P<product>[A-Za-z][A-Za-z ]{1,30}?[A-Za-z])[ _./-](?:[vV]\.?)?(?P<v>[0-9]+(?:\.[0-9]+)+[A-Za-z0-9]*)(?:[\s_-]|$)"
)


def ssh_software(text: str) -> Said | None:
    """Read the software's name and version of RFC 4253 4.2; what is known by name says whose it is."""
    said = text.partition("-")[2].partition("-")[2] if text.startswith("SSH-") else text
    known = next(names.find(names.software(), said.replace("_", " ")), None)
    if known and known.word == 0:
        return software_said(said.replace("_", " "), known)
    found = _SSH.search(text)
    if not found or found["product"] == "SSH":
        return None  # the protocol's own name and version
    if next(names.find(names.software(), re.sub(r"[_.-]", " ", text)), None):
        return None  # read by its name
    known = next(names.find(names.makers(), found["product"].replace("_", " ")), None)
    maker = {"maker": known.name.maker or "", "device_class": known.name.kind or ""} if known else {}
    return {"product": found["product"], "version": found["v"]} | maker


_Reading = Callable[[str], Said | None]
_READINGS: dict[str, tuple[tuple[str, _Reading], ...]] = {
    "ssh": (("software", ssh_software),),
    "snmp.sysDescr": (("description", description),),
    "lldp": (("description", description),),
    "cdp": (("description", description),),
    "telnet": (("description", description),),
    "pjl": (("description", description),),
    "dhcp.vendor_class": (("description", description),),
    "upnp": (("tokens", tokens),),
    "http.server": (("tokens", tokens),),
    "sip.server": (("tokens", tokens),),
    "sip.user_agent": (("tokens", tokens),),
    "rtsp": (("tokens", tokens),),
    "dns.version_bind": (("greeting", greeting),),
    "ftp": (("greeting", greeting),),
    "smtp": (("greeting", greeting),),
    "pop3": (("greeting", greeting),),
    "imap": (("greeting", greeting),),
    "http.title": (("title", title),),
    "http.wwwauth": (("realm", realm),),
    "http.cookie": (("cookie", cookie),),
    "tls.subject": (("certificate", certificate),),
    "tls.issuer": (("certificate", certificate),),
}


def channels() -> tuple[str, ...]:
    """Channels whose texts can be read by their wording."""
    return tuple(_READINGS)
