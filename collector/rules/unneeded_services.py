# SPDX-License-Identifier: Apache-2.0
"""Item 2-(9): no unneeded software or services in the background, for servers and for PCs. Pure.

A scan sees listeners and nothing else. It can show that an unneeded service runs; that none does it
can never show alone. So はいを支持 needs both: every listener of every device expected by the baseline
or approved (reason, approver, end), and an inventory of software and services that a person handed in
(Document of type service_inventory with a file). Without it a person confirms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from collector.case import Case
from collector.coverage import never_seen
from collector.entrances import name_of
from collector.expected_services import Baseline, WeakService, shipped_baseline
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.device import Device, Service, Weakness
from inventory_db.stated import Approval, Document
from inventory_db.typed_values import is_no_answer

INVENTORY = "service_inventory"  # also service_inventory_server, service_inventory_pc
INVENTORY_HOLDS = timedelta(days=366)
_WIDE = ("standard", "deep")  # profiles that look at more than the commonest ports
_UPNP_PORT = (1900, "udp")
_MOST_OBSERVATIONS = 50
_CLASSES = {"server": Text("サーバ", "server"), "pc": Text("端末PC", "PC")}


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is the same for all devices."""

    case: Case
    target: str
    baseline: Baseline
    approvals: dict[tuple[str, int, str], Approval]


def judge(case: Case, target: str) -> Judged:
    """Judge the devices of one class; `target` is server or pc."""
    approvals = {(one.device, one.port, one.transport): one for one in case.said(Approval)}
    desk = _Desk(case, target, shipped_baseline(), approvals)
    devices = [device for device in case.devices if device.device_class == target]
    findings = tuple(finding for device in devices for finding in _of_device(desk, device))
    seen = tuple(dict.fromkeys(id for device in devices for one in device.services for id in one.evidence))
    observations = dict.fromkeys((*(id for one in findings for id in one.observations), *seen))
    verdict, reason, toward = _weigh(desk, devices, findings)
    return Judged(
        verdict=verdict,
        reason=reason,
        toward_yes=toward,
        findings=findings,
        observations=tuple(observations)[:_MOST_OBSERVATIONS],
    )


def _weigh(desk: _Desk, devices: Sequence[Device], findings: Sequence[Finding]) -> tuple[Verdict, Text, Text]:
    kind = _CLASSES.get(desk.target, Text(desk.target, desk.target))
    if not devices:
        return Verdict.CANNOT_TELL, *_no_device(kind)
    proofs = [one for one in findings if one.against and one.proven]
    if proofs:
        return Verdict.PROVES_NO, *_proof(kind, proofs)
    if blind := [one for one in findings if one.code == "service.not_seen"]:
        return Verdict.CANNOT_TELL, *_blind(kind, devices, blind)
    if open_ends := [one for one in findings if one.against]:
        return Verdict.ASK_PERSON, *_open_ends(kind, open_ends)
    if unknown := sum(device.device_class == "unknown" for device in desk.case.devices):
        return Verdict.CANNOT_TELL, *_unknown_class(kind, unknown)
    if rows := len(never_seen(desk.case)):
        return Verdict.CANNOT_TELL, *_never_seen(kind, rows)
    if _has_inventory(desk):
        return Verdict.SUPPORTS_YES, *_all_known(kind, devices)
    return Verdict.ASK_PERSON, *_inventory_missing(kind, devices)


def _of_device(desk: _Desk, device: Device) -> Iterator[Finding]:
    weak_ports = {
        (weak.port, weak.transport) for weak in device.weaknesses if weak.code in desk.baseline.weak
    }
    for weak in device.weaknesses:
        if known := desk.baseline.weak.get(weak.code):
            yield _weak(desk, device, weak, known)
    for service in device.services:
        told = (service.port, service.transport) in weak_ports and not _only_by_name(desk, device, service)
        if not told and (finding := _listener(desk, device, service)):
            yield finding
    if reason := _not_seen(desk, device):
        yield Finding(
            code="service.not_seen",
            device=device.id,
            text=Text(f"{name_of(device)}: {reason.ja}", f"{name_of(device)}: {reason.en}"),
            todo=_LOOK,
            proven=False,
        )


def _only_by_name(desk: _Desk, device: Device, service: Service) -> bool:
    """Whether all that is weak there is a way of speaking (SMB 1, old TLS): the service itself still counts."""
    here = [
        desk.baseline.weak[weak.code]
        for weak in device.weaknesses
        if (weak.port, weak.transport) == (service.port, service.transport)
        and weak.code in desk.baseline.weak
    ]
    return all(one.by_name for one in here)


