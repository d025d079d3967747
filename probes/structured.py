# SPDX-License-Identifier: Apache-2.0
"""Reads answers that have a structure of their own: MySQL, NTP, LDAP, Apple's device info, AIX, labelled lists. Pure.

Sources: MySQL client/server protocol (version string), RFC 1305 appendix B (read variables), RFC 4512
(root DSE), Apple's Bonjour device-info record. A reading takes the text as it came and never raises.
"""

import re
from collections.abc import Callable

from probes import names
from probes.patterns import compiled

Said = dict[str, str]

_MYSQL = re.compile(
    r"^(?:5\.5\.5-)?(?P<v>(?P<number>\d{1,2}\.\d{1,2}\.\d{1,3}(?:[a-z](?![a-z]))?)(?:-\d{1,2}(?=\+[a-z]))?)(?P<rest>.{0,200})",
    re.ASCII,
)
_MARIA = re.compile(r"maria|(?<![a-z])mdb", re.IGNORECASE)
_PERCONA = re.compile(r"percona|^-?rel\d\d\.\d|^-\d\d\.\d", re.IGNORECASE)
_RELEASE_OF = re.compile(r"^-?rel\d+\.\d+")
_PROXY = re.compile(r"(?P<v>\d+\.\d+\.\d+)-(?P<name>maxscale)")
_DEB = re.compile(r"\+?~?deb(?P<number>\d{1,2})u\d", re.IGNORECASE)
_UBUNTU = re.compile(r"ubuntu[\d.]*\d\.(?P<v>\d\d\.\d\d)\.|ubuntu", re.IGNORECASE)
_UBUNTU_NAMES = {
    "hardy": "8.04", "lucid": "10.04", "maverick": "10.10", "natty": "11.04", "oneiric": "11.10", "precise": "12.04",
    "quantal": "12.10", "raring": "13.04", "saucy": "13.10", "trusty": "14.04", "utopic": "14.10", "vivid": "15.04",
    "wily": "15.10", "xenial": "16.04", "yakkety": "16.10", "zesty": "17.04", "artful": "17.10", "bionic": "18.04",
    "cosmic": "18.10", "disco": "19.04", "eoan": "19.10", "focal": "20.04", "groovy": "20.10", "hirsute": "21.04",
    "impish": "21.10", "jammy": "22.04", "kinetic": "22.10", "lunar": "23.04", "mantic": "23.10", "noble": "24.04",
    "jaunty": "9.04", "karmic": "9.10", "intrepid": "8.10", "gutsy": "7.10", "feisty": "7.04", "dapper": "6.06",
}  # fmt: skip
_DEBIAN_NAMES = {
    "sarge": "3.1", "etch": "4.0", "lenny": "5.0", "squeeze": "6.0", "wheezy": "7", "jessie": "8", "stretch": "9",
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13",
}  # fmt: skip


def distribution(text: str) -> Said:
    """Give the Linux distribution that the name of a package or release in the text stands for."""
    low = text.lower()
    words = set(re.split(r"[^a-z]+", low))
    for name, version in _UBUNTU_NAMES.items():
        if name in words:
            return {"os": "Ubuntu", "os_version": version}
    if found := _UBUNTU.search(text):
        return {"os": "Ubuntu", "os_version": found["v"] or ""}
    for name, version in _DEBIAN_NAMES.items():
        if any(word.startswith(name) for word in words):
            return {"os": "Debian", "os_version": version}
    if found := _DEB.search(text):
        return {"os": "Debian", "os_version": found["number"]}
    return {"os": "Debian"} if "debian" in low or "dotdeb" in low else {}


