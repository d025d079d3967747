# SPDX-License-Identifier: Apache-2.0
"""Reads texts by how makers word them: a known name, then a model, then a labelled version. Pure.

It knows names (`names.py`) and the grammar of such texts, not products, so it also reads products that
nobody described to us. What it says is likely at best; the rows of `recognised/*.yaml` come first.
"""

import re
from collections.abc import Callable, Iterator

from probes import names
from probes.names import Found
from probes.patterns import compiled

Said = dict[str, str]

_VERSION = r"(?:[A-Z]{1,3}\.[0-9]{2}\.)?[0-9]+(?:[._][0-9]+)*(?:[A-Za-z0-9.()_+~@-]*[A-Za-z0-9)])?"
_LABEL = r"(?:software|firmware|s/?w|f/?w|runtime|image|application|appl|program|os|system)"
_SORT = r"(?:version|vers|ver|revision|rev|release|rel)"
_LABELLED = (
    compiled(
        rf"(?i)(?P<before>.{{0,24}})\b{_LABEL}[ _-]?{_SORT}?\.? ?[:=#]? ?(?:3Com OS |[A-Za-z]+_)?v?\.? ?(?P<v>{_VERSION})"
    ),
    compiled(
        rf"(?i)(?P<before>.{{0,24}})\b{_SORT}\.?[ :=]{{0,3}}(?:[A-Za-z]+OS |[A-Za-z]+_)?v?(?P<v>{_VERSION})"
    ),
    compiled(rf"(?P<before>.{{0,24}})(?:\b|[a-z0-9])[vV]\.? ?(?P<v>[0-9]+\.{_VERSION})"),
)
_BARE = compiled(
    r"(?P<before>.{0,24})[ (,\[](?P<v>[0-9]+\.[0-9]+\.[0-9]+(?:[._][0-9]+)*(?:[A-Za-z0-9.()_+~@-]*[A-Za-z0-9)])?|[0-9]+\.[0-9]+\.[0-9]+)(?:[ ),\];]|$)"
)
_OTHER = re.compile(  # a label before "version" that says it is of something else
    r"(?:h/?w|hardware|boot|bootrom|boot ?loader|bootldr|rom|prom|bios|kernel|loader|snmp|upnp|http|mib|java|php|openssl"
    r"|perl|python|protocol|uboot|u-boot|cpld|fpga|diag|eeprom|driver|linux|nic|net|iot|copyright|©|\(c\)|tls|ssl|api|gui)"
    r"[\s:/_-]*(?:version|ver|rev)?[\s:.]*$",
    re.IGNORECASE,
)
_SERIAL = compiled(
    r"(?i)\b(?:s/n|sn|serial(?: ?(?:number|no|#))?)\.?[ :=#-]{1,3}(?P<v>[A-Z0-9][A-Z0-9-]{4,24}[A-Z0-9])\b"
)
_COMPANY = re.compile(
    r"^(?:[\s,.]*\b(?:inc|corp|corporation|co|ltd|llc|gmbh|ag|systems|networks|technologies|technology|company"
    r"|limited|international|communications|electronics|computer|corp|semiconductor|broadband|wireless)\b\.?)*[\s,:;.!|>-]*",
    re.IGNORECASE,
)
_MODEL_END = re.compile(
    r"[,;:(\[\n<>|#\"']| [-–] | / |--|\s(?=[vV]\.?\s?\d+\.|\d+\.\d+\.\d|[rR]ev\b|\d{1,2}[-/]\w{2,3}[-/]\d)"
    r"|\b(?:version|ver|rev|release|firmware|software|s/w|f/w|sw|fw|hw|h/w|hardware|running|agent|built|build|copyright|login"
    r"|ftp|telnet|server ready|ready|serial|sn|s/n|kernel|eeprom|with|for|is|in|at|on|mac|certificate|webconfigurator"
    r"|compiled|all rights|password|user|administration|console|web)\b",
    re.IGNORECASE,
)
_MOST_MODEL = 40
_MOST_MODEL_WORDS = 5
_MODEL = re.compile(r"[A-Za-z0-9][\w ./+\-!&*]*")
_FIRST_WORDS = 3  # where a maker's bare name counts
_SYSTEM = re.compile(r"^(?:Linux|Windows|Hardware: |SunOS|FreeBSD|NetBSD|OpenBSD|Darwin|HP-UX|AIX|VMware)\b")
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
    r"^(?:[ /(,:\[_-]|(?i:version|vers|ver|release|rel|rev|firmware|software|server|service|smtp|esmtp|ftpd|ftp|pop3|imap|receiver|agent|pro|mail|edition|build|v)\b\.?|[vVrRpP](?=\b|[0-9])){0,9}"
    rf"(?P<v>{_VERSION})".replace(r"(?=\b|[0-9])", "")
)
_TOKEN = compiled(
    rf"^(?P<product>[A-Za-z][A-Za-z0-9_.+-]*(?: [A-Za-z][A-Za-z0-9_.+-]*){{0,2}})/[vV]?(?P<v>{_VERSION})"
)
_NO_PRODUCT = frozenset(
    (
        "http",
        "upnp",
        "linux",
        "unix",
        "server",
        "httpd",
        "http server",
        "web server",
        "mozilla",
        "dlnadoc",
        "win32",
        "sip",
    )
)


def read(channel: str, text: str) -> Iterator[tuple[str, Said]]:
    """Give what the wording of a text on a channel says: the reading's name and fields."""
    for name, reading in _READINGS.get(channel, ()):
        said = {key: value for key, value in (reading(text) or {}).items() if value}
        if said:
            yield name, said


