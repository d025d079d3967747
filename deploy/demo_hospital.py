# SPDX-License-Identifier: Apache-2.0
"""A hospital that does not exist, to look at the pages with: made up here, nothing in it was recorded anywhere."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from inventory_db import observations, statements
from inventory_db.facilities import FIRST, find_facility, rename_facility
from inventory_db.ledger import edit, official_rows, refresh
from inventory_db.listed_ledger import number_listed
from inventory_db.stated import Facility, ListedDevice
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Upload, Vantage, fact

NAME = "見本の病院（架空）"
WHO = "見本"
HIS, ROOMS = "192.0.2.0/25", "192.0.2.128/25"  # documentation addresses (RFC 5737): nobody stands there
PLACES = ("サーバ室", "医事課", "外来受付", "放射線科", "検査室")


def fill(connection: Connection, now: datetime) -> int:
    """Fill an empty ledger with the hospital; gives how many devices it has. The caller holds the writer's lock."""
    start = now - timedelta(hours=2)
    scan = Scan(
        id="demo",
        started=start,
        ended=start + timedelta(minutes=20),
        scope=(HIS, ROOMS),
        state="complete",
        planned=252,
        finished=252,
    )
    vantages = tuple(
        Vantage(id=f"demo-{n}", host="demo", interface=f"eth{n}", address=address, network=network)
        for n, (address, network) in enumerate((("192.0.2.9", HIS), ("192.0.2.139", ROOMS)))
    )
    upload = Upload(scans=(scan,), vantages=vantages, observations=tuple(_everything(start)))
    observations.append(connection, upload)
    count = refresh(connection)
    statements.state_all(connection, _stated(), WHO, now)
    number_listed(connection, ["demo-1"])
    for place, row in enumerate(official_rows(connection)[:12]):
        edit(connection, row.device.id, "設置場所", PLACES[place % len(PLACES)], WHO, now)
    rename_facility(connection, FIRST, NAME)
    return count


def is_demo(connection: Connection) -> bool:
    """Say whether this ledger is the made-up hospital and nothing else."""
    first = find_facility(connection, FIRST)
    return bool(first and first.name == NAME) and {s.id for s in observations.scans(connection)} <= {"demo"}


def _stated() -> tuple[Facility | ListedDevice, ...]:
    cells = {"コンピュータ名": "OLD-XRAY", "IPアドレス": "192.0.2.200", "設置場所": "倉庫", "状態": "予備"}
    return (
        Facility(name=NAME, networks=(HIS, ROOMS)),
        ListedDevice(id="demo-1", cells=cells, ledger="見本の台帳", source="見本の台帳.xlsx", row=4),
    )


def _everything(start: datetime) -> list[Observation]:
    found: list[Observation] = []
    for number, (last, probe, port, facts) in enumerate(_hosts()):
        at = start + timedelta(seconds=number)
        alive = (fact(FactKind.MAC, _mac(last)), fact(FactKind.ADDRESS, f"192.0.2.{last}"))
        found.append(_seen(last, "packets.arp", 0, alive, at))
        if facts:
            found.append(_seen(last, probe, port, facts, at))
    return found


def _mac(last: int) -> str:
    return f"02:00:5e:00:02:{last:02x}"  # locally administered: no maker's card


def _seen(last: int, probe: str, port: int, facts: tuple[Fact, ...], at: datetime) -> Observation:
    his = last < 128
    return Observation(
        scan="demo",
        vantage="demo-0" if his else "demo-1",
        network=HIS if his else ROOMS,
        at=at,
        probe=probe,
        address=f"192.0.2.{last}",
        mac=_mac(last),
        port=port,
        transport="tcp" if port else "arp",
        outcome=Outcome.ANSWERED,
        facts=facts,
    )


def _hosts() -> list[tuple[int, str, int, tuple[Fact, ...]]]:
    """Give the last number of each address with what it said."""
    opened = fact(FactKind.OPEN, "tcp")

    def ssh(banner: str) -> tuple[Fact, ...]:
        return opened, fact(FactKind.SERVICE, "ssh"), fact(FactKind.SSH_BANNER, banner)

    def snmp(description: str, name: str) -> tuple[Fact, ...]:
        return fact(FactKind.SNMP_SYSDESCR, description), fact(FactKind.SNMP_SYSNAME, name)

    rdp = (opened, fact(FactKind.SERVICE, "rdp"), fact(FactKind.REMOTE_PATH, "rdp"))
    telnet = (opened, fact(FactKind.SERVICE, "telnet"))
    quiet = [(last, "", 0, ()) for last in (*range(60, 72), *range(170, 180))]
    return [
        (1, "snmp", 161, snmp("RTX1210 Rev.14.01.42 (Fri Mar 1 2024)", "core-rtx")),
        (10, "ssh", 22, ssh("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")),
        (11, "rdp", 3389, rdp),
        (12, "ssh", 22, ssh("SSH-2.0-OpenSSH_7.4")),
        (140, "snmp", 161, snmp("Canon MF750C /P", "uketsuke-mfp")),
        (150, "telnet", 23, telnet),
        *quiet,
    ]
