# SPDX-License-Identifier: Apache-2.0
import time
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import rows
from probes.device_class import CLASSES, class_of
from probes.facts import Fact, FactKind, Sure, fact
from probes.fragility import Temper, class_by_maker, temper_of
from probes.patterns import SHORT
from probes.recognise import Recognition, channel_of, recognise, recognise_facts

_REMOTE = [
    "ssl_vpn",
    "ipsec",
    "openvpn",
    "l2tp",
    "pptp",
    "softether",
    "wireguard",
    "rdp",
    "vnc",
    "remote_tool",
    "mobile_router",
    "ssh",
    "telnet",
    "web_admin",
]
_CHANNELS = sorted({row.channel for row in rows.all_rows()})


@pytest.mark.parametrize("channel", _CHANNELS)
def test_a_row_says_of_its_examples_what_it_promises(channel: str) -> None:
    for row in rows.index_of(channel).rows:
        assert row.examples.matches, row.id
        for example in row.examples.matches:
            found = [one for one in recognise(row.channel, example["text"]) if one.pattern == row.id]
            assert found, (row.id, "the pattern does not match its own example", example["text"])
            said = asdict(found[0]) | {"text": example["text"]}
            assert {key: said[key] for key in example} == example, row.id
            assert found[0].sure is row.sure


@pytest.mark.parametrize("channel", _CHANNELS)
def test_a_row_keeps_away_from_its_counter_examples(channel: str) -> None:
    for row in rows.index_of(channel).rows:
        assert row.examples.misses, row.id
        for text in row.examples.misses:
            assert row.id not in [one.pattern for one in recognise(row.channel, text)], (row.id, text)


def test_a_row_gives_only_known_classes_and_paths() -> None:
    for row in rows.all_rows():
        given_fields = [row.gives, *(fields for code in row.codes.values() for fields in code.values())]
        for fields in given_fields:
            assert set(fields) <= rows.FIELDS, row.id
            assert fields.get("device_class", "unknown") in CLASSES, row.id
            assert fields.get("remote_path", "ssh") in _REMOTE, row.id


@pytest.mark.parametrize("channel", _CHANNELS)
def test_the_index_finds_what_trying_every_row_finds(channel: str) -> None:
    index = rows.index_of(channel)
    every = [row for row in rows.all_rows() if row.channel == channel]
    for row in every:
        for text in [*(example["text"] for example in row.examples.matches), *row.examples.misses]:
            for part in (text, text[:SHORT], text[:SHORT].swapcase()):  # short ones are looked at all at once
                tried = [one.id for one in every if one.match(part)]
                assert [one.id for one in index.candidates(part) if one.match(part)] == tried


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        (r"^Cisco (?:IOS|NX-OS) Software", " software"),
        (r"^abc?d{2}efg", "efg"),
        (r"one|another", ""),
        (r"[a-z\]]+ of\.it(?P<x>(a|b)[)])?", " of.it"),
        (r"(?i:never)x", "x"),
    ],
)
def test_the_literal_of_a_pattern_must_occur(pattern: str, literal: str) -> None:
    assert rows.literal_of(pattern) == literal


