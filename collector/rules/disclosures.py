# SPDX-License-Identifier: Apache-2.0
"""Item 2-(3): an MDS/SDS from every vendor under contract, with its file, version and date."""

from collector.case import Case
from collector.documents_held import can_be_shown, ended, held, holds_today
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.stated import Document, Vendor

TYPES = ("mds", "sds", "mds_sds")


def judge(case: Case, _target: str) -> Judged:
    """はいを支持 when every vendor's statement is here as a file; a list of the missing ones otherwise."""
    vendors = _asked(case)
    if not vendors:
        return _judged(Verdict.ASK_PERSON, _NOBODY, _STATE_VENDORS)
    documents = held(case, TYPES)
    findings = tuple(_finding(case, vendor, documents) for vendor in vendors)
    missing = [finding for finding in findings if finding.against]
    if not missing:
        count = len(vendors)
        reason = Text(
            f"契約している事業者{count}社すべての MDS/SDS が、有効なファイルとして保管されています。",
            f"A valid MDS/SDS of all {count} vendors under contract is kept as a file.",
        )
        return _judged(
            Verdict.SUPPORTS_YES, reason, Text("そのまま保ってください。", "Keep it so."), findings
        )
    reason = Text(
        f"事業者{len(vendors)}社のうち{len(missing)}社は、有効な MDS/SDS のファイルがここにありません。"
        "手元に紙があるかどうかは分かりません。",
        f"Of {len(vendors)} vendors, {len(missing)} have no valid MDS/SDS file here. Whether paper exists is not known.",
    )
    return _judged(Verdict.ASK_PERSON, reason, _COLLECT, findings)


def _asked(case: Case) -> tuple[Vendor, ...]:
    if case.vendor:
        return (case.vendor,)
    return tuple(vendor for vendor in case.said(Vendor) if vendor.contract)


def _finding(case: Case, vendor: Vendor, documents: tuple[Document, ...]) -> Finding:
    own = [one for one in documents if one.vendor == vendor.id]
    good = next((one for one in own if can_be_shown(case, one)), None)
    if good:
        return Finding(
            code="disclosure.held",
            against=False,
            text=Text(
                f"{vendor.name}: {good.title or 'MDS/SDS'} {good.version}（{good.on.isoformat()}）",
                f"{vendor.name}: {good.title or 'MDS/SDS'} {good.version} ({good.on.isoformat()})",
            ),
        )
    text = _lack(case, vendor, own)
    return Finding(code="disclosure.missing", about=vendor.id, proven=False, text=text, todo=_COLLECT)


def _lack(case: Case, vendor: Vendor, own: list[Document]) -> Text:
    if not own:
        return Text(f"{vendor.name}: MDS/SDS の記録がありません。", f"{vendor.name}: no MDS/SDS on record.")
    newest = own[0]
    if not holds_today(case, newest):
        why = ended(newest)
        return Text(f"{vendor.name}: MDS/SDS の{why.ja}", f"{vendor.name}: MDS/SDS: {why.en}")
    return Text(
        f"{vendor.name}: MDS/SDS を受け取ったという記入だけで、ファイルがありません。",
        f"{vendor.name}: the MDS/SDS is only stated; its file is not here.",
    )


def _judged(verdict: Verdict, reason: Text, toward: Text, findings: tuple[Finding, ...] = ()) -> Judged:
    return Judged(verdict=verdict, reason=reason, toward_yes=toward, findings=findings, from_scan=False)


_NOBODY = Text(
    "契約している事業者が記入されていないので、誰から受け取るべきか分かりません。",
    "No vendor under contract is stated, so it is not known who should hand one in.",
)
_STATE_VENDORS = Text("契約している事業者を記入してください。", "State the vendors under contract.")
_COLLECT = Text(
    "事業者から MDS/SDS を受け取り、版と日付を添えてファイルを添付してください。",
    "Collect the MDS/SDS from the vendor and attach the file with its version and date.",
)
