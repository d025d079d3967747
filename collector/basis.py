# SPDX-License-Identifier: Apache-2.0
"""How complete and how old the looking is that verdicts stand on. Pure.

A network counts as looked at when scans that ended by themselves, with the privileges to see silent
hosts and without leaving out addresses that no ledger lists, cover all of it, and at least one device
was seen there: a network without any answer may be one that our packets never reached.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from collector.left_alone import LeftAlone, left_alone, still_alone
from collector.verdict import Basis, Text
from inventory_db.device import Device
from inventory_db.networks import IPNetwork, assumed, edges_of, network, tells_network
from probes.facts import Scan, Vantage

AGE_LIMIT = timedelta(days=31)  # older looking supports no はい
CLOCK_SKEW = timedelta(minutes=15)  # that an agent's clock may be ahead of ours
LOOKING = ("gentle", "standard", "deep")  # profiles that look for every device of a network
_SWEPT = 2**16  # addresses of the widest IPv6 network that an agent sweeps
_MOST_NAMED = 5  # networks or addresses named in the sentence


@dataclass(frozen=True, slots=True)
class _Look:
    """One scan as far as it can be relied on for "there is nothing else"."""

    scan: Scan
    networks: tuple[IPNetwork, ...]
    lack: Text | None  # why it is not a whole look; None if it is
    left: LeftAlone

    @property
    def ended(self) -> datetime:
        """When it ended, or began if it never did; where hosts were only confirmed, when they were asked whole."""
        ended = self.scan.ended or self.scan.started
        return min(ended, self.scan.whole_since or ended)


def compute_basis(
    scans: Iterable[Scan],
    stated: Sequence[str],
    devices: Iterable[Device],
    vantages: Iterable[Vantage],
    now: datetime,
    age_limit: timedelta = AGE_LIMIT,
    listed: Collection[str] = frozenset(),
) -> Basis:
    """Say what the scans are worth at `now` for the networks that the facility stated.

    Without stated networks, everything that was ever in scope or on a device is taken for the whole.
    `listed`: the IP addresses that the facility's own ledger lists.
    """
    own = tuple(vantages)
    begun = (scan for scan in scans if scan.profile in LOOKING and scan.started <= now + CLOCK_SKEW)
    looks = [_look(scan, own, now, listed) for scan in begun]
    if not looks:
        return Basis(missing=tuple(stated))
    seen = tuple(devices)
    wanted, bad = _wanted(stated, looks, seen), tuple(text for text in stated if network(text) is None)
    since = now - age_limit
    whole = [look for look in looks if look.lack is None]
    fresh = [look for look in whole if since <= look.ended]
    missing = _missing(wanted, whole, _addresses(seen, None, now))
    complete = bool(wanted) and not missing and not bad
    last = looks[-1]
    basis = Basis(
        scans=tuple(look.scan.id for look in looks if look.networks),
        newest=max((look.ended for look in looks if look.scan.state == "complete"), default=None),
        oldest=_oldest(wanted, whole),
        planned=last.scan.planned,
        finished=last.scan.finished,
        missing=(*(str(net) for net in missing), *bad),
        silent=tuple(str(net) for net in missing if not _is_wide(net) and _covers(_covered(whole), net)),
        partly=tuple(str(net) for net in missing if _covers(_covered(_ended_by_itself(looks)), net)),
        left_alone=still_alone((look.networks, look.left) for look in whole),
        complete=complete,
        fresh=complete and not _missing(wanted, fresh, _addresses(seen, since, now)),
    )
    return replace(basis, text=_sentence(basis, last.lack, bool(stated), age_limit, now))


def _look(scan: Scan, own: Sequence[Vantage], now: datetime, listed: Collection[str]) -> _Look:
    networks = tuple(net for net in map(network, scan.scope) if net is not None)
    nobodies = _nobodies(networks, own)
    left = left_alone(scan, networks, nobodies, listed)
    return _Look(scan, networks, _unended(scan, now) or _lack(scan, networks, nobodies, left), left)


def _unended(scan: Scan, now: datetime) -> Text | None:
    """Say why the scan did not end by itself; None if it did."""
    if scan.ended is not None and scan.ended > now + CLOCK_SKEW:
        return Text(
            "調べの終わりが今より先の時刻です（時計のずれ）", "its end lies in the future (a clock is wrong)"
        )
    if scan.state == "failed":
        return Text("調べが失敗しました", "it failed")
    if scan.state == "stopped":
        return Text("調べが途中で止まりました", "it was stopped half-way")
    if scan.state != "complete" or scan.ended is None:
        return Text("調べが終わっていません", "it has not ended")
    return None


def _lack(scan: Scan, networks: Sequence[IPNetwork], nobodies: set[str], left: LeftAlone) -> Text | None:
    """Say what a scan that ended by itself did not look at; None if nothing."""
    if scan.finished < scan.planned:
        return Text(
            f"{scan.planned}個のアドレスのうち{scan.finished}個しか調べていません",
            f"it finished {scan.finished} of {scan.planned} addresses",
        )
    if left.unlisted:
        ja, en = _named(left.unlisted)
        return Text(
            f"触れない一覧にあり、施設の台帳にもないアドレスは調べていません（{ja}）",
            f"addresses on the never-list that the facility's ledger does not list were left out: {en}",
        )
    left_out = _askable(networks, nobodies.union(left.listed)) - scan.planned
    if left_out > 0:
        return Text(
            f"触れない一覧などで{left_out}個のアドレスを調べていません",
            f"{left_out} addresses were left out (never-list)",
        )
    if not scan.privileged:
        return Text(
            "管理者権限なしで調べたので、黙っている機器は見えません",
            "without privileges silent devices are not seen",
        )
    return None


def _askable(networks: Sequence[IPNetwork], without: set[str]) -> int:
    """Count the addresses that a scan asks, without some; wide IPv6 networks are never swept one by one."""
    four = ipaddress.collapse_addresses(net for net in networks if isinstance(net, ipaddress.IPv4Network))
    six = _outermost(net for net in networks if net.version == 6 and not _is_wide(net))
    routers = sum(net.prefixlen < 127 for net in six)  # the first address means any router of the network
    swept = (*four, *six)
    return sum(net.num_addresses for net in swept) - routers - sum(_is_in(ip, swept) for ip in without)


def _is_wide(net: IPNetwork) -> bool:
    """Say whether no agent asks every address of it: IPv6, and wider than what is swept."""
    return net.version == 6 and net.num_addresses > _SWEPT


def _nobodies(networks: Sequence[IPNetwork], own: Sequence[Vantage]) -> set[str]:
    """Addresses of these networks that no scan asks: our own, and every network's own and broadcast address."""
    edges = {edge for net in networks for edge in edges_of(str(net))}
    edges |= {edge for vantage in own for edge in edges_of(vantage.network)}
    return {ip for ip in {vantage.address for vantage in own} | edges if _is_in(ip, networks)}


