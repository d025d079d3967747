# SPDX-License-Identifier: Apache-2.0
"""Finds the version in a text by its label, and tells it from hardware, dates and addresses. Pure."""

import re

from probes.patterns import compiled

VERSION = r"(?:[A-Z]{1,3}\.[0-9]{2}\.)?[0-9]+(?:[._][0-9]+)*(?:[A-Za-z0-9.()_+~@-]*[A-Za-z0-9)])?"
_SOFTWARE = r"(?:application software|runtime|software|s/?w|application|appl|app|program|image)"
_FIRMWARE = r"(?:firmware|f/?w|ros|aos)"
_SORT = r"(?:version|vers|ver|revision|rev|release|rel)"
_LABELLED = (
    compiled(
        r"(?P<before>.{0,24})\b(?P<v>V[0-9]{3}R[0-9]{3}[A-Z0-9]*)\b"
    ),  # how Huawei and its like number releases
    *(
        compiled(
            rf"(?i)(?P<before>.{{0,24}})\b{label}[ ,_-]{{0,2}}{_SORT}?\.? ?[:=#]? ?(?:3Com OS |[A-Za-z]{{2,12}}[_,-])?v?\.? ?(?P<v>{VERSION})"
        )
        for label in (_SOFTWARE, _FIRMWARE)
    ),
    compiled(
        rf"(?i)(?P<before>.{{0,24}})\b{_SORT}\.?[ :=]{{0,3}}(?:[A-Za-z]+OS |[A-Za-z]{{2,12}}[_,-])?v?(?P<v>{VERSION})"
    ),
    compiled(  # letters before the numbers, or between them
        rf"(?P<before>.{{0,24}})\b(?i:{_SORT})[ .:=]{{1,3}}(?P<v>[A-Z]{{1,4}}[0-9]+\.[0-9][0-9A-Za-z.]*|[A-Z0-9]{{2,4}}\.[A-Z0-9]{{2,4}}\.[A-Z][0-9]{{2,4}}(?:[a-z][0-9]{{0,2}})?)\b"
    ),
    compiled(rf"(?P<before>.{{0,24}})(?:\b[rR]|(?:\b|[a-z0-9])[vV])\.? ?(?P<v>[0-9]+\.{VERSION})"),
)
_BARE = compiled(
    r"(?P<before>.{0,24}?)(?:^|[ (,\[])(?P<v>(?:[A-Z]{2}\.)?[0-9]+\.[0-9]+\.[0-9]+(?:[._][0-9]+)*(?:[A-Za-z0-9.()_+~@-]*[A-Za-z0-9)])?|[0-9]+\.[0-9]+\.[0-9]+)(?:[ ),\];]|$)"
)
_KERNELS = (  # bought-in systems of embedded devices: their numbers are not the device's
    r"vxworks|nucleus|psos\+?|threadx|ecos|qnx|freertos|rtos|integrity|lynxos|rtems|zephyr|uclinux|busybox|netbsd|openbsd|freebsd"
)
_OTHER = re.compile(  # a label before "version" that says it is of something else
    r"(?:u-?boot [\d.]+ \(|h/?w|hardware|boot|bootr|bootrom|boot ?loader|bootldr|rom|prom|bios|kernel|loader|snmp|upnp|http|mib|java|php|operating system|openssl"
    r"|perl|python|protocol|uboot|u-boot|cpld|fpga|diag|eeprom|driver|linux|nic|net|iot|engine|controller|build|ui|nc|me|ccos|copyright|©|\(c\)|tls|ssl|api|gui)"
    r"[\s:/_-]*(?:version|ver|rev)?[\s:.]*$"
    r"|\b(?:h/?w|hardware)[\s:]+[A-Z0-9][\w-]*[\s:]*v?$"  # hardware with the name of its board
    r"|\bbuild[\s:]*\d+[\s,]*$|(?:^|\s)/(?:[\w.-]+/)*$"  # of a build, of a folder
    rf"|\b(?:{_KERNELS})(?: os)?[\s:/_-]*(?:version|ver|rel|release|v)?[\s:.]*$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{1,2}\.\d{1,2}\.(?:19|20)\d\d\b")
_WORD = re.compile(
    r"\d+-[A-Za-z]{3,}$|[0-9]+[a-f][0-9a-f]*(?<=[0-9a-f]{7})$|\d{4,}[a-z]$"
)  # 8-port, a hash, a build
_QUAD = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")  # two of them in one text are addresses
_PRIVATE = re.compile(r"(?:10\.\d{1,3}|172\.(?:1[6-9]|2\d|3[01])|192\.168)(?:\.\d{1,3}){2}$")
_BUILT = re.compile(  # how the program was built or packed, after its version; stages of a release stay
    r"(?i)-(?!(?:rc|alpha|beta|pre|dev|rel(?!ease)|esv|rpz|sp|snapshot|final|patch|hotfix|bzr|git|ga))[a-z]{2}.*$"
)

_EDITION = re.compile(r"\([A-Za-z]{4,}\)$")


def version_in(text: str) -> str:
    """Give the version that a label names, "" where none or only another part's is named."""
    for pattern in _LABELLED:
        for found in pattern.finditer(text[:1000]):
            if not _OTHER.search(found["before"]) and is_version(whole := _whole(found["v"])):
                return whole
    spaced = text[:300].replace(" ", "  ")  # two in a row share no space
    bare = {_whole(found["v"]) for found in _BARE.finditer(spaced) if not _OTHER.search(found["before"])}
    said = {value for value in bare if not is_address(value)}
    quads = set(_QUAD.findall(text[:300]))
    only = next(iter(said)) if len(said) == 1 else ""
    return only if only and is_version(only) and not (only in quads and len(quads) > 1) else ""


def _whole(value: str) -> str:
    """Cut what follows a bracket that was never opened."""
    value = re.sub(r"\((?:R|C|TM)\).*", "", value)
    half, _, other = value.partition("-")
    value = half if half == other else value
    while value.endswith(")") and value.count(")") > value.count("("):
        value = value[:-1]
    return value


def is_version(value: str) -> bool:
    """Tell a version from a year, an address or a date."""
    numbers = value.split(".")
    address = len(numbers) == 4 and all(n.isdigit() and len(n) < 4 for n in numbers) and int(numbers[0]) > 9
    if value.isdigit() or _DATE.match(value) or _WORD.match(value):
        return False
    return not (address and int(numbers[0]) >= 100)


def is_address(value: str) -> bool:
    """Tell whether what no label calls a version is more likely an address of a private network (RFC 1918)."""
    return bool(_PRIVATE.match(value))


def without_build(version: str) -> str:
    """Leave out how a program was built, and for whom: 1.3.2-notls and 1.3.2(Intl) are 1.3.2.

    A bracket that was never opened ends it.
    """
    version = _EDITION.sub("", _BUILT.sub("", version))
    return version if version.count("(") >= version.count(")") else version.partition(")")[0]