def mysql(text: str) -> Said | None:
    """Read the version string of a MySQL server or of one of its relatives."""
    found = _MYSQL.search(text.strip())
    if not found:
        return None
    rest = found["rest"]
    said = {"product": "MySQL", "vendor": "Oracle", "version": found["v"]}
    if cluster := re.match(r"-ndb-\d+\.\d+\.\d+", rest):
        said["version"] = found["number"] + cluster[0]
    if _MARIA.search(rest):
        said = {"product": "MariaDB", "vendor": "MariaDB", "version": found["number"]}
    elif _PERCONA.search(rest):
        release = _RELEASE_OF.match(rest)
        version = found["number"] + (release[0] if release else "")
        said = {"product": "Percona Server", "vendor": "Percona", "version": version}
    if proxy := _PROXY.search(rest):
        said = {"product": "MaxScale", "vendor": "MariaDB", "version": proxy["v"]}
    if re.search(r"(?i)-nt\b|-win", rest):
        said["os"] = "Windows"
    return said | distribution(rest)


_PAIR = compiled(r'(?P<key>[A-Za-z]{2,20})=(?:"(?P<quoted>[^"]{0,200})"|(?P<plain>[^,\n]{0,100}))')
_NTP_VERSION = re.compile(
    r"^(?P<product>ntpd|xntpd|ntpq|chronyd|Domain Time II|\w+)\s+(?:version = )?(?P<v>\d[\w.@+~:-]*)"
)
_SYSTEM = re.compile(r"^(?:UNIX/)?(?P<os>OSF(?=1V)|[A-Za-z_-]+(?:SV)?)(?:1V(?=\d))?/?\s?(?P<v>\d[\w.+-]*)?")
_SYSTEMS = {
    "sunos": "Solaris", "linux": "Linux", "freebsd": "FreeBSD", "netbsd": "NetBSD", "openbsd": "OpenBSD", "darwin": "Mac OS X",
    "windows": "Windows", "microsoft-windows": "Windows", "microsoft-windows-nt": "Windows", "hpux": "HP-UX", "hp-ux": "HP-UX", "aix": "AIX", "vxworks": "VxWorks", "sco_sv": "SCO UNIX", "osf": "OSF/1",
    "irix": "IRIX", "unixware": "UnixWare", "cisco": "Cisco IOS", "junos": "Junos", "qnx": "QNX", "netware": "NetWare", "vmkernel": "ESXi", "cygwin": "Windows",
    "ultrix": "Ultrix", "dragonfly": "DragonFly BSD", "win": "Windows", "openvms": "OpenVMS", "esx": "ESX", "bsd": "BSD/OS",
}  # fmt: skip

_SAME_FOR_ALL = frozenset(("microsoft-windows-nt",))  # Windows 7 and later still send NT/5.1


def ntp(text: str) -> Said | None:
    """Read NTP's variables: the program's version, and the system that it runs on."""
    values = {m["key"].lower(): (m["quoted"] or m["plain"] or "").strip() for m in _PAIR.finditer(text)}
    said: Said = {}
    if program := _NTP_VERSION.search(values.get("version", "")):
        vendor = "Greyware" if program["product"].startswith("Domain Time") else ""
        product = "ntpd" if program["product"].endswith("ntpd") else program["product"]
        said = {"product": "NTP" if product == "ntpd" else product, "vendor": vendor, "version": program["v"]}
    below = system(values.get("system", "")) or _owner_of(values.get("system", ""))
    maker = {"maker": "Apple"} if below.get("os") == "Mac OS X" else {}  # it runs on nobody else's hardware
    return (said | below | maker) or None


def _owner_of(text: str) -> Said:
    """Give the maker that the name of a system begins with, where the system has no name of its own."""
    found = next(names.find(names.makers(), text), None)
    known = found.name if found and found.word == 0 else None
    return {"maker": known.maker or "", "device_class": known.kind or ""} if known else {}


def system(text: str) -> Said:
    """Read the name and release of a system as `uname` writes them."""
    found = _SYSTEM.search(text)
    if not found:
        return {}
    name, release = found["os"].lower().rstrip("-_/"), found["v"] or ""
    known = _SYSTEMS.get(name)
    if known is None:
        return {}
    if name in _SAME_FOR_ALL:
        return {"os": known}
    return {"os": known, "os_version": release_of(known, release)}


