# SPDX-License-Identifier: Apache-2.0
"""What people call the kinds of remote paths, as the register of the pages does; a kind without a word is its own."""

from collections.abc import Mapping
from types import MappingProxyType

PATH_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "ssl_vpn": ("SSL-VPN", "SSL-VPN"),
        "ipsec": ("IPsec-VPN", "IPsec VPN"),
        "openvpn": ("OpenVPN", "OpenVPN"),
        "l2tp": ("L2TP", "L2TP"),
        "pptp": ("PPTP", "PPTP"),
        "softether": ("SoftEther VPN", "SoftEther VPN"),
        "wireguard": ("WireGuard", "WireGuard"),
        "rdp": ("リモートデスクトップ", "Remote Desktop"),
        "vnc": ("VNC", "VNC"),
        "remote_tool": ("遠隔操作ソフト", "remote control tool"),
        "mobile_router": ("モバイルルーター", "mobile router"),
        "port_mapping": (
            "ルーターのポート開放（UPnP など）",
            "port opened on the router (UPnP and the like)",
        ),
        "ssh": ("SSH", "SSH"),
        "telnet": ("Telnet", "Telnet"),
        "web_admin": ("Web管理画面", "web administration"),
    }
)


def say_path(kind: str, port: int = 0) -> tuple[str, str]:
    """Say a kind of path, with its port where it has one, in Japanese and English."""
    ja, en = PATH_WORDS.get(kind, (kind, kind))
    return (f"{ja} {port}", f"{en} {port}") if port else (ja, en)
