# SPDX-License-Identifier: Apache-2.0
"""Which credentials of the site are meant for which host."""

import os
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import msgspec

from agent.logins.ssh_access import SshAccess
from agent.logins.ssh_book import BOOK_FILE, SshBook
from agent.settings import Settings, SnmpSecret
from agent.ssh_settings import SshSecret
from agent.state_folder import find_state_folder


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of agent.toml by host."""

    settings: Settings
    book: SshBook = field(default_factory=SshBook)

    @classmethod
    def of(cls, settings: Settings) -> "Credentials":
        """Take those of the settings, with the book of logins where there are logins. Raises Refusal."""
        if not settings.ssh:
            return cls(settings)
        return cls(settings, SshBook(find_state_folder(settings.state_folder, os.environ) / BOOK_FILE))

    def by(self, card: str, *, doubled: bool) -> "Credentials":
        """Give those that may leave by this card; of two networks with the same numbers only those that name theirs.

        Otherwise a password meant for a device of one network would go to a stranger at the same address of the other.
        """

        def may(secret: SnmpSecret | SshSecret) -> bool:
            return secret.interface == card or not (secret.interface or doubled)

        snmp = tuple(secret for secret in self.settings.snmp if may(secret))
        ssh = tuple(secret for secret in self.settings.ssh if may(secret))
        if (snmp, ssh) == (self.settings.snmp, self.settings.ssh):
            return self
        return Credentials(msgspec.structs.replace(self.settings, snmp=snmp, ssh=ssh), self.book)

    def snmp(self, address: str) -> tuple[SnmpSecret, ...]:
        """Give those for SNMP of this host, in the order of the file."""
        return tuple(secret for secret in self.settings.snmp if _is_for(address, secret.hosts))

    def ssh(self, address: str) -> SshAccess | None:
        """Give the first login that is meant for this host."""
        meant = (secret for secret in self.settings.ssh if _is_for(address, secret.hosts))
        return next((SshAccess(secret, self.book) for secret in meant), None)

    def name_card(self, address: str) -> bool:
        """Whether one that is meant for this host names the card by which it may leave."""
        login = self.ssh(address)
        return any(secret.interface for secret in (*self.snmp(address), *([login.secret] if login else ())))

    def opted(self, address: str, allowed: frozenset[str]) -> frozenset[tuple[str, int]]:
        """Give (transport, port) that the site asked for by a credential, or by allowing the known community."""
        asked = bool(self.snmp(address)) or "default_community" in allowed
        login = self.ssh(address)
        return frozenset(
            {*([("udp", 161)] if asked else ()), *([("tcp", login.secret.port)] if login else ())}
        )


def _is_for(address: str, hosts: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(text, strict=False) for text in hosts)