def release_of(name: str, release: str) -> str:
    """Give the version that people know a release by: SunOS 5.10 is Solaris 10, Darwin 19 is macOS 10.15."""
    if name == "Solaris" and release.startswith("5."):
        minor = release[2:].partition(".")[0]
        return minor if minor.isdecimal() and int(minor) >= 7 else f"2.{minor}"
    if name == "Mac OS X" and (major := release.partition(".")[0]).isdecimal():
        return _macos(int(major))
    return release


def _macos(darwin: int) -> str:
    if darwin >= 25:
        return str(darwin + 1)
    return str(darwin - 9) if darwin >= 20 else f"10.{darwin - 4}" if darwin >= 4 else ""


_MODEL = re.compile(r"model=(?P<model>[\w.,-]{1,40})")
_OSX = re.compile(r"osxvers=(?P<v>\d{1,2})")
_APPLE = (  # board names and model identifiers of Apple's devices
    (
        re.compile(
            r"^(?:MacBook|iMac|Macmini|MacPro|Mac\d|PowerMac|PowerBook|Xserve|RackMac|VirtualMac|ADP"
            r"|J(?:13[27]|140|152|160|174|180|185|2(?:13|14|15|23|30|74|93)|3(?:13|14|16|75)|4(?:13|14|15|16|33|34|56|57|73|74|75|93)|504|514|516|604|613|614|615|616|623|624|680|7(?:04|13|15|73|80))\w{0,2}AP$)"
        ),
        "Mac OS X",
        "pc",
    ),
    (re.compile(r"^(?:iPhone|Phone\d|M68AP$|D\d{2,3}\w{0,2}AP$)"), "iOS", "phone"),
    (re.compile(r"^(?:AppleTV|J(?:33|42|105|305|255)\w{0,2}AP$|K66AP$)"), "tvOS", "iot"),
    (
        re.compile(
            r"^(?:Watch\d|N(?:27|28|74|75|111|121|131|140|142|144|146|149|157|158|187|188)\w{0,2}AP$)"
        ),
        "watchOS",
        "iot",
    ),
    (re.compile(r"^(?:iPad|iPod|[JKP]\d{2,3}\w{0,2}AP$)"), "iOS", "pc"),
    (re.compile(r"^(?:N\d{2,3}\w{0,2}AP$)"), "iOS", "phone"),
    (re.compile(r"^(?:AudioAccessory|B\d{3}\w{0,2}AP$)"), "audioOS", "iot"),
    (re.compile(r"^(?:AirPort|TimeCapsule)"), "AirPort Base Station Firmware", "network"),
)
_MACS = {"RackMac": "Xserve", "Macmini": "Mac mini", "PowerBook": "PowerBook", "PowerMac": "Power Mac"}


def device_info(text: str) -> Said | None:
    """Read the TXT record of `_device-info`: a model, and the release of macOS."""
    model, release = _MODEL.search(text), _OSX.search(text)
    said: Said = {}
    if model:
        said["model"] = model["model"]
        for pattern, os, device_class in _APPLE:
            if pattern.search(model["model"]):
                said |= {"maker": "Apple", "os": os, "device_class": device_class}
                if model["model"].startswith("TimeCapsule"):
                    said |= {"product": "Time Capsule"}
                break
        else:
            said |= _known_box(model["model"])
    if release:
        said |= {"maker": "Apple", "os": "Mac OS X", "os_version": _macos(int(release["v"]))}
    return said or None


def _known_box(model: str) -> Said:
    name = model.lower()
    if name == "xserve":
        return {"os": "", "model": ""}  # what Samba and Netatalk say so that a Mac shows a server's picture
    if re.match(r"^(?:ds|rs|rc|dx|fs)\d{3,4}", name):
        return {"maker": "Synology", "device_class": "server"}
    return {}


_AIX = compiled(r"(?:AIX|VIOS) version: *0?(?P<major>[0-9])\.0?(?P<minor>[0-9])\.(?P<rest>[0-9.]+)")


