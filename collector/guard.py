# SPDX-License-Identifier: Apache-2.0
"""The central guard: no rule can claim more than the looking bears. Pure.

はいを支持 and 対象外 that rest on a scan need a complete and fresh look and something positive;
いいえの証拠あり needs evidence that is itself fresh. What does not hold becomes 判定できない.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

from collector.basis import CLOCK_SKEW
from collector.case import Case
from collector.verdict import Finding, Judged, Text, Verdict

Times = Callable[[Collection[str]], Mapping[str, datetime]]  # observation ids → when they were made


def no_times(_ids: Collection[str]) -> Mapping[str, datetime]:
    """Know no times; the devices' last sighting stands in."""
    return {}


def guarded(judged: Judged, case: Case, times: Times = no_times) -> Judged:
    """Give the verdict as far as the looking bears it."""
    if judged.verdict is Verdict.SUPPORTS_YES:
        return _guard_yes(judged, case, times)
    if judged.verdict is Verdict.NOT_APPLICABLE and judged.from_scan:
        return _guard_looking(judged, case)
    if judged.verdict is Verdict.PROVES_NO:
        return _guard_no(judged, case, times)
    return judged


def _guard_yes(judged: Judged, case: Case, times: Times) -> Judged:
    if any(finding.against and finding.proven for finding in judged.findings):
        return _doubt(
            judged, "いいえを示すものが同時にあります。", "Something speaks for no at the same time."
        )
    if not judged.from_scan:
        return judged
    if not judged.observations and not any(not finding.against for finding in judged.findings):
        return _doubt(judged, "はいを示す観測がありません。", "No observation speaks for yes.")
    moments = _moments(judged, case, times)
    if any(moment > case.now + CLOCK_SKEW for moment in moments):
        return _doubt(
            judged, "先の時刻の観測があります（時計のずれ）。", "An observation lies in the future."
        )
    if moments and not any(case.is_fresh(moment) for moment in moments):
        return _doubt(judged, "はいを示す観測が古すぎます。", "What speaks for yes is too old.")
    if any(_is_stale(finding, case, times) for finding in judged.findings if not finding.against):
        return _doubt(
            judged, "はいを示す観測の一部が古すぎます。", "A part of what speaks for yes is too old."
        )
    return _guard_looking(judged, case)


def _is_stale(finding: Finding, case: Case, times: Times) -> bool:
    """Whether everything that a finding rests on was seen too long ago."""
    made = times(finding.observations).values()
    return bool(made) and not any(case.is_fresh(moment) for moment in made)


def _moments(judged: Judged, case: Case, times: Times) -> list[datetime]:
    """Give when the evidence was seen; where no times are known, when its devices were seen last."""
    known = times(judged.observations)
    if known:
        return list(known.values())
    wanted = set(judged.observations)
    return [
        datetime.fromisoformat(device.last_seen)
        for device in case.devices
        if not wanted.isdisjoint(device.observations[-50:])
    ]


def _guard_looking(judged: Judged, case: Case) -> Judged:
    basis = case.basis
    if not basis.complete:
        return _doubt(judged, "調べが完全ではありません。", "The looking is not complete.")
    if not basis.fresh:
        return _doubt(judged, "調べが古くなっています。", "The looking is too old.")
    if basis.left_alone and not judged.ledger_suffices:
        return _doubt(
            judged,
            "触れない一覧の機器は、この項目では調べていません。",
            "Devices on the never-list were not looked at for this item.",
        )
    return judged


def _doubt(judged: Judged, ja: str, en: str) -> Judged:
    reason = Text(f"{ja}見えた限りでは: {judged.reason.ja}", f"{en} As far as was seen: {judged.reason.en}")
    toward = Text(
        f"施設の範囲すべてを最後まで調べ直してください。{judged.toward_yes.ja}",
        f"Scan all networks of the facility to the end. {judged.toward_yes.en}",
    )
    return replace(judged, verdict=Verdict.CANNOT_TELL, reason=reason, toward_yes=toward)


def _guard_no(judged: Judged, case: Case, times: Times) -> Judged:
    """Let いいえ stand on what was seen lately; older findings become suspicions."""
    if not judged.from_scan:
        return judged
    proofs = [finding for finding in judged.findings if finding.against and finding.proven]
    made = times({id for proof in proofs for id in proof.observations} | set(judged.observations))
    seen = {device.id: datetime.fromisoformat(device.last_seen) for device in case.devices}
    findings = tuple(_aged(finding, case, made, seen) for finding in judged.findings)
    if proofs:
        holds = any(finding.against and finding.proven for finding in findings)
    else:
        holds = any(case.is_fresh(made[id]) for id in judged.observations if id in made)
    aged = replace(judged, findings=findings)
    if not holds:
        return replace(
            aged,
            verdict=Verdict.CANNOT_TELL,
            reason=Text(
                f"証拠が{case.age_limit.days}日より古いか、時刻が確かでないため、今もそうかは分かりません。{judged.reason.ja}",
                f"The evidence is older than {case.age_limit.days} days or its time is doubtful. {judged.reason.en}",
            ),
        )
    if case.basis.complete and case.basis.fresh:
        return aged
    reason = Text(
        f"{judged.reason.ja}（ほかにもあるかもしれません: 調べは完全ではありません）",
        f"{judged.reason.en} (There may be more: the looking is not complete.)",
    )
    return replace(aged, reason=reason)


def _aged(
    finding: Finding, case: Case, made: Mapping[str, datetime], seen: Mapping[str, datetime]
) -> Finding:
    """Give a proof whose own evidence is not fresh as a suspicion."""
    if not (finding.against and finding.proven):
        return finding
    moments = [made[id] for id in finding.observations if id in made]
    if not moments and finding.device in seen:
        moments = [seen[finding.device]]
    if not moments and not finding.observations:
        return finding  # rests on what people stated
    return finding if any(case.is_fresh(moment) for moment in moments) else replace(finding, proven=False)
