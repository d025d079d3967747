# SPDX-License-Identifier: Apache-2.0
"""Files that people attach as evidence: kept once by content, never changed."""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, insert, select

from inventory_db.binding import owned
from inventory_db.observations import microseconds
from inventory_db.tables import LedgerError, metadata
from probes.facts import printable

MOST_BYTES = 20 * 1024 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

attachments = Table(
    "attachments",
    metadata,
    owned(),
    Column("id", String(64), primary_key=True),  # SHA-256 of the bytes
    Column("name", String(255), nullable=False),
    Column("media_type", String(127), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("who", String(255), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # zlib
)


class BadAttachment(LedgerError):
    """A file that cannot be kept; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of an attached file, without its bytes."""

    id: str
    name: str
    media_type: str
    size: int
    who: str
    at: datetime


def attach(connection: Connection, data: bytes, name: str, media_type: str, who: str, at: datetime) -> str:
    """Keep a file and give its id (SHA-256, hex); the same bytes twice are kept once. Raises BadAttachment."""
    if not data or len(data) > MOST_BYTES:
        raise BadAttachment(
            f"添付ファイルが空か、大きすぎます（{MOST_BYTES // 2**20} MB まで）。何も変更していません。",
            f"The attached file is empty or too large (at most {MOST_BYTES // 2**20} MB). Nothing was changed.",
        )
    id = hashlib.sha256(data).hexdigest()
    if connection.execute(select(attachments.c.id).where(attachments.c.id == id)).first() is None:
        row = {"id": id, "name": printable(name, 255), "media_type": printable(media_type, 127)}
        row |= {"who": printable(who.strip(), 255)}
        sizes = {"size": len(data), "at": microseconds(at), "data": zlib.compress(data)}
        connection.execute(insert(attachments), [row | sizes])
    return id


def listed(connection: Connection) -> dict[str, Attachment]:
    """Give what is known of every attached file, by id, oldest first."""
    columns = [column for column in attachments.c if column.name != "data"]
    rows = connection.execute(select(*columns).order_by(attachments.c.at, attachments.c.id))
    return {
        row.id: Attachment(
            row.id, row.name, row.media_type, row.size, row.who, _EPOCH + timedelta(microseconds=row.at)
        )
        for row in rows
    }


def content(connection: Connection, id: str) -> bytes | None:
    """Give the bytes of an attached file; None if there is none with this id."""
    data = connection.execute(select(attachments.c.data).where(attachments.c.id == id)).scalar_one_or_none()
    return None if data is None else zlib.decompressobj().decompress(data, MOST_BYTES)