def _megabyte(seed: str) -> str:
    return (seed * (2**20 // len(seed) + 1))[: 2**20]


@pytest.mark.parametrize("channel", _CHANNELS)
def test_a_hostile_megabyte_takes_a_bounded_time(channel: str) -> None:
    """Each pattern alone reads a whole megabyte of its own beginning again and again; the recogniser, any other."""
    for row in rows.index_of(channel).rows:
        text = _megabyte(row.examples.matches[0]["text"][:40] or "x")
        began = time.process_time()
        row.match(text)
        assert time.process_time() - began < 1, row.id
    seeds = [example["text"] for row in rows.index_of(channel).rows for example in row.examples.matches]
    for seed in ("a", " ", "1.", "A-", *seeds[:20]):
        began = time.process_time()
        recognise(channel, _megabyte(seed or "x"))
        assert time.process_time() - began < 0.5, seed[:40]


@given(st.sampled_from([*_CHANNELS, "snmp.engine_id", "no.such.channel"]), st.text(max_size=300))
def test_hostile_text_never_raises(channel: str, text: str) -> None:
    for one in recognise(channel, text):
        assert one.channel == channel
        assert one.pattern


@given(
    st.lists(
        st.builds(Fact, st.sampled_from(FactKind), st.text(max_size=80), st.sampled_from(Sure)), max_size=6
    )
)
def test_hostile_facts_never_raise(facts: list[Fact]) -> None:
    found = recognise_facts(facts)
    assert len(set(found)) == len(found)
    assert class_of(found, None, ())[0] in CLASSES


def test_a_guessed_fact_makes_no_sure_recognition() -> None:
    told = recognise_facts([fact(FactKind.SSH_BANNER, "SSH-2.0-dropbear_2022.83", Sure.GUESS)])
    assert {one.sure for one in told} == {Sure.GUESS}


def test_better_answers_come_first() -> None:
    found = recognise("ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")
    assert (found[0].os, found[0].os_version) == ("Debian", "12")


_ONLY_READ = {"mysql", "ntp", "ldap", "pjl", "rtsp"}  # in lists of banners; no probe of ours asks for them


def test_every_channel_is_reached_from_a_fact() -> None:
    assert channel_of(FactKind.NTLM_BUILD) == "ntlm"
    assert channel_of(FactKind.MAC) is None
    reached = {channel_of(kind) for kind in FactKind}
    assert set(_CHANNELS) <= {*reached, *_ONLY_READ, "imap", "pop3"}  # those two: by how they begin
    imap = recognise_facts([fact(FactKind.BANNER, "* OK [CAPABILITY IMAP4rev1] Dovecot ready.")])
    assert (imap[0].channel, imap[0].product) == ("imap", "Dovecot")
    tool = recognise_facts([fact(FactKind.BANNER, "SRS:Ready")])
    assert tool[0].remote_path == "remote_tool"


@pytest.mark.parametrize("system", ["Microsoft-Windows/10.0", "Microsoft-Windows-NT/9.9", "Darwin/21.6.0"])
def test_whose_system_it_is_made_no_device(system: str) -> None:
    said = recognise_facts([fact(FactKind.SSDP_SERVER, f"{system} UPnP/1.0 Zz-Host/1.0")])
    assert [one.os for one in said if one.os]
    assert not [one.maker for one in said if one.maker]


@pytest.mark.parametrize("flavour", ["aws", "oracle", "gcp", "google", "azure", "intel", "ibm", "aws-fips"])
def test_the_flavour_of_a_distributions_kernel_is_no_maker(flavour: str) -> None:
    for channel, text in (
        ("upnp", f"Linux/9.15.0-1099-{flavour} UPnP/1.0 Zz-Host/1.0"),
        ("upnp", f"Linux/9.15.0-1099-{flavour}, UPnP/1.0, Portable SDK for UPnP devices/9.9.9"),
        ("snmp.sysDescr", f"Linux web 9.15.0-1099-{flavour} #99-Ubuntu SMP x86_64"),
    ):
        said = recognise(channel, text)
        assert said
        assert not [one for one in said if one.maker or one.device_class]


def test_the_one_number_that_all_later_windows_send_is_no_version() -> None:
    said = recognise("upnp", "Microsoft-Windows-NT/5.1 UPnP/1.0 UPnP-Device-Host/1.0")
    assert [(one.os, one.os_version) for one in said if one.os] == [("Windows", None)]
    said = recognise("upnp", "Microsoft-Windows/6.3 UPnP/1.0 UPnP-Device-Host/1.0")
    assert [(one.os, one.os_version) for one in said if one.os] == [("Windows", "6.3")]


@pytest.mark.parametrize(
    ("kernel", "release"),
    [
        ("3.0.0-99-generic #99-Ubuntu", "11.10"),
        ("3.0.0-99-generic #99~lucid1-Ubuntu", "10.04"),
        ("2.6.38-99-server #99~lucid1-Ubuntu", "10.04"),
        ("3.2.0-99-generic #99~10.04.1-Ubuntu", "10.04"),
        ("3.2.0-99-generic #99~zzz1-Ubuntu", None),
        ("3.2.0-99-generic #99+zz~", None),
        ("2.6.38-020638-generic #209901010000", None),
        ("5.15.0-99-generic #99~20.04.1-Ubuntu", "20.04"),
        ("5.15.0-99-generic #99-Ubuntu", None),
    ],
)
def test_a_kernel_built_for_an_older_ubuntu_gives_that_release(kernel: str, release: str | None) -> None:
    said = recognise("snmp.sysDescr", f"Linux web {kernel} SMP x86_64")
    assert [one.version for one in said if one.product == "Ubuntu"] == [release]


def test_line_ends_that_became_replacement_characters_are_line_ends() -> None:
    told = recognise(
        "snmp.sysDescr",
        "Cisco IOS Software, C2960 Software (C2960-LANBASEK9-M), Version 15.0(2)SE11,\ufffd\ufffdx",
    )
    assert told[0].firmware_version == "15.0(2)SE11"


class TestEnterprises:
    def test_the_longest_known_prefix_counts(self) -> None:
        assert recognise("snmp.sysObjectID", "1.3.6.1.4.1.9.1.9999")[0].maker == "Cisco"
        assert recognise("snmp.sysObjectID", ".1.3.6.1.4.1.207.1.1.85")[0].model == "AT-AR4050S"

    def test_a_class_by_enterprise_is_only_likely(self) -> None:
        found = recognise("snmp.sysObjectID", "1.3.6.1.4.1.1182.1.23")
        assert [one.sure for one in found if one.device_class] == [Sure.LIKELY]

    def test_engine_id_carries_the_enterprise(self) -> None:
        assert recognise("snmp.engine_id", "800000090300112233445566")[0].maker == "Cisco"
        assert recognise("snmp.engine_id", "80001f8804616263")[0].product == "Net-SNMP agent"

    @pytest.mark.parametrize("text", ["", "1", "1.3.6.1.4.1.", "9999999.1", "80", "0" * 64, "1.3.6.1.4.1.x"])
    def test_no_enterprise_no_maker(self, text: str) -> None:
        assert not [one for one in recognise("snmp.sysObjectID", text) if one.maker]
        assert recognise("snmp.engine_id", text) == ()

    def test_every_entry_says_only_known_fields(self) -> None:
        table = rows.load("enterprises.yaml")["enterprises"]
        assert len(table) >= 200
        for suffix, said in table.items():
            assert set(said) <= rows.FIELDS | {"sure"}, suffix
            assert said.get("device_class", "unknown") in CLASSES
            assert recognise("snmp.sysObjectID", f"1.3.6.1.4.1.{suffix}"), suffix


class TestTemper:
    @pytest.mark.parametrize(
        ("mac", "ports", "temper"),
        [
            ("00:90:e8:00:00:01", (), Temper.FRAGILE),  # Moxa
            ("00:40:d1:00:00:01", (80,), Temper.FRAGILE),  # Fukuda Denshi
            ("00:19:98:00:00:01", (), Temper.FRAGILE),  # SATO
            ("d4:be:d9:00:00:01", (), Temper.ROBUST),  # Dell
            ("d4:be:d9:00:00:01", (502,), Temper.FRAGILE),  # Dell speaking Modbus
            ("d4:be:d9:00:00:01", (104,), Temper.UNKNOWN),  # Dell: maybe a modality's console
            ("00:a0:de:00:00:01", (), Temper.ROBUST),  # Yamaha
            ("02:11:22:33:44:55", (), Temper.UNKNOWN),
            ("02:11:22:33:44:55", (135, 445), Temper.ROBUST),
            ("", (2575,), Temper.FRAGILE),
            ("not a mac", (), Temper.UNKNOWN),
        ],
    )
    def test_by_maker_and_ports(self, mac: str, ports: tuple[int, ...], temper: Temper) -> None:
        judged = temper_of(mac, (), ports)
        assert judged.temper is temper
        assert " / " in judged.reason

    def test_a_general_system_is_robust(self) -> None:
        said = recognise("ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2")
        assert temper_of("02:11:22:33:44:55", said, (22,)).temper is Temper.ROBUST

    def test_a_medical_answer_is_fragile(self) -> None:
        said = recognise("dicom.implementation", "1.3.12.2.1107.5.9.20000101")
        assert temper_of("d4:be:d9:00:00:01", said, (104,)).temper is Temper.FRAGILE
        sure = Recognition(device_class="medical", maker="X", sure=Sure.SURE)
        assert temper_of("d4:be:d9:00:00:01", (sure,), ()).temper is Temper.FRAGILE

    @given(st.text(max_size=40), st.sets(st.integers(0, 65535), max_size=5))
    def test_never_raises(self, mac: str, ports: set[int]) -> None:
        assert temper_of(mac, (), ports).temper in Temper


class TestClass:
    @pytest.mark.parametrize(
        ("channel", "text", "ports", "expected"),
        [
            ("ntlm", "10.0.20348", (135, 445, 3389), "server"),
            ("ntlm", "10.0.19045", (135, 445, 3389), "pc"),
            ("ntlm", "10.0.17763", (135, 445, 3389), "pc"),
            ("ntlm", "10.0.17763", (135, 445, 1433), "server"),
            ("ntlm", "6.1.0", (139, 445), "server"),
            ("ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2", (22, 5432), "server"),
            ("ssh", "SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13", (22, 3389), "pc"),
            ("ssh", "SSH-2.0-Cisco-1.25", (22,), "network"),
            ("http.server", "YAMAHA-RT", (80,), "gateway"),
            ("snmp.sysObjectID", "1.3.6.1.4.1.367.1.1", (80, 9100), "printer"),
            ("ssh", "nothing", (9100, 80), "printer"),
            ("ssh", "nothing", (104,), "medical"),
            ("ssh", "nothing", (), "unknown"),
        ],
    )
    def test_from_answers_and_ports(
        self, channel: str, text: str, ports: tuple[int, ...], expected: str
    ) -> None:
        device_class, _, reason = class_of(recognise(channel, text), None, ports)
        assert device_class == expected, reason
        assert " / " in reason

    def test_the_maker_is_only_a_guess(self) -> None:
        assert class_of((), "Ricoh Company, Ltd.", ())[:2] == ("printer", Sure.GUESS)

    @pytest.mark.parametrize(
        ("maker", "device_class"),
        [
            ("HP Inc.", "pc"),
            ("Dell Inc.", None),
            ("Intel Corporate", None),
            ("VMware, Inc.", "server"),
            ("Cisco Systems, Inc", "network"),
            ("Fortinet, Inc.", "gateway"),
            ("Canon Inc.", "printer"),
            ("Polycom", "phone"),
            ("Hangzhou Hikvision Digital Technology Co.,Ltd.", "iot"),
            ("Nobody We Know", None),
        ],
    )
    def test_makers(self, maker: str, device_class: str | None) -> None:
        assert class_by_maker(maker) == device_class
