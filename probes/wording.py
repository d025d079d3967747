# SPDX-License-Identifier: Apache-2.0
"""Reads texts by how makers word them: a known name, then a model, then a labelled version. Pure.

It knows names (`names.py`) and the grammar of such texts, not products, so it also reads products that
nobody described to us. What it says is likely at best; the rows of `recognised/*.yaml` come first.
"""

import re
from collections.abc import Callable, Iterator

from probes import names
from probes.facts import Sure
from probes.names import Found
from probes.patterns import compiled
from probes.structured import system as system_of
from probes.systems import system_maker
from probes.worded_version import VERSION, is_version, version_in, without_build

Said = dict[str, str]

_SERIAL = compiled(
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
    r"[,;:(\[\n<>|#\"']|(?<=\d)(?=v\d+\.\d)|-(?=\d+\.\d)| [-–] | / |--|\s(?=[vV]\.?\s?\d+\.|[A-Z]{2}\.\d\d\.\d|\d+\.\d+\.\d|[rR]ev\b|\d{1,2}[-/]\w{2,3}[-/]\d)"
    r"|\b(?:version|ver|rev|release|firmware|software|s/w|f/w|sw|fw|hw|h/w|hardware|running|agent|built|build|copyright|login"
    r"|ftp|telnet|server ready|ready|serial|sn|s/n|kernel|eeprom|with|for|is|in|at|on|mac|certificate|webconfigurator"
    r"|compiled|all rights|password|user|administration|console|web)\b",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"(?i)\b(?:operating system|agent|os|ios|platform|shell|service|authenticated|http server|self signed|installer|diagnostics|management|webui|certificate)$"
    r"|^(?:ios|os|snmp|series|typ)\b"
)
_PROCESSOR = re.compile(
    r"(?i)[\s(]*(?:\(r\)\s*)?(?:x86|i[3-6]86|powerpc|xeon|pentium|core|atom|itanium|celeron|cpu|processor)\b"
)
_MOST_MODEL = 48
_MOST_MODEL_WORDS = 5
_MODEL = re.compile(r"[A-Za-z0-9][\w ./+\-!&*]*")
_FIRST_WORDS = 3  # where a maker's bare name counts
_SYSTEM = re.compile(r"^(?:Linux|Windows|Hardware: |SunOS|FreeBSD|NetBSD|OpenBSD|Darwin|HP-UX|AIX|VMware)\b")
_COPYRIGHT = re.compile(r"(?i)(?:\(c\)|copyright)(?:[\s,\d-]|\(c\)|copyright|by\b)*")
_RECORD = re.compile(r"(?i)mfg[=:]")  # IEEE 1284 names its parts by keys, not by grammar
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
    r"^(?:[ /(,:\[_-]|\(https?://[^) ]{1,80}\)|(?i:version|vers|ver|release|rel|embedded|http|rev|firmware|software|server|service|smtp|esmtp|ftpd|ftp|pop3|imap|receiver|agent|pro|mail|edition|build|v)\b\.?|[vVpP](?=\b|[0-9])){0,9}"
    rf"E?(?P<v>R?{VERSION})".replace(r"(?=\b|[0-9])", "")
)
_TRAILING = compiled(rf"[A-Za-z0-9)][ /-](?:[sS][wW] ?)?[vV]?(?P<v>[0-9]+\.[0-9]+\.{VERSION})")
_BASES = ("HTTPD",)
_TOKEN = compiled(
    rf"(?:^|[ ,;(])(?P<product>[A-Za-z][A-Za-z0-9_.+-]*(?: [A-Z][A-Za-z0-9_.+-]*){{0,2}})/[vVE]?(?P<v>R?{VERSION})"
)
_NO_PRODUCT = frozenset(
    (
        "http", "upnp", "linux", "unix", "server", "httpd", "http server", "web server", "mozilla", "dlnadoc", "win32", "sip",
        "unknown", "ipos", "linux upnp", "python", "java", "php", "perl", "openssl", "os", "device", "stunnel", "webaccess", "mikrotik upnp", "oracle", "windows", "isos", "nucleus",
    )
)  # fmt: skip


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


