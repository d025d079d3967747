# SPDX-License-Identifier: Apache-2.0
"""Item 2-(7): security patches and firmware, for servers, PCs and network devices apart.

いいえ is proven by a version with a weakness that attackers use, or past its end of support. はい is
supported only when every device of the class tells its version, its product is known, the data is
fresh and nothing speaks against it. Unconfirmed knowledge is a suspicion.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby

from collector.advisories.assessment import Assessment, Assessor, Kind
from collector.advisories.wording import missing_sentence, sentence, source_text
from collector.case import Case
from collector.coverage import never_seen
from collector.safe_text import visible
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.device import Device
from inventory_db.stated import Mitigation

CLASSES = {
    "server": ("server",),
    "pc": ("pc",),
    "network": ("network", "gateway"),  # 無線LANやルータ等
}
_EVERY = ("server", "pc", "network", "gateway")
_NAMES = {
    "server": Text("サーバ", "servers"),
    "pc": Text("端末PC", "PCs"),
    "network": Text("ネットワーク機器", "network devices"),
}
_CODES = {
    Kind.AFFECTED: "patch.affected",
    Kind.END_OF_SUPPORT: "patch.end_of_support",
    Kind.SUPPORT_UNCLEAR: "patch.end_of_support",
    Kind.MITIGATED: "patch.mitigated",
    Kind.UNTOLD: "patch.version_unknown",
    Kind.CONTRADICTS: "patch.version_unknown",
    Kind.NO_SCHEME: "patch.version_unknown",
    Kind.BACKPORTED: "patch.version_unknown",
    Kind.NO_DATA: "patch.no_data",
    Kind.UNCONFIRMED: "patch.no_data",
    Kind.OLD_DATA: "patch.no_data",
    Kind.BEHIND: "patch.behind",
    Kind.SOUND: "patch.sound",
}
_TOGETHER = (Kind.NO_DATA, Kind.UNCONFIRMED)
TOWARD_YES = Text(
    "直っている版に上げる。版が分からない機器は、管理画面や保守事業者に確かめて記録する。"
    "脆弱性とサポート期限のデータを daicho load feed で新しくし、もう一度調べる。",
    "Raise to mended versions. Where a device does not tell its version, look it up on its own pages or ask its vendor,"
    " and record it. Renew the data with daicho load feed, then scan again.",
)


def judge(case: Case, target: str) -> Judged:
    """Judge the item for server, pc or network; for another target, all three together."""
    classes = CLASSES.get(target, _EVERY)
    name = _NAMES.get(target, Text("機器", "devices"))
    members = [device for device in case.devices if device.device_class in classes]
    if not members:
        return _none_found(name)
    assessor = Assessor(case.knowledge, case.today)
    mitigations = case.said(Mitigation)
    typed = _typed(case)
    said = {one.id: assessor.assess(one, mitigations, typed.get(one.id, "")) for one in members}
    findings = tuple(finding for device in members for finding in _findings(device, said[device.id]))
    return _judged(case, name, members, said, findings)


def _judged(
    case: Case,
    name: Text,
    members: list[Device],
    said: dict[str, tuple[Assessment, ...]],
    findings: tuple[Finding, ...],
) -> Judged:
    proven = [one for ones in said.values() for one in ones if one.proven]
    seen = tuple(dict.fromkeys(id for finding in findings for id in finding.observations))
    if proven:
        return Judged(
            verdict=Verdict.PROVES_NO,
            reason=_reason_no(name, len(members), proven),
            toward_yes=TOWARD_YES,
            findings=findings,
            observations=seen,
        )
    open_ones = Counter(one.kind for ones in said.values() for one in ones if not one.fine)
    unseen = len(never_seen(case))
    silent = sum(not _seen_lately(case, device) for device in members)
    unknown = sum(device.device_class == "unknown" for device in case.devices)
    if open_ones or unseen or silent or unknown:
        reason = _reason_open(name, said, (unseen, silent, unknown))
        return Judged(
            verdict=Verdict.CANNOT_TELL,
            reason=reason,
            toward_yes=TOWARD_YES,
            findings=findings,
            observations=seen,
        )
    return Judged(
        verdict=Verdict.SUPPORTS_YES,
        reason=_reason_yes(name, said),
        toward_yes=Text("このまま続ける。", "Keep on."),
        findings=findings,
        observations=seen,
    )


def _typed(case: Case) -> dict[str, str]:
    """The versions that people wrote into the ledger, by device."""
    cells = ((row.device.id, row.cell("ソフトウェアバージョン")) for row in case.rows)
    return {id: cell.value.strip() for id, cell in cells if cell.source == "person" and cell.value.strip()}


def _seen_lately(case: Case, device: Device) -> bool:
    """Whether it showed life in the last scan that looked for it, and said what it is not too long ago.

    A night that only confirmed a few of its answers did not ask it for its version.
    """
    return device.answered_last and case.is_fresh(
        datetime.fromisoformat(device.whole_since or device.last_seen)
    )


def _findings(device: Device, said: Iterable[Assessment]) -> Iterator[Finding]:
    who = device_name(device)
    ordered = sorted(said, key=_worst_first)
    for together, group in groupby(
        ordered, key=lambda one: one.product if one.kind in _TOGETHER and one.id.startswith("CVE") else None
    ):
        ones = list(group)
        if together is None:
            yield from (_finding(one, sentence(one, who), one.id or one.product) for one in ones)
        else:
            yield _finding(ones[0], missing_sentence(ones, who), together)


def _worst_first(one: Assessment) -> tuple[bool, bool, bool]:
    return one.kind in _TOGETHER and one.id.startswith("CVE"), not one.proven, not one.ransomware


def _finding(one: Assessment, text: Text, about: str) -> Finding:
    return Finding(
        code=_CODES[one.kind],
        device=one.device,
        port=one.port,
        transport=one.transport,
        about=visible(about),
        text=Text(visible(text.ja), visible(text.en)),
        todo=_todo(one),
        against=one.kind is not Kind.SOUND,
        proven=one.proven or one.fine,
        sure=str(one.sure),
        since=one.since,
        fixed_in=visible(one.fixed_in),
        source=visible(source_text(one)),
        observations=one.observations,
    )


def _todo(one: Assessment) -> Text | None:
    if one.kind is Kind.AFFECTED and not one.no_fix:
        return Text("直っている版に上げる。", "Raise it to a mended version.")
    if one.kind in (Kind.AFFECTED, Kind.END_OF_SUPPORT):
        return Text(
            "サポートのある系列か後継機へ移す。すぐにできなければ外部から切り離す。",
            "Move to a supported branch or model; until then cut it off from outside.",
        )
    if one.kind is Kind.MITIGATED:
        return Text("説明の根拠と期限を確かめる。", "Check the evidence and how long the statement holds.")
    if one.kind in (Kind.UNTOLD, Kind.CONTRADICTS, Kind.NO_SCHEME, Kind.BACKPORTED, Kind.SUPPORT_UNCLEAR):
        return Text(
            "管理画面か保守事業者に版を確かめる。", "Look the version up on its own pages, or ask its vendor."
        )
    if one.kind in (Kind.NO_DATA, Kind.UNCONFIRMED, Kind.OLD_DATA):
        return Text("daicho load feed で新しいデータを読み込む。", "Load newer data with daicho load feed.")
    return None


def device_name(device: Device) -> str:
    """Name a device for a sentence: its name, else its address, with the model."""
    address = next((one.ip for one in device.addresses if one.ip), None)
    name = device.names[0] if device.names else address or device.id
    return visible(f"{name} ({address})" if address and address != name else name)


def _none_found(name: Text) -> Judged:
    return Judged(
        verdict=Verdict.CANNOT_TELL,
        reason=Text(f"{name.ja}が1台も見つかっていません。", f"No {name.en} were found."),
        toward_yes=Text(
            f"{name.ja}のあるネットワークを調べる。本当に無ければ、その旨を備考に書いて人が答える。",
            f"Scan the networks where {name.en} stand. If there are none, a person answers and says so in the remark.",
        ),
    )


def _reason_no(name: Text, count: int, proven: list[Assessment]) -> Text:
    weak = len({one.device for one in proven if one.kind is Kind.AFFECTED})
    ended = len({one.device for one in proven if one.kind is Kind.END_OF_SUPPORT})
    bad = len({one.device for one in proven})
    ja, en = [], []
    if weak:
        ja.append(f"悪用が確認されている脆弱性のある版 {weak} 台")
        en.append(f"a weakness that attackers use: {weak}")
    if ended:
        ja.append(f"サポートの終わった版 {ended} 台")
        en.append(f"past the end of support: {ended}")
    return Text(
        f"{name.ja} {count} 台のうち {bad} 台が、直っていない版で動いています（{'、'.join(ja)}）。",
        f"{bad} of the {name.en} ({count}) run versions that are not mended ({'; '.join(en)}).",
    )


_WHY = (
    ((Kind.AFFECTED, Kind.BEHIND), Text("古い版の疑いがある", "an old version is suspected")),
    ((Kind.MITIGATED,), Text("事業者が対処済みと説明している", "called mitigated by a vendor")),
    ((Kind.SUPPORT_UNCLEAR,), Text("サポート期限を決められない", "unclear end of support")),
    (
        (Kind.UNTOLD, Kind.NO_SCHEME, Kind.BACKPORTED, Kind.CONTRADICTS),
        Text("版か修正の適用状況が分からない", "version or patches not told"),
    ),
    ((Kind.NO_DATA, Kind.UNCONFIRMED), Text("比べるデータが足りない", "no data to compare with")),
    ((Kind.OLD_DATA,), Text("比べるデータが古い", "only old data to compare with")),
)


_ELSEWHERE = (
    Text("台帳にあって調査で見えないもの", "listed but not seen"),
    Text("最近の調べで応答のなかったもの", "silent in the last scan, or not seen lately"),
    Text("種類の分からない機器", "devices of unknown kind"),
)


def _reason_open(
    name: Text, said: dict[str, tuple[Assessment, ...]], elsewhere: tuple[int, int, int]
) -> Text:
    ja, en = [], []
    for kinds, why in _WHY:
        count = sum(any(one.kind in kinds for one in ones) for ones in said.values())
        if count:
            ja.append(f"{why.ja}もの {count} 台")
            en.append(f"{why.en}: {count}")
    unsure = sum(any(one.kind is Kind.SOUND and not one.fine for one in ones) for ones in said.values())
    if unsure:
        ja.append(f"版の読み取りが確かでないもの {unsure} 台")
        en.append(f"version not sure: {unsure}")
    for count, why in zip(elsewhere, _ELSEWHERE, strict=True):
        if count:
            ja.append(f"{why.ja} {count} 台")
            en.append(f"{why.en}: {count}")
    old = [one for ones in said.values() for one in ones if one.kind is Kind.OLD_DATA and one.age is not None]
    age = max((one.age or 0 for one in old), default=0)
    age_ja, age_en = (
        (f"データは最も古いもので {age} 日前のものです。", f" The oldest data is {age} days old.")
        if old
        else ("", "")
    )
    return Text(
        f"{name.ja} {len(said)} 台を判定できません: {'、'.join(ja)}。{age_ja}",
        f"Cannot tell for the {name.en} ({len(said)}): {'; '.join(en)}.{age_en}",
    )


def _reason_yes(name: Text, said: dict[str, tuple[Assessment, ...]]) -> Text:
    ages = [one.age for ones in said.values() for one in ones if one.age is not None]
    age = max(ages, default=0)
    return Text(
        f"{name.ja} {len(said)} 台すべてが版を答え、悪用が確認されている脆弱性に当たらず、サポート期間内です（データは {age} 日前まで）。",
        f"All {name.en} ({len(said)}) tell their versions, none has a weakness that attackers use, all are supported"
        f" (data at most {age} days old).",
    )
