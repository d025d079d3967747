# SPDX-License-Identifier: Apache-2.0
"""The lists of BCP 確認表 1-1): servers and PCs, VPN devices with firewalls and routers, and who answers for what.

Source: サイバー攻撃を想定した事業継続計画（BCP）策定の確認表のための手引き 1-1). A scan sees neither what a
device is for nor whether its anti-virus runs: such a cell says 要確認 until a person has filled it.
"""

from collections.abc import Iterable, Iterator

from collector.documents.gateways import is_network, unlisted
from collector.documents.paper import UNKNOWN, Column, Paper, Part
from collector.dossier import Dossier
from collector.translation import load_words
from collector.verdict import Finding
from inventory_db.official import COLUMNS, ListedRow, OfficialRow
from inventory_db.stated import DeviceDetail, RemoteAccess, Vendor

_OURS = "医療機関"
_MOST_PROVEN = 3  # findings told in one cell
_COMPUTERS = (
    Column("管理番号", 0.7),
    Column("種別", 0.8),
    Column("コンピュータ名", 1.4),
    Column("OS", 1.4),
    Column("IPアドレス", 1.3),
    Column("使用用途", 1.3),
    Column("脆弱性対応状況", 2.0),
    Column("ウイルス対策ソフトの稼働状況", 1.2),
    Column("管理者権限でのログオン", 0.9),
    Column("所在", 1.0),
    Column("管理主体", 1.0),
)
_NETWORK = (
    Column("管理番号", 0.7),
    Column("種別", 1.0),
    Column("メーカー・機種", 1.5),
    Column("所在", 1.2),
    Column("IPアドレス", 1.4),
    Column("使用用途", 1.4),
    Column("外部からの経路", 1.4),
    Column("ファームウェア", 1.0),
    Column("脆弱性対応状況", 2.0),
    Column("管理主体", 1.0),
)
_LISTED = (
    Column("管理番号", 0.7),
    Column("元の台帳の番号", 0.9),
    Column("コンピュータ名", 1.4),
    Column("OS", 1.4),
    Column("IPアドレス", 1.3),
    Column("所在", 1.3),
    Column("説明", 2.0),
)
_CARE = (
    Column("管理主体", 1.4),
    Column("管理する機器（管理番号）", 2.6),
    Column("台数", 0.5),
    Column("システム", 1.6),
    Column("連絡先", 1.4),
    Column("脆弱性情報の収集", 1.3),
    Column("対応プログラムの適用基準", 1.3),
)


