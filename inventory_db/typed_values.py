# SPDX-License-Identifier: Apache-2.0
"""What a person typed into a cell, read as addresses, names and days. Pure; never raises.

People write addresses in full-width digits, several in one cell, days in Japanese eras. The text
itself is kept wherever people read it; these values serve to compare.
"""

import ipaddress
import re
import unicodedata
from datetime import date, timedelta

_NOTHING = {
    "",
    "-",
    "--",
    "―",
    "ー",
    "‐",
    "−",
    "/",
    "なし",
    "無し",
    "無",
    "不明",
    "未定",
    "未確認",
    "n/a",
    "na",
    "none",
    "?",
    "該当なし",
}
_LONGEST = 16  # characters of what says nothing, blanks around it included
_LATER = {
    "要確認",
    "確認中",
    "確認待ち",
    "調査中",
    "未調査",
    "未記入",
    "未入力",
    "未設定",
    "空欄",
    "あとで",
    "後で",
    "tbd",
    "tba",
    "xxx",
    "特になし",
    "無記入",
}
_FILLERS = "\u115f\u1160\u3164\uffa0"  # letters that cannot be seen
_BETWEEN = re.compile(r"[\s、,;;|&・()\[\]「」]+|(?<=[0-9a-fA-F])\s*/\s*(?=\d{1,3}\.\d)")
_ZEROS = re.compile(r"^\d{1,3}(\.\d{1,3}){3}$")
_COMMAS = re.compile(r"^\d{1,3}(,\d{1,3}){3}$")
_MAC = re.compile(
    r"(?<![0-9a-f])(?:[0-9a-f]{2}([:\-. ]?)[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}|[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?![0-9a-f])"
)
_ERAS = {
    "明治": (1867, 45),
    "大正": (1911, 15),
    "昭和": (1925, 64),
    "平成": (1988, 31),
    "令和": (2018, 99),
}  # year before the first, last year
_ERA_LETTERS = {"m": "明治", "t": "大正", "s": "昭和", "h": "平成", "r": "令和"}
_ERA_DAY = re.compile(
    r"(明治|大正|昭和|平成|令和|[mtshr])\.?\s*(元|\d{1,2})\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})\s*日?"
)
_DAY = re.compile(r"(\d{4})\s*[年./\-]\s*(\d{1,2})\s*[月./\-]\s*(\d{1,2})\s*日?")
_COMPACT = re.compile(r"(19|20)(\d{2})(\d{2})(\d{2})")
_BEHIND_DAY = re.compile(r"(\s*\([日月火水木金土]\))?([t\s]*\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?")
_EXCEL_EPOCH = date(1899, 12, 30)  # day 0, with the leap day of 1900 that never was
_SERIALS = range(18_000, 80_000)  # 1949 to 2119


def folded(text: str) -> str:
    """Give the text for comparing: NFKC, lower case, one blank for many."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return " ".join(plain.casefold().split())


def is_nothing(text: str) -> bool:
    """Say whether the cell only says that nothing is there: -, なし, 不明 …"""
    return len(text) < _LONGEST and folded(text) in _NOTHING


def is_no_answer(text: str) -> bool:
    """Say whether a person's words hold no answer: nothing, nothing readable (…, ?), or a promise (要確認, TBD)."""
    plain = folded(text)
    return is_nothing(text) or plain in _LATER or not any(c.isalnum() and c not in _FILLERS for c in plain)


def ips_in(text: str) -> tuple[list[str], str]:
    """Give the IP addresses in their normal form, and what could not be read as one."""
    plain = folded(text)
    if alone := _plain_ip(plain):
        return [alone], ""
    plain = re.sub(r"(?<=\d)。(?=\d)", ".", plain)
    if _COMMAS.match(plain):
        plain = plain.replace(",", ".")
    found: dict[str, None] = {}
    rest = []
    for word in _BETWEEN.split(plain):
        ip = _ip(word)
        if ip:
            found[ip] = None
        elif word and word not in _NOTHING:
            rest.append(word)
    return list(found), " ".join(rest)


def macs_in(text: str) -> tuple[list[str], str]:
    """Give the MAC addresses as aa:bb:cc:dd:ee:ff, and what could not be read as one."""
    plain = folded(text)
    found = [re.sub(r"[^0-9a-f]", "", match.group()) for match in _MAC.finditer(plain)]
    rest = "" if is_nothing(plain) else " ".join(_BETWEEN.split(_MAC.sub(" ", plain))).strip()
    return list(dict.fromkeys(":".join(re.findall("..", mac)) for mac in found)), rest


def names_in(text: str) -> list[str]:
    """Give the computer names for comparing: each as a whole, and without its domain."""
    found: dict[str, None] = {}
    for word in re.split(r"[\s、,;]+", folded(text)):
        if word and word not in _NOTHING and not _ip(word):
            found[word] = None
            found[word.partition(".")[0]] = None
    return [name for name in found if name]


def day_in(text: str, *, serials: bool = False) -> date | None:
    """Give the day that the cell says; None for another text, a month alone or a two-digit western year.

    With `serials`, a bare number is Excel's count of days since 1899-12-30.
    """
    plain = folded(text)
    if serials and re.fullmatch(r"\d{5}(\.\d+)?", plain) and int(float(plain)) in _SERIALS:
        return _EXCEL_EPOCH + timedelta(days=int(float(plain)))
    for pattern, year_of in ((_ERA_DAY, _era_year), (_DAY, _plain_year), (_COMPACT, _plain_year)):
        match = pattern.match(plain)
        if match and _BEHIND_DAY.fullmatch(plain[match.end() :]):
            return _day(year_of(match), *(int(part) for part in match.groups()[-2:]))
    return None


def form_day(day: date) -> str:
    """Write a day as the form does: 2020/12/1."""
    return f"{day.year}/{day.month}/{day.day}"


def _plain_ip(text: str) -> str:
    """Give an IPv4 address that stands alone, leading zeros taken off; "" for all else."""
    if not _ZEROS.match(text):
        return ""
    parts = [int(part) for part in text.split(".")]
    return ".".join(map(str, parts)) if max(parts) < 256 else ""


def _ip(word: str) -> str | None:
    address, slash, prefix = word.partition("/")
    if slash and not (prefix.isascii() and prefix.isdigit() and int(prefix[:4]) <= 128):
        return None
    if alone := _plain_ip(address):
        return alone
    try:
        return str(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return None


def _era_year(match: re.Match[str]) -> int:
    era = _ERA_LETTERS.get(match[1], match[1])
    before, last = _ERAS[era]
    year = 1 if match[2] == "元" else int(match[2])
    return before + year if 1 <= year <= last else 0


def _plain_year(match: re.Match[str]) -> int:
    parts = match.groups()
    return int(parts[0]) if len(parts) == 3 else int(parts[0] + parts[1])


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
