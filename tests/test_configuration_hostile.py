# SPDX-License-Identifier: Apache-2.0
"""Bad files: of unknown makers, cut off, binary, hostile, in other encodings, captured from a terminal, of two devices."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports.configurations.detect import family_names, load
from collector.imports.configurations.lines import LARGEST, Lines, decode
from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.reading import Reading
from tests.configuration_files import FILES, data_of, reading_of, said, ways_in


def problems(reading: Reading) -> str:
    return " ".join(f"{one.ja} {one.en}" for one in reading.problems)


@pytest.mark.parametrize(
    "text",
    [
        "sysname SW1\n#\ninterface GigabitEthernet1/0/1\n port link-mode bridge\n#\ntelnet server enable\n",  # Comware
        "!Command: show running-config\nversion 9.3(5)\nhostname nx\nfeature telnet\nfeature ssh\n",  # NX-OS
        "interface gigabitethernet 0/1\n switchport mode access\n!\nline vty 0 2\n",  # AlaxalA
        "firewall\nset management https enable\n",
        "Dear Sir, please find the configuration attached.\n",
        "[Interface]\nPrivateKey = S3cr3t\n",
        "{}",
        "<html><body>login</body></html>",
    ],
)
def test_an_unknown_maker_is_never_guessed(text: str) -> None:
    reading = said(text)
    assert reading.maker is None
    assert reading.family == ""
    assert "推測はしません" in problems(reading)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_cut_off_anywhere_is_read_without_a_crash(path: Path) -> None:
    data = path.read_bytes()
    whole = reading_of(path.name)
    for share in range(1, 20):
        part = read_configuration(data[: len(data) * share // 20], path.name)
        assert part.maker in (None, whole.maker, "VyOS"), share  # EdgeOS tells itself apart in its last lines
        assert part.source_restricted != "yes" or not part.whole or whole.source_restricted != "no"


@pytest.mark.parametrize(
    "name",
    [
        "fortigate.conf",
        "junos.conf",
        "edgeos.boot",
        "ios.conf",
        "asa.conf",
        "awplus.conf",
        "pfsense.xml",
        "panos.xml",
    ],
)
def test_a_file_cut_off_in_the_middle_says_so(name: str) -> None:
    data = data_of(name)
    reading = read_configuration(data[: len(data) // 2], name)
    assert not reading.whole
    assert any(one.line for one in reading.problems)


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02\x7fELF" * 500, bytes(range(256)) * 40, b"PK\x03\x04" + b"\x00\x00\x08" * 400]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    reading = read_configuration(data, "backup.bin")
    assert reading.maker is None
    assert "文字のファイルではありません" in problems(reading)


def test_empty_and_too_large_are_refused() -> None:
    assert "空です" in problems(read_configuration(b"\r\n  \n"))
    assert "大きすぎます" in problems(read_configuration(b"ip filter 1 pass * *\n" * (LARGEST // 20)))


ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE pfsense [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>
<pfsense><system><hostname>&b;&x;</hostname></system></pfsense>
"""


def test_hostile_xml_is_not_expanded() -> None:
    reading = read_configuration(ENTITIES.replace(b"?>\n", b"?>", 1), "config.xml")
    assert reading.hostname is None
    assert not reading.whole
    deep = b"<pfsense>" + b"<a>" * 100_000 + b"</pfsense>"
    assert read_configuration(deep, "config.xml").hostname is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp932", "euc_jp"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_change_nothing(encoding: str, end: str) -> None:
    text = (
        data_of("rtx1220.conf")
        .decode()
        .replace("console prompt", "description lan1 電子カルテ系統\nconsole prompt")
    )
    plain = said(text)
    reading = read_configuration(text.replace("\n", end).encode(encoding), "x")
    assert ways_in(reading) == ways_in(plain)
    assert [one.line for one in reading.services] == [one.line for one in plain.services]
    assert decode(text.encode(encoding)).rows[12].text == "description lan1 電子カルテ系統"


@pytest.mark.parametrize(
    "junk",
    [
        "--More--\r        \r", " --More-- \b\b\b\b\b\b\b\b\b\b          \b\b\b\b\b\b\b\b\b\b", "\x1b[24;1H\x1b[K", "<--- More --->",
        "---つづく---\x1b[13D\x1b[K", "-- more --", "\x1b]0;title\x07", "---(more 34%)---",
    ],
)  # fmt: skip
def test_what_a_terminal_leaves_behind_is_taken_out(junk: str) -> None:
    for name in ("ios.conf", "rtx1220.conf", "junos.set", "awplus.conf", "asa.conf", "ix2215.conf"):
        rows = data_of(name).decode().splitlines()
        text = "\r\n".join(f"{junk}{row}" if index % 24 == 23 else row for index, row in enumerate(rows))
        if "\r" in junk:
            continue  # a carriage return alone ends a line; the lines after it count one further
        assert ways_in(said(text)) == ways_in(reading_of(name)), name


