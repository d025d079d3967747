# SPDX-License-Identifier: Apache-2.0
"""The part of a version text that a maker's own advisories name, for comparing. Pure.

The text as the device says it is kept beside it: "v7.2.5,build1517,230606 (GA)" is "7.2.5" in Fortinet's
advisories, "S5720 V200R011C10SPC600" is "V200R011C10SPC600" in Huawei's.
"""

import re

_PATTERNS = {
    "Fortinet": r"(?<![\d.])(\d+\.\d+\.\d+)",
    "Cisco": r"(?<![\d.])(\d+\.\d+\([\w.]+\)\w*|\d+\.\d+(?:\.\d+)*\w*)",
    "Huawei": r"(V\d{3}R\d{3}(?:C\d+)?(?:SPC\w+|SPH\w+)?)",
    "Palo Alto Networks": r"(\d+\.\d+\.\d+(?:-h\d+)?)",
    "Juniper": r"(\d+\.\d+[RXBSF]\d[\w.-]*|\d+\.\d+\.\d+r[\w.]+)",
    "Ivanti": r"(\d+\.\d+R\d[\w.]*)",
    "Check Point": r"(R\d+(?:\.\d+)?)",
    "Synology": r"(\d+(?:\.\d+)+-\d+)",
    "HPE": r"([A-Z]{1,2}\.\d+\.\d+(?:\.\d+)*|\d+(?:\.\d+)+)",
    "Aruba": r"([A-Z]{2}\.\d+\.\d+(?:\.\d+)*|\d+(?:\.\d+)+)",
    "Fujitsu": r"V?(\d+\.\d+)",
}
_COMPILED = {maker: re.compile(pattern, re.ASCII) for maker, pattern in _PATTERNS.items()}
_ANY = re.compile(r"(?<![\d.])(\d+(?:\.\d+)+[A-Za-z]?\d*)", re.ASCII)


def normal_version(maker: str | None, text: str | None) -> str | None:
    """Give the comparable part of a version; None where the text has none."""
    if not text:
        return None
    found = _COMPILED.get(maker or "", _ANY).search(text) or _ANY.search(text)
    return found[1] if found else None
