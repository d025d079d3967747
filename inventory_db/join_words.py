# SPDX-License-Identifier: Apache-2.0
"""The sentences that say why two units are one device, or may be: Japanese, then English."""

from collections.abc import Sequence

from inventory_db.profiles import Claim


def in_table(claim: Claim) -> tuple[str, str]:
    """It stands in the device's own interface table."""
    return (
        f"機器自身のインターフェース一覧（SNMP）に {claim.ip} が含まれています。",
        f"Its own interface table (SNMP) lists {claim.ip}.",
    )


def in_answer(claim: Claim) -> tuple[str, str]:
    """The device named it, and both give one name."""
    return (
        f"{claim.probe} の応答で自分のアドレスとして {claim.ip} を挙げ、両方が同じコンピュータ名を答えています。",
        f"It named {claim.ip} as its own in its {claim.probe} answer, and both give the same computer name.",
    )


def in_hint(claim: Claim) -> tuple[str, str]:
    """It only appears in an answer."""
    return (
        f"{claim.probe} の応答に {claim.ip} が現れますが、同じ機器と言える証拠が足りません。確認してください。",
        f"{claim.ip} appears in its {claim.probe} answer, but that alone does not show that they are one device."
        " Please check.",
    )


def card_in_table(mac: str) -> tuple[str, str]:
    """The device lists the card as its own."""
    return (
        f"機器自身が自分のネットワークカードとして {mac} を挙げています。",
        f"The device itself lists {mac} as a network card of its own.",
    )


def same_family(cards: Sequence[str]) -> tuple[str, str]:
    """Their cards have neighbouring numbers."""
    one, other = cards
    return (
        f"MAC アドレス {one} と {other} は同じメーカーの隣り合う番号です。一台の機器の二つの口に多い並びですが、まとめて納入された別々の機器でも起こります。確認してください。",
        f"The MACs {one} and {other} are neighbouring numbers of one maker, as two ports of one device often have; "
        "so do devices of one delivery. Please check.",
    )


def same_key_and_name(ja: str, en: str) -> tuple[str, str]:
    """Key and name are the same."""
    return (
        f"{ja}とコンピュータ名の両方が同じです。同じ機器か、同じディスクイメージから作った機器です。確認してください。",
        f"Both the {en} and the computer name are the same: one device, or two made from one disk image. Please check.",
    )


def same_key(ja: str, en: str) -> tuple[str, str]:
    """The key is the same."""
    return (
        f"{ja}が同じですが、複製したディスクイメージでも起こります。同じ機器か確認してください。",
        f"The {en} is the same, which also happens with cloned disk images. Please check whether it is one device.",
    )
