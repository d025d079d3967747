# SPDX-License-Identifier: Apache-2.0
"""CVE records, version 5: one record, a folder of them, or a zip of cvelistV5."""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from collector.advisories.cve_versions import Affected, fixes_and_spans
from collector.advisories.feed import (
    MOST_FILE,
    MOST_RECORD,
    Loaded,
    Source,
    check_day,
    convert,
    cut,
    opened,
    product_keys,
    refuse,
)
from collector.advisories.json_stream import whole
from collector.advisories.knowledge import Weakness
from collector.advisories.products import Product

_NAME = re.compile(r"(?:^|/)CVE-\d{4}-\d{4,12}\.json$", re.ASCII)
_MOST_ENTRIES = 2_000_000


class _Text(msgspec.Struct, frozen=True):
    lang: str = ""
    value: str = ""


class _Kev(msgspec.Struct, frozen=True):
    dateAdded: str = ""


class _Other(msgspec.Struct, frozen=True):
    type: str = ""
    content: msgspec.Raw | dict[str, object] = msgspec.field(default_factory=dict)


class _Metric(msgspec.Struct, frozen=True):
    other: _Other | None = None


class _Container(msgspec.Struct, frozen=True):
    title: str = ""
    affected: tuple[Affected, ...] = ()
    descriptions: tuple[_Text, ...] = ()
    metrics: tuple[_Metric, ...] = ()


class _Containers(msgspec.Struct, frozen=True):
    cna: _Container = _Container()
    adp: tuple[_Container, ...] = ()


class _Meta(msgspec.Struct, frozen=True):
    cveId: str
    state: str = "PUBLISHED"
    datePublished: str = ""
    dateUpdated: str = ""


class _Record(msgspec.Struct, frozen=True):
    cveMetadata: _Meta
    dataType: str = ""
    containers: _Containers = _Containers()


@dataclass(slots=True)
class _Taken:
    weaknesses: list[Weakness] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    count: int = 0
    newest: str = ""


def recognises(head: bytes, name: str) -> bool:
    """Whether it is a record, or an archive or folder that may hold records."""
    return b'"CVE_RECORD"' in head or b'"cveMetadata"' in head or head[:4] == b"PK\x03\x04"


def read(source: Source) -> Loaded:
    """Read every record; one that is damaged refuses the whole, with its name."""
    words = _words(source.products)
    taken = _Taken()
    if source.path is not None and source.path.is_dir():
        entries: Iterator[tuple[str, bytes]] = _of_folder(source.path)
        _take(source, entries, words, taken)
    else:
        with opened(source) as file:
            zipped = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            found = _of_zip(file, source.name) if zipped else iter([(source.name, whole(file, source.name))])
            _take(source, found, words, taken)
    if not taken.count:
        raise refuse(source.name, "CVE の記録が1件もありません", "it holds no CVE record")
    as_of = check_day(source, source.as_of or taken.newest or source.modified)
    return Loaded(
        kind="cve",
        title=f"CVE {as_of}",
        as_of=as_of,
        read=taken.count,
        weaknesses=tuple(taken.weaknesses),
        gone=tuple(taken.gone),
    )


def _take(
    source: Source, entries: Iterator[tuple[str, bytes]], words: re.Pattern[bytes], taken: _Taken
) -> None:
    for name, data in entries:
        taken.count += 1
        ours = words.search(data) is not None
        if not ours and not data.rstrip().endswith(b"}"):
            raise refuse(f"{source.name} {name}", "途中で切れています", "it is cut off")
        if not ours and taken.count > 1:
            continue
        record = _record(data, f"{source.name} {name}" if name != source.name else name)
        meta = record.cveMetadata
        taken.newest = max(taken.newest, (meta.dateUpdated or meta.datePublished)[:10])
        if meta.state != "PUBLISHED":
            taken.gone.append(cut(meta.cveId))
        else:
            taken.weaknesses += _weaknesses(record, source.products)


def _record(data: bytes, where: str) -> _Record:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise refuse(where, "途中で切れているか、JSON ではありません", "it is cut off or no JSON") from error
    return convert(value, _Record, where)


def _words(products: tuple[Product, ...]) -> re.Pattern[bytes]:
    """The makers' words, one of which a record of interest must hold."""
    makers = {name.split(":")[0] for one in products for name in one.cpe}
    makers |= {re.sub(r"[^\w ].*", "", one.title.split()[0]) for one in products}
    listed = sorted(re.escape(word) for word in makers if len(word) > 2)
    return re.compile("|".join(listed).encode(), re.IGNORECASE)


def _weaknesses(record: _Record, products: tuple[Product, ...]) -> Iterator[Weakness]:
    meta, containers = record.cveMetadata, record.containers
    kev = _exploited(containers)
    name = containers.cna.title or next(
        (one.value for one in containers.cna.descriptions if one.lang[:2] == "en"), ""
    )
    by_key: dict[str, list[Affected]] = {}
    schemes = {one.key: one.scheme for one in products}
    for one in containers.cna.affected or tuple(a for adp in containers.adp for a in adp.affected):
        for key in product_keys(products, one.vendor, one.product):
            by_key.setdefault(key, []).append(one)
    for key, affected in by_key.items():
        fixes, spans = fixes_and_spans(affected, schemes[key])
        yield Weakness(
            id=cut(meta.cveId),
            products=(key,),
            name=cut(name),
            since=cut(kev or meta.datePublished)[:10],
            exploited=bool(kev),
            fixed=fixes,
            affected=spans,
            source="CVE record",
            as_of=cut(meta.dateUpdated or meta.datePublished)[:10],
        )


def _exploited(containers: _Containers) -> str:
    """The day on which CISA's part of the record says that attackers use it; "" if it does not."""
    for adp in containers.adp:
        for metric in adp.metrics:
            if metric.other and metric.other.type == "kev" and isinstance(metric.other.content, dict):
                return str(metric.other.content.get("dateAdded", ""))[:10]
    return ""


def _of_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("CVE-*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                yield name, whole(file, name)
        except OSError as error:
            raise refuse(name, "読めません", "it cannot be read") from error


def _of_zip(file: IO[bytes], where: str, *, inner: bool = False) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_ENTRIES or sum(info.file_size for info in infos) > 4 * MOST_FILE:
                raise refuse(where, "中身が大きすぎます", "its contents are too large")
            packed = [info for info in infos if info.filename.endswith(".zip")]
            if packed and not inner:
                with archive.open(packed[0]) as nested:
                    yield from _of_zip(nested, f"{where} {packed[0].filename}", inner=True)
            for info in infos:
                if _NAME.search(info.filename):
                    if info.file_size > MOST_RECORD:
                        raise refuse(
                            f"{where} {info.filename}", "1件が大きすぎます", "one record is too large"
                        )
                    with archive.open(info) as entry:
                        yield info.filename, whole(entry, info.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise refuse(where, "壊れたか途中で切れた zip です", "the zip is damaged or cut off") from error