def description(text: str) -> Said | None:
    """Read a description: whose device, which model, which version, which serial number."""
    if _SYSTEM.match(text) or _RECORD.match(text):
        return None
    maker = _maker(text)
    said = _device(text, maker) if maker else {}
    if labelled := _LABELLED_MODEL.search(text):
        said = said | {"model": labelled["v"].strip()}
    version = version_in(text)
    if version and version != said.get("model", ""):
        said["firmware_version"] = version
    if maker is None and (owner := _owner(text)):
        model = _model(text)
        kind = "model" if any(char.isdigit() for char in model) else "product"
        return {kind: model, "maker": owner.name.maker or "", "device_class": owner.name.kind or ""} | said
    if maker is None:
        return said or None
    serial = _SERIAL.search(text)
    if serial and any(char.isdigit() for char in serial["v"]):
        said["serial"] = serial["v"]
    return said


def _maker(text: str) -> Found | None:
    """The first name of a maker that stands where a device names itself, or the first product line."""
    for found in names.find(names.makers(), text):
        if (found.name.line or found.word < _FIRST_WORDS) and not _PROCESSOR.match(text, found.end):
            return found  # whoever made the processor made no device
    return None


def _owner(text: str) -> Found | None:
    """The maker who claims the copyright, where nobody else is named."""
    claim = _COPYRIGHT.search(text)
    found = next(names.find(names.makers(), text[claim.end() :]), None) if claim else None
    return found if found and found.word == 0 else None


def _device(text: str, found: Found) -> Said:
    begin = (
        found.begin if found.name.line or ("*" in found.name.text and "-" in found.name.text) else found.end
    )
    model = _model(text[begin:])
    said = {"maker": found.name.maker or "", "device_class": found.name.kind or ""}
    if _NO_MODEL.search(model):
        return said
    return said | {"model" if any(char.isdigit() for char in model) else "product": model}


def _model(text: str) -> str:
    rest = text[_COMPANY.match(text).end() :]  # type: ignore[union-attr]
    end = _MODEL_END.search(rest)
    found = _MODEL.match(rest[: end.start()] if end else rest)
    words = found[0].split()[:_MOST_MODEL_WORDS] if found else []
    model = " ".join(words).strip(" .-/")
    return model if 1 < len(model) <= _MOST_MODEL and any(c.isalnum() for c in model) else ""


def tokens(text: str) -> Said | None:
    """Read product tokens (RFC 9110 Server, RFC 3261 User-Agent, UPnP 1.0 SERVER)."""
    said: Said = system_of(text.partition(" ")[0].partition(",")[0]) if "UPnP/" in text else {}
    if system := _IN_BRACKETS.search(text):
        said["os"] = _DISTRIBUTIONS[system["v"].lower()]
    if software := _best_software(text):
        lines = (one for one in names.find(names.makers(), text) if one.name.line)
        line = next((one for one in lines if not system_maker(one.name.text)), None)
        device = {"maker": line.name.maker or "", "device_class": line.name.kind or ""} if line else {}
        return _software(text, software) | said | device
    token = _token(text)
    device_name = _speaker(text)
    if device_name:
        said |= _device(text, device_name)
        if "version" not in token and (labelled := version_in(text)):
            said["firmware_version"] = labelled
        elif "version" not in token and (trailing := _TRAILING.search(text)) and is_version(trailing["v"]):
            said["firmware_version"] = trailing["v"]
        if serial := _SERIAL.search(text):
            said["serial"] = serial["v"]
    return said | token


def _best_software(text: str) -> Found | None:
    """The web server that a bundle is built on, where both are named; otherwise the first."""
    found = list(names.find(names.software(), text))
    return next((one for one in found if one.name.product in _BASES), next(iter(found), None))


def _speaker(text: str) -> Found | None:
    """The maker that a token names, or that stands at the beginning."""
    for found in names.find(names.makers(), text):
        if found.name.line or found.word < _FIRST_WORDS or text[found.end : found.end + 1] == "/":
            return found
    return None


def _token(text: str) -> Said:
    """The first token that is no system and no protocol; in UPnP's header the one after it."""
    start = text.find("UPnP/")
    for found in _TOKEN.finditer(text[start + 8 :] if start >= 0 else text):
        product = str(found["product"])
        if product.lower() not in _NO_PRODUCT:
            return {"product": product, "version": without_build(str(found["v"]))}
    return {}


