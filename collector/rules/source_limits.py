# SPDX-License-Identifier: Apache-2.0
"""Item 2-(8), source limits of the network, in three readings side by side. Pure.

(a) by vantage: the same question from an allowed and a not allowed source in the same minute;
(b) by configuration: what the device's own configuration says;
(c) MAC addresses and wireless, as the ministry's manual has it: stated by a person, or tested.

はいを支持 needs (a) or (b) for every management and remote-access service of every network device, and
(c). One service that a source which is not allowed reaches is evidence of いいえ. All else cannot be told.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from collector.case import Case
from collector.entrances import is_network_device, listed_unseen, name_of, unknown_devices, unlisted_routers
from collector.imports.configurations.limits import NO, UNKNOWN, YES, ConfiguredLimit, configured_limits
from collector.mac_limits import MacReading, read_mac_limits
from collector.source_looks import Look, looks_of
from collector.source_pairs import Answers, Limit, Tested, judge_service
from collector.verdict import Finding, Judged, Text, Verdict
from inventory_db.device import Device

_NO_ENTRANCE = frozenset({"domain", "ntp", "dhcp", "bootps", "mdns", "netbios-ns"})  # serve all by design
_MOST_NAMED = 5
_Port = tuple[str, int, str]  # device id, port, transport


@dataclass(frozen=True, slots=True)
class _Service:
    """One entrance of one device with both readings."""

    device: Device
    port: int
    transport: str
    name: str
    tested: Tested
    configured: tuple[ConfiguredLimit, ...]

    @property
    def says(self) -> str:
        """What the configuration says of it as a whole: yes only where every entry does."""
        said = {one.restricted for one in self.configured}
        if NO in said:
            return NO
        return YES if said == {YES} else UNKNOWN

    @property
    def contradicts(self) -> bool:
        """Whether test and configuration speak against each other."""
        return (self.tested.limit, self.says) in ((Limit.OPEN, YES), (Limit.LIMITED, NO))

    @property
    def covered(self) -> bool:
        """Whether a reading shows the limit and none speaks against it."""
        shown = self.tested.limit is Limit.LIMITED or self.says == YES
        return shown and not self.contradicts and self.tested.limit is not Limit.OPEN and self.says != NO

    @property
    def proves_no(self) -> bool:
        """Whether it is open: by test, or by configuration where no test says otherwise."""
        if self.tested.limit is Limit.OPEN:
            return True
        by_file = any(one.restricted == NO and one.finding.proven for one in self.configured)
        return by_file and self.tested.limit is not Limit.LIMITED


def judge(case: Case, target: str) -> Judged:
    """Judge the network's source limits; `target` is network on every form."""
    del target
    looks = looks_of(case)
    routers = frozenset(gateway for vantage in case.vantages for gateway in vantage.gateways)
    devices = [device for device in case.devices if is_network_device(device, routers)]
    services = _services(case, devices, looks)
    doubts = (*unlisted_routers(case, routers), *unknown_devices(case, devices), *listed_unseen(case))
    macs = read_mac_limits(case, [(device, look) for device, look in looks if device is not None])
    findings = (
        *(finding for service in services for finding in _findings(service)),
        *(finding for device in _bare(devices, services) for finding in _bare_finding(device)),
        *macs.findings,
        *doubts,
    )
    observations = tuple(dict.fromkeys(id for service in services for id in service.tested.observations))
    verdict = _verdict(devices, services, macs)
    if verdict is Verdict.SUPPORTS_YES and doubts:
        verdict = Verdict.CANNOT_TELL
    reason, toward = _reason(verdict, devices, services, macs), _toward(devices, services, macs)
    return Judged(
        verdict=verdict,
        reason=_joined(reason, *(doubt.text for doubt in doubts)),
        toward_yes=_joined(toward, *(doubt.todo for doubt in doubts if doubt.todo)),
        findings=findings,
        observations=observations,
    )


def _joined(first: Text, *more: Text) -> Text:
    parts = [part for part in (first, *more) if part.ja]
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))


def _verdict(devices: Sequence[Device], services: Sequence[_Service], macs: MacReading) -> Verdict:
    if any(service.proves_no for service in services):
        return Verdict.PROVES_NO
    complete = bool(devices) and bool(services) and not _bare(devices, services)
    if complete and all(service.covered for service in services) and macs.holds:
        return Verdict.SUPPORTS_YES
    return Verdict.CANNOT_TELL


