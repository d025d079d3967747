# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker's own last look at every command: nothing outside the allowed networks, no group addresses."""

import re
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from agent.packets.messages import Command, Refused

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Limits:
    """The networks that may be asked."""

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = tuple(ip_network(text) for text in allowed)

    def check(self, command: Command) -> None:
        """Raise Refused unless the command stays inside; the forwarding test has a fixed target."""
        if command.mac:
            _check_mac(command.mac)
        if command.do != "forward":
            self._check_target(command)
        elif not command.mac or not self._allowed:
            raise Refused("scope: a forwarding test needs a suspect and an allowed network")

    def _check_target(self, command: Command) -> None:
        try:
            target = ip_address(command.target)
        except ValueError as error:
            raise Refused(f"scope: {command.target[:60]!r} is not an IP address") from error
        inside = [network for network in self._allowed if target in network]
        if not inside or target.is_multicast or any(_is_edge(command.target, n) for n in inside):
            raise Refused(f"scope: {target} is not a host of the allowed networks")
        if target.version != {"arp": 4, "solicit": 6}.get(command.do, target.version):
            raise Refused(f"scope: {command.do} does not go with {target}")


def _is_edge(target: str, network: IPv4Network | IPv6Network) -> bool:
    if network.version == 6 or network.prefixlen >= 31:
        return False
    return ip_address(target) in (network.network_address, network.broadcast_address)


def _check_mac(mac: str) -> None:
    if not _MAC.fullmatch(mac) or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise Refused(f"scope: {mac[:40]!r} is not the MAC of one host")
