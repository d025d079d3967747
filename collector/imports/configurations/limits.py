# SPDX-License-Identifier: Apache-2.0
"""Item 2-(8) by configuration: which management and VPN service of which device is limited to which sources. Pure.

A configuration that is too old, of a device that stands in no ledger, or read with gaps proves nothing: its
services come back as `unknown`, each with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from collector.case import Case
from collector.verdict import Finding, Text
from inventory_db.stated import Configuration

OLDEST = timedelta(days=180)
DAY_GUESSED = "day_guessed"  # in a reading: nobody says when the configuration was taken
YES, PARTIAL, NO, UNKNOWN = "yes", "partial", "no", "unknown"
PORTS = {
    "https": 443, "http": 80, "ssh": 22, "telnet": 23, "snmp": 161, "ftp": 21, "tftp": 69, "api": 8728,
    "api-ssl": 8729, "winbox": 8291, "netconf": 830, "sftp": 22, "ipsec": 500, "l2tp": 1701, "pptp": 1723,
    "openvpn": 1194, "wireguard": 51820, "ssl_vpn": 443, "sstp": 443,
}  # fmt: skip
UDP = {"snmp", "tftp", "ipsec", "l2tp", "openvpn", "wireguard"}
_OWN_SYSTEM = ("Fortinet", "Cisco", "Yamaha", "NEC", "Allied Telesis", "Juniper", "Palo Alto")
_ANYBODY = frozenset({"any", "0.0.0.0", "0.0.0.0/0", "::", "::/0"})  # noqa: S104  peers that are no one


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredLimit:
    """One service of one device, and whether its configuration limits who may come."""

    device: str  # device id
    service: str  # https, ssh, snmp …, or the kind of a VPN
    interface: str
    port: int  # as configured, else the service's own
    transport: str
    restricted: str  # yes, partial, no, unknown
    vpn: bool  # a VPN entrance, not management
    wan: bool | None  # reachable from the outer network
    finding: Finding


def configured_limits(case: Case, oldest: timedelta = OLDEST) -> tuple[ConfiguredLimit, ...]:
    """Judge every configuration that people handed in, device by device, in the order of its services."""
    known = {device.id: device.maker or "" for device in case.devices}
    return tuple(
        limit
        for stated in case.said(Configuration)
        if stated.device
        for limit in _limits(stated, _doubt(stated, known.get(stated.device), case, oldest))
    )


def _doubt(stated: Configuration, maker: str | None, case: Case, oldest: timedelta) -> Text | None:
    """Say why a configuration proves nothing; None if it does. `maker` is the device's, None if it is not listed."""
    today = case.now.astimezone(ZoneInfo("Asia/Tokyo")).date()
    age = today - stated.on
    if maker is None:
        return Text("この機器は台帳にありません。", "This device stands in no ledger.")
    if (written := _maker_in(stated)) and (own := _family_of(maker)) and written != own:
        return Text(
            f"設定は {written} の機器のもので、台帳では {own} の機器です。",
            f"The configuration is of a device by {written}; the ledger has one by {own}.",
        )
    if age > oldest:
        return Text(
            f"設定は {age.days} 日前のもので、{oldest.days} 日より古いため証拠になりません。",
            f"The configuration is {age.days} days old; older than {oldest.days} days proves nothing.",
        )
    if age < timedelta(0):
        return Text("設定の日付が未来です。", "The configuration is dated in the future.")
    if stated.reading.get("whole") is not True:
        return Text(
            "設定ファイルに読めなかったところがあり、制限を言い切れません。",
            "Part of the configuration could not be read, so its limits are not certain.",
        )
    return None


def _maker_in(stated: Configuration) -> str:
    device = stated.reading.get("device")
    return _family_of(str(device.get("maker") or "")) if isinstance(device, dict) else ""


def _family_of(maker: str) -> str:
    """Give the maker as one of those whose devices run only their own system, "" for all others."""
    return next((one for one in _OWN_SYSTEM if maker.casefold().startswith(one.casefold())), "")


def _limits(stated: Configuration, doubt: Text | None) -> Iterator[ConfiguredLimit]:
    for key in ("management", "also"):
        for one in _objects(stated, key):
            yield _service(stated, one, doubt)
    for one in _objects(stated, "vpn"):
        yield _vpn(stated, one, doubt)
    unstated = stated.reading.get("unstated")
    for name in unstated if isinstance(unstated, list) else ():
        yield _unstated(stated, str(name), doubt)


