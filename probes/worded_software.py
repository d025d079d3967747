# SPDX-License-Identifier: Apache-2.0
"""Reads software from its words: a known name or a product token, then its version. Pure."""

import re

from probes import names
from probes.names import Found, Name
from probes.patterns import compiled
from probes.structured import system as system_of
from probes.systems import system_maker
from probes.worded_device import FIRST_WORDS, SERIAL, Said, description, device_said
from probes.worded_version import VERSION, is_address, is_version, version_in, without_build

_DISTRIBUTIONS = {
    "ubuntu": "Ubuntu", "debian": "Debian", "centos": "CentOS", "red hat": "Red Hat Enterprise Linux", "fedora": "Fedora",
    "suse": "SUSE", "mandrake": "Mandrake Linux", "mandriva": "Mandriva", "gentoo": "Gentoo", "raspbian": "Raspbian",
    "almalinux": "AlmaLinux", "rocky linux": "Rocky Linux", "amazon": "Amazon Linux", "oracle linux": "Oracle Linux",
    "freebsd": "FreeBSD", "win32": "Windows", "win64": "Windows",
}  # fmt: skip
_IN_BRACKETS = compiled(
    r"(?i)\((?P<v>ubuntu|debian|centos|red hat|fedora|suse|mandrake|mandriva|gentoo|raspbian|almalinux|rocky linux|amazon|oracle linux|freebsd|win32|win64)\b"
)
_AFTER = compiled(
    r"^(?:[ /(,:\[_-]|\(https?://[^) ]{1,80}\)|(?i:version|vers|ver|release|rel|embedded|http|rev|firmware|software|server|service|smtp|esmtp|ftpd|ftp|pop3|imap|receiver|agent|pro|mail|edition|subscription|perpetual|open source|enterprise|professional|standard|community|daemon|smtp/mime|build|v)\b\.?|[vVpP](?=\b|[0-9])){0,9}"
    rf"E?(?P<v>R?{VERSION})".replace(r"(?=\b|[0-9])", "")
)
_TRAILING = compiled(rf"[A-Za-z0-9)][ /-](?:[sS][wW] ?)?[vV]?(?P<v>[0-9]+\.[0-9]+\.{VERSION})")
_INSIDE = re.compile(r"[-_]v?\d+\.\d")  # its own version before that of what it is built on
_IN_FULL = compiled(r"(?P<short>[0-9]+(?:\.[0-9]+){1,2}) \((?P<v>[0-9]+(?:\.[0-9]+){3})\)")
_RELEASED = compiled(r"^[/ ][\w .()-]{0,60}?\b(?:Release|Version) (?P<v>[0-9]+(?:\.[0-9A-Za-z]+)*)")
_BASES = ("HTTPD",)
_TOKEN = compiled(
    rf"(?:^|[ ,;(])(?P<product>[A-Za-z][A-Za-z0-9_.+-]*(?: [A-Z][A-Za-z0-9_.+-]*){{0,2}})/(?P<v>[vVE]?R?{VERSION})"
)
_LETTER = re.compile(
    r"^[vVE](?!\d{1,3}R\d{3}|\d$)"
)  # V100R001 is how Huawei and its like number releases; v2 is a name
_WITH_VERSION = re.compile(r"/[vVrR]?\d[\w.]*$")  # of a token
_NO_PRODUCT = frozenset(
    (
        "http", "upnp", "linux", "unix", "server", "httpd", "http server", "web server", "mozilla", "dlnadoc", "win32", "sip",
        "unknown", "ipos", "linux upnp", "python", "java", "php", "perl", "openssl", "os", "device", "stunnel", "webaccess", "mikrotik upnp", "oracle", "windows", "isos", "nucleus",
    )
)  # fmt: skip

_FLAVOURS = frozenset(  # of the distributions' kernels (linux-aws, linux-oracle): where it runs, not whose box it is
    (
        "aws", "amazon", "azure", "google", "gcp", "gke", "gkeop", "ibm", "intel", "iotg", "kvm", "nvidia", "oracle",
        "bluefield", "fde", "fips", "oem", "raspi", "riscv", "starfive", "tegra", "xilinx", "zynqmp",
    )
)  # fmt: skip


