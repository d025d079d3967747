# SPDX-License-Identifier: Apache-2.0
"""The [[ssh]] sections of agent.toml: logins for read-only commands, and what is wrong with one."""

from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path

import msgspec

from agent.refusal import Refusal
from probes.device_commands import FAMILIES


class SshSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A login of the site for some hosts of one family: a password or a private key."""

    hosts: tuple[str, ...]
    family: str
    user: str
    password: str = ""
    key_file: str = ""  # an OpenSSH private key without passphrase, readable by the agent only
    port: int = 22
    old_algorithms: bool = False  # also SHA-1, CBC and ssh-rsa, which old devices need
    interface: str = ""  # only by this card of ours; needed where two networks have the same numbers

    def __repr__(self) -> str:
        """Never show the secret."""
        return f"SshSecret(hosts={self.hosts!r}, family={self.family!r}, user={self.user!r}, …)"


def check_ssh(sections: Iterable[SshSecret], where: str) -> None:
    """Raise Refusal naming the first key that cannot be meant so."""
    for place, section in enumerate(sections):
        for key, ja, en in _problems(section):
            name = f"ssh[{place}].{key}"
            raise Refusal(
                f"{where} の {name} の値は使えません。{ja}何も送信していません。",
                f"{where}: the value of {name} cannot be used. {en} Nothing was sent.",
            )


def _problems(section: SshSecret) -> Iterable[tuple[str, str, str]]:
    """Give (key, what to write instead in Japanese, in English)."""
    if not section.hosts or not all(map(_is_network, section.hosts)):
        yield (
            "hosts",
            "192.168.1.1 や 192.168.1.0/24 の形で1つ以上書いてください。",
            "Write at least one address or network, like 192.168.1.1.",
        )
    if section.family not in FAMILIES:
        known = ", ".join(FAMILIES)
        yield ("family", f"次の1つを書いてください: {known}。", f"Write one of: {known}.")
    if not section.user:
        yield ("user", "読み取り専用のユーザー名を書いてください。", "Write the name of a read-only user.")
    if bool(section.password) == bool(section.key_file):
        yield (
            "password",
            "password か key_file のどちらか一方を書いてください。",
            "Write either password or key_file.",
        )
    if section.key_file and not Path(section.key_file).expanduser().is_file():
        yield ("key_file", "そのファイルがありません。", "There is no such file.")
    if not 1 <= section.port <= 65535:
        yield ("port", "1 から 65535 までの数を書いてください。", "Write a number from 1 to 65535.")


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
