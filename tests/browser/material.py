# SPDX-License-Identifier: Apache-2.0
"""A small hospital as an agent would report it, and a device in it that means harm."""

from datetime import UTC, datetime, timedelta

from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Sent, Sure, Upload, Vantage, fact

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
HIS, MODALITY = "10.10.1.0/24", "10.20.1.0/24"
SCRIPT = "<script>document.title='owned'</script>"
IMAGE = '"><img src=x onerror="document.title=\'owned\'">'
FORMULA = "=cmd|' /C calc'!A0"
BIDI = "invoice\u202egpj.exe"
LONG = "モニタリングセントラルステーション" * 12
UNBROKEN = "A" * 600
HUGE = "<b>" + "巨" * 330_000  # 1 MB of UTF-8
EVERYWHERE = (  # kinds of facts whose words come to stand in a ledger's rows, a path or a verdict
    FactKind.MAKER,
    FactKind.SERIAL,
    FactKind.OS,
    FactKind.OS_VERSION,
    FactKind.FIRMWARE_VERSION,
    FactKind.PRODUCT,
    FactKind.VERSION,
    FactKind.SERVICE,
    FactKind.REMOTE_PATH,
    FactKind.REMOTE_NAME,
    FactKind.LOCATION,
    FactKind.SSDP_SERVER,
    FactKind.SMB_GUID,
    FactKind.OXID_BINDING,
    FactKind.INTERFACE,
)
EVIL = (
    SCRIPT,
    IMAGE,
    FORMULA,
    BIDI,
    "\x1b[31mred\x00\x9b",
    "javascript:document.title='owned'",
    "{{7*7}}${7*7}",
)

VANTAGES = (
    Vantage(id="v-his", host="scanbox", interface="eth1", address="10.10.1.9", network=HIS),
    Vantage(id="v-mod", host="scanbox", interface="eth2", address="10.20.1.9", network=MODALITY),
)


def seen(
    ip: str,
    probe: str,
    *facts: Fact,
    port: int = 0,
    outcome: Outcome = Outcome.ANSWERED,
    reason: str = "",
    transcript: str = "",
    minute: int = 0,
) -> Observation:
    """One observation of a host that stands on the HIS or the modality network."""
    his = ip.startswith("10.10.")
    return Observation(
        scan="scan-1",
        vantage="v-his" if his else "v-mod",
        at=START + timedelta(minutes=minute, seconds=port % 60),
        probe=probe,
        address=ip,
        mac=mac_of(ip),
        network=HIS if his else MODALITY,
        port=port,
        transport="tcp" if port else "arp",
        outcome=outcome,
        reason=reason,
        facts=facts,
        transcript=transcript,
    )


def mac_of(ip: str) -> str:
    """A unicast hardware address of a known maker, one per IP address."""
    return "00:1b:21:" + ":".join(f"{int(part):02x}" for part in ip.split(".")[1:])


def host(ip: str, *others: Observation) -> tuple[Observation, ...]:
    """An ARP answer, which is a sign of life, and whatever else was seen of the host."""
    return (seen(ip, "packets.arp", fact(FactKind.MAC, mac_of(ip)), fact(FactKind.ADDRESS, ip)), *others)


def ssh(ip: str, banner: str) -> Observation:
    facts = (fact(FactKind.OPEN, "tcp"), fact(FactKind.SERVICE, "ssh"), fact(FactKind.SSH_BANNER, banner))
    text = f"~ open tcp 22\n< {(banner + chr(10)).encode()!r}"
    return seen(ip, "ssh", *facts, port=22, transcript=text)


def snmp(ip: str, description: str, name: str, *more: Fact) -> Observation:
    facts = (fact(FactKind.SNMP_SYSDESCR, description), fact(FactKind.SNMP_SYSNAME, name))
    return seen(ip, "snmp", *facts, *more, port=161, transcript="~ open snmp 161")


