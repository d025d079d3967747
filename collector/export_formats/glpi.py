# SPDX-License-Identifier: Apache-2.0
"""GLPI (10 and newer): its agent's inventory format, one JSON file per device in a zip.

GLPI knows computers, network equipment, printers and phones. Devices of another or an unknown class stand in a
folder of their own and name no type, so that nobody files a monitor as a computer without having decided it.
"""

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

from collector.export_zip import write_zip
from collector.holding import Held, Holding, line, product_version
from inventory_db.device import Address

MEDIA, ENDING, NAME_JA = "application/zip", "zip", "GLPI用"

_TYPES = {
    "pc": ("Computer", "Computer"),
    "server": ("Computer", "Computer"),
    "network": ("NetworkEquipment", "Networking"),
    "gateway": ("NetworkEquipment", "Networking"),
    "printer": ("Printer", "Printer"),
    "phone": ("Phone", "Phone"),
}  # device class → itemtype, type of a network device
_MOST = 255  # characters of a value that GLPI keeps

_README = """GLPI (10 以降) のインベントリ形式です。inventory/ の JSON を「管理 > インベントリ > インポート」で取り込んでください。
check-first/ の機器は、種別が分からないか、GLPI に種別がありません (医療機器など)。そのまま取り込むと GLPI は
コンピュータとして登録します。どれとして登録するかを決めてから、各ファイルに "itemtype" を書き足してください。
機器が答えなかった項目は書いていません。確かさは description と comments にあります。
調査で見えていない機器 (台帳にだけある行) は入っていません。

Inventory files of GLPI (10 and newer). Import the JSON of inventory/ with Administration > Inventory > Import.
Devices in check-first/ are of an unknown class, or of one that GLPI does not have (medical devices, for example).
GLPI would file them as computers: decide what they are first, and add "itemtype" to each file.
What no device told is left out. How sure a value is stands in description and comments.
Devices that only the facility's own ledger lists, and no scan has seen, are not in it.

{facility}  {at}
"""


def write(holding: Holding) -> bytes:
    """Give the zip."""
    readme = _README.format(facility=line(holding.facility), at=holding.now.isoformat(timespec="seconds"))
    files = {"README.txt": readme.encode()}
    for held in holding.devices:
        folder = "inventory" if held.device.device_class in _TYPES else "check-first"
        document = _document(held, holding)
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        files[f"{folder}/{held.row.number or held.device.id[:8]}.json"] = text.encode()
    return write_zip(files)


def _document(held: Held, holding: Holding) -> dict[str, Any]:
    item, kind = _TYPES.get(held.device.device_class, ("", ""))
    network = item in ("NetworkEquipment", "Printer")
    content = {"versionclient": f"daicho_v{product_version()}"}
    content |= _network_device(held, kind) if network else _computer(held)
    document: dict[str, Any] = {
        "action": "netinventory" if network else "inventory",
        "deviceid": f"daicho-{held.device.id}",
        "tag": line(holding.facility, _MOST),
        "content": content,
    }
    return document | ({"itemtype": item} if item else {})


def _network_device(held: Held, kind: str) -> dict[str, Any]:
    device = held.device
    described = {
        "type": kind,
        "name": held.name if held.named else "",
        "manufacturer": line(device.maker, _MOST),
        "model": line(device.model, _MOST),
        "serial": line(device.serial, _MOST),
        "firmware": line(device.firmware_version, _MOST),
        "location": line(held.typed("設置場所"), _MOST),
        "mac": next((line(one.mac) for one in device.addresses if one.mac), ""),
        "ips": list(dict.fromkeys(line(one.ip) for one in _with_ip(device.addresses))),
        "description": _description(held),
    }
    ports = [
        {"ifnumber": place, "ifdescr": line(mac), "mac": line(mac), "ips": ips}
        for place, (mac, ips) in enumerate(_cards(held).items(), 1)
        if mac
    ]
    return {"network_device": _full(described)} | _full({"network_ports": ports})


def _computer(held: Held) -> dict[str, Any]:
    device = held.device
    hardware = {"name": held.name if held.named else "", "description": _description(held)}
    bios = {
        "smanufacturer": line(device.maker, _MOST),
        "smodel": line(device.model, _MOST),
        "ssn": line(device.serial, _MOST),
        "assettag": held.row.number,
    }
    system = {"name": line(device.os, _MOST), "version": line(device.os_version, _MOST)}
    parts: dict[str, Any] = {
        "hardware": _full(hardware),
        "bios": _full(bios),
        "operatingsystem": _full(system),
        "networks": list(_networks(held)),
        "softwares": list(_software(held)),
        "firmwares": list(_firmware(held)),
    }
    return _full(parts)


def _networks(held: Held) -> Iterator[dict[str, Any]]:
    for address in held.device.addresses:
        entry = {"description": line(address.mac or address.ip, _MOST) or "unknown", "mac": line(address.mac)}
        if address.ip and (ip := _parsed(address.ip)):
            six = "6" if ip.version == 6 else ""
            entry[f"ipaddress{six}"] = str(ip)
            if network := _network(address.network):
                entry |= {
                    f"ipmask{six}": str(network.netmask),
                    f"ipsubnet{six}": str(network.network_address),
                }
        yield _full(entry)


def _software(held: Held) -> Iterator[dict[str, str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for service in held.device.services:
        if line(service.product):
            key = line(service.product, _MOST), line(service.version, _MOST)
            found.setdefault(key, []).append(line(f"{service.transport}/{service.port}"))
    for (name, version), places in found.items():
        comments = f"seen on {' '.join(places)}"[:_MOST]
        yield _full({"name": name, "version": version, "from": "daicho", "comments": comments})


def _firmware(held: Held) -> Iterator[dict[str, str]]:
    device = held.device
    if device.firmware_version:
        version = line(device.firmware_version, _MOST)
        yield _full({"name": "firmware", "version": version, "manufacturer": line(device.maker, _MOST)})


def _description(held: Held) -> str:
    device = held.device
    found = [f"daicho {held.row.number} {device.id}", f"class {device.device_class}"]
    found += [f"{name} {mark.sure}" for name, mark in sorted(device.confidence.items())]
    found += [f"remote {path.kind} {path.port or ''}".strip() for path in device.remote_paths]
    found += ["dual-homed"] if device.dual_homed else []
    return line("; ".join(found))


def _cards(held: Held) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in held.device.addresses:
        ips = found.setdefault(address.mac or "", [])
        if address.ip and _parsed(address.ip):
            ips.append(line(address.ip))
    return found


def _with_ip(addresses: tuple[Address, ...]) -> Iterator[Address]:
    return (one for one in addresses if one.ip and _parsed(one.ip))


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _network(text: str | None) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text) if text else None
    except ValueError:
        return None


def _full(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not known."""
    return {key: value for key, value in entry.items() if value not in ("", [], {}, None)}
