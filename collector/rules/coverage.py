# SPDX-License-Identifier: Apache-2.0
"""Item 2-(1): does the ledger hold what is there, with its columns filled, checked and reviewed?

The training of the ministry: details such as versions that are not known are いいえ with a date.
"""

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from collector.case import Case
from collector.coverage import Coverage, Gap, Unseen, cover
from collector.dual_homed import dual_findings
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.device import Device
from inventory_db.listed import marks_of_cells
from inventory_db.networks import IPNetwork, network
from inventory_db.stated import ListedDevice
from inventory_db.typed_values import is_no_answer

PLAIN_NO = frozenset({"設置場所", "利用者", "登録日", "状態"})  # only a person can fill these
VERSIONS = ("OS", "ソフトウェアバージョン")  # neither known: the training's いいえ
CHECKED_WITHIN = 366  # days: 少なくとも年に1回
MOST = 200  # findings of one kind that are told one by one


def judge(case: Case, _target: str) -> Judged:
    """はいを支持 when everything seen is listed, filled in and reviewed; いいえ for what is not listed."""
    found = cover(case, case.age_limit.days)
    if not case.devices and not case.said(ListedDevice):
        return _judged(Verdict.CANNOT_TELL, _EMPTY, _SCAN)
    if not found.seen_and_listed and not found.imported:
        return _judged(Verdict.CANNOT_TELL, _NO_LEDGER, _IMPORT, _unlisted(case, found, proven=False))
    findings = (
        *_unlisted(case, found, proven=True),
        *_gaps(case, found),
        *_vague(case, found),
        *_unseen(case, found),
        *_missed(case, found),
        *_care(case, found),
        *dual_findings(case),
    )
    return _weigh(case, found, findings)


def _weigh(case: Case, found: Coverage, findings: tuple[Finding, ...]) -> Judged:
    if any(finding.proven for finding in findings):
        reason = Text(
            f"見えたが人の記入がない（台帳に書かれていない）機器が{len(found.seen_not_listed)}台、要る欄が空の行が{len(found.gaps)}行あります。",
            f"{len(found.seen_not_listed)} devices were seen of which nobody wrote anything (not listed);"
            f" {len(found.gaps)} rows lack a required column.",
        )
        return _judged(Verdict.PROVES_NO, reason, _COMPLETE, findings)
    if not found.seen_and_listed:
        return _judged(Verdict.CANNOT_TELL, _NOBODY_SEEN, _SCAN, findings)
    if any(finding.code != "ledger.unreviewed" for finding in findings):
        return _judged(Verdict.CANNOT_TELL, _doubts(findings), _CHECK, findings)
    if findings:
        return _judged(Verdict.ASK_PERSON, _UNREVIEWED, _REVIEW, findings)
    count, alone = len(found.seen_and_listed), len(case.basis.left_alone)
    ja = f"触れない一覧の{alone}個のアドレスは、調べずに施設の台帳の記載によっています。" if alone else ""
    en = (
        f" {alone} addresses on the never-list were not looked at: the facility's ledger lists them."
        if alone
        else ""
    )
    reason = Text(
        f"調べで見えた{count}台すべてが台帳にあり、要る欄が埋まり、経営層が見直しています。{ja}",
        f"All {count} devices that were seen are listed, their columns are filled and an executive reviewed it.{en}",
    )
    seen = tuple(dict.fromkeys(_last(device) for device in case.devices if device.observations))
    return _judged(Verdict.SUPPORTS_YES, reason, _KEEP, observations=seen)


def _unlisted(case: Case, found: Coverage, *, proven: bool) -> Iterator[Finding] | tuple[Finding, ...]:
    devices = {device.id: device for device in case.devices}
    stated = case.facility.networks if case.facility else ()
    own = [net for net in map(network, stated) if net is not None]
    return tuple(
        Finding(
            code="ledger.unlisted",
            device=id,
            text=Text(
                f"{devices[id].called} は見えましたが、台帳に人の記入がありません。",
                f"{devices[id].called} was seen, but nobody has listed it.",
            ),
            todo=_COMPLETE,
            proven=proven and _is_within(devices[id], own),
            observations=(_last(devices[id]),) if devices[id].observations else (),
        )
        for id in found.seen_not_listed[:MOST]
    )