def smb(ip: str, name: str) -> Observation:
    facts = (
        fact(FactKind.OPEN, "tcp"),
        fact(FactKind.SERVICE, "smb"),
        fact(FactKind.SMB_GUID, "1d9f3c22-0d52-4a55-9b3e-2f1c3a4b5c6d"),
        fact(FactKind.SMB_DIALECT, "3.1.1"),
        fact(FactKind.NTLM_COMPUTER, name),
        fact(FactKind.NTLM_BUILD, "10.0.17763"),
    )
    return seen(ip, "smb", *facts, port=445, transcript="~ open tcp 445\n> b'\\x00'\n< b'\\xfeSMB'")


def dual_homed(first: str, second: str, name: str) -> tuple[Observation, ...]:
    """One Windows server on both networks that lists its addresses itself."""
    lists = [fact(FactKind.OXID_BINDING, text) for text in (name, first, second)]
    oxid = [seen(ip, "oxid", fact(FactKind.OPEN, "tcp"), *lists, port=135) for ip in (first, second)]
    rdp = (fact(FactKind.OPEN, "tcp"), fact(FactKind.SERVICE, "rdp"), fact(FactKind.REMOTE_PATH, "rdp"))
    return (
        *host(first, smb(first, name), oxid[0], seen(first, "rdp", *rdp, port=3389)),
        *host(second, smb(second, name), oxid[1]),
    )


def hostile(ip: str) -> tuple[Observation, ...]:
    """A device whose every word is an attack on those who read it."""
    title = (fact(FactKind.OPEN, "tcp"), fact(FactKind.SERVICE, "http"), fact(FactKind.HTTP_TITLE, IMAGE))
    raw = (
        Fact(FactKind.MODEL, BIDI),  # not cleaned: an agent of our own could be taken over
        Fact(FactKind.MAKER, FORMULA),
        Fact(FactKind.NAME, SCRIPT),
        Fact(FactKind.HTTP_SERVER, UNBROKEN),
        Fact(FactKind.SERIAL, "\x1b[31mred\x00", Sure.GUESS),
    )
    text = f"~ open tcp 80\n< {SCRIPT.encode()!r}\n< {IMAGE.encode()!r}"
    return host(ip, seen(ip, "http", *title, *raw, port=80, transcript=text))


def hostile_lab(ip: str) -> tuple[Observation, ...]:
    """A device that also lies in its certificate, banners and transcripts, and whose name is a megabyte."""
    names = tuple(Fact(FactKind.NAME, word) for word in (HUGE, *EVIL))
    certificate = (
        fact(FactKind.OPEN, "tcp"),
        Fact(FactKind.TLS_SUBJECT, f"CN={SCRIPT},O={FORMULA}"),
        Fact(FactKind.TLS_ISSUER, f"CN={IMAGE}"),
        Fact(FactKind.TLS_SAN, BIDI),
        Fact(FactKind.TLS_NOT_AFTER, SCRIPT),
    )
    huge = tuple(Fact(kind, HUGE) for kind in EVERYWHERE)
    vnc = (fact(FactKind.OPEN, "tcp"), Fact(FactKind.SERVICE, SCRIPT), Fact(FactKind.REMOTE_PATH, "vnc"))
    text = "\n".join(EVIL) + "\n< b'\\xff\\xfe\\x00<script>'"
    said = f"< {HUGE}\n{text}"
    return host(
        ip,
        seen(ip, "netbios", *names, port=137),
        seen(ip, "tls", *certificate, port=443, transcript=text),
        seen(ip, "vnc", *vnc, port=5900, transcript=text, reason=f"{SCRIPT}: {IMAGE} / {FORMULA}"),
        seen(ip, "snmp", fact(FactKind.OPEN, "tcp"), *huge, port=161, transcript=said, reason=HUGE),
        seen(ip, "plan", port=9100, outcome=Outcome.HELD_BACK, reason=f"never_send: {HUGE}"),
        snmp(ip, SCRIPT, FORMULA, Fact(FactKind.MODEL, FORMULA)),
        seen(
            ip, "telnet", Fact(FactKind.TELNET_BANNER, f"{SCRIPT}{BIDI}\x00\x1b[2J"), port=23, transcript=text
        ),
    )


