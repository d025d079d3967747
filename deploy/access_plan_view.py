# SPDX-License-Identifier: Apache-2.0
"""What an access test would send, as rows and sentences. Sends nothing."""

from agent.access_plan import (
    ADDRESS_PROBES,
    ALLOWED,
    ALONE_ROUNDS,
    UNLISTED_MAC,
    blocks,
    is_alone,
    most_packets,
)
from agent.access_settings import AccessSection
from agent.ground import Ground
from agent.guard import Permit, rule_on
from agent.pace import kept_for_kernel
from agent.plan import first_probe
from deploy.site import Site

_ROLES = {
    "allowed": ("許可した側", "allowed"),
    "not_allowed": ("許可していない側", "not allowed"),
    "unlisted_mac": ("登録していない MAC", "unlisted MAC"),
}
_PERMITS = {
    Permit.NOTHING: ("送らない（触れない口）", "nothing is sent to this port"),
    Permit.CONNECT: ("接続して閉じるだけ", "connect and close only"),
    Permit.LISTEN: ("接続して名乗りを聞くだけ", "connect and listen only"),
}


def plan_rows(site: Site, ground: Ground, language: str) -> list[tuple[str, ...]]:
    """Give one row for each source of each port."""
    return [
        (
            section.device,
            f"{port}/tcp",
            _source(section, ground, role, language),
            str(times),
            _question(site, section, port, language),
        )
        for section in site.settings.access
        for port in section.ports
        for role, times in _times(section)
    ]


def _times(section: AccessSection) -> list[tuple[str, int]]:
    if is_alone(section):
        return [(section.part, ALONE_ROUNDS)]
    counted: dict[str, int] = {}
    for block in blocks(section):
        counted[block.role] = counted.get(block.role, 0) + block.looks
    return list(counted.items())


def _source(section: AccessSection, ground: Ground, role: str, language: str) -> str:
    place = 0 if language == "ja" else 1
    address = section.allowed_from if role == ALLOWED else section.not_allowed_from
    address = address or ground.place(section.device).standing.address
    made = ""
    if role == UNLISTED_MAC:
        made = (f"（MAC {section.make_mac} を作る）", f" (MAC {section.make_mac} is made)")[place]
    elif role != ALLOWED and section.make_address:
        made = ("（アドレスを作る）", " (address is made)")[place]
    return f"{_ROLES[role][place]} {address}{made}"


def _question(site: Site, section: AccessSection, port: int, language: str) -> str:
    place = 0 if language == "ja" else 1
    permit = rule_on("tcp", port, site.scope.allowed(section.device)).permit
    if permit in _PERMITS:
        return _PERMITS[permit][place]
    probe = first_probe(port)
    return (f"接続して行儀よく1問（{probe}）", f"connect, one gentle question ({probe})")[place]


def plan_lines(site: Site, language: str) -> list[str]:
    """Give the sentences below the table: how much, what is made, what does not fit the budget."""
    place = 0 if language == "ja" else 1
    lines = [("まだ何も送っていません。", "Nothing was sent.")[place]]
    budget = site.settings.pace.packets_per_host_and_scan
    for section in site.settings.access:
        most = most_packets(section)
        lines.append(
            (
                f"・{section.device}: 多くて {most} パケット（1台あたりの上限 {budget}）",
                f"- {section.device}: at most {most} packets (limit per host {budget})",
            )[place]
        )
        if most + kept_for_kernel(budget, seen=True) > budget:
            lines.append(
                (
                    "  上限に達すると残りは送りません。口を分けて書くか、pace.packets_per_host_and_scan を上げてください。",
                    "  What exceeds the limit is not sent: split the ports, or raise pace.packets_per_host_and_scan.",
                )[place]
            )
        lines += [_making(section)[place]] if section.makes else []
    return lines


def _making(section: AccessSection) -> tuple[str, str]:
    return (
        f"  {section.not_allowed_from} を作る前に、使っている機器がないか ARP で {ADDRESS_PROBES} 回確かめ、"
        f"使われていれば作りません。終われば取り除きます（承諾: {section.consent}）",
        f"  before {section.not_allowed_from} is made, {ADDRESS_PROBES} ARP probes ask whether somebody has it; if so it "
        f"is not made. It is taken away afterwards (consent: {section.consent})",
    )
