# SPDX-License-Identifier: Apache-2.0
"""What the agent of the story saw, twice, and the ledger that its hospital kept in Excel until then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl

from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Upload, fact
from tests.browser.material import FORMULA, HIS, MODALITY, SCRIPT, VANTAGES, journal, mac_of

SERVER, SERVER_AGAIN, PC = "10.10.1.20", "10.20.1.20", "10.10.1.31"
FIREWALL, CONSOLE, PRINTER, HARM, NEW = "10.10.1.254", "10.20.1.40", "10.20.1.50", "10.20.1.66", "10.20.1.77"
OLD_FIRMWARE, NEW_FIRMWARE = "v7.4.2,build2571,231219 (GA.F)", "v7.4.13,build2726,260122 (GA.M)"
HOST_KEY = "ssh-ed25519 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
NEVER_SEEN = "MRI-OLD"
FIRST_LOOK, SECOND_LOOK = "scan-1", "scan-2"


@dataclass(frozen=True, slots=True)
class Look:
    """One scan of both networks."""

    id: str
    at: datetime  # its beginning

    def saw(self, ip: str, probe: str, *facts: Fact, port: int = 0, silent: bool = False) -> Observation:
        """One observation; a port speaks TCP, no port is an ARP question."""
        his = ip.startswith("10.10.")
        told = (fact(FactKind.OPEN, "tcp"), *facts) if port else facts
        return Observation(
            scan=self.id,
            vantage="v-his" if his else "v-mod",
            at=self.at + timedelta(minutes=1, seconds=port % 60),
            probe=probe,
            address=ip,
            mac="" if silent else mac_of(ip),
            network=HIS if his else MODALITY,
            port=port,
            transport="tcp" if port else "arp",
            outcome=Outcome.SILENT if silent else Outcome.ANSWERED,
            facts=() if silent else told,
            transcript=f"~ open tcp {port}" if port else "",
        )

    def alive(self, ip: str) -> Observation:
        """The ARP answer that shows a host is there."""
        return self.saw(ip, "packets.arp", fact(FactKind.MAC, mac_of(ip)), fact(FactKind.ADDRESS, ip))

    def server(self, *addresses: str) -> list[Observation]:
        """A Windows server that lists its own addresses; its desktop can be reached."""
        lists = [fact(FactKind.OXID_BINDING, text) for text in ("HIS-DB01", *addresses)]
        names = (
            fact(FactKind.SMB_GUID, "1d9f3c22-0d52-4a55-9b3e-2f1c3a4b5c6d"),
            fact(FactKind.NTLM_COMPUTER, "HIS-DB01"),
            fact(FactKind.NTLM_BUILD, "10.0.20348"),
        )
        found = []
        for ip in addresses:
            found += [self.alive(ip), self.saw(ip, "oxid", *lists, port=135)]
            found.append(self.saw(ip, "smb", fact(FactKind.SERVICE, "smb"), *names, port=445))
        return found

    def firewall(self, version: str) -> list[Observation]:
        """The border of the house, which tells its firmware and takes SSL-VPN guests."""
        told = (
            fact(FactKind.SNMP_SYSOBJECTID, "1.3.6.1.4.1.12356.101.1.641"),
            fact(FactKind.MAKER, "Fortinet"),
            fact(FactKind.MODEL, "FortiGate-60F"),
            fact(FactKind.OS, "FortiOS"),
            fact(FactKind.SERIAL, "FGT60FTK20000001"),
            fact(FactKind.FIRMWARE_VERSION, version),
            fact(FactKind.NAME, "fw-main"),
        )
        vpn = (fact(FactKind.SERVICE, "https"), fact(FactKind.REMOTE_PATH, "ssl_vpn"))
        return [
            self.alive(FIREWALL),
            self.saw(FIREWALL, "ssh_commands", *told, port=22),
            self.saw(FIREWALL, "https", *vpn, port=443),
        ]

    def console(self) -> list[Observation]:
        """The CT's console: its maker comes in by desktop and, the scan says, by VNC."""
        rdp = (fact(FactKind.SERVICE, "rdp"), fact(FactKind.REMOTE_PATH, "rdp"))
        vnc = (fact(FactKind.SERVICE, "vnc"), fact(FactKind.REMOTE_PATH, "vnc"))
        return [
            self.alive(CONSOLE),
            self.saw(CONSOLE, "rdp", fact(FactKind.NTLM_COMPUTER, "CT-CONSOLE"), *rdp, port=3389),
            self.saw(CONSOLE, "vnc", *vnc, port=5900),
        ]

    def others(self) -> list[Observation]:
        """A PC of the reception, and a device whose words are an attack."""
        build = (fact(FactKind.NTLM_COMPUTER, "PC-RECEPT"), fact(FactKind.NTLM_BUILD, "10.0.22631"))
        attack = (Fact(FactKind.NAME, SCRIPT), Fact(FactKind.MAKER, FORMULA))
        return [
            self.alive(PC),
            self.saw(PC, "smb", fact(FactKind.SERVICE, "smb"), *build, port=445),
            self.alive(HARM),
            self.saw(HARM, "http", fact(FactKind.SERVICE, "http"), *attack, port=80),
        ]

    def printer(self, *, silent: bool = False) -> list[Observation]:
        """A printer that tells its name, or is asked and says nothing."""
        if silent:
            return [self.saw(PRINTER, "packets.arp", silent=True)]
        words = (fact(FactKind.SNMP_SYSDESCR, "Canon MF750C /P"), fact(FactKind.SNMP_SYSNAME, "uketsuke-mfp"))
        return [self.alive(PRINTER), self.saw(PRINTER, "snmp", *words, port=161)]

    def new(self) -> list[Observation]:
        """A device that nobody knows of yet."""
        banner = (fact(FactKind.SERVICE, "ssh"), fact(FactKind.SSH_BANNER, "SSH-2.0-OpenSSH_9.2p1"))
        return [self.alive(NEW), self.saw(NEW, "ssh", *banner, port=22)]

    def upload(self, found: list[Observation]) -> Upload:
        """Everything of this scan, as the agent hands it over."""
        scan = Scan(
            id=self.id,
            started=self.at,
            ended=self.at + timedelta(minutes=9),
            scope=(HIS, MODALITY),
            state="complete",
            planned=508,
            finished=508,
        )
        seen = tuple(found)
        return Upload(scans=(scan,), vantages=VANTAGES, observations=seen, sent=journal(seen))


