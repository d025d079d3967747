# SPDX-License-Identifier: Apache-2.0
"""The agent.toml that the site of a layout would write: its scope, its allowances, its credentials."""

import json
from collections.abc import Iterator
from pathlib import Path

from deploy.lab.daemons.management import Snmpd
from deploy.lab.layout import Host, Layout, read_layout
from deploy.lab.paths import layout_file

_PRIVACY = {"AES": "aes128", "DES": "des"}
_AUTH = {"SHA": "sha1", "MD5": "md5", "SHA-256": "sha256", "SHA-512": "sha512"}


def agent_toml(layout: str | Path, *networks: str) -> str:
    """Write the settings of a layout as TOML; credentials per host, as the layout's devices have them.

    `networks` are those of another agent, in place of the layout's scope.
    """
    read = read_layout(layout_file(layout))
    return "\n".join((*_scope(read, networks), *_credentials(read))) + "\n"


def _scope(layout: Layout, networks: tuple[str, ...]) -> Iterator[str]:
    yield "[scope]"
    yield f"networks = {json.dumps([*(networks or layout.scope.networks), 'fe80::/64'])}"
    yield f"never = {json.dumps(list(layout.scope.never))}"
    for address in layout.scope.dicom_allowed:
        yield "\n[[scope.host]]"
        yield f'address = "{address}"'
        yield 'allow = ["dicom"]'
        yield 'reason = "保守会社の了解済み (AE 登録済み)"'


def _credentials(layout: Layout) -> Iterator[str]:
    for host in layout.hosts.values():
        for daemon in host.daemons:
            if isinstance(daemon, Snmpd):
                yield from _secret(daemon, [nic.ip for nic in host.nics if nic.ip], host)


def _secret(daemon: Snmpd, addresses: list[str], host: Host) -> Iterator[str]:
    if not (daemon.users or daemon.community) or host.answers == "arp":
        return
    yield "\n[[snmp]]"
    yield f"hosts = {json.dumps(addresses)}"
    if not daemon.users:
        yield f"community = {json.dumps(daemon.community)}"
        return
    user = daemon.users[0]
    yield f"user = {json.dumps(user.name)}"
    yield f'auth = "{_AUTH[user.auth]}"'
    yield f"auth_key = {json.dumps(user.auth_password)}"
    yield f'privacy = "{_PRIVACY[user.priv]}"'
    yield f"privacy_key = {json.dumps(user.priv_password)}"