def _is_within(device: Device, own: Sequence[IPNetwork]) -> bool:
    """Whether it stands on a network of the medical systems; others (guests' wireless) need no row."""
    ips = [ipaddress.ip_address(one.ip) for one in device.addresses if one.ip]
    return not own or any(ip in net for ip in ips for net in own)


def _gaps(case: Case, found: Coverage) -> Iterator[Finding]:
    devices = {device.id: device for device in case.devices}
    rows = {row.device.id: row for row in case.rows}
    listed = {one.id: one for one in case.said(ListedDevice)}
    skipped = set(found.seen_not_listed)
    for gap in [gap for gap in found.gaps if gap.device not in skipped][:MOST]:
        device, row = devices.get(gap.device), rows.get(gap.device)
        cells = {name: row.cell(name).value for name in VERSIONS} if row else {}
        name = device.called if device else _listed_name(listed, gap)
        versionless = bool(cells) and not any(value.strip() for value in cells.values())
        yield Finding(
            code="ledger.gap",
            device=gap.device,
            about="" if gap.device else gap.listed,
            text=Text(
                f"{name} の行で空の欄: {'、'.join(gap.columns)}",
                f"{name}: empty columns: {', '.join(gap.columns)}",
            ),
            todo=_COMPLETE,
            proven=bool(PLAIN_NO & set(gap.columns)) or versionless,
        )


def _vague(case: Case, found: Coverage) -> Iterator[Finding]:
    listed = set(found.seen_and_listed)
    told = 0
    for row in case.rows:
        words = [name for name in (*PLAIN_NO, *VERSIONS) if _is_vague(row.cell(name).value)]
        if words and row.device.id in listed and told < MOST:
            told += 1
            yield Finding(
                code="ledger.vague",
                device=row.device.id,
                text=Text(
                    f"{row.device.called} の行で「不明」などの欄: {'、'.join(words)}",
                    f"{row.device.called}: columns that only say “unknown”: {', '.join(words)}",
                ),
                todo=_COMPLETE,
                proven=False,
            )


def _is_vague(value: str) -> bool:
    return bool(value.strip()) and is_no_answer(value)


def _unseen(case: Case, found: Coverage) -> Iterator[Finding]:
    devices = {device.id: device for device in case.devices}
    for one in [one for one in found.unseen if not _is_left_alone(case, one, devices)][:MOST]:
        device = devices.get(one.device)
        cells = one.listed.cells if one.listed else {}
        name = (
            device.called
            if device
            else (cells.get("コンピュータ名") or cells.get("IPアドレス") or "（名前なし）")
        )
        since = f"{one.days}日間" if one.days is not None else "一度も"
        since_en = f"for {one.days} days" if one.days is not None else "never"
        yield Finding(
            code="ledger.unseen",
            device=one.device,
            text=Text(
                f"台帳の {name} が{since}見えていません。", f"{name} is listed but was not seen ({since_en})."
            ),
            todo=Text(
                "今もあるかを確かめ、状態の欄を直してください。",
                "Check whether it is still there and correct its state.",
            ),
            proven=False,
        )


def _missed(case: Case, found: Coverage) -> Iterator[Finding]:
    devices = {device.id: device for device in case.devices}
    listed = {one.id: one for one in case.said(ListedDevice)}
    for one in found.missed[:MOST]:
        device = devices.get(one.item)
        name = device.called if device else _listed_name(listed, Gap("", one.item, ()))
        said, said_en = ("ない", "not there") if one.found == "no" else ("わからない", "cannot tell")
        yield Finding(
            code="ledger.missed",
            device=device.id if device else "",
            about="" if device else one.item,
            text=Text(
                f"{one.on} の棚卸しで、{name} は「{said}」でした。",
                f"In the stock-take of {one.on}, {name} was “{said_en}”.",
            ),
            todo=_CHECK,
            proven=False,
        )


