# SPDX-License-Identifier: Apache-2.0
"""Whether the written scope and this machine bear the [[access]] sections; before anything is sent."""

import socket
from collections.abc import Iterable

from agent.access_settings import AccessSection, read_control
from agent.clock import SystemClock
from agent.ground import Ground, survey_ground
from agent.refusal import Refusal
from agent.scope import Scope
from agent.vantage import vantages


async def ground_of(scope: Scope) -> Ground:
    """Find from where each network of the scope is reached; raises Refusal. Sends nothing."""
    standings = await vantages(loopback=any(network.is_loopback for network in scope.networks))
    return await survey_ground(scope, standings, socket.gethostname())


def check_reach(sections: Iterable[AccessSection], scope: Scope, ground: Ground) -> None:
    """Raise Refusal for a section that the written scope or this machine does not bear. Sends nothing."""
    own = ground.own_addresses
    for section in sections:
        controls = [one[0] for one in map(read_control, section.control) if one]
        made = [section.not_allowed_from] if section.makes else []
        for address in (section.device, *controls, *made):
            _check_scope(address, scope)
            if not ground.reaches(address):
                raise _refusal(
                    address,
                    "いま切れている口の網のアドレスで、別の口の先にいるのは別の機器です。口をつないでください。",
                    "belongs to a card that is down; who has it on another card's network is another device.",
                )
        if section.device in own:
            raise _refusal(section.device, "この機械自身のアドレスです。", "is this machine itself.")
        given = [section.allowed_from] + ([] if section.makes else [section.not_allowed_from])
        for address in filter(None, given):
            if address not in own:
                raise _refusal(
                    address,
                    "この機械のアドレスではありません。作ってよい承諾があれば make_address と consent を書いてください。",
                    "is no address of this machine. Where the site consents, write make_address and consent.",
                )
        for address in made:
            _check_made(address, section, ground)


def _check_made(address: str, section: AccessSection, ground: Ground) -> None:
    if address in ground.own_addresses:
        raise _refusal(
            address,
            "すでにこの機械のアドレスなので、作る必要がありません。make_address を消してください。",
            "is an address of this machine already: remove make_address.",
        )
    if address in ground.edges:
        raise _refusal(address, "機器のアドレスではありません。", "is not the address of a host.")
    here, there = ground.place(address), ground.place(section.device)
    if not here.on_link or here.standing.interface != there.standing.interface:
        raise _refusal(
            address,
            "調べる機器へ向かう、この機械の口の網のアドレスではありません。",
            "does not lie on the network of our interface towards the device.",
        )


def _check_scope(address: str, scope: Scope) -> None:
    refused = scope.refuses(address, SystemClock().now())
    if refused in ("outside_scope", "never_list"):
        raise _refusal(
            address,
            "調べてよい範囲（scope）の外か、触れない一覧（never）にあります。",
            "lies outside the written scope or on the never-list.",
            permitted=False,
        )


def _refusal(address: str, ja: str, en: str, *, permitted: bool = True) -> Refusal:
    return Refusal(
        f"access の {address} は、{ja}何も送信していません。",
        f"access: {address} {en} Nothing was sent.",
        permitted=permitted,
    )
