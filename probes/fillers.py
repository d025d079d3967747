# SPDX-License-Identifier: Apache-2.0
"""Values that say nothing: N/A, zeros, masks, runs of digits, bytes of a memory dump. Pure.

What a maker's factory, a BIOS or a careful contributor left where a serial number or a version belongs is known
by its form, never by a list of samples.
"""

import re

_NOTHING = re.compile(
    r"(?i)^(?:n\.?/?a\.?|none|null|nil|unknown(?: \(.*\))?|unavailable|undefined|default string|private|redacted"
    r"|not (?:available|applicable|specified|set|present|configured|supported)|to be filled.*"
    r"|no serial.*|serial ?(?:number|#).*|[\s0._\-?*#xX]*|<.*>|\(.*unknown.*\))$"
)
_ZEROS = re.compile(r"^[vV]?[\s0._-]*$")
_LABEL = re.compile(r"[:=]\s")  # another thing's name inside the value
_PLACE = re.compile(r"\.[A-Za-z]{2,}$|^\d{1,3}(?:\.\d{1,3}){3}$")  # a path of the system's, an address
_NO_TEXT = "\ufffd"  # what stood there was no character
_NOT_COUNTED = re.compile(r"[^0-9A-Z]")
_DIGITS = "0123456789" * 2
_LEAST_SERIAL, _MOST_SERIAL = 3, 64
_LEAST_RUN = 6  # characters in which a repetition is no chance
_LEAST_MASK = 8  # characters in which two different ones are a mask: AAA0A00000


def meaning(text: str) -> str:
    """Give the text in one line, "" if it is only a filler such as N/A, none or zeros, or no text at all."""
    value = " ".join(text.split())
    return "" if _NO_TEXT in value or _NOTHING.match(value) else value


def is_serial(value: str) -> bool:
    """Tell whether a value can be a serial number at all."""
    if not (value.isascii() and value.isprintable() and _LEAST_SERIAL <= len(value) <= _MOST_SERIAL):
        return False
    if not any(char.isdigit() for char in value) or _LABEL.search(value) or _PLACE.search(value):
        return False
    return bool(meaning(value)) and not _is_pattern(_NOT_COUNTED.sub("", value.upper()))


def _is_pattern(value: str) -> bool:
    """Tell whether it is one or two characters over and over, a mask, or a run such as 0123456789."""
    if len(value) < _LEAST_RUN:
        return False
    repeated = value == (value[:2] * len(value))[: len(value)]
    masked = len(value) >= _LEAST_MASK and len(set(value)) <= 2
    return repeated or masked or value in _DIGITS or value in _DIGITS[::-1]


def is_version(value: str) -> bool:
    """Tell whether a value can be a version at all: it is text, and not all its numbers are zero."""
    run = value.isdecimal() and _is_pattern(value)
    return value.isprintable() and _NO_TEXT not in value and not _ZEROS.match(value) and not run


def is_name(value: str) -> bool:
    """Tell whether a value can be the name of one box, and is not what every system calls itself."""
    return value.casefold() not in {"system", "kernel"}


FORMS = {
    "name": is_name,
    "serial": is_serial,
    "version": is_version,
    "firmware_version": is_version,
    "os_version": is_version,
}