def _is_left_alone(case: Case, one: Unseen, devices: Mapping[str, Device]) -> bool:
    """Whether we did not see it because the site told us to leave all its addresses alone."""
    device = devices.get(one.device)
    ips = {a.ip for a in device.addresses if a.ip} if device else set[str]()
    ips |= marks_of_cells(one.listed.cells).ip if one.listed else set()
    return bool(ips) and ips <= set(case.basis.left_alone)


def _care(case: Case, found: Coverage) -> Iterator[Finding]:
    if found.checked is None or (case.today - found.checked).days > CHECKED_WITHIN:
        when = str(found.checked or "なし")
        yield Finding(
            code="ledger.unchecked",
            text=Text(
                f"台帳を人が最後に確かめた日: {when}",
                f"The ledger was last checked by a person: {found.checked}",
            ),
            todo=_CHECK,
            proven=False,
        )
    review = found.review
    if review is None or not 0 <= (case.today - review.on).days <= CHECKED_WITHIN or is_no_answer(review.by):
        yield Finding(code="ledger.unreviewed", text=_UNREVIEWED, todo=_REVIEW, proven=False)


def _listed_name(listed: dict[str, ListedDevice], gap: Gap) -> str:
    one = listed.get(gap.listed)
    cells = one.cells if one else {}
    return (
        cells.get("コンピュータ名")
        or cells.get("IPアドレス")
        or (f"{one.source} {one.row}" if one else gap.listed)
    )


def _last(device: Device) -> str:
    """Give the observation that shows the device: the newest in which it said something."""
    return device.shown_by or device.observations[-1]


def _doubts(findings: tuple[Finding, ...]) -> Text:
    unseen = sum(finding.code == "ledger.unseen" for finding in findings)
    other = len(findings) - unseen
    return Text(
        f"見えた機器は台帳にありますが、見えていない行が{unseen}、確かめることがほかに{other}あります。",
        f"What was seen is listed, but {unseen} rows were not seen and {other} other points need checking.",
    )


def _judged(
    verdict: Verdict,
    reason: Text,
    toward: Text,
    findings: tuple[Finding, ...] | Iterator[Finding] = (),
    observations: tuple[str, ...] = (),
) -> Judged:
    told = tuple(findings)
    seen = dict.fromkeys([*observations, *(id for finding in told for id in finding.observations)])
    return Judged(
        verdict=verdict,
        reason=reason,
        toward_yes=toward,
        findings=told,
        observations=tuple(seen),
        ledger_suffices=True,
    )


_EMPTY = Text("台帳が空で、まだ何も見ていません。", "The ledger is empty; nothing was seen yet.")
_NO_LEDGER = Text(
    "調べでできた行だけで、施設の台帳がまだ取り込まれても記入されてもいません。",
    "There are only rows made by the scan; the facility's own ledger is neither imported nor filled in.",
)
_NOBODY_SEEN = Text("台帳の機器が一台も見えていません。", "None of the listed devices was seen.")
_UNREVIEWED = Text(
    "経営層が台帳を見直した記録が、この1年にありません。",
    "There is no executive review of the ledger within a year.",
)
_SCAN = Text("施設の範囲すべてを調べてください。", "Scan all networks of the facility.")
_IMPORT = Text(
    "施設の台帳を取り込むか（daicho load ledger）、画面で設置場所や利用者などを記入してください。",
    "Import the facility's ledger (daicho load ledger), or fill in place, users and so on.",
)
_COMPLETE = Text(
    "人の記入がない機器に設置場所などを書き、空の欄を埋めてください。すぐにできないときは「いいえ」と目標日を記入します。",
    "List the missing devices and fill the empty columns; if that takes time, answer no with a target date.",
)
_CHECK = Text(
    "台帳の行を一つずつ確かめ、直した日を残してください。", "Check the rows one by one and record the day."
)
_REVIEW = Text(
    "経営層が台帳を見直し、名前と日付を記入してください（画面の「文書」、または daicho state review）。",
    "An executive reviews the ledger; record name and day (the page of documents, or daicho state review).",
)
_KEEP = Text("このまま保ち、年に1回は点検してください。", "Keep it so and check it at least once a year.")