def _weak(desk: _Desk, device: Device, weak: Weakness, known: WeakService) -> Finding:
    port = _UPNP_PORT if weak.code == "upnp" and not weak.port else (weak.port, weak.transport)
    approval = desk.approvals.get((device.id, *port))
    named = approval is not None and _names(approval, weak.code)
    where = f"{name_of(device)} {port[0]}/{port[1]}"
    shown = f"（{weak.detail}）" if weak.detail else ""
    if approval and _holds(desk, approval) and (named or not known.by_name):
        return Finding(
            code="service.weak_approved",
            device=device.id,
            port=port[0],
            transport=port[1],
            text=Text(
                f"{where}: {known.text.ja}。{_approved(approval).ja}",
                f"{where}: {known.text.en}. {_approved(approval).en}",
            ),
            todo=known.todo,
            against=False,
            observations=weak.observations,
        )
    late = _late(approval) if approval and (named or not known.by_name) else Text("", "")
    return Finding(
        code=f"service.weak.{weak.code}",
        device=device.id,
        port=port[0],
        transport=port[1],
        text=Text(
            f"{where}: {known.text.ja}が動いています{shown}。{late.ja}",
            f"{where}: {known.text.en} is running ({weak.detail or 'open'}). {late.en}".rstrip(),
        ),
        todo=known.todo,
        proven=known.proves,
        sure="sure" if known.proves else "likely",
        observations=weak.observations,
    )


def _listener(desk: _Desk, device: Device, service: Service) -> Finding | None:
    """Give what is to be said of one open port; None where the baseline expects it and nobody spoke of it."""
    approval = desk.approvals.get((device.id, service.port, service.transport))
    where = f"{name_of(device)} {service.port}/{service.transport} {_label(service)}".rstrip()
    if approval and _holds(desk, approval) and not _is_other(desk, approval, service):
        said = _approved(approval)
        return _finding("service.approved", device, service, where, said, against=False)
    if desk.baseline.expects(desk.target, service):
        return None
    if approval and _is_other(desk, approval, service):
        text = Text(
            f"承認されたのは {approval.service} で、今は別のものが答えています。",
            f"{approval.service} was approved, but something else answers now.",
        )
        return _finding("service.changed", device, service, where, text, against=True)
    if approval:
        return _finding("service.approval_expired", device, service, where, _late(approval), against=True)
    text = Text(
        "この種類の機器では想定していない口で、承認の記入もありません。",
        "is not expected of this class of device, and nobody approved it.",
    )
    return _finding("service.unexpected", device, service, where, text, against=True)


def _finding(
    code: str, device: Device, service: Service, where: str, text: Text, *, against: bool
) -> Finding:
    return Finding(
        code=code,
        device=device.id,
        port=service.port,
        transport=service.transport,
        text=Text(f"{where}: {text.ja}", f"{where}: {text.en}"),
        todo=_DECIDE if against else None,
        against=against,
        proven=not against,  # whether a service is needed only the site knows
        observations=service.evidence,
    )


def _holds(desk: _Desk, approval: Approval) -> bool:
    """Whether it has a reason and an approver, and has not ended."""
    return _is_signed(approval) and approval.until >= desk.case.today


def _is_signed(approval: Approval) -> bool:
    return not (is_no_answer(approval.reason) or is_no_answer(approval.approver))


def _late(approval: Approval) -> Text:
    if not _is_signed(approval):
        return Text("承認に理由か承認者がありません。", "The approval lacks reason or approver.")
    return Text(
        f"承認（{approval.approver}）は {approval.until} までで、期限が切れています。",
        f"The approval by {approval.approver} ended on {approval.until}.",
    )


def _approved(approval: Approval) -> Text:
    return Text(
        f"{approval.approver} が {approval.until} まで承認（{approval.reason}）。",
        f"Approved by {approval.approver} until {approval.until} ({approval.reason}).",
    )


def _names(approval: Approval, code: str) -> bool:
    """Whether the approval names the weak service itself: its code, as in "smb1" or "SMBv1"."""
    said = approval.service.casefold().replace("smbv1", "smb1").replace("smb 1", "smb1").replace(".0", "")
    return code in said


def _is_other(desk: _Desk, approval: Approval, service: Service) -> bool:
    """Whether a known service was approved and another known one answers on the port."""
    said, name = approval.service.strip().casefold(), (service.name or "").casefold()
    known = desk.baseline.names | {"http", "rdp", "vnc", "mysql", "postgresql", "snmp", "smtp", "domain"}
    web = {"http", "https", "tls"}
    return said in known and name in known and said != name and not {said, name} <= web


def _not_seen(desk: _Desk, device: Device) -> Text | None:
    """Say why the device's listeners are not all known; None if it was asked and answered."""
    if device.touched.held_back:
        why = device.touched.held_back[0].partition(": ")[2] or device.touched.held_back[0]
        ja, _, en = why.partition(" / ")
        return Text(f"尋ねるのを控えました（{ja}）。", f"We held back from asking it ({en or ja}).")
    if not device.answered_last:
        return Text("最後の調べで応答がありませんでした。", "It did not answer in the last scan.")
    if any(scan.id == device.scan and scan.profile not in _WIDE for scan in desk.case.scans):
        return Text("限られた口しか調べていません。", "Only a few ports were looked at.")
    return None


