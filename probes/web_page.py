# SPDX-License-Identifier: Apache-2.0
"""What a web page of a device shows without logging in: title, redirects, marks of a login."""

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Iterable, Iterator

from probes.facts import Fact, FactKind, Sure, fact, printable

_MOST_BODY = 4096  # characters kept as evidence

# Every repetition is bounded: a hostile page costs linear time.
_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,500}?)</title", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r"charset=[\"' ]{0,3}([a-z0-9_-]{2,20})", re.IGNORECASE)
_REFRESH = re.compile(
    r"http-equiv=[\"']?refresh[\"']?[^>]{0,80}?url=[\"' ]{0,2}([^\"'> ]{1,300})", re.IGNORECASE
)
_SCRIPTED = re.compile(
    r"\blocation(?:\.href)?[ ]{0,3}=[ ]{0,3}[\"']([^\"'\n]{1,300})[\"']"
    r"|\blocation\.(?:replace|assign)\([ ]{0,3}[\"']([^\"'\n]{1,300})[\"']",
    re.IGNORECASE,
)
_PASSWORD = re.compile(r"<input[^>]{0,400}?type=[\"' ]{0,2}password", re.IGNORECASE)
_FORM = re.compile(r"<form[^>]{0,300}?action=[\"' ]{0,2}([^\"'> ]{1,200})", re.IGNORECASE)
_LINK = re.compile(r"<link\b([^>]{0,12000})>", re.IGNORECASE)
_INLINE = re.compile(
    r"href=[\"']?data:image/[a-z0-9.+-]{2,30};base64,([A-Za-z0-9+/]{16,11000}={0,2})", re.IGNORECASE
)
_ICO = b"\0\0\1\0"  # the head of an .ico file
_LOGIN_WORD = re.compile(r"log[io]n|sign-?in|\bauth|passw", re.IGNORECASE)
_PORTALS = (  # where SSL-VPN products put their door, as their makers document it
    "/remote/login",
    "/dana-na/",
    "/+CSCOE+/",
    "/global-protect/",
    "/sslvpn",
    "/sra_",
    "/prx/000/",
    "/workplace/access/",
    "/vpn/index.html",
    "/logon/LogonPoint/",
    "/my.policy",
    "/RDWeb/",
)
_ENCODINGS = {
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "cp932": "cp932",
    "euc-jp": "euc_jp",
    "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "iso-8859-1": "cp1252",
    "windows-1252": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5",
    "euc-kr": "euc_kr",
}


def text_of(data: bytes, declared: str) -> str:
    """Decode hostile bytes: as declared if we know the name, else UTF-8, else Windows' Shift_JIS."""
    known = _ENCODINGS.get(declared.lower())
    if known:
        return data.decode(known, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4 or declared.lower() in ("utf-8", "utf8"):  # cut inside a character
            return data.decode("utf-8", "replace")
        return data.decode("cp932", "replace")


def one_line(text: str) -> str:
    """Fold runs of blanks and line ends into one blank; make the rest printable."""
    return printable(" ".join(text.split()))


def read_page(
    body: bytes, content_type: str, redirects: Iterable[str], challenges: Iterable[str]
) -> tuple[Fact, ...]:
    """Read a page and the two headers that go with it.

    Gives HTTP_TITLE, HTTP_FAVICON, HTTP_LOCATION of redirects inside the page, HTTP_LOGIN with each
    reason, REMOTE_PATH, HTTP_BODY; of an icon, only HTTP_FAVICON.
    """
    if icon := icon_hash(body, content_type):
        return (fact(FactKind.HTTP_FAVICON, icon),)
    text = text_of(body, _charset(body, content_type)) if body else ""
    inside = tuple(_redirects(text))
    reasons = tuple(dict.fromkeys(_login_reasons(text, (*redirects, *inside), challenges)))
    return (
        *_titles(text),
        *_icons(text),
        *(fact(FactKind.HTTP_LOCATION, target, Sure.LIKELY) for target in inside),
        *(fact(FactKind.HTTP_LOGIN, reason, Sure.LIKELY) for reason in reasons),
        *_paths(reasons),
        *((fact(FactKind.HTTP_BODY, one_line(text[: 2 * _MOST_BODY])),) if text.strip() else ()),
    )


def icon_hash(body: bytes, content_type: str) -> str:
    """Give the MD5 by which collections know an icon, "" for a body that is none; the body must be whole."""
    is_icon = body.startswith(_ICO) or "icon" in content_type.lower()
    return hashlib.md5(body, usedforsecurity=False).hexdigest() if is_icon and body else ""


def _icons(text: str) -> Iterator[Fact]:
    """Icons that stand in the page itself, so that nothing more need be asked for."""
    for link in _LINK.findall(text)[:8]:
        packed = _INLINE.search(link)
        if packed and "icon" in link[:400].lower():
            try:
                icon = base64.b64decode(packed[1], validate=True)
            except (binascii.Error, ValueError):  # cut, or not base64
                continue
            yield fact(FactKind.HTTP_FAVICON, hashlib.md5(icon, usedforsecurity=False).hexdigest())


def _charset(body: bytes, content_type: str) -> str:
    found = _CHARSET.search(content_type) or _CHARSET.search(body[:2048].decode("latin-1"))
    return found[1] if found else ""


def _titles(text: str) -> Iterator[Fact]:
    found = _TITLE.search(text)
    title = one_line(html.unescape(found[1])) if found else ""
    if title:
        yield fact(FactKind.HTTP_TITLE, title)


def _redirects(text: str) -> Iterator[str]:
    found = _REFRESH.search(text)
    if found:
        yield html.unescape(found[1])
    scripted = _SCRIPTED.search(text)
    if scripted:
        yield scripted[1] or scripted[2]


def _login_reasons(text: str, targets: Iterable[str], challenges: Iterable[str]) -> Iterator[str]:
    for challenge in challenges:
        yield f"WWW-Authenticate {challenge.split(' ')[0]}"
    for target in targets:
        portal = _portal(target)
        if portal:
            yield f"portal path {portal}"
        elif _LOGIN_WORD.search(target):
            yield f"redirect to {target[:100]}"
    if _PASSWORD.search(text):
        yield "password input"
    for action in _FORM.findall(text)[:8]:
        portal = _portal(action)
        if portal:
            yield f"portal path {portal}"
        elif _LOGIN_WORD.search(action):
            yield f"form action {action[:100]}"


def _portal(target: str) -> str:
    return next((path for path in _PORTALS if path.lower() in target.lower()), "")


def _paths(reasons: tuple[str, ...]) -> tuple[Fact, ...]:
    if any(reason.startswith("portal path") for reason in reasons):
        return (fact(FactKind.REMOTE_PATH, "ssl_vpn", Sure.LIKELY),)
    return (fact(FactKind.REMOTE_PATH, "web_admin", Sure.LIKELY),) if reasons else ()
