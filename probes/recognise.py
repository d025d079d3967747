# SPDX-License-Identifier: Apache-2.0
"""Names what speaks from what it says: banner → maker, product, version, device class.

Pure. The patterns are data (`recognised/*.yaml`, read at first use) and carry their own examples.
`product` and `version` are the software that speaks, `vendor` who makes it; `maker`, `model`,
`serial`, `firmware_version`, `os` and `os_version` are the device it stands on. A version is
exactly as the device says it. An appliance's version is its `firmware_version`, not `os_version`.
"""

import functools
import html
import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from probes import worded_page
from probes.facts import Fact, FactKind, Sure
from probes.fillers import FORMS
from probes.names import spelled
from probes.rows import index_of, load
from probes.structured import READINGS
from probes.wording import read as read_wording

MOST_TEXT = 4096  # characters of one text that are looked at
_ENTERPRISES = "1.3.6.1.4.1."
_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ufffd]+")
_PLAIN = "snmp.plain."  # whatever stands there; a text read by its grammar comes first
_ENGINE_ID = re.compile(r"^(?:0x)?([89a-f][0-9a-f]{7})(?:[0-9a-f]{2}){1,28}$", re.ASCII)

_WINDOWS_SERVER = re.compile(r"(?:^|\.)311\.1\.1\.3\.1\.[23]$")  # MSFT-MIB: server, Datacenter server

_CHANNELS = {
    FactKind.SSH_BANNER: "ssh",
    FactKind.FTP_BANNER: "ftp",
    FactKind.SMTP_BANNER: "smtp",
    FactKind.TELNET_BANNER: "telnet",
    FactKind.DNS_VERSION: "dns.version_bind",
    FactKind.HTTP_SERVER: "http.server",
    FactKind.HTTP_TITLE: "http.title",
    FactKind.HTTP_COOKIE: "http.cookie",
    FactKind.HTTP_AUTH: "http.wwwauth",
    FactKind.HTTP_LOCATION: "http.location",
    FactKind.HTTP_BODY: "http.body",
    FactKind.HTTP_POWERED_BY: "http.powered_by",
    FactKind.HTTP_FAVICON: "http.favicon",
    FactKind.SNMP_SYSDESCR: "snmp.sysDescr",
    FactKind.SNMP_SYSOBJECTID: "snmp.sysObjectID",
    FactKind.SNMP_ENGINE_ID: "snmp.engine_id",
    FactKind.TLS_SUBJECT: "tls.subject",
    FactKind.TLS_ISSUER: "tls.issuer",
    FactKind.NTLM_BUILD: "ntlm",
    FactKind.SMB_GUID: "smb.guid",
    FactKind.MDNS_DEVICE_INFO: "mdns.device_info",
    FactKind.DHCP_VENDOR_CLASS: "dhcp.vendor_class",
    FactKind.DHCP_OPTIONS: "dhcp.options",
    FactKind.IKE_VENDOR_ID: "ike.vendor_id",
    FactKind.LLDP_SYSTEM_DESCRIPTION: "lldp",
    FactKind.CDP_PLATFORM: "cdp",
    FactKind.CDP_VERSION: "cdp",
    FactKind.VNC_VERSION: "vnc",
    FactKind.REMOTE_NAME: "name.called",
    FactKind.SSDP_SERVER: "upnp",
    FactKind.SIP_SERVER: "sip.server",
    FactKind.SIP_USER_AGENT: "sip.user_agent",
    FactKind.SMB_NATIVE_OS: "smb.native_os",
    FactKind.SMB_NATIVE_LM: "smb.native_lm",
    FactKind.BANNER: "remote_tool",  # what nothing else reads; mail servers by how they begin
    FactKind.DICOM_IMPLEMENTATION_UID: "dicom.implementation",
    FactKind.DICOM_IMPLEMENTATION_VERSION: "dicom.implementation",
}
# A device says the same text in several protocols; these channels also read another's rows.
_ALSO = {
    "lldp": "snmp.sysDescr",
    "cdp": "snmp.sysDescr",
    "upnp": "http.server",
    "sip.user_agent": "sip.server",
}


_BEGINNINGS = (("* ", "imap"), ("+OK", "pop3"))


@dataclass(frozen=True, slots=True)
class Recognition:
    """What one text says about a device; a field it does not say is None."""

    maker: str | None = None
    vendor: str | None = None
    product: str | None = None
    model: str | None = None
    version: str | None = None
    os: str | None = None
    os_version: str | None = None
    firmware_version: str | None = None
    serial: str | None = None
    device_class: str | None = None
    remote_path: str | None = None
    sure: Sure = Sure.GUESS
    channel: str = ""
    pattern: str = ""


_values = operator.attrgetter(*(field.name for field in fields(Recognition)))


def channel_of(kind: FactKind) -> str | None:
    """Channel on which a fact of this kind can be recognised, or None."""
    return _CHANNELS.get(kind)


