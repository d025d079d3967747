# SPDX-License-Identifier: Apache-2.0
"""Which credentials of the site are meant for which host. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from agent.settings import Settings, SnmpSecret


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of agent.toml by host."""

    settings: Settings

    def snmp(self, address: str) -> tuple[SnmpSecret, ...]:
        """Give those for SNMP of this host, in the order of the file."""
        return tuple(secret for secret in self.settings.snmp if _is_for(address, secret.hosts))

    def opted(self, address: str, allowed: frozenset[str]) -> frozenset[tuple[str, int]]:
        """Give (transport, port) that the site asked for by a credential, or by allowing the known community."""
        asked = bool(self.snmp(address)) or "default_community" in allowed
        return frozenset({("udp", 161)} if asked else ())

    def tables(self, address: str) -> bool:
        """Whether the site allows long SNMP tables of this host to be read."""
        return self.settings.profile == "deep" or any(secret.tables for secret in self.snmp(address)[:1])


def _is_for(address: str, hosts: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(text, strict=False) for text in hosts)
