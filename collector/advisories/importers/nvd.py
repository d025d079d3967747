# SPDX-License-Identifier: Apache-2.0
"""NVD's CVE data, API 2.0 and yearly files of that form: affected ranges by CPE."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from collector.advisories.feed import (
    MOST_SPANS,
    Loaded,
    Source,
    check_day,
    convert,
    cpe_keys,
    cut,
    opened,
    refuse,
)
from collector.advisories.json_stream import records
from collector.advisories.knowledge import Span, Weakness
from collector.advisories.products import Product
from collector.versions import parse
from probes.facts import Sure

_YEAR = re.compile(r"nvdcve-2\.0-(\d{4})\b")
_ID = re.compile(r"^CVE-(\d{4})-\d{4,12}$", re.ASCII)


class _Match(msgspec.Struct, frozen=True):
    criteria: str
    vulnerable: bool = True
    versionStartIncluding: str = ""
    versionStartExcluding: str = ""
    versionEndIncluding: str = ""
    versionEndExcluding: str = ""


class _Node(msgspec.Struct, frozen=True):
    cpeMatch: tuple[_Match, ...] = ()
    negate: bool = False


class _Configuration(msgspec.Struct, frozen=True):
    nodes: tuple[_Node, ...] = ()
    operator: str = "OR"
    negate: bool = False


class _Text(msgspec.Struct, frozen=True):
    lang: str
    value: str


class _Cve(msgspec.Struct, frozen=True):
    id: str
    published: str = ""
    lastModified: str = ""
    vulnStatus: str = ""
    cisaExploitAdd: str = ""
    cisaVulnerabilityName: str = ""
    descriptions: tuple[_Text, ...] = ()
    configurations: tuple[_Configuration, ...] = ()


class _Row(msgspec.Struct, frozen=True):
    cve: _Cve


def recognises(head: bytes, name: str) -> bool:
    """Whether it says that it is NVD's form."""
    return b'"NVD_CVE"' in head or (b'"totalResults"' in head and b'"vulnerabilities"' in head)


def read(source: Source) -> Loaded:
    """Read one file or page; the number of records must be the declared one."""
    top: dict[str, object] = {}
    index = cpe_keys(source.products)
    year = _YEAR.search(source.stem)
    weaknesses: list[Weakness] = []
    gone: list[str] = []
    count = 0
    with opened(source) as file:
        for record in records(file, ("vulnerabilities",), source.name, top):
            count += 1
            where = f"{source.name} vulnerabilities[{count - 1}]"
            cve = convert(record, _Row, where).cve
            _check_id(cve.id, where, year[1] if year else "")
            if cve.vulnStatus == "Rejected":
                gone.append(cve.id)
            else:
                weaknesses += _weaknesses(cve, index)
    _check_count(source, top, count)
    as_of = check_day(source, source.as_of or str(top.get("timestamp") or source.modified))
    return Loaded(
        kind="nvd",
        title=f"NVD {as_of}",
        as_of=as_of,
        read=count,
        weaknesses=tuple(weaknesses),
        gone=tuple(gone),
        next_start=_next_start(top, count),
    )


def _next_start(top: dict[str, object], count: int) -> int:
    total, start = top.get("totalResults"), top.get("startIndex")
    end = (int(start) if isinstance(start, int | float) else 0) + count
    return end if count and isinstance(total, int | float) and end < total else 0


def _check_id(id: str, where: str, year: str) -> None:
    match = _ID.match(id)
    if match is None:
        raise refuse(where, f"CVE 番号の形が違います（{id[:40]}）", f"not a CVE number ({id[:40]})")
    if year and match[1] != year and int(match[1]) > int(year):
        raise refuse(where, f"{year} 年のファイルに {id} があります", f"{id} stands in the file of {year}")


def _check_count(source: Source, top: dict[str, object], count: int) -> None:
    total, per_page, start = (top.get(name) for name in ("totalResults", "resultsPerPage", "startIndex"))
    if not isinstance(total, int | float):
        raise refuse(
            source.name, "件数（totalResults）がありません", "it does not say how many records it has"
        )
    wanted = total - (start if isinstance(start, int | float) else 0)
    if isinstance(per_page, int | float):
        wanted = min(wanted, per_page) if per_page > 0 else wanted
    if count != wanted:
        raise refuse(
            source.name,
            f"件数が合いません（宣言 {int(wanted)} 件、実際 {count} 件）",
            f"its count is wrong (declared {int(wanted)}, found {count})",
        )


def _weaknesses(cve: _Cve, index: dict[str, Product]) -> Iterator[Weakness]:
    spans: dict[str, list[Span]] = {}
    narrowed: dict[str, bool] = {}
    for configuration in cve.configurations:
        hardware = configuration.operator == "AND"
        for match in _matches(configuration):
            product = index.get(":".join(match.criteria.split(":")[3:5]))
            if product is not None and match.vulnerable:
                spans.setdefault(product.key, []).append(_span(match, product.scheme))
                narrowed[product.key] = narrowed.get(product.key, False) or hardware
    name = cve.cisaVulnerabilityName or next((one.value for one in cve.descriptions if one.lang == "en"), "")
    for key, found in spans.items():
        yield Weakness(
            id=cve.id,
            products=(key,),
            name=cut(name),
            since=cut(cve.cisaExploitAdd or cve.published)[:10],
            exploited=bool(cve.cisaExploitAdd),
            affected=tuple(found[:MOST_SPANS]),
            condition="certain models only" if narrowed[key] else "",
            condition_ja="一部の機種" if narrowed[key] else "",
            source="NVD",
            as_of=cut(cve.lastModified)[:10],
            sure=Sure.LIKELY,
            confirmed=not narrowed[key],
        )


def _matches(configuration: _Configuration) -> Iterable[_Match]:
    if configuration.negate:
        return ()
    return (match for node in configuration.nodes if not node.negate for match in node.cpeMatch)


def _span(match: _Match, scheme: str) -> Span:
    parts = re.split(r"(?<!\\):", match.criteria)
    version, update = (parts[5], parts[6]) if len(parts) > 6 else ("*", "*")
    if version not in ("*", "-", ""):
        return Span(only=(cut(_version(version, update, scheme)),))
    ends = (match.versionStartIncluding, match.versionEndIncluding, match.versionEndExcluding)
    if scheme == "windows" and not ends[0] and (end := parse(scheme, ends[1] or ends[2])):
        ends = (".".join(map(str, (*end.branch, 0))), ends[1], ends[2])  # each release has a range of its own
    if match.versionStartExcluding or not any(ends):
        return (
            Span(only=("*",), more=True)
            if not any(ends)
            else Span(since=cut(ends[0]), to=cut(ends[1]), before=cut(ends[2]))
        )
    return Span(since=cut(ends[0]), to=cut(ends[1]), before=cut(ends[2]))


def _version(version: str, update: str, scheme: str) -> str:
    """Write a CPE's version and update as the maker does: 10.2.9 h1 → 10.2.9-h1, 22.7 r2.5 → 22.7R2.5."""
    version, update = version.replace("\\", ""), update.replace("\\", "")
    if update in ("*", "-", "") and scheme not in ("ios", "nxos"):
        return version
    if scheme in ("ios", "nxos"):
        return re.sub(r"\)([a-z]{1,4})", lambda train: train[0].upper(), version)
    joins = {"panos": "-" + update, "junos": update.upper(), "ivanti": update.upper(), "screenos": update}
    return version + joins.get(scheme, " " + update)
