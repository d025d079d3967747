# SPDX-License-Identifier: Apache-2.0
"""Item 2-(2): were the vendors asked which devices use remote maintenance, and does it fit what was found?

はいを支持 rests on the vendors' own confirmations with evidence, never on having found nothing: SIM
routers, outbound tools and powered-off devices show no path to a scan.
"""

from collections.abc import Iterator

from collector.case import Case
from collector.dual_homed import dual_findings
from collector.register import (
    CONFIRMED,
    CORRECTED,
    DENIED,
    NONE,
    FoundPath,
    Match,
    Row,
    holds,
    register,
    standing_words,
    weaknesses,
)
from collector.translation import load_words
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.stated import Confirmation, RemoteAccess, Vendor

MOST = 200  # findings of one kind that are told one by one
_HARMLESS = ("path.confirmed", "path.inside", "vendor.confirmed")


def judge(case: Case, _target: str) -> Judged:
    """Compare found, declared and confirmed paths, vendor by vendor."""
    vendors = _asked(case)
    rows = [row for row in register(case) if _concerns(case, row)]
    nobody = not case.said(RemoteAccess) and not case.said(Confirmation)
    told = (*_of_rows(case, rows, vendors, begun=not nobody), *_of_vendors(case, rows, vendors))
    findings = tuple(sorted(told, key=lambda finding: finding.code in _HARMLESS))
    paths = sum(row.found is not None and row.found.from_outside for row in rows)
    if any(finding.against and finding.proven for finding in findings):
        return _judged(Verdict.PROVES_NO, _disagrees(findings), _ASK, findings)
    if nobody:
        return _judged(Verdict.CANNOT_TELL, _not_begun(paths), _ASK, findings)
    if not vendors:
        return _judged(Verdict.CANNOT_TELL, _NO_VENDOR, _STATE, findings)
    open_points = [finding for finding in findings if finding.code not in _HARMLESS]
    if open_points:
        return _judged(Verdict.CANNOT_TELL, _open(len(open_points)), _ASK, findings)
    reason = Text(
        f"契約している事業者{len(vendors)}社すべてが証拠を添えて確認し、見つかった経路（{paths}件）と食い違いません。",
        f"All {len(vendors)} vendors confirmed with evidence, and nothing found ({paths} paths) disagrees.",
    )
    return _judged(Verdict.SUPPORTS_YES, reason, _KEEP, findings)


def _asked(case: Case) -> tuple[Vendor, ...]:
    if case.vendor:
        return (case.vendor,)
    return tuple(vendor for vendor in case.said(Vendor) if vendor.contract)


def _concerns(case: Case, row: Row) -> bool:
    return case.vendor is None or row.declared is None or row.vendor == case.vendor.id


def _of_rows(case: Case, rows: list[Row], vendors: tuple[Vendor, ...], *, begun: bool) -> Iterator[Finding]:
    names = {vendor.id for vendor in vendors}
    inside = 0
    for row in rows:
        if row.match is Match.UNDECLARED and row.found and not row.found.from_outside:
            inside += 1
            if inside <= MOST:
                yield _inside(row)
        elif row.match is Match.UNDECLARED:
            yield _undeclared(case, row, names, begun=begun)
        else:
            yield from _declared(case, row)
    yield from dual_findings(case)


def _undeclared(case: Case, row: Row, names: set[str], *, begun: bool) -> Finding:
    """A way in from outside that nobody declared; a vendor's confirmation of just it is enough."""
    holding = [one for one in row.confirmations if one.vendor in names and holds(case, one)]
    if holding and all(one.state in (CONFIRMED, CORRECTED) for one in holding):
        return _finding(
            "path.confirmed", row, "事業者が確認しています", "a vendor confirmed it", against=False
        )
    if holding:
        return _finding("path.denied", row, "事業者は使っていないと答えています", "the vendor denies it")
    return _finding("path.undeclared", row, "届出がありません", "declared by nobody", proven=begun)