def tokens(text: str) -> Said | None:
    """Read product tokens (RFC 9110 Server, RFC 3261 User-Agent, UPnP 1.0 SERVER)."""
    said: Said = system_of(text.partition(" ")[0].partition(",")[0]) if "UPnP/" in text else {}
    if system := _IN_BRACKETS.search(text):
        said["os"] = _DISTRIBUTIONS[system["v"].lower()]
    if builder := _builder(said.get("os_version", "")):
        said |= {"maker": builder.maker or "", "device_class": builder.kind or ""}
    if software := _best_software(text):
        lines = (one for one in names.find(names.makers(), text) if one.name.line)
        line = next((one for one in lines if not system_maker(one.name.text)), None)
        device = {"maker": line.name.maker or "", "device_class": line.name.kind or ""} if line else {}
        named = software_said(text, software)
        if not named["version"] and (release := _RELEASED.search(text[software.end :])):
            named["version"] = release["v"]
        return named | said | device
    token = _token(text)
    device_name = _speaker(text)
    if device_name and device_name.name.maker != system_maker(said.get("os")):
        said |= {key: _WITH_VERSION.sub("", value) for key, value in device_said(text, device_name).items()}
        if "version" not in token and (labelled := version_in(text)):
            said["firmware_version"] = labelled
        elif "version" not in token and (trailing := _TRAILING.search(text)) and is_version(trailing["v"]):
            said["firmware_version"] = trailing["v"]
        if serial := SERIAL.search(text):
            said["serial"] = serial["v"]
    return said | token


def _builder(release: str) -> Name | None:
    """The maker whose name a kernel's release ends with: 4.9.94-axis5; whoever builds its own makes the box."""
    word = re.split(r"[-_+]", release)[-1].rstrip("0123456789.").lower() if "-" in release else ""
    known = None if word in _FLAVOURS else names.makers().whole.get((word,))
    return known if known and not known.line else None


def _best_software(text: str) -> Found | None:
    """The web server that a bundle is built on, where both are named; otherwise the first."""
    found = list(names.find(names.software(), text))
    return next((one for one in found if one.name.product in _BASES), next(iter(found), None))


def _speaker(text: str) -> Found | None:
    """The maker that a token names, or that stands at the beginning."""
    for found in names.find(names.makers(), text):
        if found.name.line or found.word < FIRST_WORDS or text[found.end : found.end + 1] == "/":
            return found
    return None


def _token(text: str) -> Said:
    """The first token that is no system and no protocol; in UPnP's header the one after it."""
    start = text.find("UPnP/")
    for found in _TOKEN.finditer(text[start + 8 :] if start >= 0 else text):
        product = str(found["product"])
        version = _LETTER.sub("", str(found["v"]))
        if product.lower() not in _NO_PRODUCT and not is_address(version):
            return {"product": product, "version": without_build(version)}
    return {}


def software_said(text: str, found: Found) -> Said:
    """Name the software at this place, with the version that follows it."""
    name, rest = found.name, text[found.end :]
    inside = text[found.begin + len(name.text) - 1 :] if name.text.endswith("*") else ""
    if inside and (not rest.startswith("/") or _INSIDE.match(inside)):
        rest = inside  # what follows the name inside its word may be the version
    after = _AFTER.search(rest)
    slash = rest.startswith("/")  # a token's version is its version whatever it looks like
    version = (
        without_build(after["v"])
        if after
        and (slash or is_version(after["v"]))
        and _tells(rest, after["v"])
        and not is_address(after["v"])
        else ""
    )
    return {
        "vendor": name.vendor or "",
        "product": name.product or "",
        "version": version,
        "os": name.os or "",
    }


def _tells(rest: str, version: str) -> bool:
    """A bare number behind a name is its version only when written as one."""
    return "." in version or rest.startswith(("/", "-")) or len(version) > 2


def greeting(text: str) -> Said | None:
    """Read a greeting of a mail or file server: software by name, otherwise a device."""
    found = next(names.find(names.software(), text), None)
    if found:
        return labelled_too(text, found)
    said = description(text)
    if said and not said.get("maker") and "firmware_version" in said:
        said["version"] = said.pop("firmware_version")  # of the program that greets
    return said


def labelled_too(text: str, found: Found) -> Said:
    """Read software whose version may also stand further on, behind a label or in brackets with all its numbers."""
    said = software_said(text, found)
    version = said["version"] or version_in(text[found.end :])
    whole = next((m["v"] for m in _IN_FULL.finditer(text) if m["short"] == version), "")
    if whole.replace(".", "").startswith(version.replace(".", "")):
        version = whole or version
    return said | {"version": version}
