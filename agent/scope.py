# SPDX-License-Identifier: Apache-2.0
"""May we touch this address, now? Pure: an allow-list, a never-list and blackout windows.

Nothing outside the written scope is ever touched; public addresses only when listed one by one.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time

from agent.outside_address import OutsideAddress, read_outside
from agent.refusal import Refusal
from agent.settings import Blackout, ScopeSection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LARGE = 65536  # addresses; more needs --yes-large
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "100.64.0.0/10",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
_CARRIERS = tuple(  # IPv4-mapped, NAT64 (RFC 6052, 8215), 6to4, Teredo
    ipaddress.ip_network(text)
    for text in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The written scope, checked. Addresses are iterated in order, without the never-list."""

    networks: tuple[Network, ...]
    never: tuple[Network, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    allowances: tuple[tuple[Address, frozenset[str]], ...] = ()
    techniques: frozenset[str] = frozenset()  # off unless named in the scope file
    candidates: tuple[Network, ...] = ()
    listened: tuple[Network, ...] = ()  # nothing is sent into these, they are only heard
    outside: OutsideAddress | None = None  # the one address outside that each segment may be tried against

    def outward(self) -> "Scope":
        """Give the scope of the test of the way out: its one address, the same never-list and blackouts, no allowance."""
        one = (ipaddress.ip_network(self.outside.ip),) if self.outside else ()
        return replace(self, networks=one, allowances=(), techniques=frozenset(), candidates=())

    def may_ask_for(self, address: str) -> bool:
        """Whether a suspect may be asked, through its own MAC alone, if this address is its own too."""
        ip = ipaddress.ip_address(address)
        inside = any(ip in network for network in (*self.networks, *self.candidates))
        shut = (*self.never, *self.listened)
        return ip.version == 4 and inside and not any(ip in network for network in shut)

    def refuses(self, address: str, now: datetime) -> str:
        """Give the reason code why this address may not be touched now, or "" if it may."""
        ip = ipaddress.ip_address(address)
        if not any(ip in network for network in self.networks):
            return "outside_scope"
        if any(ip in network for network in self.never):
            return "never_list"
        if any(ip in network for network in self.listened):
            return "listened_only"
        return "blackout" if in_blackout(self.blackouts, now) else ""

    def allowed(self, address: str) -> frozenset[str]:
        """What the site allows for this very host: "fragile", "dicom", "deep", "default_community"."""
        ip = ipaddress.ip_address(address)
        return frozenset().union(*(kinds for host, kinds in self.allowances if host == ip))

    def addresses(self, network: Network) -> Iterator[str]:
        """Host addresses of one network of the scope that are not on the never-list, and that are not only listened to.

        A wide IPv6 network is never swept: it gives none (its hosts are found by what they say).
        """
        if network.version == 6 and network.num_addresses > LARGE:
            return
        hosts: Iterable[Address] = network.hosts()
        edges, shut = self._edges(), (*self.never, *self.listened)
        yield from (str(ip) for ip in hosts if ip not in edges and not any(ip in no for no in shut))

    def _edges(self) -> frozenset[Address]:
        """Network and broadcast addresses of the written networks: also inside a wider one they are nobody's."""
        wide = [n for n in self.networks if n.version == 4 and n.prefixlen < 31]
        return frozenset(edge for n in wide for edge in (n.network_address, n.broadcast_address))

    def network_of(self, address: str) -> str:
        """The narrowest network of the scope that holds the address, "" if none does."""
        ip = ipaddress.ip_address(address)
        holding = [network for network in self.networks if ip in network]
        return str(max(holding, key=lambda n: n.prefixlen)) if holding else ""


def write_scope(
    section: ScopeSection, networks: Iterable[str], exclude: Iterable[str], *, yes_large: bool
) -> Scope:
    """Make the scope from agent.toml and the command line; raises Refusal naming the entry."""
    wanted = tuple(_network(text) for text in (*section.networks, *networks))
    public = tuple(_single(text) for text in section.public)
    never = tuple(_network(text) for text in (*section.never, *exclude))
    if not wanted and not public:
        raise Refusal(
            "調べる範囲が書かれていません。例: 192.168.1.0/24 を命令の後に書くか、agent.toml の [scope] に書きます。何も送信していません。",
            "No scope is written. Write 192.168.1.0/24, say, behind the command, or under [scope] in agent.toml. Nothing was sent.",
            permitted=False,
        )
    for network in never:
        _check_spelling(network)
    for network in (*wanted, *public):
        _check(network, never)
    if not (yes_large or section.allow_large):
        _check_size(wanted)
    return Scope(
        tuple(dict.fromkeys((*wanted, *public))),
        never,
        tuple(_checked_blackout(window) for window in section.blackout),
        tuple((_address(host.address), frozenset(host.allow)) for host in section.host),
        frozenset(section.techniques),
        tuple(_candidates(text) for text in section.candidates),
        outside=_outside(section.outside, (*wanted, *public), never),
    )


def _outside(
    texts: tuple[str, ...], scope: tuple[Network, ...], never: tuple[Network, ...]
) -> OutsideAddress | None:
    """Read the address outside; it is none of the site's own, none of the scope and none that is never touched."""
    one = read_outside(texts)
    if one is None:
        return None
    network = ipaddress.ip_network(one.ip)
    _check_one_host(network)
    if _is_private(network) or any(_inside(network, mine) for mine in (*scope, *never)):
        raise Refusal(
            f"scope.outside の {one} は使えません。調べる範囲・触れない一覧・院内のアドレスの外にある1つを書きます。何も送信していません。",
            f"scope.outside: {one} cannot be used; it must lie outside the scope, the never-list and private networks. "
            "Nothing was sent.",
            permitted=False,
        )
    return one


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Refusal(
            f"「{text[:80]}」はネットワークの書き方ではありません。例: 192.168.1.0/24。何も送信していません。",
            f"“{text[:80]}” is not a network. Write it like 192.168.1.0/24. Nothing was sent.",
        ) from error


def _candidates(text: str) -> Network:
    network = _network(text)
    _check_spelling(network)
    if network.version != 4 or not _is_private(network):
        raise Refusal(
            f"scope.candidates の {network} は使えません。院内の IPv4 の網だけを書きます。何も送信していません。",
            f"scope.candidates: {network} cannot be used; only private IPv4 networks can. Nothing was sent.",
            permitted=False,
        )
    return network


def _address(text: str) -> Address:
    network = _network(text)
    if network.num_addresses != 1:
        raise Refusal(
            f"「{text}」は1台のアドレスで書いてください。",
            f"“{text}” must be the address of one host.",
        )
    return network.network_address


def _single(text: str) -> Network:
    return ipaddress.ip_network(_address(text))


def _check(network: Network, never: tuple[Network, ...]) -> None:
    _check_one_host(network)
    if not _is_private(network) and network.num_addresses > 1:
        raise Refusal(
            f"{network} は組織外（グローバル）アドレスの範囲です。グローバルアドレスは1つずつ public に書いてください。何も送信していません。",
            f"{network} is a range of public addresses. List public addresses one by one under scope.public. "
            "Nothing was sent.",
            permitted=False,
        )
    if any(_inside(network, no) for no in never):
        raise Refusal(
            f"{network} は全体が「触れてはいけない一覧」に入っています。何も送信していません。",
            f"All of {network} is on the never-list. Nothing was sent.",
            permitted=False,
        )


def _check_one_host(network: Network) -> None:
    """Refuse what names no device, and IPv6 spellings of IPv4 addresses: they would pass the never-list."""
    alone = network.num_addresses == 1
    if (
        network.is_multicast
        or network.is_unspecified
        or (alone and network.is_reserved and network.version == 4)
    ):
        raise Refusal(
            f"{network} は機器1台を指すアドレスではありません。何も送信していません。",
            f"{network} is not the address of a device. Nothing was sent.",
        )
    _check_spelling(network)


def _check_spelling(network: Network) -> None:
    if any(_inside(network, carrier) for carrier in _CARRIERS):
        raise Refusal(
            f"{network} は IPv4 アドレスの別の書き方です。IPv4 の形（例: 192.168.1.5）で書いてください。何も送信していません。",
            f"{network} is an IPv4 address in disguise. Write it as IPv4, like 192.168.1.5. Nothing was sent.",
        )


def _check_size(networks: tuple[Network, ...]) -> None:
    """Refuse a scope that is wider than a /16 as a whole; wide IPv6 networks are not swept and do not count."""
    single = ipaddress.collapse_addresses(n for n in networks if isinstance(n, ipaddress.IPv4Network))
    swept = (n for n in networks if isinstance(n, ipaddress.IPv6Network) and n.num_addresses <= LARGE)
    total = sum(one.num_addresses for one in single)
    total += sum(one.num_addresses for one in ipaddress.collapse_addresses(swept))
    if total > LARGE:
        raise Refusal(
            f"範囲には合わせて {total} 個のアドレスがあり、一度に調べるには広すぎます。"
            "本当に必要なら --yes-large を付けてください。何も送信していません。",
            f"The scope has {total} addresses in all, more than a /16. If you mean it, add --yes-large. "
            "Nothing was sent.",
        )


def _is_private(network: Network) -> bool:
    return any(_inside(network, private) for private in _PRIVATE)


def _inside(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def overlap(scope: Scope) -> tuple[str, ...]:
    """Entries of the never-list that lie inside the scope (they are left alone)."""
    return tuple(str(no) for no in scope.never if any(_inside(no, network) for network in scope.networks))


def in_blackout(windows: Iterable[Blackout], now: datetime) -> bool:
    """Whether a local time lies in one of the windows; from and to the same means 24 hours."""
    return any(_covers(window, now) for window in windows)


def _covers(window: Blackout, now: datetime) -> bool:
    start, end, clock = _time(window.start), _time(window.end), now.time()
    today, yesterday = _WEEKDAYS[now.weekday()], _WEEKDAYS[now.weekday() - 1]
    if start < end:
        return today in window.days and start <= clock < end
    return (today in window.days and clock >= start) or (yesterday in window.days and clock < end)


def _checked_blackout(window: Blackout) -> Blackout:
    _time(window.start)
    _time(window.end)
    if not window.days:
        raise Refusal(
            "scope.blackout の days に曜日を1つ以上（Mon など）書いてください。",
            "scope.blackout.days needs at least one weekday, like Mon.",
        )
    return window


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise Refusal(
            f"時刻「{text}」は 08:30 の形で書いてください（scope.blackout）。",
            f"The time “{text}” must be written like 08:30 (scope.blackout).",
        ) from error
