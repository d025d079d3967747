# SPDX-License-Identifier: Apache-2.0
"""Reads the answer key of a layout: what each host truly is, and what it says on the wire."""

from pathlib import Path
from typing import Literal

import msgspec

from deploy.lab import rootfs
from deploy.lab.errors import LayoutError
from deploy.lab.layout import read_yaml
from deploy.lab.paths import layout_file

__all__ = ["Address", "Announced", "AnswerKey", "DeviceClass", "KeyHost", "Service", "key_file", "read_key"]

DeviceClass = Literal["server", "pc", "network", "gateway", "medical", "printer", "phone", "iot", "unknown"]
RemoteKind = Literal[
    "ssl_vpn", "ipsec", "openvpn", "l2tp", "pptp", "softether", "wireguard", "rdp", "vnc", "remote_tool",
    "mobile_router", "ssh", "telnet", "web_admin",
]  # fmt: skip


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frozen, keyword-only, and unknown keys are errors."""


class Address(_Strict, frozen=True, kw_only=True):
    """One address of a host with its card and network."""

    ip: str
    mac: str
    network: str


class Service(_Strict, frozen=True, kw_only=True):
    """An open port. `name` is the protocol in lower case (ssh, http, https, smb, rdp, dicom …)."""

    port: int
    transport: Literal["tcp", "udp"]
    name: str
    silent: bool = False


class Announced(_Strict, frozen=True, kw_only=True):
    """What the wire says at a port: product and version as one can read them; `text` is contained verbatim."""

    port: int
    transport: Literal["tcp", "udp"] = "tcp"
    product: str
    version: str | None = None
    text: str


class _Package(_Strict, frozen=True, kw_only=True):
    dpkg: str


class _AnnouncedInFile(_Strict, frozen=True, kw_only=True):
    port: int
    transport: Literal["tcp", "udp"] = "tcp"
    product: str
    version: str | _Package | None = None
    text: str


class KeyHost(_Strict, frozen=True, kw_only=True):
    """The truth about one host.

    `os` is what the wire announces about it, null when nothing does; `fragile` hosts get no payload; a host that
    is not `visible` is outside the scope and must receive nothing at all; `stubs` names answers of our own.
    """

    id: str
    addresses: tuple[Address, ...]
    names: tuple[str, ...] = ()
    device_class: DeviceClass
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    os: str | None = None
    os_version: str | None = None
    firmware_version: str | None = None
    announced: tuple[Announced, ...] = ()
    services: tuple[Service, ...] = ()
    dual_homed: tuple[str, ...] | None = None
    forwards: bool | None = None
    hidden: bool = False  # nothing that it answers shows its second network: null is right
    fragile: bool = False
    remote_paths: tuple[RemoteKind, ...] = ()
    visible: bool = True
    stubs: tuple[str, ...] = ()


class _HostInFile(KeyHost, frozen=True, kw_only=True):
    announced: tuple[_AnnouncedInFile, ...] = ()  # type: ignore[assignment]


class _InFile(_Strict, frozen=True, kw_only=True):
    layout: str
    agent: Address
    hosts: tuple[_HostInFile, ...]


class AnswerKey(_Strict, frozen=True, kw_only=True):
    """All hosts of a layout, without the agent's own machine, which stands apart."""

    layout: str
    agent: Address
    hosts: tuple[KeyHost, ...]

    def visible(self) -> tuple[KeyHost, ...]:
        """Return the hosts a scan of the scope must find, each exactly once."""
        return tuple(host for host in self.hosts if host.visible)


def key_file(layout: str | Path) -> Path:
    """Return the answer key's file beside a layout."""
    return layout_file(layout).with_suffix(".key.yaml")


def read_key(layout: str | Path = "hospital", root: Path | None = None) -> AnswerKey:
    """Return a layout's answer key; versions written {dpkg: NAME} are looked up in the root file system.

    Raises LayoutError for a malformed key, LabUnavailable when a version is needed and no root is built.
    """
    file = key_file(layout)
    try:
        found = msgspec.convert(read_yaml(file), _InFile)
    except msgspec.ValidationError as error:
        raise LayoutError(
            f"答えのファイル {file.name} に誤りがあります。直してください: {error} / {file.name} is not valid: {error}"
        ) from error
    hosts = tuple(_resolve(host, root) for host in found.hosts)
    return AnswerKey(layout=found.layout, agent=found.agent, hosts=hosts)


def _resolve(host: _HostInFile, root: Path | None) -> KeyHost:
    values = {name: getattr(host, name) for name in host.__struct_fields__}
    values["announced"] = tuple(_look_up(entry, root) for entry in host.announced)
    return KeyHost(**values)


def _look_up(entry: _AnnouncedInFile, root: Path | None) -> Announced:
    version = entry.version
    if isinstance(version, _Package):
        version = rootfs.package_version(version.dpkg, root)
    text = entry.text.replace("{version}", version or "")
    return Announced(
        port=entry.port, transport=entry.transport, product=entry.product, version=version, text=text
    )
