# SPDX-License-Identifier: Apache-2.0
"""Recorded walks and the makers' own SNMP variables: what is asked, what is believed, what is not."""

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.bench.recognise_walks import prediction
from deploy.reading import snmprec
from deploy.recorded import ReadProgress
from probes import frames, names
from probes.contract import Line, Transcript
from probes.enterprises import number_of, organisation_of
from probes.facts import Fact, FactKind, Sure
from probes.fillers import meaning
from probes.login import snmp
from probes.patterns import compiled
from probes.products import registries
from probes.vendor_values import MOST_ASKED, MOST_COLUMNS, Variable, groups, makers, to_ask, to_walk
from probes.walk import Walk

MIB = "1.3.6.1.2.1"
OURS = "1.3.6.1.4.1"
WHOLE = re.compile(r"^1\.\d+(?:\.\d+)+(?:\.\*)?$")
FIELDS = {"maker", "model", "serial", "firmware_version", "os", "os_version"}


def facts(*lines: str) -> tuple[Fact, ...]:
    return snmp.read(Transcript(tuple(Line("<", line.encode()) for line in lines)))


def values(found: Iterable[Fact], kind: FactKind, sure: Sure | None = None) -> list[str]:
    return [one.value for one in found if one.kind is kind and sure in (None, one.sure)]


def variables() -> list[Variable]:
    rows = [row for entry in makers().values() for row in entry.values]
    return rows + [row for group in groups().values() for row in group]


# The table.


@pytest.mark.parametrize("row", variables(), ids=lambda row: f"{row.oid} {row.field} {row.pattern[:12]}")
def test_a_row_names_a_variable_and_a_field(row: Variable) -> None:
    assert row.field in FIELDS
    assert WHOLE.match(row.at(tuple("123456789")))
    assert not row.pattern or "v" in compiled(row.pattern).groupindex
    assert "{v}" in row.form
    assert row.when is None or WHOLE.match(row.when.oid)


@pytest.mark.parametrize("prefix", makers())
def test_what_is_asked_of_a_maker_is_one_get(prefix: str) -> None:
    asked = to_ask(f"{OURS}.{prefix}.1.2.3.4")
    assert len(asked) <= MOST_ASKED
    assert len(set(asked)) == len(asked)
    assert all(WHOLE.match(oid) and "*" not in oid for oid in asked)
    assert asked or to_walk(f"{OURS}.{prefix}.1"), "a maker of whom nothing can be asked"
    assert len(to_walk(f"{OURS}.{prefix}.1")) <= MOST_COLUMNS
    assert set(makers()[prefix].also) <= groups().keys()


def test_nothing_is_asked_of_an_unknown_maker() -> None:
    assert to_ask(f"{OURS}.999999.1") == to_ask("") == to_ask("1.3.6.1.2.1.33") == ()


def test_the_models_own_branch_is_filled_in() -> None:
    assert f"{OURS}.8691.7.108.1.4.0" in to_ask(f"{OURS}.8691.7.108")


@pytest.mark.parametrize(
    "text", ["N/A", "none", " 0000 ", "", "Unknown", "---", "To be filled by O.E.M.", "<private>"]
)
def test_fillers_say_nothing(text: str) -> None:
    assert meaning(text) == ""


@pytest.mark.parametrize("text", ["FGT60FTK19000001", "7.2.5", "0A1", "Nonea", "MX5-T"])
def test_values_are_not_taken_for_fillers(text: str) -> None:
    assert meaning(text) == text


# What is believed.


