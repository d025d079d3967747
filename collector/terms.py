# SPDX-License-Identifier: Apache-2.0
"""Which words are explained at the foot of which pages (用語); what they mean stands in the catalogue. Pure."""

_TERMS: dict[str, tuple[str, ...]] = {
    "today": ("observation", "sureness", "verdict", "remote_path", "dual"),
    "ledger": ("ip", "mac", "dual", "remote_path", "forwards", "sureness", "unseen"),
    "diagram": ("network", "gateway", "remote_path", "dual"),
    "changes": ("firmware", "silent", "dual", "remote_path"),
    "findings": ("verdict", "approval", "firmware", "remote_path"),
    "checklist": ("verdict", "evidence", "target_date", "mds"),
    "register": ("remote_path", "vpn", "restriction", "vendor"),
    "dual": ("dual", "forwards", "declared"),
    "vendors": ("vendor", "mds", "remote_path"),
    "documents": ("mds", "bcp", "pack"),
    "releases": ("pack", "release", "signature"),
    "scans": ("agent", "scope", "never", "held_back", "profile"),
    "journal": ("packet", "held_back", "probe"),
    "audit": ("audit", "chain"),
    "vendor": ("remote_path", "restriction", "vpn"),
    "vendor_sheet": ("mds", "target_date"),
    "vendor_documents": ("mds",),
    "same_devices": ("mac", "part", "host_key"),
}


def terms_of(section: str) -> tuple[str, ...]:
    """Give the words that a page of this section explains, in order."""
    return _TERMS.get(section, ())


def every_term() -> frozenset[str]:
    """Give every word that some page explains."""
    return frozenset(word for words in _TERMS.values() for word in words)