def _declared(case: Case, row: Row) -> Iterator[Finding]:
    own = [one for one in row.confirmations if one.vendor == row.vendor]
    holding = [one for one in own if holds(case, one)]
    if any(one.state in (DENIED, NONE) for one in holding):
        yield _finding(
            "path.denied",
            row,
            "事業者は使っていないと答えています",
            "the vendor denies it",
            proven=row.found is not None,
        )
    elif any(one.state in (CONFIRMED, CORRECTED) for one in holding):
        if row.match is Match.DIFFERS and not any(one.state == CORRECTED for one in holding):
            yield _differs(row)
        else:
            yield _finding(
                "path.confirmed", row, "事業者が確認しています", "the vendor confirmed it", against=False
            )
    else:
        why = [text for one in own for text in weaknesses(case, one)]
        ja = why[0].ja if why else "事業者の確認がまだありません"
        en = why[0].en if why else "not confirmed by the vendor yet"
        yield _finding("path.unconfirmed", row, ja, en, proven=False)
        if row.match is Match.DIFFERS:
            yield _differs(row)


def _differs(row: Row) -> Finding:
    ja = "、".join(text.ja for text in row.differences)
    en = ", ".join(text.en for text in row.differences)
    return _finding("path.differs", row, ja, en, proven=False)


def _inside(row: Row) -> Finding:
    return _finding(
        "path.inside",
        row,
        "院内からの操作用で、外からの経路とは限りません",
        "for use inside; not by itself a way in",
        proven=False,
    )


def _of_vendors(case: Case, rows: list[Row], vendors: tuple[Vendor, ...]) -> Iterator[Finding]:
    """Has each vendor answered, and does "no remote access" fit what stands on its devices?"""
    owners = {one.id: one.vendor for one in case.said(RemoteAccess)}
    words = standing_words(case)
    for vendor in vendors:
        said = [
            one
            for one in words
            if one.vendor == vendor.id and owners.get(one.path, vendor.id) in ("", vendor.id)
        ]  # a word on another vendor's path is no answer about one's own
        holding = [one for one in said if holds(case, one)]
        if not holding:
            why = weaknesses(case, said[-1])[0] if said else None
            yield _vendor("vendor.unconfirmed", vendor, why)
        elif any(one.state == NONE for one in holding):
            yield from _none_in_use(vendor, rows)
        else:
            yield _vendor("vendor.confirmed", vendor, None)


def _none_in_use(vendor: Vendor, rows: list[Row]) -> Iterator[Finding]:
    theirs = [
        row
        for row in rows
        if row.found
        and row.found.from_outside
        and row.found.device.id in vendor.devices
        and row.vendor in ("", vendor.id)
    ]
    for row in theirs:
        yield _finding(
            "path.denied",
            row,
            f"{vendor.name} は使っていないと答えています",
            f"{vendor.name} says it uses none",
        )
    if any(row.match is Match.NOT_FOUND and row.vendor == vendor.id for row in rows):
        yield Finding(
            code="vendor.contradicts",
            about=vendor.id,
            text=Text(
                f"{vendor.name} は「使っていない」と答えましたが、届け出た経路が残っています。",
                f"{vendor.name} says it uses none, but a path it declared still stands.",
            ),
            proven=False,
        )
    if not theirs:
        yield _vendor("vendor.confirmed", vendor, None)


def _vendor(code: str, vendor: Vendor, why: Text | None) -> Finding:
    if code == "vendor.confirmed":
        text = Text(f"{vendor.name} が証拠を添えて答えています。", f"{vendor.name} answered with evidence.")
        return Finding(code=code, text=text, against=False)
    ja, en = (f" {why.ja}", f" {why.en}") if why else ("", "")
    return Finding(
        code=code,
        about=vendor.id,
        text=Text(
            f"{vendor.name} からの有効な確認がありません。{ja}",
            f"No confirmation of {vendor.name} that holds.{en}",
        ),
        todo=_ASK,
        proven=False,
    )


