# SPDX-License-Identifier: Apache-2.0
"""CISA's Known Exploited Vulnerabilities as JSON: what attackers use, since when; no versions."""

import msgspec

from collector.advisories.feed import Loaded, Source, check_day, convert, cut, opened, product_keys, refuse
from collector.advisories.json_stream import records
from collector.advisories.knowledge import Weakness

_MISSING_ALLOWED = 0.05  # of the weaknesses that we know to be on the list


class _Row(msgspec.Struct, frozen=True):
    cveID: str
    vendorProject: str
    product: str
    vulnerabilityName: str
    dateAdded: str
    knownRansomwareCampaignUse: str = "Unknown"


def recognises(head: bytes, name: str) -> bool:
    """Whether it names itself KEV's catalogue."""
    return b'"catalogVersion"' in head or (b'"vulnerabilities"' in head and b'"cveID"' in head)


def read(source: Source) -> Loaded:
    """Read the catalogue; its declared count must be right and no weakness that we know may be missing."""
    top: dict[str, object] = {}
    weaknesses, ids, count = [], set(), 0
    with opened(source) as file:
        for record in records(file, ("vulnerabilities",), source.name, top):
            count += 1
            row = convert(record, _Row, f"{source.name} vulnerabilities[{count - 1}]")
            ids.add(row.cveID.strip())
            keys = product_keys(source.products, row.vendorProject, row.product)
            if keys:
                weaknesses.append(_weakness(row, keys))
    declared = top.get("count")
    if declared != count:
        raise refuse(
            source.name,
            f"件数が合いません（宣言 {declared} 件、実際 {count} 件）",
            f"its count is wrong (declared {declared}, found {count})",
        )
    as_of = check_day(source, str(top.get("dateReleased") or top.get("catalogVersion", "").replace(".", "-")))  # type: ignore[attr-defined]
    missing = source.known - ids
    if len(missing) > len(source.known) * _MISSING_ALLOWED:
        raise refuse(
            source.name,
            f"一覧の一部しか入っていません（{sorted(missing)[0]} など {len(missing)} 件がありません）",
            f"it is a part of the list only ({len(missing)} known rows such as {sorted(missing)[0]} are missing)",
        )
    title = f"CISA KEV {top.get('catalogVersion', as_of)}"
    rows = tuple(msgspec.structs.replace(one, as_of=as_of, source=title) for one in weaknesses)
    covers = tuple(sorted(one.key for one in source.products if one.names))
    return Loaded(
        kind="kev", title=title, as_of=as_of, read=count, weaknesses=rows, covers=covers, whole=True
    )


def _weakness(row: _Row, keys: tuple[str, ...]) -> Weakness:
    return Weakness(
        id=cut(row.cveID),
        products=keys,
        title=cut(f"{row.vendorProject} {row.product}"),
        name=cut(row.vulnerabilityName),
        since=cut(row.dateAdded)[:10],
        exploited=True,
        ransomware=row.knownRansomwareCampaignUse.strip() == "Known",
    )
