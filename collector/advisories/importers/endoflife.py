# SPDX-License-Identifier: Apache-2.0
"""endoflife.date: the array of one product (older API), one product of v1, and v1's full list."""

from typing import Any

import msgspec

from collector.advisories.feed import Loaded, Source, check_day, convert, cut, opened, refuse
from collector.advisories.json_stream import records, whole
from collector.advisories.knowledge import Cycle, Lifecycle

MOST_FULL = 64 * 1024**2
_ALSO = ("windows", "windows-server")  # read by build, under no product of their own


class _Old(msgspec.Struct, frozen=True):
    cycle: str
    releaseDate: str = ""
    eol: str | bool | None = None
    extendedSupport: str | bool | None = None
    latest: str = ""
    latestReleaseDate: str = ""
    releaseLabel: str = ""


class _Latest(msgspec.Struct, frozen=True):
    name: str = ""
    date: str | None = None


class _Release(msgspec.Struct, frozen=True):
    name: str
    label: str = ""
    releaseDate: str | None = None
    isEol: bool | None = None
    eolFrom: str | None = None
    isEoes: bool | None = None
    eoesFrom: str | None = None
    latest: _Latest | None = None


class _Product(msgspec.Struct, frozen=True):
    name: str
    label: str = ""
    releases: tuple[_Release, ...] = ()


def recognises(head: bytes, name: str) -> bool:
    """Whether it is one of endoflife.date's shapes."""
    if b'"releases"' in head and b'"result"' in head:
        return True
    return head.lstrip()[:1] == b"[" and b'"cycle"' in head and b'"eol"' in head


def read(source: Source) -> Loaded:
    """Read one file; products without cycles, and files without any product that we know, are refused."""
    with opened(source) as file:
        array = file.read(1).strip() == b"["
        file.seek(0)
        if array:
            found, day = _older(source, records(file, ("",), source.name, {}))
        else:
            found, day = _newer(source, whole(file, source.name, MOST_FULL))
    as_of = check_day(source, source.as_of or day)
    wanted = {one.lifecycle for one in source.products if one.lifecycle} | set(_ALSO)
    kept = tuple(msgspec.structs.replace(one, as_of=as_of) for one in found if one.product in wanted)
    title = f"endoflife.date {as_of}"
    return Loaded(kind="endoflife", title=title, as_of=as_of, read=len(found), lifecycles=kept)


def _older(source: Source, rows: Any) -> tuple[list[Lifecycle], str]:
    product = source.stem.removesuffix(".gz").removesuffix(".json")
    cycles, newest = [], ""
    for number, row in enumerate(rows):
        one = convert(row, _Old, f"{source.name} [{number}]")
        newest = max([newest, *(day[:10] for day in (one.releaseDate, one.latestReleaseDate))])
        cycles.append(
            Cycle(
                cycle=cut(one.cycle),
                label=cut(one.releaseLabel),
                release=cut(one.releaseDate),
                eol=one.eol,
                extended=one.extendedSupport,
                latest=cut(one.latest),
            )
        )
    if not cycles:
        raise refuse(source.name, "リリースが1件もありません", "it holds no release")
    return [_lifecycle(product, product, cycles)], source.modified or newest


def _newer(source: Source, data: bytes) -> tuple[list[Lifecycle], str]:
    try:
        document: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise refuse(
            source.name, "途中で切れているか、JSON ではありません", "it is cut off or no JSON"
        ) from error
    result = document.get("result") if isinstance(document, dict) else None
    listed = result if isinstance(result, list) else [result]
    total = document.get("total") if isinstance(document, dict) else None
    if isinstance(total, int) and total != len(listed):
        raise refuse(
            source.name,
            f"件数が合いません（宣言 {total} 件、実際 {len(listed)} 件）",
            f"its count is wrong (declared {total}, found {len(listed)})",
        )
    products = [convert(one, _Product, f"{source.name} result[{n}]") for n, one in enumerate(listed)]
    days = [release.releaseDate or "" for one in products for release in one.releases]
    days += [r.latest.date or "" for one in products for r in one.releases if r.latest]
    day = str(document.get("last_modified") or document.get("generated_at") or "")[:10]
    found = [
        _lifecycle(one.name, one.label, [_cycle(release) for release in one.releases]) for one in products
    ]
    empty = next((one.product for one in found if not one.cycles), None)
    if empty is not None:
        raise refuse(f"{source.name} {empty}", "リリースが1件もありません", "it holds no release")
    return found, day or source.modified or max((one[:10] for one in days), default="")


def _cycle(one: _Release) -> Cycle:
    return Cycle(
        cycle=cut(one.name),
        label=cut(one.label),
        release=cut(one.releaseDate or ""),
        eol=one.eolFrom if one.eolFrom is not None else one.isEol,
        extended=one.eoesFrom if one.eoesFrom is not None else one.isEoes,
        latest=cut(one.latest.name) if one.latest else "",
    )


def _lifecycle(product: str, title: str, cycles: list[Cycle]) -> Lifecycle:
    return Lifecycle(
        product=cut(product), title=cut(title), cycles=tuple(cycles), source="endoflife.date (MIT)"
    )