def _services(
    case: Case, devices: Sequence[Device], looks: Iterable[tuple[Device | None, Look]]
) -> tuple[_Service, ...]:
    """Give every entrance that must be limited, and every other one that was tested or configured."""
    known = {device.id: device for device in case.devices}
    names = dict(_entrances(devices))
    spoken = {
        (device.id, one.port, one.transport): one.name or ""
        for device in case.devices
        for one in device.services
    }
    configured: dict[_Port, list[ConfiguredLimit]] = defaultdict(list)
    for limit in configured_limits(case):
        configured[limit.device, limit.port, limit.transport].append(limit)
        names.setdefault((limit.device, limit.port, limit.transport), limit.service)
    asked: dict[_Port, list[Look]] = defaultdict(list)
    for device, look in looks:
        if device is not None and not look.control and look.port:
            asked[device.id, look.port, look.transport].append(look)
            key = (device.id, look.port, look.transport)
            names.setdefault(key, spoken.get(key, ""))
    every = Answers.among(look for _, look in looks)
    return tuple(
        _Service(
            known[key[0]],
            key[1],
            key[2],
            name,
            judge_service(asked.get(key, ()), every, case.is_fresh),
            tuple(configured.get(key, ())),
        )
        for key, name in sorted(names.items())
        if key[0] in known
    )


def _entrances(devices: Iterable[Device]) -> Iterator[tuple[_Port, str]]:
    for device in devices:
        transports = {service.port: service.transport for service in device.services}
        for service in device.services:
            if (service.name or _other_half(device, service.port)) not in _NO_ENTRANCE:
                yield (device.id, service.port, service.transport), service.name or ""
        for path in device.remote_paths:
            transport = transports.get(path.port, "tcp") if path.port else "heard"
            yield (device.id, path.port, transport), path.kind


def _other_half(device: Device, port: int) -> str:
    """What speaks on the same port by the other transport: a name server takes connections too, and says nothing first."""
    return next((one.name for one in device.services if one.port == port and one.name), "")


def _bare(devices: Iterable[Device], services: Iterable[_Service]) -> list[Device]:
    """Network devices of which no entrance is known: that we saw none does not show that there is none."""
    with_services = {service.device.id for service in services if service.name}  # not of what says nothing
    return [device for device in devices if device.id not in with_services]


def _findings(service: _Service) -> Iterator[Finding]:
    where = _where(service)
    tested = service.tested
    if tested.looks or not service.configured:
        is_open = tested.limit is Limit.OPEN
        limited = tested.limit is Limit.LIMITED
        code = "open" if is_open else "limited" if limited else "stale" if tested.stale else "untold"
        yield Finding(
            code=f"source.{code}",
            device=service.device.id,
            port=service.port,
            transport=service.transport,
            text=Text(f"{where.ja}: {tested.text.ja}", f"{where.en}: {tested.text.en}"),
            todo=None if limited else _CLOSE if is_open else _TEST,
            against=not limited,
            proven=is_open or limited,
            sure="sure" if limited or all(look.reach == "spoke" for look in tested.looks) else "likely",
            observations=tested.observations,
        )
    for limit in service.configured:
        doubted = service.contradicts or limit.restricted not in (YES, NO)
        yield replace(limit.finding, proven=False) if doubted else limit.finding
    if service.contradicts:
        yield _contradiction(service, where)


def _contradiction(service: _Service, where: Text) -> Finding:
    is_open = service.tested.limit is Limit.OPEN
    text = (
        Text(
            f"{where.ja}: 設定では接続元が限られていますが、試験では許可していない送信元から接続できました。",
            f"{where.en}: the configuration limits the sources, yet a source that is not allowed came through.",
        )
        if is_open
        else Text(
            f"{where.ja}: 設定では接続元が限られていませんが、試験では許可していない送信元から接続できませんでした"
            "（途中の機器による制限かもしれません）。",
            f"{where.en}: the configuration limits no source, yet the source that is not allowed was kept out "
            "(perhaps by something on the way).",
        )
    )
    return Finding(
        code="source.contradiction",
        device=service.device.id,
        port=service.port,
        transport=service.transport,
        text=text,
        todo=Text(
            "今動いている設定を取り込み直し、試験をもう一度してください。",
            "Hand in the configuration that is running now, and test again.",
        ),
        proven=False,
        observations=service.tested.observations,
    )


def _bare_finding(device: Device) -> Iterator[Finding]:
    yield Finding(
        code="source.no_entrance_seen",
        device=device.id,
        text=Text(
            f"{name_of(device)}: 管理や遠隔接続の口が見えていません。見えないことは、制限されていることを示しません。",
            f"{name_of(device)}: no management or remote-access service was seen; that shows no limit.",
        ),
        todo=Text("この機器の設定を取り込んでください。", "Hand in this device's configuration."),
        proven=False,
    )