def aix(text: str) -> Said | None:
    """Read AIX's description; 05.02.0000.0105 is what everybody calls AIX 5.2."""
    found = _AIX.search(text)
    if not found:
        return None
    vios = "VIOS" in text or "Virtual I/O Server" in text
    version = f"{found['major']}.{found['minor']}"
    return {
        "vendor": "IBM",
        "product": "VIOS" if vios else "AIX",
        "os": "AIX",
        "os_version": version,
        "version": version,
        "device_class": "server",
    }


_DARWIN = compiled(r"Darwin Kernel Version (?P<major>[0-9]{1,2})\.")


def darwin(text: str) -> Said | None:
    """Read the kernel's description of a Mac: its number stands for a release of macOS."""
    found = _DARWIN.search(text)
    version = _macos(int(found["major"])) if found else ""
    return {"maker": "Apple", "os": "Mac OS X", "os_version": version} if version else None


_NETWARE = compiled(r"^Novell NetWare 5\.(?P<line>00\.09|[67]0)(?:\.0?(?P<pack>[0-9]))?\b")
_NETWARE_LINES = {"00.09": "5.1", "60": "6.0", "70": "6.5"}


def netware(text: str) -> Said | None:
    """Read NetWare's description; its server program 5.70.07 is what everybody calls NetWare 6.5 SP7."""
    found = _NETWARE.search(text)
    if not found:
        return None
    release, pack = _NETWARE_LINES[found["line"]], found["pack"]
    version = f"{release} SP{pack}" if pack and pack != "0" else release
    said = {"vendor": "Novell", "product": "NetWare", "version": version, "device_class": "server"}
    return said | {"os": "NetWare", "os_version": version}


_DOCSIS = compiled(r"<<.{0,200}?VENDOR: *(?P<maker>[^;>]{1,60})")
_DOCSIS_PARTS = compiled(r"(?P<key>SW_REV|MODEL|VENDOR): *(?P<value>[^;>]{1,60})")


def docsis(text: str) -> Said | None:
    """Read the description that DOCSIS prescribes for cable modems (CM-SP-OSSI): <<HW_REV: …; SW_REV: …; MODEL: …>>."""
    if not _DOCSIS.search(text):
        return None
    found = {m["key"]: m["value"].strip() for m in _DOCSIS_PARTS.finditer(text)}
    return {
        "maker": found.get("VENDOR", ""),
        "model": found.get("MODEL", ""),
        "firmware_version": found.get("SW_REV", ""),
        "device_class": "network",
    }


_LISTED = compiled(
    r"\b(?P<key>MN|MOD|Mod|SN|AF1|PF|MB|HR|Model|Serial|SW|FW)[:=] ?v?(?P<value>[A-Za-z0-9][A-Za-z0-9._/-]{0,40})"
)


def labelled(text: str) -> Said | None:
    """Read a list in brackets such as APC's: (MB:v… PF:v… AF1:v… MN:AP9630 SN:…)."""
    if "(MB:" not in text and "MN:" not in text and "MOD: " not in text.upper():
        return None
    found = {m["key"]: m["value"] for m in reversed(list(_LISTED.finditer(text)))}
    said = {
        "model": found.get("MN", "") or found.get("MOD", ""),
        "serial": found.get("SN", "") if len(found.get("SN", "")) > 3 else "",
        "firmware_version": found.get("AF1", ""),
    }
    return said if said["model"] or said["firmware_version"] else None


_LDAP = ("vendorname", "vendorversion", "orcldirectoryversion", "vmwplatformservicescontrollerversion", "metaversion",
         "domaincontrollerfunctionality", "ldapservicename", "xserverversion", "forestfunctionality")  # fmt: skip
_LEVELS = {"0": "2000", "2": "2003", "3": "2008", "4": "2008 R2", "5": "2012", "6": "2012 R2", "7": "2016"}
_AD, _LDS = "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1851"