def recognise(channel: str, text: str) -> tuple[Recognition, ...]:
    """Everything the text says, best first: surest, then most detailed. Never raises on hostile text."""
    cleaned = _clean(
        html.unescape(text[:MOST_TEXT]).replace("\xa0", " ") if channel == "http.title" else text
    )
    found = list(_by_rows(channel, channel, cleaned))
    if channel in _ALSO:
        found += _by_rows(_ALSO[channel], channel, cleaned)
    if channel == "snmp.sysObjectID":
        cleaned, _, described = cleaned.partition(" ") if cleaned[:1] in ".0123456789" else ("", "", cleaned)
        found += _described(cleaned, described) if described else ()
        found += _by_enterprise(cleaned.removeprefix(".").removeprefix(_ENTERPRISES), channel, Sure.SURE)
    if channel == "snmp.engine_id":
        found += _by_engine_id(cleaned.lower())
    for begins, service in _BEGINNINGS if channel == "remote_tool" else ():
        found += recognise(service, text) if cleaned.startswith(begins) else ()
    found += _by_structure(channel, text[:MOST_TEXT])
    found += _by_wording(channel, cleaned)
    return tuple(sorted(found, key=_order)) if len(found) > 1 else tuple(found)


def recognise_facts(facts: Iterable[Fact]) -> tuple[Recognition, ...]:
    """Recognise every fact that has a channel; best first, each result once."""
    found: list[Recognition] = []
    for fact in facts:
        channel = channel_of(fact.kind)
        if channel:
            for one in recognise(channel, fact.value):
                weaker = max(one.sure, fact.sure, key=_RANK.__getitem__)
                found.append(one if one.sure is weaker else replace(one, sure=weaker))
    return in_order(found)


def in_order(found: Iterable[Recognition]) -> tuple[Recognition, ...]:
    """Give each result once, best first."""
    each = tuple(found)
    return each if len(each) < 2 else tuple(sorted(dict.fromkeys(each), key=_order))


def _described(oid: str, description: str) -> Iterator[Recognition]:
    """Read a description beside its OID; the OID tells a server of Windows from its client of the same build."""
    server = _WINDOWS_SERVER.search(oid)
    for one in recognise("snmp.sysDescr", description):
        yield replace(one, os=one.os.rpartition(" / ")[2]) if server and one.os else one


def _clean(text: str) -> str:
    """Cut, then make every run of control or replacement characters one line end."""
    return _CONTROLS.sub("\n", text[:MOST_TEXT].replace("\t", " ")).strip()


def _by_rows(rows_of: str, channel: str, text: str) -> Iterator[Recognition]:
    for row in index_of(rows_of).candidates(text):
        match = row.match(text)
        said = row.fields(match) if match else {}
        if said := _told(said):
            yield Recognition(**said, sure=row.sure, channel=channel, pattern=row.id)


def _by_structure(channel: str, text: str) -> Iterator[Recognition]:
    for name, reading in READINGS.get(channel, ()):
        if said := _told(reading(text) or {}):
            yield Recognition(**said, sure=Sure.SURE, channel=channel, pattern=f"structure.{name}")


def _by_wording(channel: str, text: str) -> Iterator[Recognition]:
    for name, sure, words in read_wording(channel, text):
        if said := _told(words):
            yield Recognition(**said, sure=sure, channel=channel, pattern=f"wording.{name}")


def _told(said: Mapping[str, str]) -> dict[str, str]:
    """Give the fields that say something, the maker as we spell it; a filler is no value."""
    told = {key: value for key, value in said.items() if value and FORMS.get(key, bool)(value)}
    return told | {"maker": spelled(told["maker"])} if "maker" in told else told


def _order(one: Recognition) -> tuple[int, int, bool]:
    said = sum(value is not None for value in _values(one))
    return _RANK[one.sure], -said, one.pattern.startswith(_PLAIN)


@functools.cache
def _enterprises() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = load("enterprises.yaml")["enterprises"]
    return table


def _by_enterprise(suffix: str, channel: str, sure: Sure) -> Iterator[Recognition]:
    """Longest known prefix of an OID below `enterprises`; its class is only likely."""
    numbers = suffix.split(".")[:16]
    for count in range(len(numbers), 0, -1):
        known = _enterprises().get(".".join(numbers[:count]))
        if known:
            yield from _as_said(known, f"enterprise.{'.'.join(numbers[:count])}", channel, sure)
            return


def _as_said(known: dict[str, str], name: str, channel: str, sure: Sure) -> Iterator[Recognition]:
    said = {key: value for key, value in known.items() if key != "device_class"}
    marked = max(Sure(said.pop("sure", sure)), sure, key=_RANK.__getitem__)
    if said:
        yield Recognition(**said, sure=marked, channel=channel, pattern=name)
    if "device_class" in known:
        weaker = max(marked, Sure.LIKELY, key=_RANK.__getitem__)
        yield Recognition(
            device_class=known["device_class"], sure=weaker, channel=channel, pattern=f"{name}.class"
        )


def _by_engine_id(text: str) -> Iterator[Recognition]:
    """RFC 3411 SnmpEngineID: with the first bit set, the first four octets are the enterprise number."""
    match = _ENGINE_ID.match(text)
    if match:
        number = int(match[1], 16) & 0x7FFFFFFF
        yield from _engine_made_by(str(number))


def forget_named() -> None:
    """Forget what was worked out from the tables of names, for a measurement that changes them."""
    worded_page.forget_cookies()
    _engine_made_by.cache_clear()


@functools.lru_cache(maxsize=4096)
def _engine_made_by(number: str) -> tuple[Recognition, ...]:
    return tuple(_by_enterprise(number, "snmp.engine_id", Sure.LIKELY))