def _reason(
    verdict: Verdict, devices: Sequence[Device], services: Sequence[_Service], macs: MacReading
) -> Text:
    if not devices and not services:
        return Text(
            "台帳にネットワーク機器がないので、接続元制限を判定できません。",
            "The ledger holds no network device, so limits of sources cannot be judged.",
        )
    head = {
        Verdict.PROVES_NO: Text(
            "接続元が限られていないサービスがあります。", "A service is open to any source."
        ),
        Verdict.SUPPORTS_YES: Text(
            "すべての管理・遠隔接続の口で、接続元が限られている証拠があります。",
            "There is evidence for every management and remote-access service that its sources are limited.",
        ),
    }.get(verdict, Text("証拠が足りません。", "Evidence is missing."))
    by_test, by_file = _count_tests(services), _count_files(services)
    return Text(
        f"{head.ja}送信元の試験: {by_test.ja}。設定: {by_file.ja}。MAC・無線: {macs.text.ja}",
        f"{head.en} By test of sources: {by_test.en}. By configuration: {by_file.en}. MAC and wireless: {macs.text.en}",
    )


def _count_tests(services: Sequence[_Service]) -> Text:
    counts: Mapping[Limit, int] = {
        limit: sum(service.tested.limit is limit for service in services) for limit in Limit
    }
    limited, opened, unknown = counts[Limit.LIMITED], counts[Limit.OPEN], counts[Limit.UNKNOWN]
    return Text(
        f"限られている {limited}、限られていない {opened}、分からない {unknown}",
        f"{limited} limited, {opened} open, {unknown} unknown",
    )


def _count_files(services: Sequence[_Service]) -> Text:
    said = [service.says if service.configured else "" for service in services]
    limited, opened, unknown, none = (said.count(word) for word in (YES, NO, UNKNOWN, ""))
    return Text(
        f"限られている {limited}、限られていない {opened}、読み取れない {unknown}、設定なし {none}",
        f"{limited} limited, {opened} open, {unknown} not told, {none} without a configuration",
    )


def _toward(devices: Sequence[Device], services: Sequence[_Service], macs: MacReading) -> Text:
    opened = [service for service in services if service.proves_no]
    missing = [service for service in services if not service.covered and not service.proves_no]
    parts = []
    if not devices:
        parts.append(
            Text(
                "ルータ、ファイアウォール、スイッチ、無線 AP が見える所から調べてください。",
                "Scan from where routers, firewalls, switches and access points are seen.",
            )
        )
    if opened:
        names = _listed(opened)
        parts.append(
            Text(
                f"次の口を、使う端末の網だけに限ってください: {names.ja}。",
                f"Limit these to the networks that use them: {names.en}.",
            )
        )
    if missing:
        names = _listed(missing)
        parts.append(
            Text(
                f"次の口を daicho access で試験するか、設定を取り込んでください: {names.ja}。",
                f"Test these with daicho access, or hand in the configuration: {names.en}.",
            )
        )
    if bare := _bare(devices, services):
        named = "、".join(name_of(device) for device in bare[:_MOST_NAMED])
        parts.append(
            Text(f"次の機器の設定を取り込んでください: {named}。", f"Hand in the configuration of: {named}.")
        )
    if not macs.holds:
        parts.append(macs.todo)
    return Text("".join(part.ja for part in parts), " ".join(part.en for part in parts))


def _listed(services: Sequence[_Service]) -> Text:
    named = [_where(service) for service in services[:_MOST_NAMED]]
    more = len(services) - len(named)
    ja, en = "、".join(one.ja for one in named), ", ".join(one.en for one in named)
    return Text(f"{ja} ほか {more} 件", f"{en} and {more} more") if more else Text(ja, en)


def _where(service: _Service) -> Text:
    label = name_of(service.device)
    label += f" {service.port}/{service.transport}" if service.port else ""
    label += f" {service.name}" if service.name else ""
    return Text(label, label)


_CLOSE = Text(
    "機器の設定で、使う端末の網だけを許可し、試験をもう一度してください。",
    "On the device, allow only the networks that use it, then test again.",
)
_TEST = Text(
    "許可した送信元と許可していない送信元の両方から、daicho access で調べてください。",
    "Ask from an allowed and from a not allowed source with daicho access.",
)
