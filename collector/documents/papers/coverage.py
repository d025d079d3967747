# SPDX-License-Identifier: Apache-2.0
"""台帳の点検 (2-(1)): what was seen and is not listed, what is listed and not seen, which columns are empty."""

from collections.abc import Iterator

from collector.coverage import Coverage, Unseen, cover
from collector.documents.era import era_day
from collector.documents.paper import Column, Paper, Part
from collector.dossier import Dossier
from inventory_db.device import Device

_SEEN = (
    Column("管理番号", 0.6),
    Column("IPアドレス", 1.5),
    Column("コンピュータ名", 1.5),
    Column("メーカー・機種", 1.6),
)
_UNSEEN = (
    Column("管理番号", 0.7),
    Column("自院の台帳の行", 1.6),
    Column("コンピュータ名", 1.3),
    Column("IPアドレス", 1.2),
    Column("最後に見た日", 1.0),
    Column("日数", 0.5),
)
_GAPS = (Column("管理番号", 0.7), Column("自院の台帳の行", 1.5), Column("空の欄", 4.0))


def make(dossier: Dossier) -> Paper:
    """Make the check of the ledger."""
    found = cover(dossier.case)
    devices = {device.id: device for device in dossier.case.devices}
    missing = (devices[id] for id in found.seen_not_listed if id in devices)
    return Paper(
        kind="coverage",
        title="機器台帳の点検",
        facility=dossier.facility,
        header=tuple(_header(found)),
        lines=(
            f"見えていて台帳にある機器 {len(found.seen_and_listed):,} 台、見えているのに人の記入がない機器 "
            f"{len(found.seen_not_listed):,} 台、台帳にあり {found.silent_days} 日以上（または一度も）見えない行 "
            f"{len(found.unseen):,} 件、必要な欄が空の行 {len(found.gaps):,} 件。",
        ),
        parts=(
            Part(
                heading="見えているのに人の記入がない機器",
                sheet="見えているが未記入",
                columns=_SEEN,
                rows=tuple(_seen(dossier, device) for device in missing),
            ),
            Part(
                heading="台帳にあるのに見えない行",
                columns=_UNSEEN,
                rows=tuple(_unseen(dossier, one, devices) for one in found.unseen),
                notes=(
                    "見えないことは、無いことではありません。電源が切れている機器や、調べていない網の機器を含みます。",
                ),
            ),
            Part(
                heading="必要な欄が空の行",
                columns=_GAPS,
                rows=tuple(
                    (dossier.number(gap.device or gap.listed), gap.listed, "、".join(gap.columns))
                    for gap in found.gaps
                ),
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )


def _header(found: Coverage) -> Iterator[tuple[str, str]]:
    yield "人が最後に点検した日", era_day(found.checked) if found.checked else "記録なし"
    review = found.review
    yield (
        "責任者の確認",
        " ".join((era_day(review.on), *filter(None, (review.role, review.by)))) if review else "記録なし",
    )


def _seen(dossier: Dossier, device: Device) -> tuple[str, ...]:
    addresses = "、".join(address.ip for address in device.addresses if address.ip)
    made = " ".join(filter(None, (device.maker, device.model)))
    return dossier.number(device.id), addresses, device.names[0] if device.names else "", made


def _unseen(dossier: Dossier, one: Unseen, devices: dict[str, Device]) -> tuple[str, ...]:
    cells = one.listed.cells if one.listed else {}
    device = devices.get(one.device)
    name = cells.get("コンピュータ名", "") or (device.names[0] if device and device.names else "")
    addresses = "、".join(a.ip for a in device.addresses if a.ip) if device else ""
    place = f"{one.listed.source} {one.listed.row or ''}".strip() if one.listed else ""
    return (
        dossier.number(one.device or (one.listed.id if one.listed else "")),
        place,
        name,
        cells.get("IPアドレス", "") or addresses,
        era_day(one.last_seen) if one.last_seen else "一度も見ていない",
        "" if one.days is None else str(one.days),
    )