def test_a_pager_line_of_its_own_is_left_out() -> None:
    text = data_of("ios.conf").decode().replace("line vty 0 4\n", "line vty 0 4\n --More-- \n")
    assert ways_in(said(text)) == ways_in(reading_of("ios.conf"))


def test_of_two_devices_the_first_is_read_and_the_line_is_named() -> None:
    first, second = data_of("ios.conf"), data_of("ios.conf").replace(b"HOSP-RT01", b"OTHER")
    reading = read_configuration(first + second, "both.txt")
    assert reading.hostname == "HOSP-RT01"
    assert ways_in(reading) == ways_in(reading_of("ios.conf"))
    at = first.count(b"\n") + second[: second.index(b"hostname OTHER")].count(b"\n") + 1
    assert f"{at} 行目から別の機器" in problems(reading)
    assert not reading.whole


def test_a_banner_cannot_speak_for_the_device() -> None:
    text = "version 15.7\nboot-start-marker\nhostname a\nbanner motd #\nip http server\nline vty 0 4\n transport input telnet\n#\nend\n"
    assert not said(text).services


@given(st.binary(max_size=3000))
def test_any_bytes_end_in_a_reading(data: bytes) -> None:
    read_configuration(data, "x")


WORDS = sorted(
    {word for path in FILES for word in re.findall(r"\S+|\n *", path.read_text("utf-8"))}
    | {
        "{",
        "}",
        "[",
        "]",
        '"',
        "'",
        "\\",
        "\x1b[K",
        "--More--",
        "￥",
        "0.0.0.0/0",
        "::/0",
        "999.1.1.1/99",
        "-1",
        "9" * 40,
    }
)


@given(st.sampled_from(family_names()), st.lists(st.sampled_from(WORDS), max_size=120))
def test_any_words_of_these_languages_end_in_a_reading(family: str, words: list[str]) -> None:
    text = " ".join(words)
    lines: Lines = decode(f"x {text}".encode())
    reading = load(family).read(lines)
    assert reading.family in (family, "")


@given(st.sampled_from(FILES), st.lists(st.tuples(st.integers(0, 400), st.sampled_from(WORDS)), max_size=12))
def test_any_damage_to_a_file_ends_in_a_reading(path: Path, damage: list[tuple[int, str]]) -> None:
    rows = path.read_text("utf-8").splitlines()
    for at, word in damage:
        rows[at % len(rows)] = f"{rows[at % len(rows)][: at % 40]} {word}"
    lines = decode("\n".join(rows).encode())
    for family in family_names():
        load(family).read(lines)


@pytest.mark.parametrize(
    "text",
    [
        "object-group network g0\n group-object g1\n group-object g1\n".join(["ASA Version 9.8\n", ""])
        + "".join(
            f"object-group network g{n}\n group-object g{n + 1}\n group-object g{n + 1}\n"
            for n in range(1, 200)
        )
        + "http server enable\nssh 10.0.0.0 255.0.0.0 inside\n",
        "config firewall addrgrp\n"
        + "".join(f"edit g{n}\nset member {' '.join([f'g{n + 1}'] * 50)}\nnext\n" for n in range(200))
        + "end\nconfig firewall local-in-policy\nedit 1\nset srcaddr g0\nset service HTTPS\nset intf any\nnext\nend\n",
        "/ip firewall filter\n"
        + "add chain=input action=drop src-address-list=!a\n" * 3000
        + "/ip service\nset ssh port=1\n",
        "set system services ssh\n"
        + "".join(f"set interfaces ge-0/0/{n} unit 0 family inet address 10.0.0.1/8\n" for n in range(5000)),
        "system {\n" * 5000,
        "ip filter 1 pass * * * * *\n" + 'ipsec ike pre-shared-key 1 text "' * 2000,
        'config system global\nset alias "' + "\n" * 20000,
        "set interfaces ethernet eth0 x pppoe\nset interfaces ethernet eth0 address dhcp\n",
        "config system global\nset admin-sport ²²\nend\nconfig system interface\nedit a\nset allowaccess https\nnext\nend\n",
        "a" * 3_000_000,
        '"' * 200_000,
        "\x1b[" * 200_000,
        "-" * 400_000,
        "edit " * 100_000,
    ],
    ids=range(14),
)
@pytest.mark.timeout(60)
def test_what_is_made_to_cost_much_or_to_break_is_survived(text: str) -> None:
    assert "不具合" not in problems(read_configuration(text.encode(), "x"))