def _objects(stated: Configuration, key: str) -> Iterator[Mapping[str, object]]:
    found = stated.reading.get(key)
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _service(stated: Configuration, one: Mapping[str, object], doubt: Text | None) -> ConfiguredLimit:
    name, place = str(one.get("service", "")), str(one.get("interface", "any"))
    said = one.get("restricted")
    restricted = YES if said is True else NO if said is False else UNKNOWN
    if restricted == NO and one.get("fenced") is True:
        restricted = PARTIAL
    sources = one.get("sources")
    listed = [str(source) for source in sources] if isinstance(sources, list) else []
    who = Text("、".join(listed[:8]), ", ".join(listed[:8]))
    says = _SAYS[restricted]
    where = place if place != "any" else ""
    text = Text(
        f"{_where(stated, one).ja}{f'{where} の ' if where else ''}{name} は{says.ja.format(who=who.ja or '内側')}",
        f"{_where(stated, one).en}{name}{f' on {where}' if where else ''} {says.en.format(who=who.en or 'the inner side')}",
    )
    return _limit(stated, one, name, place, UNKNOWN if doubt else restricted, text, doubt)


_SAYS = {
    YES: Text("次の接続元に限られています: {who}。", "is limited to these sources: {who}."),
    PARTIAL: Text(
        "外側の口では限られていますが、内側からは誰でも接続できます。",
        "is limited on the outer interface; from inside anybody may connect.",
    ),
    NO: Text("接続元が限られていません。", "is not limited to any source."),
    UNKNOWN: Text(
        "接続元の制限を設定から読み取れません。", "has limits that the configuration does not tell."
    ),
}


def _where(stated: Configuration, one: Mapping[str, object]) -> Text:
    line = one.get("line")
    file = f"設定ファイル {stated.file}（{stated.on.isoformat()} 取得）"
    if not isinstance(line, int) or not line:
        return Text(f"{file}によると、", f"By {stated.file} (of {stated.on.isoformat()}), ")
    return Text(
        f"{file}の {line} 行目によると、", f"By line {line} of {stated.file} (of {stated.on.isoformat()}), "
    )


def _vpn(stated: Configuration, one: Mapping[str, object], doubt: Text | None) -> ConfiguredLimit:
    kind, peer = str(one.get("kind", "")), str(one.get("peer") or "")
    restricted = UNKNOWN if not peer else NO if peer in _ANYBODY else YES
    where = _where(stated, one)
    text = {
        YES: Text(
            f"{where.ja}{kind} の相手は {peer} に限られています。", f"{where.en}{kind} has one peer: {peer}."
        ),
        NO: Text(
            f"{where.ja}{kind} はどこからでも接続を受けます（認証は別です）。",
            f"{where.en}{kind} accepts connections from anywhere (it still authenticates).",
        ),
        UNKNOWN: Text(
            f"{where.ja}{kind} の相手を読み取れません。", f"{where.en}the peer of {kind} is not told."
        ),
    }[restricted]
    return _limit(
        stated,
        one,
        kind,
        str(one.get("interface") or "any"),
        UNKNOWN if doubt else restricted,
        text,
        doubt,
        vpn=True,
    )


def _unstated(stated: Configuration, name: str, doubt: Text | None) -> ConfiguredLimit:
    text = Text(
        f"設定ファイル {stated.file} は {name} が動いているかどうかを書いていません（機種と版による初期値です）。",
        f"{stated.file} does not say whether {name} is on (the default differs by model and version).",
    )
    return _limit(stated, {}, name, "any", UNKNOWN, text, doubt)


def _limit(
    stated: Configuration,
    one: Mapping[str, object],
    name: str,
    place: str,
    restricted: str,
    text: Text,
    doubt: Text | None,
    vpn: bool = False,
) -> ConfiguredLimit:
    if restricted == YES and stated.reading.get(DAY_GUESSED) is True:
        restricted, doubt = UNKNOWN, _UNDATED
    said = one.get("port")
    port = said if isinstance(said, int) and said else PORTS.get(name, 0)
    transport = "udp" if name in UDP else "tcp"
    wan = one.get("wan")
    whole = Text(f"{text.ja}{doubt.ja}", f"{text.en} {doubt.en}") if doubt else text
    finding = Finding(
        code=f"limit.{'vpn' if vpn else 'management'}.{restricted}",
        device=stated.device,
        port=port,
        transport=transport,
        text=whole,
        todo=None if restricted == YES else _TODO,
        against=restricted != YES,
        proven=restricted in (YES, NO, PARTIAL) and not vpn,
        sure="likely",
        source=f"{stated.file} ({stated.on.isoformat()}, sha256 {stated.sha256[:12]})",
    )
    return ConfiguredLimit(
        device=stated.device, service=name, interface=place, port=port, transport=transport,
        restricted=restricted, vpn=vpn, wan=wan if isinstance(wan, bool) else None, finding=finding,
    )  # fmt: skip


_UNDATED = Text(
    "ただし設定の取得日が分からないため、今もそうかは言えません（--on で取得日を示して取り込み直してください）。",
    "But nobody says when the configuration was taken, so it may be old (load it again with --on).",
)
_TODO = Text(
    "機器の設定で、管理に使う端末のネットワークだけを許可してください。変更したら設定をもう一度取り込んでください。",
    "On the device, allow only the networks of the machines that manage it; then hand in its configuration again.",
)