@pytest.mark.parametrize("backwards", [False, True])
def test_the_makers_own_variables_are_sure_in_any_order(backwards: bool) -> None:
    lines = [
        f"{MIB}.1.2.0|6|{OURS}.8741.1",
        f"{OURS}.8741.2.1.1.1.0|4|TZ 370",
        f"{OURS}.8741.2.1.1.2.0|4|2CB8ED000000",
        f"{OURS}.8741.2.1.1.3.0|4|SonicOS 7.0.1-R1456",
    ]
    found = facts(*(reversed(lines) if backwards else lines))
    assert values(found, FactKind.MODEL, Sure.SURE) == ["TZ 370"]
    assert values(found, FactKind.SERIAL, Sure.SURE) == ["2CB8ED000000"]
    assert values(found, FactKind.FIRMWARE_VERSION, Sure.SURE) == ["7.0.1-R1456"]


def test_another_makers_version_is_not_the_devices() -> None:
    found = facts(
        f"{MIB}.1.2.0|6|{OURS}.6876.4.1", f"{OURS}.6876.1.2.0|4|7.0.0", f"{OURS}.232.9.2.2.2.0|4|2.80"
    )
    assert values(found, FactKind.OS_VERSION) == ["7.0.0"]
    assert values(found, FactKind.FIRMWARE_VERSION) == []


def test_an_appliance_on_a_common_agent_is_named_by_its_variables() -> None:
    found = facts(
        f"{MIB}.1.2.0|6|{OURS}.8072.3.2.10",
        f"{OURS}.6574.1.5.1.0|4|DS214",
        f"{OURS}.6574.1.5.3.0|4|DSM 6.2-25426",
    )
    assert values(found, FactKind.MAKER, Sure.LIKELY) == ["Synology"]
    assert values(found, FactKind.FIRMWARE_VERSION) == ["6.2-25426"]


def test_a_windows_print_queue_is_no_model() -> None:
    queue = f"{MIB}.25.3.2.1.2.1|6|{MIB}.25.3.1.5", f"{MIB}.25.3.2.1.3.1|4|Print To File 2"
    assert values(facts(f"{MIB}.1.2.0|6|{OURS}.311.1.1.3.1.2", *queue), FactKind.MODEL) == []
    assert values(facts(f"{MIB}.1.2.0|6|{OURS}.2435.2.3.9.1", *queue), FactKind.MODEL) == ["Print To File 2"]


def test_a_processor_is_no_printer() -> None:
    found = facts(
        f"{MIB}.1.2.0|6|{OURS}.2435.1", f"{MIB}.25.3.2.1.2.1|6|{MIB}.25.3.1.3", f"{MIB}.25.3.2.1.3.1|4|CPU 12"
    )
    assert values(found, FactKind.MODEL) == []


@pytest.mark.parametrize(
    ("object_id", "name"),
    [
        (f"{OURS}.12356.101.1.1", "Fortinet"),
        (f".{OURS}.1182.2", "Yamaha"),
        (f"{OURS}.8072.3.2.10", None),
        (f"{OURS}.311.1.1", None),
        (f"{OURS}.99999999.1", None),
        (f"{OURS}.", None),
        ("1.3.6.1.2.1.33", None),
        ("", None),
        (f"{OURS}.²", None),
    ],
)
def test_the_registry_names_who_owns_a_number(object_id: str, name: str | None) -> None:
    assert organisation_of(number_of(object_id)) == name