def hostile_upload() -> Upload:
    """A small network on which everything that can speak means harm; journal and scan too."""
    everything = (
        *host("10.10.1.254", snmp("10.10.1.254", "RTX1210 Rev.14.01.42 (Fri Mar 1 2024)", "core-rtx")),
        *hostile("10.20.1.66"),
        *hostile_lab("10.20.1.67"),
    )
    scan = Scan(
        id="scan-1",
        started=START,
        ended=START + timedelta(minutes=9),
        scope=(HIS, MODALITY, SCRIPT),
        state="complete",
        planned=508,
        finished=508,
    )
    said = tuple(
        Sent(
            scan="scan-1", vantage="v-mod", at=START, address="10.20.1.67", action=word, probe=word, why=word
        )
        for word in EVIL
    )
    vantages = (
        VANTAGES[0],
        Vantage(id="v-mod", host=SCRIPT, interface=IMAGE, address="10.20.1.9", network=MODALITY),
    )
    return Upload(
        scans=(scan,), vantages=vantages, observations=everything, sent=(*journal(everything), *said)
    )


def observations() -> tuple[Observation, ...]:
    """Everything that was seen in the small hospital."""
    return (
        *dual_homed("10.10.1.20", "10.20.1.20", "HIS-DB01"),
        *host("10.10.1.31", ssh("10.10.1.31", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")),
        *host("10.10.1.254", snmp("10.10.1.254", "RTX1210 Rev.14.01.42 (Fri Mar 1 2024)", "core-rtx")),
        *host("10.20.1.50", snmp("10.20.1.50", "Canon MF750C /P", "uketsuke-mfp")),
        *host("10.20.1.70", snmp("10.20.1.70", "Linux", LONG)),
        *hostile("10.20.1.66"),
        *host(
            "10.20.1.88",
            seen("10.20.1.88", "ssh", port=22, outcome=Outcome.SILENT),
            seen("10.20.1.88", "http", port=80, outcome=Outcome.REFUSED),
            seen(
                "10.20.1.88",
                "plan",
                port=9100,
                outcome=Outcome.HELD_BACK,
                reason="never_send: 印刷されるため / it would print",
            ),
            seen(
                "10.20.1.88",
                "tls",
                port=443,
                outcome=Outcome.OUR_FAULT,
                reason="no_route: 経路がない / no route to it",
            ),
            seen("10.20.1.88", "vnc", port=5900, outcome=Outcome.OTHER_PROTOCOL),
        ),
        *(
            one
            for number in range(100, 160)
            for one in host(f"10.10.1.{number}", ssh(f"10.10.1.{number}", "SSH-2.0-x"))
        ),
    )


def journal(seen_ones: tuple[Observation, ...]) -> tuple[Sent, ...]:
    """What an agent would have written down while it asked."""
    return tuple(
        Sent(
            scan=one.scan,
            vantage=one.vantage,
            at=one.at,
            address=one.address,
            action="tcp connect" if one.port else "arp request",
            port=one.port,
            transport=one.transport,
            packets=6 if one.port else 1,
            connections=1 if one.port else 0,
            payload_bytes=60 if one.port else 0,
            probe=one.probe,
            why="identify",
        )
        for one in seen_ones
        if one.outcome != Outcome.HELD_BACK
    )


def upload() -> Upload:
    """The whole of it, as one batch."""
    everything = observations()
    scan = Scan(
        id="scan-1",
        started=START,
        ended=START + timedelta(minutes=9),
        scope=(HIS, MODALITY),
        state="complete",
        planned=508,
        finished=508,
    )
    return Upload(scans=(scan,), vantages=VANTAGES, observations=everything, sent=journal(everything))
