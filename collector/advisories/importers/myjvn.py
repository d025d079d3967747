# SPDX-License-Identifier: Apache-2.0
"""JVN iPedia: answers of MyJVN's API (getVulnOverviewList) and the yearly JVN RDF files.

Their CPE names have no version: they name what a person must read, and give the Japanese titles.
"""

import re
from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from collector.advisories.feed import MOST_RECORD, Loaded, Source, check_day, cpe_keys, cut, opened, refuse
from collector.advisories.knowledge import Weakness
from collector.advisories.products import Product
from probes.facts import Sure

MOST_XML = 512 * 1024**2
_MOST_DEPTH = 30
_YEAR = re.compile(r"jvndb_(\d{4})\.rdf")
_VOID = ("** 未確定 **", "** サポート外 **", "** 削除 **")
_ID = re.compile(r"JVNDB-(\d{4})-\d{4,8}", re.ASCII)
_CVE = re.compile(r"CVE-\d{4}-\d{4,12}", re.ASCII)


class _Limited:
    """A file that ends a feed that is too large."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self.file = file
        self.where = where
        self.position = 0

    def read(self, size: int = 65536) -> bytes:
        data = self.file.read(size)
        self.position += len(data)
        if self.position > MOST_XML:
            raise refuse(self.where, "大きすぎます", "it is too large")
        return data


def recognises(head: bytes, name: str) -> bool:
    """Whether it is RSS 1.0 of JVN."""
    return b"<rdf:RDF" in head and (b"jvn" in head.lower() or "jvn" in name.lower())


def read(source: Source) -> Loaded:
    """Read one file; the declared number of items must be right, entities and DTDs are refused."""
    index, year = cpe_keys(source.products), _YEAR.search(source.stem)
    weaknesses: list[Weakness] = []
    count, newest, declared = 0, "", None
    with opened(source) as file:
        for element, position in _elements(_Limited(file, source.name), source.name):
            where = f"{source.name} ({position:,} bytes, item {count + 1})"
            if element.tag.endswith("}Status"):
                declared = _status(element, where)
                continue
            count += 1
            found = _item(element, index, where, year[1] if year else "")
            newest = max(newest, _text(element, "modified")[:10], _text(element, "date")[:10])
            weaknesses += found
    if declared is not None and declared != count:
        raise refuse(
            source.name,
            f"件数が合いません（宣言 {declared} 件、実際 {count} 件）",
            f"its count is wrong (declared {declared}, found {count})",
        )
    if not count:
        raise refuse(source.name, "1件も入っていません", "it holds no item")
    as_of = check_day(source, source.as_of or newest or source.modified)
    return Loaded(
        kind="myjvn", title=f"JVN iPedia {as_of}", as_of=as_of, read=count, weaknesses=tuple(weaknesses)
    )


def _elements(file: _Limited, where: str) -> Iterator[tuple[Element, int]]:
    """Give items and the status as they are complete, forgetting them afterwards."""
    depth, began = 0, 0
    try:
        events: Any = iterparse(file, ("start", "end"), forbid_dtd=True)
        for event, element in events:
            if event == "start":
                depth += 1
                if depth > _MOST_DEPTH:
                    raise refuse(
                        f"{where} ({file.position:,} bytes)", "入れ子が深すぎます", "it nests too deep"
                    )
                began = file.position if depth == 2 else began
                if file.position - began > MOST_RECORD:
                    raise refuse(f"{where} ({began:,} bytes)", "1件が大きすぎます", "one item is too large")
                continue
            depth -= 1
            if element.tag.endswith("}item") or element.tag.endswith("}Status"):
                yield element, file.position
                element.clear()
    except ParseError as error:
        line, column = error.position
        raise refuse(
            f"{where} ({line}:{column})", "途中で切れているか、XML ではありません", "it is cut off or no XML"
        ) from error
    except (DefusedXmlException, ValueError, LookupError) as error:
        kind = type(error).__name__
        raise refuse(
            where, f"読んではいけない XML です（{kind}）", f"XML that must not be read ({kind})"
        ) from error


def _status(element: Element, where: str) -> int | None:
    if element.get("retCd", "0") != "0":
        message = cut(element.get("errMsg", ""))
        raise refuse(
            where, f"MyJVN がエラーを返しています（{message}）", f"MyJVN answered an error ({message})"
        )
    declared = element.get("totalResRet", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 10 else None


def _item(item: Element, index: dict[str, Product], where: str, year: str) -> Iterator[Weakness]:
    id = _ID.search(_text(item, "identifier"))
    if id is None:
        raise refuse(where, "JVNDB の番号がありません", "it has no JVNDB number")
    if year and id[1] != year:
        raise refuse(
            where, f"{year} 年のファイルに {id[0]} があります", f"{id[0]} stands in the file of {year}"
        )
    if any(mark in _text(item, "description") for mark in _VOID):
        return
    keys = dict.fromkeys(
        product.key
        for one in item
        if one.tag.endswith("}cpe")
        and (product := index.get(":".join((one.text or "").strip().removeprefix("cpe:/").split(":")[1:3])))
    )
    if not keys:
        return
    cves = [
        cve for one in item if one.tag.endswith("}references") for cve in _CVE.findall(one.get("id") or "")
    ]
    for name in dict.fromkeys(cves) or (id[0],):
        yield Weakness(
            id=name,
            products=tuple(keys),
            name_ja=cut(_text(item, "title")),
            name=id[0],
            since=cut(_text(item, "issued"))[:10],
            source=f"JVN iPedia {id[0]}",
            read=cut(_text(item, "link")),
            as_of=cut(_text(item, "modified") or _text(item, "date"))[:10],
            sure=Sure.GUESS,
        )


def _text(item: Element, name: str) -> str:
    for one in item:
        if one.tag.endswith("}" + name):
            return (one.text or "").strip()
    return ""