def test_the_box_is_chosen_among_parts() -> None:
    part = f"{MIB}.47.1.1.1.1"
    stacked = [
        f"{part}.5.1|2|11",
        f"{part}.4.1|2|0",
        f"{part}.11.1|4|",
        f"{part}.5.1001|2|3",
        f"{part}.4.1001|2|1",
        f"{part}.11.1001|4|BOX1",
    ]
    assert values(facts(*stacked), FactKind.SERIAL) == ["BOX1"]
    unclassed = [f"{part}.4.2|2|7", f"{part}.11.2|4|MODULE", f"{part}.4.7|2|0", f"{part}.11.7|4|BOX7"]
    assert values(facts(*unclassed), FactKind.SERIAL) == ["BOX7"]
    stack = [*stacked, f"{part}.5.2001|2|3", f"{part}.4.2001|2|1", f"{part}.11.2001|4|BOX2"]
    assert values(facts(*stack), FactKind.SERIAL) == []  # two boxes answer as one
    models = [f"{part}.13.1001|4|A-24", f"{part}.13.2001|4|B-48"]
    assert values(facts(*stack, *models), FactKind.SERIAL) == ["BOX1"]
    one = [f"{part}.10.1001|4|9.9", f"{part}.13.1001|4|A-24"]
    module = [f"{part}.5.7|2|9", f"{part}.11.7|4|BOARD7", f"{part}.10.7|4|9.9"]
    board, line_card = [*module, f"{part}.13.7|4|A-24-RP"], [*module, f"{part}.13.7|4|A-240"]
    assert values(facts(*stacked, *one, *board), FactKind.SERIAL) == []  # the box, or what it is built around
    assert values(facts(*stacked, *one, *line_card), FactKind.SERIAL) == ["BOX1"]
    power = [f"{part}.5.1|2|6", f"{part}.4.1|2|0", f"{part}.11.1|4|POWER"]
    assert values(facts(*power), FactKind.SERIAL) == []


def test_a_board_tells_of_the_box_but_not_what_runs_on_it() -> None:
    part = f"{MIB}.47.1.1.1.1"
    board = [f"{part}.5.1|2|4", f"{part}.4.1|2|0", f"{part}.11.1|4|BOX1", f"{part}.9.1|4|BIOS 2.8"]
    found = facts(*board)
    assert values(found, FactKind.SERIAL) == ["BOX1"]
    assert values(found, FactKind.FIRMWARE_VERSION) == []
    second = [f"{part}.5.2|2|4", f"{part}.4.2|2|0", f"{part}.11.2|4|BOX2"]
    assert values(facts(*board, *second), FactKind.SERIAL) == []


def test_a_product_number_names_the_model_where_nothing_else_does() -> None:
    asa, other = f"{MIB}.1.2.0|6|{OURS}.9.1.745", f"{MIB}.1.2.0|6|{OURS}.9.1.999745"
    assert values(facts(asa), FactKind.MODEL, Sure.LIKELY) == ["ASA5505"]
    assert values(facts(other), FactKind.MODEL) == []
    part = f"{MIB}.47.1.1.1.1"
    assert values(facts(asa, f"{part}.5.1|2|3", f"{part}.13.1|4|ASA5505-SEC"), FactKind.MODEL) == [
        "ASA5505-SEC"
    ]


@pytest.mark.parametrize("prefix", registries())
def test_product_names_are_unique_and_short(prefix: str) -> None:
    models = registries()[prefix].models
    assert all(number.isdecimal() and re.fullmatch(r"[\w./-]{3,30}", name) for number, name in models.items())
    assert len(set(models.values())) == len(models)


# Addresses.


@pytest.mark.parametrize("prefix", [8, 16, 23, 24, 29, 30])
def test_network_and_broadcast_addresses_are_nobodys(prefix: int) -> None:
    network = ipaddress.ip_network((0x0A140100 & -(1 << 32 - prefix), prefix))
    for address, own in ((network[0], False), (network[1], True), (network[-1], False)):
        at = f"1.4.{address}"
        found = facts(
            f"{MIB}.4.34.1.3.{at}|2|1", f"{MIB}.4.34.1.5.{at}|6|{MIB}.4.32.1.5.1.1.4.{network[0]}.{prefix}"
        )
        assert values(found, FactKind.ADDRESS) == ([str(address)] if own else [])


@pytest.mark.parametrize(("kind", "own"), [("1", True), ("2", False), ("3", False)])
def test_only_unicast_rows_are_addresses(kind: str, own: bool) -> None:
    found = facts(f"{MIB}.4.34.1.3.1.4.192.0.2.7|2|1", f"{MIB}.4.34.1.4.1.4.192.0.2.7|2|{kind}")
    assert bool(values(found, FactKind.ADDRESS)) is own