def description(text: str) -> Said | None:
    """Read a description: whose device, which model, which version, which serial number."""
    if _SYSTEM.match(text):
        return None
    maker = _maker(text)
    if maker is None:
        return None
    said = _device(text, maker)
    version = version_in(text)
    if version and version != said.get("model"):
        said["firmware_version"] = version
    serial = _SERIAL.search(text)
    if serial and any(char.isdigit() for char in serial["v"]):
        said["serial"] = serial["v"]
    return said


def _maker(text: str) -> Found | None:
    """The first name of a maker that stands where a device names itself, or the first product line."""
    for found in names.find(names.makers(), text):
        if found.name.line or found.word < _FIRST_WORDS:
            return found
    return None


def _device(text: str, found: Found) -> Said:
    begin = (
        found.begin if found.name.line or ("*" in found.name.text and "-" in found.name.text) else found.end
    )
    model = _model(text[begin:])
    return {"maker": found.name.maker or "", "device_class": found.name.kind or "", "model": model}


def _model(text: str) -> str:
    rest = text[_COMPANY.match(text).end() :]  # type: ignore[union-attr]
    end = _MODEL_END.search(rest)
    found = _MODEL.match(rest[: end.start()] if end else rest)
    words = found[0].split()[:_MOST_MODEL_WORDS] if found else []
    model = " ".join(words).strip(" .-/")
    return model if 1 < len(model) <= _MOST_MODEL and any(c.isalnum() for c in model) else ""


def version_in(text: str) -> str:
    """Give the version that a label names, "" where none or only another part's is named."""
    for pattern in _LABELLED:
        for found in pattern.finditer(text[:1000]):
            if not _OTHER.search(found["before"]) and _is_version(found["v"]):
                return str(found["v"])
    bare = [found["v"] for found in _BARE.finditer(text[:300]) if not _OTHER.search(found["before"])]
    return bare[0] if len(set(bare)) == 1 and _is_version(bare[0]) else ""


def _is_version(value: str) -> bool:
    """Tell a version from a year, an address or a date."""
    numbers = value.split(".")
    address = len(numbers) == 4 and all(n.isdigit() and len(n) < 4 for n in numbers) and int(numbers[0]) > 9
    year = value.isdigit() and len(value) == 4 and value[:2] in ("19", "20")
    return not (year or (address and int(numbers[0]) >= 100))


def tokens(text: str) -> Said | None:
    """Read product tokens (RFC 9110 Server, RFC 3261 User-Agent): the first known software and its version."""
    all_found = list(names.find(names.software(), text))
    found = next((one for one in all_found if one.name.product == "HTTPD"), next(iter(all_found), None))
    said = _software(text, found) if found else {}
    system = _IN_BRACKETS.search(text)
    if system:
        said["os"] = _DISTRIBUTIONS[system["v"].lower()]
    if said.get("product"):
        line = next((one for one in names.find(names.makers(), text) if one.name.line), None)
        return said | ({"maker": line.name.maker or "", "device_class": line.name.kind or ""} if line else {})
    if device := _maker(text):
        return said | _device(text, device) | _token(text) | {"maker": device.name.maker or ""}
    return said | _token(text)


def _token(text: str) -> Said:
    found = _TOKEN.search(text)
    if not found or found["product"].lower() in _NO_PRODUCT:
        return {}
    return {"product": found["product"], "version": found["v"]}


def _software(text: str, found: Found) -> Said:
    name = found.name
    after = _AFTER.search(text[found.end :])
    version = (
        after["v"] if after and _is_version(after["v"]) and _tells(text[found.end :], after["v"]) else ""
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
    return _software(text, found) if found else description(text)


def title(text: str) -> Said | None:
    """Read a short text that names a page, a realm or a certificate: software by name, otherwise a device."""
    found = next(names.find(names.software(), text), None)
    if found:
        return _software(text, found)
    maker = _maker(text)
    if maker is None:
        return None
    said = _device(text, maker)
    version = version_in(text)
    return said | ({"firmware_version": version} if version else {})


def realm(text: str) -> Said | None:
    """Read the realm of a WWW-Authenticate value."""
    found = re.search(r'realm="?([^"]{1,120})', text)
    return title(found[1]) if found else None


def certificate(text: str) -> Said | None:
    """Read a distinguished name: software or maker in any attribute, the model from the common name."""
    plain = text.replace("\\,", ",")
    parts = [part.partition("=") for part in re.split(r"(?<!\\),|\+", text)]
    software = next(names.find(names.software(), plain), None)
    if software:
        return _software("", software)
    by_key = {key.strip().upper(): value.replace("\\,", ",") for key, _, value in reversed(parts)}
    for key in ("O", "OU", "CN"):
        maker = _maker(by_key.get(key, ""))
        if maker:
            said = _device(by_key[key], maker)
            unit = by_key.get("OU" if key == "O" else "CN", "")
            if key == "O" or not said["model"]:
                said["model"] = _product_of(unit)
            return said
    return None


def _product_of(unit: str) -> str:
    model = _model(unit)
    return (
        ""
        if re.search(
            r"(?i)^(?:it|support|engineering|r&d|division|products?|certificate|none|dept|default)\b", model
        )
        else model
    )


def cookie(text: str) -> Said | None:
    """Read a cookie by its name."""
    name = text.partition("=")[0].removeprefix("Set-Cookie:").strip()
    found = next(names.find(names.software(), name), None)
    return (
        {"vendor": found.name.vendor or "", "product": found.name.product or "", "os": found.name.os or ""}
        if found and found.word == 0
        else None
    )


_Reading = Callable[[str], Said | None]
_READINGS: dict[str, tuple[tuple[str, _Reading], ...]] = {
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