def _has_inventory(desk: _Desk) -> bool:
    """Whether somebody handed in a list of software and services for this class that still holds."""
    types = (INVENTORY, f"{INVENTORY}_{desk.target}")
    return any(
        one.type in types
        and any(id in desk.case.attachments for id in one.attachments)
        and timedelta(0) <= desk.case.today - one.on <= INVENTORY_HOLDS
        and (one.valid_until is None or one.valid_until >= desk.case.today)
        for one in desk.case.said(Document)
    )


def _label(service: Service) -> str:
    return " ".join(part for part in (service.name, service.product, service.version) if part)


def _no_device(kind: Text) -> tuple[Text, Text]:
    return (
        Text(
            f"台帳に{kind.ja}が1台もないので、判定できません。",
            f"The ledger holds no {kind.en}, so nothing can be judged.",
        ),
        Text(f"{kind.ja}のある網を調べてください。", f"Scan the networks where a {kind.en} stands."),
    )


def _proof(kind: Text, proofs: Sequence[Finding]) -> tuple[Text, Text]:
    machines = len({one.device for one in proofs})
    return (
        Text(
            f"{kind.ja} {machines} 台で、停止すべきサービスが承認なしに動いています（{len(proofs)} 件）。",
            f"On {machines} {kind.en}(s), {len(proofs)} service(s) that should be stopped run without an approval.",
        ),
        Text(
            "一つずつ停止するか、要るものは理由・承認者・期限を添えて承認してください。",
            "Stop each, or approve what is needed with reason, approver and end.",
        ),
    )


def _open_ends(kind: Text, found: Sequence[Finding]) -> tuple[Text, Text]:
    return (
        Text(
            f"{kind.ja}で、要るかどうかを人が決めるサービスが {len(found)} 件あります。",
            f"{len(found)} service(s) of {kind.en}s need a person's decision.",
        ),
        Text(
            "一つずつ停止するか、理由・承認者・期限を添えて承認してください。",
            "Stop each, or approve it with reason, approver and end.",
        ),
    )


def _blind(kind: Text, devices: Sequence[Device], blind: Sequence[Finding]) -> tuple[Text, Text]:
    return (
        Text(
            f"{kind.ja} {len(devices)} 台のうち {len(blind)} 台は、動いているサービスが見えていません。",
            f"Of {len(devices)} {kind.en}(s), the services of {len(blind)} were not seen.",
        ),
        _LOOK,
    )


def _unknown_class(kind: Text, count: int) -> tuple[Text, Text]:
    return (
        Text(
            f"種類の分からない機器が {count} 台あり、{kind.ja}かもしれません。",
            f"{count} device(s) of unknown class may be a {kind.en}.",
        ),
        Text("それらが何かを台帳に記入してください。", "Say in the ledger what they are."),
    )


def _never_seen(kind: Text, rows: int) -> tuple[Text, Text]:
    return (
        Text(
            f"台帳にあって調べで見えていない行が {rows} あり、{kind.ja}かもしれません。",
            f"{rows} row(s) of the ledger were seen by no scan and may be a {kind.en}.",
        ),
        _LOOK,
    )


def _all_known(kind: Text, devices: Sequence[Device]) -> tuple[Text, Text]:
    return (
        Text(
            f"{kind.ja} {len(devices)} 台の開いた口はすべて想定内か承認済みで、"
            "動いているソフトウェアの一覧も提出されています。",
            f"Every open port of {len(devices)} {kind.en}(s) is expected or approved, and the list of running "
            "software was handed in.",
        ),
        Text("", ""),
    )


def _inventory_missing(kind: Text, devices: Sequence[Device]) -> tuple[Text, Text]:
    return (
        Text(
            f"{kind.ja} {len(devices)} 台の開いた口はすべて想定内か承認済みです。ただし網から見えるのは口だけで、"
            "背後で動くソフトウェアは見えません。",
            f"Every open port of {len(devices)} {kind.en}(s) is expected or approved. But the network shows listeners "
            "only, not the software in the background.",
        ),
        Text(
            "各機器でプログラム一覧やタスクマネージャーを確かめ、その一覧を文書（種類 service_inventory）として添付してください。",
            "Check the list of programs and services on each device, and attach it as a document of type service_inventory.",
        ),
    )


_DECIDE = Text(
    "要らなければ停止し、要るなら理由・承認者・期限を添えて承認してください。",
    "Stop it if it is not needed; otherwise approve it with reason, approver and end.",
)
_LOOK = Text(
    "その機器を許可して調べ直すか、担当者が機器の上で確かめてください。",
    "Allow the device and scan again, or have somebody check on the device itself.",
)
