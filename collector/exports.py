# SPDX-License-Identifier: Apache-2.0
"""The ledger as files: what the database says, in the form that each document wants."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo

from collector.case import Case
from collector.documents.ledger_csv import write_ledger_csv
from collector.documents.ledger_paper import ledger_columns, ledger_paper
from collector.documents.ledger_xlsx import FurtherSheet, Sheet, write_ledger_xlsx
from collector.documents.listed_sheets import CLOUD_COLUMNS, cloud_sheet, cloud_values, own_ledger_sheet
from collector.documents.paper import Paper
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.papers import cloud
from collector.dossier import Dossier
from collector.settings import in_zone
from collector.translation import Words, describe_how, load_words
from inventory_db import ledger
from inventory_db.agents import Connection
from inventory_db.device import Device
from inventory_db.official import COLUMNS, ListedRow, OfficialRow, day_text
from inventory_db.stated import CloudService, Facility, ListedDevice
from inventory_db.statements import standing


def ledger_csv(connection: Connection, at: datetime | None = None, *, byte_order_mark: bool = True) -> bytes:
    """Give the official 12 columns as CSV bytes, now or as known at `at`; what is only listed comes last."""
    rows = _values(ledger.official_rows(connection, at), ledger.listed_rows(connection, at))
    return write_ledger_csv(COLUMNS, rows, byte_order_mark=byte_order_mark)


def ledger_xlsx(
    connection: Connection, facility: str, zone: tzinfo, now: datetime, at: datetime | None = None
) -> bytes:
    """Give the official form as an Excel file, with a second sheet of the evidence behind it."""
    words = load_words("ja")  # the form is a Japanese one
    rows = ledger.official_rows(connection, at)
    header = ledger.header(connection, at)
    stated = stated_facility(connection, at)
    return write_ledger_xlsx(
        Sheet(
            title=words("ledger.title"),
            facility=stated.name if stated else facility,
            updated=(
                (words("ledger.updated_on"), day_text(header.updated) if header.updated else ""),
                (words("ledger.updated_by"), header.by),
            ),
            columns=ledger_columns(stated.form if stated else "hospital"),
            rows=_values(rows, ledger.listed_rows(connection, at)),
            evidence_title=words("sheet.evidence"),
            evidence_columns=[
                words(f"sheet.{key}") for key in ("number", "field", "value", "sure", "reason", "seen")
            ],
            evidence=(line for row in rows for line in _evidence(row, words, zone)),
            created=in_zone(now, zone).replace(tzinfo=None),
            further=tuple(_further(connection, rows, at)),
        )
    )


def ledger_pdf(
    connection: Connection, facility: str, zone: tzinfo, now: datetime, at: datetime | None = None
) -> bytes:
    """Give the official form as PDF; raises collector.documents.typesetting.PaperError without fonts."""
    stated = stated_facility(connection, at)
    rows = _values(ledger.official_rows(connection, at), ledger.listed_rows(connection, at))
    header = ledger.header(connection, at)
    name, form = (stated.name, stated.form) if stated else (facility, "hospital")
    return write_paper_pdf(ledger_paper(rows, header, name, form, now, zone))


def cloud_services(connection: Connection, at: datetime | None = None) -> list[CloudService]:
    """Give the cloud services that people listed."""
    return [one.said for one in standing(connection, CloudService, at).values()]


def cloud_csv(connection: Connection, at: datetime | None = None) -> bytes:
    """Give the cloud-service ledger as CSV bytes in the form's eight columns."""
    columns = [name for name, _ in CLOUD_COLUMNS]
    return write_ledger_csv(columns, (cloud_values(one) for one in cloud_services(connection, at)))


def cloud_json(connection: Connection, at: datetime | None = None) -> bytes:
    """Give the cloud-service ledger as JSON (schema daicho/cloud/1)."""
    services = [
        {"id": one.id} | dict(zip([name for name, _ in CLOUD_COLUMNS], cloud_values(one), strict=True))
        for one in cloud_services(connection, at)
    ]
    return (
        json.dumps({"schema": "daicho/cloud/1", "services": services}, ensure_ascii=False, indent=1) + "\n"
    ).encode()


def cloud_paper(
    connection: Connection, facility: str, zone: tzinfo, now: datetime, at: datetime | None = None
) -> Paper:
    """Give the cloud-service ledger as a paper, to be set as PDF or Excel."""
    stated = {kind.KIND: standing(connection, kind, at) for kind in (Facility, CloudService)}
    return cloud.make(Dossier(case=Case(now=now, stated=stated), name=facility, zone=zone))


def stated_facility(connection: Connection, at: datetime | None = None) -> Facility | None:
    """Give what people stated of the facility itself; None if nobody did."""
    return next((one.said for one in standing(connection, Facility, at).values()), None)


def _values(rows: Iterable[OfficialRow], listed: Iterable[ListedRow]) -> list[tuple[str, ...]]:
    return [*(row.values for row in rows), *(row.values for row in listed)]


def _further(
    connection: Connection, rows: Iterable[OfficialRow], at: datetime | None
) -> Iterator[FurtherSheet]:
    """Give the sheets that only some ledgers need: the cloud services, the rows of the facility's own ledgers."""
    services = [one.said for one in standing(connection, CloudService, at).values()]
    if services:
        yield cloud_sheet(services)
    listed = [one.said for one in standing(connection, ListedDevice, at).values()]
    if listed:
        numbers = {row.device.id: row.number for row in rows}
        numbers |= {row.listed.id: row.number for row in ledger.listed_rows(connection, at)}
        yield own_ledger_sheet(listed, numbers)


def _evidence(row: OfficialRow, words: Words, zone: tzinfo) -> Iterator[tuple[str, ...]]:
    device = row.device
    for name, mark in device.confidence.items():
        value, sure = _value(device, name, words), words.choose("sure", mark.sure)
        yield row.number, words.choose("field", name), value, sure, mark.ja, " ".join(mark.observations)
    for address in device.addresses:
        where = " ".join(filter(None, (address.ip, address.mac, address.network)))
        yield (
            row.number,
            words("sheet.address"),
            where,
            "",
            describe_how(words, address.how, address.vantage is None),
            "",
        )
    for path in device.remote_paths:
        what = f"{words.choose('path', path.kind)} {path.product or ''} {path.port or ''}".strip()
        for one in path.evidence:
            yield row.number, words("sheet.path"), what, "", one.ja, one.observation
    for merge in device.merges:
        yield row.number, words("sheet.merge"), merge.value, "", merge.ja, " ".join(merge.observations)
    seen = in_zone(datetime.fromisoformat(device.last_seen), zone)
    yield row.number, words("device.last_seen"), f"{seen:%Y-%m-%d %H:%M}", "", "", ""


def _value(device: Device, name: str, words: Words) -> str:
    value = getattr(device, name, None)
    if name == "device_class":
        return words.choose("kind", str(value))
    if isinstance(value, bool):
        return "あり" if value else "なし"  # the form is a Japanese one
    return "、".join(value) if isinstance(value, tuple) else str(value or "")