def test_an_address_counts_though_its_interface_is_not_named() -> None:
    found = facts(f"{MIB}.4.20.1.1.192.0.2.9|64|192.0.2.9", f"{MIB}.4.20.1.3.192.0.2.9|64|255.255.255.0")
    assert values(found, FactKind.INTERFACE_ADDRESS) == ["0 192.0.2.9/24"]


def test_both_ends_of_a_point_to_point_link_are_addresses() -> None:
    found = facts(f"{MIB}.4.20.1.2.192.0.2.0|2|1", f"{MIB}.4.20.1.3.192.0.2.0|64|255.255.255.254")
    assert values(found, FactKind.INTERFACE_ADDRESS) == ["1 192.0.2.0/31"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([row.at(tuple("123456789")) for row in variables()]), st.binary(max_size=80)
        ),
        max_size=8,
    )
)
def test_hostile_values_give_printable_facts(heard: list[tuple[str, bytes]]) -> None:
    lines = [f"{oid.replace('*', '1')}|4x|{raw.hex()}" for oid, raw in heard]
    for found in facts(f"{MIB}.1.2.0|6|{OURS}.1.2.3.4.5", *lines) if lines else ():
        assert all(char == " " or char.isprintable() for char in found.value)
        assert found.kind is not FactKind.ADDRESS or frames.is_host_address(found.value)


# The measurement itself.


def test_a_prediction_has_the_judges_keys(tmp_path: Path) -> None:
    walk = f"{MIB}.1.2.0|6|{OURS}.12356.101.1.642\n{OURS}.12356.101.4.1.1.0|4|v7.2.5,build1517\n"
    walk += "".join(
        f"{MIB}.4.20.1.2.{a}|2|{n}\n{MIB}.4.20.1.3.{a}|64|255.255.255.0\n"
        for n, a in ((1, "192.0.2.1"), (2, "198.51.100.1"))
    )
    file = tmp_path / "walk"
    file.write_text(walk)
    with ReadProgress(1) as progress:
        (row,) = snmprec.read((file,), progress)
    said = prediction(row)
    assert (said["vendor"], said["version"], said["multihomed"]) == ("Fortinet", "v7.2.5,build1517", True)
    assert said["ips"] == ["192.0.2.1", "198.51.100.1"]


def test_one_version_among_a_makers_own_strings_is_a_guess() -> None:
    lines = [
        f"{MIB}.1.2.0|6|{OURS}.99998.1",
        f"{OURS}.99998.5.1.0|4|4.9.17-b3",
        f"{OURS}.99998.5.2.0|4|ZQ99123456",
    ]
    found = facts(*lines)
    assert values(found, FactKind.FIRMWARE_VERSION, Sure.GUESS) == ["4.9.17-b3"]
    assert values(found, FactKind.SERIAL, Sure.GUESS) == ["ZQ99123456"]
    two = facts(*lines, f"{OURS}.99998.5.9.0|4|1.2.3", f"{OURS}.99998.5.8.0|4|AB12345678")
    assert values(two, FactKind.FIRMWARE_VERSION) == values(two, FactKind.SERIAL) == []
    another = facts(f"{MIB}.1.2.0|6|{OURS}.99998.1", f"{OURS}.99997.5.1.0|4|4.9.17")
    assert values(another, FactKind.FIRMWARE_VERSION) == []


def test_a_common_agent_is_named_by_whose_variables_it_answers() -> None:
    agent = f"{MIB}.1.2.0|6|{OURS}.8072.3.2.10"
    assert values(facts(agent, f"{OURS}.6574.1.1.0|2|1"), FactKind.MAKER, Sure.GUESS) == ["Synology"]
    assert values(facts(agent, f"{OURS}.6574.1.1.0|2|1", f"{OURS}.24681.1.1.0|2|1"), FactKind.MAKER) == []