def _is_in(ip: str, networks: Sequence[IPNetwork]) -> bool:
    try:
        return any(ipaddress.ip_address(ip) in net for net in networks)
    except ValueError:
        return False


def _wanted(stated: Sequence[str], looks: Sequence[_Look], seen: Sequence[Device]) -> list[IPNetwork]:
    """The networks that belong to the whole, none inside another."""
    if stated:
        own = [net for net in map(network, stated) if net is not None]
        return _outermost([*own, *_beyond(own, seen)])
    told = {
        address.network
        for device in seen
        for address in device.addresses
        if address.network and address.ip and tells_network(address.ip)
    }
    found = (net for net in map(network, sorted(told)) if net is not None)
    return _outermost([*(net for look in looks for net in look.networks), *found])


def _beyond(own: Sequence[IPNetwork], seen: Iterable[Device]) -> Iterator[IPNetwork]:
    """Networks that nobody stated, though devices answered there or stand on them with a second foot."""
    for device in seen:
        at = [(one.ip, one.network or assumed(one.ip)) for one in device.addresses if one.ip and one.vantage]
        strange = [net for ip, net in at if tells_network(ip) and not _holds(own, ip)]
        if device.dual_homed and not device.dual_homed.declared:
            strange += device.dual_homed.networks
        yield from (net for net in map(network, strange) if net is not None and not _covers(own, net))


def _holds(networks: Iterable[IPNetwork], ip: str) -> bool:
    return any(ipaddress.ip_address(ip) in net for net in networks)


