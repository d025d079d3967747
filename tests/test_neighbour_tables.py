# SPDX-License-Identifier: Apache-2.0
"""Which ports of a switch are for one device: what is left when everything that may lead on is taken away."""

import pytest

from probes.facts import FactKind
from probes.neighbour_tables import (
    ARP,
    ARP_ANY,
    BRIDGE,
    CDP_DEVICE,
    IF_NAME,
    IF_TYPE,
    LLDP_CHASSIS,
    LLDP_PORT_ID,
    PORT_INTERFACE,
    ROOT_PORT,
    ROUTE,
    names_only_some,
    sorted_lines,
    table_facts,
)

COLUMNS = (BRIDGE, CDP_DEVICE, IF_NAME, IF_TYPE, LLDP_CHASSIS, LLDP_PORT_ID, PORT_INTERFACE)
SWITCH = [
    *(f"{PORT_INTERFACE}.{port}|2|{100 + port}" for port in range(1, 7)),
    *(f"{IF_TYPE}.{100 + port}|2|6" for port in range(1, 7)),
    *(f"{IF_NAME}.{100 + port}|4|Gi0/{port}" for port in range(1, 7)),
    *(f"{BRIDGE}.0.22.62.0.0.{port}|2|{port}" for port in range(1, 6)),
    *(f"{BRIDGE}.0.22.62.9.0.{one}|2|6" for one in range(1, 4)),
]


def ports(*more: str, whole: tuple[str, ...] = COLUMNS) -> list[str]:
    tables = sorted_lines((line.encode() for line in (*SWITCH, *more)), whole)
    return sorted(f.value.split()[1] for f in table_facts(tables) if f.kind is FactKind.SWITCH_PORT)


def test_ports_with_one_device_are_said_and_the_one_with_the_most_is_not() -> None:
    assert ports() == ["Gi0/1", "Gi0/2", "Gi0/3", "Gi0/4", "Gi0/5"]


def test_what_leads_on_is_never_said() -> None:
    lldp = f"{LLDP_CHASSIS}.900.1.1|4x|000b86050505"
    by_name = (f"{LLDP_CHASSIS}.900.502.1|4x|000b86050506", f"{LLDP_PORT_ID}.502|4|Gi0/2")
    cdp, root = f"{CDP_DEVICE}.103.1|4|core-1", f"{ROOT_PORT}|2|4"
    assert ports(lldp, *by_name, cdp, root) == ["Gi0/5"]


def test_bundles_and_ports_of_other_types_are_never_said() -> None:
    bundle, named = f"{IF_TYPE}.101|2|161", f"{IF_NAME}.102|4|bond2"
    assert ports(bundle, named) == ["Gi0/3", "Gi0/4", "Gi0/5"]


def test_half_a_table_says_nothing() -> None:
    for column in (BRIDGE, PORT_INTERFACE, LLDP_CHASSIS, CDP_DEVICE, IF_TYPE):
        assert ports(whole=tuple(one for one in COLUMNS if one != column)) == []


@pytest.mark.parametrize("column", [ARP, ARP_ANY])
def test_a_table_cut_short_may_not_name_the_fragile(column: str) -> None:
    row = f"{column}.2.10.30.0.9|4x|001122334455".encode()
    other = b"1.3.6.1.2.1.1.1.0|4|x"
    assert names_only_some([other, row], [])
    assert names_only_some([other, row], [ROUTE])
    assert not names_only_some([other, row], [ARP, ARP_ANY])
    assert not names_only_some([other], [])  # no table at all: we know what we knew before
