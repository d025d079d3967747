# SPDX-License-Identifier: Apache-2.0
"""The one address outside that a site names to learn which of its segments reach the internet. Pure."""

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address

from agent.guard import Permit, rule_on
from agent.refusal import Refusal


@dataclass(frozen=True, slots=True)
class OutsideAddress:
    """An IPv4 address and a TCP port."""

    ip: str
    port: int

    def __str__(self) -> str:
        """As it is written in agent.toml."""
        return f"{self.ip}:{self.port}"


def read_outside(texts: tuple[str, ...]) -> OutsideAddress | None:
    """Read scope.outside; None if nothing is named. Raises Refusal for what is no IPv4 address with a harmless port."""
    if not texts:
        return None
    if len(texts) > 1:
        raise Refusal(
            "scope.outside に書けるのは1つだけです（1つの網から1回の調べで1接続まで）。何も送信していません。",
            "scope.outside takes one address only (one connection from a segment in a scan). Nothing was sent.",
        )
    text = texts[0].strip()
    ip, colon, port = text.rpartition(":")
    try:
        one = OutsideAddress(str(IPv4Address(ip)), int(port) if port.isascii() and port.isdecimal() else 0)
    except AddressValueError as error:
        raise _malformed(text) from error
    if not colon or not 0 < one.port < 65536:
        raise _malformed(text)
    if rule_on("tcp", one.port).permit is not Permit.SEND:
        raise Refusal(
            f"scope.outside の {text} は使えません。ポート {one.port} は、本製品が触れないと決めている口です。何も送信していません。",
            f"scope.outside: {text} cannot be used; port {one.port} is one that we never try. Nothing was sent.",
            permitted=False,
        )
    return one


def _malformed(text: str) -> Refusal:
    return Refusal(
        f"scope.outside の「{text[:80]}」は 203.0.113.5:443 の形（IPv4 アドレスとポート）で書いてください。何も送信していません。",
        f"scope.outside: write “{text[:80]}” like 203.0.113.5:443, an IPv4 address and a port. Nothing was sent.",
    )
