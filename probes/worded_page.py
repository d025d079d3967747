# SPDX-License-Identifier: Apache-2.0
"""Reads the names of pages, realms, certificates and cookies: software, a device, or nothing that serves them. Pure."""

import functools
import re

from probes import names
from probes.names import Found
from probes.worded_device import NO_MODEL, Said, device_said, maker_in, model_in
from probes.worded_software import labelled_too, software_said
from probes.worded_version import version_in

_SHORT = 100  # characters of a name that is remembered
_AUTHORITY = re.compile(
    r"\b(?:Server CA|Trust (?:Services|Network)|Class [123]\b|(?:Certification|Certificate) Authority|Incorp\.? ?by Ref"
    r"|Validation|(?:Public|Primary|Global) (?:Root|CA)|Root CA|RSA TLS|Secure Site|Code Signing)",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(
    r"(?i)\b(?:hospital|clinic|medical cent(?:er|re)|dental|health insurance|life insurance|leasing|university|school|pharmacy|foundation"
    r"|association|society|survey)\b|病院|医院|診療所|クリニック|薬局|大学|医療センター|学会"
)
_PROSE = re.compile(  # a sentence goes on in small letters; what names a device, with a capital, a digit or its sort
    r" (?!(?:web|router|switch|printer|camera|network|wireless|device|access|login|log|sign|admin|administration|configuration|config"
    r"|gateway|server|management|manager|setup|utility|interface|page|home|nas|ip|vpn|portal|control|user|system|x\d|e-|i-)\b)[a-z]{2,}"
)
_AROUND = re.compile(
    r"(?i)(?:[\s:|/,.()\[\]!«»·–-]|v?\d[\w.+-]*|welcome to|log ?in|log ?on|sign ?in|to|web|ui|webui|console|admin|administration|dashboard"
    r"|home|server|apache|page|your|account|default|user interface|master|at|status|management|manager|login page)*"
)
_DEPARTMENT = re.compile(
    r"(?i)\b(?:department|dept|division|engineering|support|security|networks?|it|systems)\b"
)
_ALONE = re.compile(r"[A-Za-z]{1,4}-?\d{2,4}[A-Za-z]{0,2}")
_HOST_NAME = re.compile(r"(?:\*|www)\.(?:[a-z0-9-]+\.)+[a-z]{2,}$", re.IGNORECASE)


def title(text: str, *, alone: bool = False) -> Said | None:
    """Read a short text that names a page, a realm or a certificate: software by name, otherwise a device."""
    if _ORGANISATION.search(text):
        return None  # whose page it is, not what serves it
    found = _software_named(text, alone=alone)
    if found:
        return labelled_too(text, found)
    maker = maker_in(text)
    if maker is None or (not maker.name.line and _PROSE.match(text, maker.end)):
        return None
    said = device_said(text, maker)
    named = " ".join(said.get(key, "") for key in ("product", "model"))
    if not maker.name.line and not _is_model(named, first=maker.word == 0):
        said = {key: value for key, value in said.items() if key not in ("model", "product")}
    version = version_in(text)
    return said | ({"firmware_version": version} if version else {})


def _software_named(text: str, *, alone: bool = False) -> Found | None:
    """Software by name; a word of the language only with its version or a program's words, if not `alone`."""
    for found in names.find(names.software(), text):
        rest = text[: found.begin] + text[found.end :]
        if not found.name.ordinary or ((alone or rest.strip()) and _AROUND.fullmatch(rest)):
            return found
    return None


def realm(text: str) -> Said | None:
    """Read the realm of a WWW-Authenticate value."""
    found = re.search(r'realm="?([^"]{1,120})', text)
    return title(found[1], alone=True) if found else None


def _is_model(text: str, *, first: bool) -> bool:
    """Tell a model from the words of a page and from a serial number; right behind its maker words may name it."""
    return bool(first or re.search(r"\d", text)) and not re.search(r"\d{5}", text)


def certificate(text: str) -> Said | None:
    """Read a distinguished name: software or maker in any attribute, the model from the common name."""
    plain = text.replace("\\,", ",")
    parts = [part.partition("=") for part in re.split(r"(?<!\\),|\+", text)]
    if _ORGANISATION.search(plain):
        return None
    software = _software_named(plain)
    if software:
        return software_said("", software)
    by_key = {key.strip().upper(): value.replace("\\,", ",") for key, _, value in reversed(parts)}
    if _AUTHORITY.search(plain) or _HOST_NAME.match(by_key.get("CN", "")):
        return None  # whoever certifies, or whom the name on the Internet belongs to, made no device
    for key in ("O", "OU", "CN"):
        maker = maker_in(by_key.get(key, ""))
        if maker:
            said = device_said(by_key[key], maker)
            unit = by_key.get("OU" if key == "O" else "CN", "")
            if key == "O" or not said.get("model"):
                said["model"] = _product_of(unit) or _model_alone(by_key.get("CN", ""))
            line = maker.name.line or key != "O"
            kept = {name: value for name, value in said.items() if name != "product" or line}
            return kept | ({} if kept["model"] else _own_unit(unit, maker))
    return None


def _own_unit(unit: str, maker: Found) -> Said:
    """A unit that begins with the maker's own name goes on with the product's."""
    found = maker_in(unit)
    if found is None or found.word or found.name.line or found.name.maker != maker.name.maker:
        return {}
    product = model_in(unit[found.end :])
    return {} if NO_MODEL.search(product) or _DEPARTMENT.search(product) else {"product": product}


def _model_alone(name: str) -> str:
    """A common name that is nothing but a model: R190V, an80i."""
    return name if _ALONE.fullmatch(name) else ""


def _product_of(unit: str) -> str:
    """The unit of a certificate names a product only when it looks like a model, not like a department or a serial."""
    model = model_in(unit)
    return model if re.search(r"\d", model) and not re.search(r"\d{6}|[0-9A-Fa-f]{8}", model) else ""


def cookie(text: str) -> Said | None:
    """Read a cookie by its name."""
    name = text.partition("=")[0].removeprefix("Set-Cookie:").strip()
    return _cookie(name) if len(name) <= _SHORT else _cookie.__wrapped__(name)


@functools.lru_cache(maxsize=1024)
def _cookie(name: str) -> Said | None:
    found = next(names.find(names.software(), name), None)
    return (
        {"vendor": found.name.vendor or "", "product": found.name.product or "", "os": found.name.os or ""}
        if found and found.word == 0
        else None
    )


def forget_cookies() -> None:
    """Forget which cookies were looked up, for a measurement that changes the names."""
    _cookie.cache_clear()