def _finding(code: str, row: Row, ja: str, en: str, *, against: bool = True, proven: bool = True) -> Finding:
    device = row.found.device.id if row.found else (row.declared.device if row.declared else "")
    label_ja, label_en = _label(row, "ja"), _label(row, "en")
    return Finding(
        code=code,
        device=device,
        port=row.found.path.port if row.found else (row.declared.port if row.declared else 0),
        about=_about(row.found) if row.found else (row.declared.id if row.declared else ""),
        text=Text(f"{label_ja}: {ja.rstrip('。')}。", f"{label_en}: {en.rstrip('.')}."),
        todo=_todo(row) if against else None,
        against=against,
        proven=proven and against,
        observations=row.found.observations if row.found else (),
    )


def _about(found: FoundPath) -> str:
    """The kind; without a port the product tells two paths of one device apart, as in the path's own key."""
    path = found.path
    return f"{path.kind}/{path.product}" if path.product and not path.port else path.kind


def _todo(row: Row) -> Text:
    """Say what to do, with the word under which the answer is recorded."""
    key = row.declared.id if row.declared else row.found.key if row.found else ""
    return Text(f"{_ASK.ja}（path={key}）", f"{_ASK.en} (path={key})")


def _label(row: Row, language: str) -> str:
    kinds = load_words(language)
    if row.found:
        path = row.found.path
        kind, product = kinds.choose("path", path.kind), path.product or ""
        how = product if product.startswith(kind) else f"{kind} {product}"
        return " ".join(f"{row.found.device.called} {how} {path.port or ''}".split())
    said = row.declared
    words = (said.id, kinds.choose("path", said.means), said.product) if said else ()
    return " ".join(word for word in words if word)


def _disagrees(findings: tuple[Finding, ...]) -> Text:
    undeclared = sum(finding.code == "path.undeclared" and finding.proven for finding in findings)
    denied = sum(finding.code == "path.denied" and finding.proven for finding in findings)
    return Text(
        f"届出のない外からの経路が{undeclared}件、事業者の答えと食い違う経路が{denied}件見つかりました。",
        f"{undeclared} paths from outside are declared by nobody; {denied} disagree with what vendors say.",
    )


def _not_begun(paths: int) -> Text:
    return Text(
        f"事業者への確認がまだ記入されていません。調べでは外からの経路が{paths}件見つかりましたが、"
        "SIM ルータや外向きの道具は調べでは見えません。",
        f"No vendor's answer is recorded yet. The scan found {paths} paths from outside; SIM routers and outbound"
        " tools show nothing to a scan.",
    )


def _open(count: int) -> Text:
    return Text(f"確かめることが{count}件残っています。", f"{count} points are still open.")


def _judged(verdict: Verdict, reason: Text, toward: Text, findings: tuple[Finding, ...]) -> Judged:
    seen = dict.fromkeys(id for finding in findings for id in finding.observations)
    return Judged(
        verdict=verdict, reason=reason, toward_yes=toward, findings=findings, observations=tuple(seen)
    )


_NO_VENDOR = Text(
    "契約している事業者が記入されていないので、誰に確認すべきか分かりません。",
    "No vendor under contract is stated, so it is not known whom to ask.",
)
_STATE = Text(
    "契約している事業者を記入してください（画面の「事業者」、または daicho state vendor）。",
    "State the vendors (the page of vendors, or daicho state vendor).",
)
_ASK = Text(
    "事業者ごとに、使っている遠隔保守の経路を証拠（申請書や画面の写し）とともに確認し、記入してください。",
    "Ask each vendor for its remote paths with evidence (forms, screenshots) and record the answers.",
)
_KEEP = Text(
    "確認の期限が来る前に、もう一度確認してください。", "Ask again before the confirmations run out."
)
