# SPDX-License-Identifier: Apache-2.0
"""Which Debian archive and which apt settings of this machine the lab's root file system uses."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KEYRING", "SUITE", "Archive", "archive_of_this_machine"]

SUITE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MAIN = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
_SETTINGS = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries", "APT::Sandbox")


@dataclass(frozen=True, slots=True)
class Archive:
    """Mirror URLs, and the lines of apt configuration (proxies, clocks) that reach them from here."""

    main: str
    security: str
    settings: tuple[str, ...]
    http_proxy: str | None

    def sources(self) -> str:
        """Return /etc/apt/sources.list for the root file system."""
        lines = (f"{self.main} {SUITE} main", f"{self.main} {SUITE}-updates main")
        security = f"{self.security} {SUITE}-security main"
        return "".join(f"deb [signed-by={KEYRING}] {line}\n" for line in (*lines, security))


def archive_of_this_machine() -> Archive:
    """Read this machine's apt configuration; on a non-Debian apt fall back to Debian's own mirror."""
    targets = _output(
        "apt-get", "indextargets", "--format", "$(REPO_URI) $(SIGNED_BY)", "Created-By: Packages"
    )
    mirrors = [line.split()[0].rstrip("/") for line in targets.splitlines() if line.strip()]
    settings = tuple(
        line for line in _output("apt-config", "dump").splitlines() if line.startswith(_SETTINGS)
    )
    return Archive(
        main=next((url for url in mirrors if url.endswith("/debian")), _MAIN),
        security=next((url for url in mirrors if url.endswith("/debian-security")), _SECURITY),
        settings=settings,
        http_proxy=_setting(settings, "Acquire::http::Proxy"),
    )


def _setting(lines: tuple[str, ...], key: str) -> str | None:
    for line in lines:
        name, _, value = line.partition(" ")
        if name.lower() == key.lower():
            return value.strip('";') or None
    return None


def _output(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30).stdout
    except FileNotFoundError:
        return ""