def first_look(at: datetime) -> Upload:
    """The hospital as it was."""
    look = Look(FIRST_LOOK, at)
    found = [*look.server(SERVER), *look.firewall(OLD_FIRMWARE), *look.console(), *look.others()]
    return look.upload([*found, *look.printer()])


def second_look(at: datetime) -> Upload:
    """A card more in the server, a newer firmware, a printer gone, a device come."""
    look = Look(SECOND_LOOK, at)
    found = [*look.server(SERVER, SERVER_AGAIN), *look.firewall(NEW_FIRMWARE), *look.console()]
    return look.upload([*found, *look.others(), *look.printer(silent=True), *look.new()])


def old_ledger(folder: Path) -> Path:
    """Write the ledger that somebody kept for years: titles, merged cells, eras, wide digits, sums, and an attack."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "機器一覧 R6"
    for row in (
        ("東山台病院　情報機器管理台帳",),
        ("作成：情報システム係　（令和６年４月改訂）",),
        (),
        (
            "No",
            "管理番号",
            "機器名",
            "ＩＰアドレス",
            "メーカ",
            "設置場所",
            "使用者",
            "導入日",
            "状態",
            "備考",
        ),
        (1, "A-001", "HIS-DB01", SERVER, "富士通", "２階 サーバ室", "情報係", "令和2年12月1日", "稼働", ""),
        (2, "A-002", "PC-RECEPT", "１０．１０．１．３１", "", "", "医事課　佐藤", "R2.4.1", "稼働", FORMULA),
        (3, "B-001", "CT-CONSOLE", CONSOLE, "", "放射線科", "技師", "H31/4/1", "稼働", "保守：大川医療機器"),
        (4, "B-002", NEVER_SEEN, "10.20.1.99", "", "MRI室", SCRIPT, "S60/4/1", "停止", "電源を切って保管"),
        (),
        ("合計", 4),
    ):
        page.append(list(row))
    for cells in ("A1:J1", "A2:J2", "F5:F6"):
        page.merge_cells(cells)
    page["J6"].data_type = "s"  # text that looks like a formula
    book.create_sheet("記入例").append(["この表に記入しないでください"])
    book.save(folder / "機器台帳_最新(2).xlsx")
    return folder / "機器台帳_最新(2).xlsx"