def _outermost(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    kept: list[IPNetwork] = []
    for net in sorted(set(networks), key=lambda net: net.prefixlen):
        if not _covers(kept, net):
            kept.append(net)
    return kept


def _collapse(networks: Iterable[IPNetwork]) -> list[IPNetwork]:
    many = list(networks)
    four = ipaddress.collapse_addresses(net for net in many if isinstance(net, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(net for net in many if isinstance(net, ipaddress.IPv6Network))
    return [*four, *six]


def _missing(wanted: Sequence[IPNetwork], looks: Sequence[_Look], alive: Sequence[int]) -> list[IPNetwork]:
    """Networks that these looks together do not cover, or in which nothing was ever seen."""
    covered = _covered(looks)
    return [net for net in wanted if not _covers(covered, net) or not _is_alive(net, alive)]


def _ended_by_itself(looks: Iterable[_Look]) -> list[_Look]:
    return [look for look in looks if look.scan.state == "complete" and look.scan.ended is not None]


def _covered(looks: Sequence[_Look]) -> list[IPNetwork]:
    return _collapse(net for look in looks for net in look.networks)


def _covers(covered: Sequence[IPNetwork], net: IPNetwork) -> bool:
    return any(
        one.version == net.version and one.supernet_of(net)  # type: ignore[arg-type]  # same version
        for one in covered
    )


def _addresses(devices: Iterable[Device], since: datetime | None, now: datetime) -> list[int]:
    """Give, as numbers, the addresses at which somebody was seen from a vantage (since then).

    Who was seen in the future was seen by a wrong clock, and counts for nothing.
    """
    found = {
        address.ip
        for device in devices
        if _is_between(datetime.fromisoformat(device.last_seen), since, now + CLOCK_SKEW)
        for address in device.addresses
        if address.ip and address.vantage
    }
    return [int(ipaddress.ip_address(ip)) for ip in found]


def _is_between(moment: datetime, first: datetime | None, last: datetime) -> bool:
    return (first is None or first <= moment) and moment <= last


def _is_alive(net: IPNetwork, alive: Sequence[int]) -> bool:
    first, last = int(net.network_address), int(net.broadcast_address)
    return any(first <= one <= last for one in alive)


def _oldest(wanted: Sequence[IPNetwork], whole: Sequence[_Look]) -> datetime | None:
    """Give the oldest of the last looks at each network; None if there is none."""
    lasts = (max((look.ended for look in whole if _touches(look, net)), default=None) for net in wanted)
    return min((last for last in lasts if last is not None), default=None)


def _touches(look: _Look, net: IPNetwork) -> bool:
    return any(one.version == net.version and one.overlaps(net) for one in look.networks)


def _sentence(basis: Basis, lack: Text | None, stated: bool, age_limit: timedelta, now: datetime) -> Text:
    said = _state(basis, stated, age_limit, now)
    if basis.left_alone:
        ja, en = _named(basis.left_alone)
        said = Text(
            f"{said.ja}触れない一覧の{len(basis.left_alone)}個（{ja}）は調べず、施設の台帳の記載によっています。",
            f"{said.en} On the never-list and not looked at, but in the facility's ledger: {en}.",
        )
    if lack is None:
        return said
    return Text(f"{said.ja}最後の調べについて: {lack.ja}。", f"{said.en} About the last scan: {lack.en}.")


def _named(names: Sequence[str]) -> tuple[str, str]:
    """Name the first few and count the rest, in both languages."""
    few, more = names[:_MOST_NAMED], len(names) - _MOST_NAMED
    rest_ja, rest_en = (f" ほか{more}", f" and {more} more") if more > 0 else ("", "")
    return ("、".join(few) or "不明") + rest_ja, (", ".join(few) or "not known") + rest_en


def _state(basis: Basis, stated: bool, age_limit: timedelta, now: datetime) -> Text:
    if not basis.complete:
        return _incomplete(basis)
    if not basis.fresh:
        days = (now - basis.oldest).days if basis.oldest else 0
        return Text(
            f"前に全体を調べてから{days}日たち、期限（{age_limit.days}日）を過ぎているか、その後は機器が見えていません。",
            f"The last whole look is {days} days old (limit {age_limit.days}), or nobody was seen since.",
        )
    if stated:
        return Text(
            "施設の範囲すべてを期限内に調べ終えています。",
            "All networks of the facility were looked at in time.",
        )
    return Text(
        "調べた範囲は期限内に調べ終えています。施設の範囲が記入されていないので、それを全体とみなしています。",
        "What was scanned was looked at in time and is taken for all: the facility's networks are not stated.",
    )


def _incomplete(basis: Basis) -> Text:
    """Tell networks that were not looked at to the end from those in which nobody answered."""
    unseen = [name for name in basis.missing if name not in basis.silent]
    ja, en = [], []
    partly = [name for name in unseen if name in basis.partly]
    if partly:
        names = _named(partly)
        ja.append(f"調べたものの、全部とは言えない範囲があります（{names[0]}）。")
        en.append(f"Looked at, but not at all of it: {names[1]}.")
    if len(partly) < len(unseen) or not basis.missing:
        names = _named([name for name in unseen if name not in basis.partly])
        ja.append(f"まだ最後まで調べていない範囲があります（{names[0]}）。")
        en.append(f"Not looked at to the end: {names[1]}.")
    if basis.silent:
        names = _named(basis.silent)
        ja.append(
            f"最後まで調べ、一台も答えなかった範囲があります（{names[0]}）。"
            "機器がないのか、調べが届いていないのかは分かりません。"
        )
        en.append(
            f"Looked at to the end, and nobody answered: {names[1]}."
            " Whether nothing stands there or nothing got there is not known."
        )
    return Text("".join(ja), " ".join(en))