def test_a_version_is_left_to_the_description_that_says_more_of_it() -> None:
    own = [f"{MIB}.1.2.0|6|{OURS}.99999.1", f"{OURS}.99999.1.1.0|4|4.9.3"]
    assert values(facts(*own), FactKind.FIRMWARE_VERSION) == ["4.9.3"]
    assert values(facts(*own, f"{MIB}.1.1.0|4|Server 4.9.30"), FactKind.FIRMWARE_VERSION) == ["4.9.3"]
    assert values(facts(*own, f"{MIB}.1.1.0|4|Server 4.9.3.98"), FactKind.FIRMWARE_VERSION) == []


@pytest.mark.parametrize(
    ("said", "version", "normal"),
    [
        ("Windows Version 6.1 (Build 7600 Multiprocessor Free)", "6.1 (Build 7600)", "6.1.7600"),
        (
            "Windows NT Version 3.51  (Build Number: 1057 Multiprocessor Free )",
            "3.51 (Build Number: 1057)",
            None,
        ),
        ("Windows Version 6.3 (Build 17763 Multiprocessor Free)", "6.3 (Build 17763)", "10.0.17763"),
    ],
)
def test_windows_is_quoted_as_it_says(tmp_path: Path, said: str, version: str, normal: str | None) -> None:
    file = tmp_path / "pc.snmprec"
    file.write_text(f"{MIB}.1.1.0|4|Hardware: Intel64 Family 6 - Software: {said}\n")
    with ReadProgress(1) as progress:
        (row,) = snmprec.read((file,), progress)
    assert (row["device"]["os_version"], row["device"]["version_normal"]) == (version, normal)


@pytest.mark.parametrize(("number", "maker"), [("2021", "Linux"), ("51009", None)])
def test_an_appliances_system_tells_neither_maker_nor_version(
    tmp_path: Path, number: str, maker: str | None
) -> None:
    file = tmp_path / "box.snmprec"
    kernel = "4.13.11-1.el7.x86_64"
    system = f"{MIB}.1.1.0|4|Linux box {kernel} #1 SMP Thu Nov 2 11:29:36 EDT 2017 x86_64\n{MIB}.1.2.0|6|{OURS}.8072.3.2.10\n"
    file.write_text(system + f"{OURS}.{number}.1.1.0|2|1\n")
    with ReadProgress(1) as progress:
        (row,) = snmprec.read((file,), progress)
    assert row["device"]["maker"] == maker
    assert row["device"]["os_version"] == (kernel if maker else None)


def test_bytes_that_no_label_bears_are_no_serial_number() -> None:
    printer = f"{MIB}.43.5.1.1.17.1"
    assert values(facts(f"{printer}|4|U64969H9N19924"), FactKind.SERIAL) == ["U64969H9N19924"]
    assert values(facts(f"{printer}|4x|ffff553634393639"), FactKind.SERIAL) == []
    part = f"{MIB}.47.1.1.1.1"
    assert values(facts(f"{part}.5.1|2|3", f"{part}.11.1|4x|41ff42ff43"), FactKind.SERIAL) == []


def test_a_walk_keeps_a_bounded_sum_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{MIB}.2.2.1.2.{index}|4|{'x' * 900}".encode() for index in range(100)]
    assert Walk.of([b"\n".join(lines)]).kept == 90_000
    monkeypatch.setattr("probes.walk._MOST_KEPT", 9_000)
    walk = Walk.of([b"\n".join(lines)])
    assert (walk.lines, walk.kept) == (100, 9_000)


def test_names_can_be_left_out_of_a_table() -> None:
    text = "Cisco and Juniper"
    left = names.makers().without(lambda name: name.maker == "Cisco")
    assert [found.name.maker for found in names.find(names.makers(), text)] == ["Cisco", "Juniper"]
    assert [found.name.maker for found in names.find(left, text)] == ["Juniper"]