def ldap(text: str) -> Said | None:
    """Read a root DSE: who made the directory, and which version it is."""
    values = {name: value for name in _LDAP if (value := _attribute(text, name))}
    if _AD in text or _LDS in text or "domaincontrollerfunctionality" in values:
        level = _LEVELS.get(values.get("domaincontrollerfunctionality", ""), "")
        system = f"Windows Server {level}" if level else "Windows Server"
        product = (
            "Lightweight Directory Server"
            if _LDS in text
            else "Active Directory Controller"
            if _AD in text
            else system  # which of the two it is, was not said
        )
        return {"vendor": "Microsoft", "product": product, "os": system}
    if version := values.get("orcldirectoryversion", ""):
        sort = {"OID": "Internet Directory Server", "OVD": "Virtual Directory Server"}.get(
            version[:3], "Directory Server"
        )
        return {"vendor": "Oracle", "product": sort, "version": version.partition(" ")[2]}
    if version := values.get("vmwplatformservicescontrollerversion", ""):
        return {"vendor": "VMware", "product": "Platform Services Controller", "version": version}
    if version := values.get("metaversion", ""):
        return {"vendor": "estos", "product": "MetaDirectory Server", "version": version}
    if values.get("ldapservicename", "").startswith("IPVA"):
        return {"maker": "innovaphone", "model": "IPVA", "device_class": "phone"}
    if version := values.get("xserverversion", ""):
        return {"vendor": "Scalix", "product": "LDAP Server", "version": version}
    return _by_vendor(text, values)


_VENDOR_VERSION = re.compile(r"^(?P<product>[A-Za-z][\w .()-]*?)?[/ ]?v?(?:Release )?(?P<v>\d[\w. ()+-]*)?$")


def _by_vendor(text: str, values: Said) -> Said | None:
    said = _VENDOR_VERSION.search(values.get("vendorversion", ""))
    vendor = values.get("vendorname", "")
    vendor = vendor.partition(",")[0]
    if "International Business Machines" in text or vendor.startswith("IBM"):
        product = "Domino LDAP Server" if "Lotus" in vendor else "Security Directory Server"
        return {"vendor": "IBM", "product": product, "version": (said["v"] or "").strip() if said else ""}
    if said and vendor:
        product = re.sub(r"[-_]|\((?:tm|TM)\)", " ", said["product"] or "LDAP Server")
        product = product if "Server" in product or vendor.startswith("Novell") else f"{product} Server"
        return {"vendor": vendor, "product": " ".join(product.split()), "version": (said["v"] or "").strip()}
    if "fn=ContactRoot" in text:
        return {"vendor": "Kerio", "product": "Kerio Connect"}
    return None


def _attribute(text: str, name: str) -> str:
    """First value of an attribute in BER (X.690): 04 length name, 31 length, 04 length value; "" if not there."""
    at = text.lower().find(name)
    if at < 0:
        return ""
    at += len(name)
    if text[at : at + 1] != "1":
        return ""
    _, at = _length(text, at + 1)
    if text[at : at + 1] != "\x04":
        return ""
    length, at = _length(text, at + 1)
    return text[at : at + min(length, 200)]


def _length(text: str, at: int) -> tuple[int, int]:
    """Read a BER length; gives it with the position after it."""
    first = ord(text[at : at + 1] or "\0")
    if first < 0x80 or first > 0x84:
        return first, at + 1
    count = first & 0x7F
    octets = [ord(char) & 0xFF for char in text[at + 1 : at + 1 + count]]
    return int.from_bytes(bytes(octets)), at + 1 + count


Reading = Callable[[str], Said | None]
READINGS: dict[str, tuple[tuple[str, Reading], ...]] = {
    "mysql": (("mysql", mysql),),
    "ntp": (("ntp", ntp),),
    "ldap": (("ldap", ldap),),
    "mdns.device_info": (("device_info", device_info),),
    "snmp.sysDescr": (
        ("aix", aix),
        ("darwin", darwin),
        ("netware", netware),
        ("labelled", labelled),
        ("docsis", docsis),
    ),
}
