# SPDX-License-Identifier: Apache-2.0
"""What a configuration file says, as values: who may manage the device from where, and which VPN it offers.

Nothing here can hold a secret: a family copies only names of interfaces and rules, addresses, and words of its
own vocabulary. `says` of a service is composed by us from such words, never a line of the file.
"""

import ipaddress
from dataclasses import dataclass, field, fields
from datetime import date

ANY: tuple[str, ...] = ("any",)  # sources: everybody
Json = dict[str, object]


def shown_sources(sources: tuple[str, ...] | None) -> list[str] | str | None:
    """Give sources as JSON: a list of networks, "any", or null where the file does not say it."""
    if sources is None:
        return None
    return "any" if sources == ANY else list(sources)


def _everybody(source: str) -> bool:
    """Say whether a source is so wide that naming it limits nothing (half of the internet)."""
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return source == "any"
    return network.prefixlen < (8 if network.version == 4 else 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One management service at one place of the device."""

    service: str  # https, http, ssh, telnet, snmp, api, winbox, ftp, tftp, netconf …
    interface: str = "any"  # as the file names it
    sources: tuple[str, ...] | None = ANY  # networks, ANY, or None: not said, the default differs by version
    line: int = 0  # evidence, from 1; 0: rests on a default
    port: int = 0  # 0: the service's own
    rw: bool | None = None  # SNMP: may write
    version: str = ""  # SNMP: v1, v2c, v1/v2c or v3
    community: str = ""  # only the known default words public and private
    default: bool = False  # the file does not say it; it is the maker's default in every version
    limited: bool | None = None  # a packet filter lets in by interface; None: judge by sources
    wan: bool | None = None  # reachable from the outer network
    fenced: bool = False  # everybody inside may come, but a packet filter stands before the outer side

    @property
    def restricted(self) -> bool | None:
        """Say whether not everybody may come; None where the file does not say it."""
        if self.limited is not None:
            return self.limited
        return None if self.sources is None else not any(_everybody(one) for one in self.sources)

    def as_json(self) -> Json:
        """Give the service as in `daicho read --config`."""
        shown: Json = {
            "service": self.service,
            "interface": self.interface,
            "sources": shown_sources(self.sources),
            "line": self.line or None,
            "restricted": self.restricted,
            "wan": self.wan,
        }
        more = {
            "port": self.port,
            "rw": self.rw,
            "version": self.version,
            "community": self.community,
            "default": self.default,
            "fenced": self.fenced,
        }
        return shown | {key: value for key, value in more.items() if value not in (None, "", 0, False)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vpn:
    """One VPN that the device offers or builds."""

    kind: str  # ipsec, ssl_vpn, l2tp, pptp, openvpn, wireguard, sstp
    peer: str = ""  # address or name of the other side, "any" for dial-in
    name: str = ""
    interface: str = ""
    version: str = ""  # ikev1, ikev2
    mode: str = ""  # aggressive, main
    line: int = 0

    def as_json(self) -> Json:
        """Give the VPN as in `daicho read --config`, with one line that sums it up."""
        words = (self.kind, self.version, self.mode, f"peer {self.peer}" if self.peer else "")
        shown: Json = {one.name: getattr(self, one.name) or None for one in fields(self)}
        return shown | {"summary": " ".join(word for word in words if word)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in the file that was not read or does not fit, with its line."""

    ja: str
    en: str
    line: int = 0
    gap: bool = True  # True: something may be missing from the reading

    def as_json(self) -> Json:
        """Give the problem as in `daicho read --config`."""
        return {"line": self.line or None, "ja": self.ja, "en": self.en}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one configuration file says."""

    family: str = ""  # "" if the maker is not known
    sure: str = "sure"  # of the family: sure or likely
    maker: str | None = None
    model: str | None = None
    model_from: str = ""  # "file name" if only that tells the model
    serial: str | None = None
    os: str | None = None
    version: str | None = None
    hostname: str | None = None
    device_class: str = "unknown"  # gateway or network
    addresses: tuple[str, ...] = ()  # of its own interfaces
    services: tuple[Service, ...] = ()  # management that is on
    also: tuple[Service, ...] = ()  # rarer ways in (netconf, rest …); counted, listed apart
    disabled: tuple[str, ...] = ()  # said to be off
    disabled_lines: dict[str, int] = field(default_factory=dict)
    unstated: tuple[str, ...] = ()  # services of which the file does not say whether they are on
    vpn: tuple[Vpn, ...] = ()
    weak_crypto: tuple[str, ...] = ()
    wan_interfaces: tuple[str, ...] = ()
    wan_management: bool | None = None
    wan_sources: tuple[str, ...] = ()
    inbound_default: str | None = None  # pass or reject: what the outer interface does with the rest
    source_restricted: str | None = None  # yes, partial, no
    users: dict[str, int] = field(default_factory=dict)
    user_lines: dict[str, int] = field(default_factory=dict)  # line of the first of each kind
    taken: date | None = None  # the day on which the device wrote the file, where it says so
    problems: tuple[Problem, ...] = ()

    @property
    def whole(self) -> bool:
        """Say whether the file was read from end to end without a gap."""
        return bool(self.family) and not any(one.gap for one in self.problems)

    @property
    def plaintext(self) -> tuple[str, ...]:
        """Give the services that carry passwords in the clear, SNMP apart."""
        clear = (one.service for one in self.services if one.service in PLAIN)
        return tuple(dict.fromkeys(clear))

    @property
    def default_communities(self) -> tuple[str, ...]:
        """Give the well-known SNMP communities that are in use."""
        return tuple(dict.fromkeys(one.community for one in self.services if one.community))


PLAIN = frozenset({"telnet", "http", "ftp", "tftp"})