def _software(text: str, found: Found) -> Said:
    name, rest = found.name, text[found.end :]
    if name.text.endswith("*") and not rest.startswith(
        "/"
    ):  # what follows the name inside its word may be the version
        rest = text[found.begin + len(name.text) - 1 :]
    after = _AFTER.search(rest)
    slash = rest.startswith("/")  # a token's version is its version whatever it looks like
    version = (
        without_build(after["v"])
        if after and (slash or is_version(after["v"])) and _tells(rest, after["v"])
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
        return _software(text, found)
    return description(text)


def title(text: str) -> Said | None:
    """Read a short text that names a page, a realm or a certificate: software by name, otherwise a device."""
    found = next(names.find(names.software(), text), None)
    if found:
        return _software(text, found)
    maker = _maker(text)
    if maker is None:
        return None
    said = _device(text, maker)
    named = " ".join(said.get(key, "") for key in ("product", "model"))
    if not maker.name.line and not _is_model(named, first=maker.word == 0):
        said = {key: value for key, value in said.items() if key not in ("model", "product")}
    version = version_in(text)
    return said | ({"firmware_version": version} if version else {})


def realm(text: str) -> Said | None:
    """Read the realm of a WWW-Authenticate value."""
    found = re.search(r'realm="?([^"]{1,120})', text)
    return title(found[1]) if found else None


def _is_model(text: str, *, first: bool) -> bool:
    """Tell a model from the words of a page and from a serial number; right behind its maker words may name it."""
    return bool(first or re.search(r"\d", text)) and not re.search(r"\d{5}", text)


_AUTHORITY = re.compile(
    r"\b(?:Server CA|Trust (?:Services|Network)|Class [123]\b|(?:Certification|Certificate) Authority|Incorp\.? ?by Ref"
    r"|Validation|(?:Public|Primary|Global) (?:Root|CA)|Root CA|RSA TLS|Secure Site|Code Signing)",
    re.IGNORECASE,
)
_HOST_NAME = re.compile(r"(?:\*|www)\.(?:[a-z0-9-]+\.)+[a-z]{2,}$", re.IGNORECASE)


def certificate(text: str) -> Said | None:
    """Read a distinguished name: software or maker in any attribute, the model from the common name."""
    plain = text.replace("\\,", ",")
    parts = [part.partition("=") for part in re.split(r"(?<!\\),|\+", text)]
    software = next(names.find(names.software(), plain), None)
    if software:
        return _software("", software)
    by_key = {key.strip().upper(): value.replace("\\,", ",") for key, _, value in reversed(parts)}
    if _AUTHORITY.search(plain) or _HOST_NAME.match(by_key.get("CN", "")):
        return None  # whoever certifies, or whom the name on the Internet belongs to, made no device
    for key in ("O", "OU", "CN"):
        maker = _maker(by_key.get(key, ""))
        if maker:
            said = _device(by_key[key], maker)
            unit = by_key.get("OU" if key == "O" else "CN", "")
            if key == "O" or not said.get("model"):
                said["model"] = _product_of(unit)
            return {name: value for name, value in said.items() if name != "product" or maker.name.line}
    return None


def _product_of(unit: str) -> str:
    """The unit of a certificate names a product only when it looks like a model, not like a department or a serial."""
    model = _model(unit)
    return model if re.search(r"\d", model) and not re.search(r"\d{6}|[0-9A-Fa-f]{8}", model) else ""


def cookie(text: str) -> Said | None:
    """Read a cookie by its name."""
    name = text.partition("=")[0].removeprefix("Set-Cookie:").strip()
    found = next(names.find(names.software(), name), None)
    return (
        {"vendor": found.name.vendor or "", "product": found.name.product or "", "os": found.name.os or ""}
        if found and found.word == 0
        else None
    )


_SSH = compiled(
    r"^(?:SSH-[0-9.]+-)?(?P<product>[A-Za-z][A-Za-z ]{1,30}?[A-Za-z])[ _./-](?:[vV]\.?)?(?P<v>[0-9]+(?:\.[0-9]+)+[A-Za-z0-9]*)(?:[\s_-]|$)"
)


def ssh_software(text: str) -> Said | None:
    """Read the software's name and version of RFC 4253 4.2; what is known by name says whose it is."""
    found = _SSH.search(text)
    if not found:
        return None
    if next(names.find(names.software(), re.sub(r"[_.-]", " ", text)), None):
        return None  # the rows know it
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