def make(dossier: Dossier) -> Paper:
    """Make the lists; every device is on exactly one of them."""
    network = [row for row in dossier.case.rows if is_network(row.device)]
    others = [row for row in dossier.case.rows if not is_network(row.device)]
    computers = [row for row in others if row.device.device_class in ("server", "pc", "unknown")]
    rest = [row for row in others if row.device.device_class not in ("server", "pc", "unknown")]
    words = _Lines(dossier)
    return Paper(
        kind="bcp",
        title="BCP 確認表 1-1 機器の一覧",
        facility=dossier.facility,
        lines=(
            "「サイバー攻撃を想定した事業継続計画（BCP）策定の確認表」1-1) が求める一覧です。"
            "「要確認」は、調べでは分からず、人の記入もまだ無いことを表します。",
        ),
        parts=(
            Part(
                heading="サーバ・端末PC一覧",
                columns=_COMPUTERS,
                rows=tuple(words.computer(row) for row in computers),
                notes=("種別が「不明」の機器は、サーバ・端末PCでないと確かめられるまでここに載せています。",),
            ),
            Part(
                heading="VPN装置・ファイアウォール・ルーター等一覧",
                sheet="VPN装置・ルーター等一覧",
                columns=_NETWORK,
                rows=(*(words.network(row) for row in network), *words.declared()),
                notes=("管理番号が「届出」の行は、届け出られたが台帳の機器と結び付いていない経路です。",),
                new_page=True,
            ),
            Part(
                heading="その他の機器（医療機器・プリンタ等）",
                sheet="その他の機器",
                columns=_COMPUTERS,
                rows=tuple(words.computer(row) for row in rest),
                new_page=bool(rest),
            ),
            Part(
                heading="自院の台帳にあり、調べで見えていない機器",
                sheet="見えていない機器",
                columns=_LISTED,
                rows=tuple(_listed(row) for row in dossier.listed),
                notes=("電源が切れている機器や、調べていない網の機器を含みます。種別は分かりません。",),
            ),
            Part(
                heading="責任区分",
                columns=_CARE,
                rows=tuple(words.care()),
                notes=(
                    "脆弱性情報の収集と適用基準は、契約と院内の取り決めによります。空欄は人が記入します。",
                ),
                new_page=True,
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


class _Lines:
    """Writes rows of the lists from one dossier."""

    def __init__(self, dossier: Dossier) -> None:
        self._dossier = dossier
        self._words = load_words("ja")  # an official form is a Japanese one
        self._details = dossier.details()
        self._carers = dossier.carers()
        self._patches = _patch_findings(dossier)

    def computer(self, row: OfficialRow) -> tuple[str, ...]:
        """Write a row of servers and PCs."""
        detail = self._detail(row)
        return (
            row.number,
            self._words.choose("kind", row.device.device_class),
            row.cell("コンピュータ名").value,
            row.cell("OS").value or UNKNOWN,
            row.cell("IPアドレス").value,
            detail.use or UNKNOWN,
            self._patched(row, detail),
            detail.antivirus or UNKNOWN,
            UNKNOWN if detail.admin_logon is None else ("あり" if detail.admin_logon else "なし"),
            row.cell("設置場所").value or UNKNOWN,
            self._carer(row),
        )

    def network(self, row: OfficialRow) -> tuple[str, ...]:
        """Write a row of VPN devices, firewalls and routers."""
        device, detail = row.device, self._detail(row)
        made = " ".join(filter(None, (row.cell("メーカー").value, device.model)))
        paths = {
            f"{self._words.choose('path', path.kind)} {path.port or ''}".strip()
            for path in device.remote_paths
        }
        return (
            row.number,
            self._words.choose("kind", device.device_class),
            made or UNKNOWN,
            row.cell("設置場所").value or UNKNOWN,
            row.cell("IPアドレス").value,
            detail.use or UNKNOWN,
            "、".join(sorted(paths)),
            device.firmware_version or device.os_version or UNKNOWN,
            self._patched(row, detail),
            self._carer(row),
        )

    def declared(self) -> Iterator[tuple[str, ...]]:
        """Write what was declared and stands in no ledger, such as a router with a SIM card."""
        case = self._dossier.case
        vendors = {one.id: one.name for one in case.said(Vendor)}
        for path in unlisted(case.said(RemoteAccess), case.devices):
            means = self._words.choose("path", path.means)
            carer = vendors.get(path.vendor, path.vendor) or UNKNOWN
            yield (
                "届出",
                means,
                path.product or UNKNOWN,
                UNKNOWN,
                UNKNOWN,
                path.purpose or UNKNOWN,
                means,
                UNKNOWN,
                UNKNOWN,
                carer,
            )

    def care(self) -> Iterator[tuple[str, ...]]:
        """Write who answers for which devices; whose nobody said come last."""
        groups: dict[str, list[str]] = {}
        for row in self._dossier.case.rows:
            groups.setdefault(self._carer(row), []).append(row.number)
        vendors = {one.name: one for one in self._dossier.case.said(Vendor)}
        names = {_OURS: None, **dict.fromkeys(vendors), **dict.fromkeys(groups)}
        for name in sorted(names, key=lambda one: (one == UNKNOWN, one != _OURS)):
            vendor, numbers = vendors.get(name), groups.get(name, [])
            systems = "、".join(vendor.systems) if vendor else ""
            contact = vendor.contact if vendor else ""
            yield (name, _ranges(numbers), str(len(numbers)), systems, contact, "", "")

    def _detail(self, row: OfficialRow) -> DeviceDetail:
        return self._details.get(row.device.id) or DeviceDetail(device=row.device.id)

    def _carer(self, row: OfficialRow) -> str:
        vendor = self._carers.get(row.device.id)
        return vendor.name if vendor else self._detail(row).managed_by or UNKNOWN

    def _patched(self, row: OfficialRow, detail: DeviceDetail) -> str:
        """Give the person's words, then what is proven against the device, then how much is open."""
        found = self._patches.get(row.device.id, [])
        proven = [_without_name(one.text.ja) for one in found if one.proven]
        unsure = len(found) - len(proven)
        more = [f"ほか {len(proven) - _MOST_PROVEN} 件"] if len(proven) > _MOST_PROVEN else []
        open_ones = [f"{UNKNOWN}（決められない点 {unsure} 件）"] if unsure else []
        return (
            "\n".join((*filter(None, (detail.patched,)), *proven[:_MOST_PROVEN], *more, *open_ones))
            or UNKNOWN
        )


def _without_name(text: str) -> str:
    """Take the device's name and address off a finding's sentence: the row says them."""
    name, mark, rest = text.partition("): ")
    return rest if mark and len(name) < 80 else text


def _listed(row: ListedRow) -> tuple[str, ...]:
    cells = dict(zip(COLUMNS, (cell.value for cell in row.cells), strict=True))
    return (
        row.number,
        row.theirs,
        *(cells[column] or UNKNOWN for column in ("コンピュータ名", "OS", "IPアドレス", "設置場所", "説明")),
    )


def _patch_findings(dossier: Dossier) -> dict[str, list[Finding]]:
    """Give the findings against a device's patch state, by device id, each once."""
    found: dict[str, dict[str, Finding]] = {}
    for sheet, item in dossier.items():
        if sheet.vendor is None and item.line.item.rule == "patches":
            for one in item.judged.findings:
                if one.device and one.against:
                    found.setdefault(one.device, {})[one.text.ja] = one
    return {device: list(findings.values()) for device, findings in found.items()}


def _ranges(numbers: Iterable[str]) -> str:
    """Write numbers shortly: 001–003、007."""
    known = sorted({int(number) for number in numbers if number.isdigit()})
    runs: list[list[int]] = []
    for number in known:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return "、".join(f"{first:03d}" if first == last else f"{first:03d}–{last:03d}" for first, last in runs)
