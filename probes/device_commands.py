# SPDX-License-Identifier: Apache-2.0
"""Which read-only commands each family of devices is given after a login, and how it is spoken to. Pure.

The list is closed: nothing else is ever sent as a command. Every one shows and changes nothing; what turns the
paging off holds for the session alone. Families whose paging is a setting of the device are paged through instead.
Sources: the makers' command references.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MOST_COMMANDS = 3


@dataclass(frozen=True, slots=True)
class CommandFamily:
    """Commands of one family; `quiet` turns paging off for the session; without `shell` each command is an exec."""

    commands: tuple[str, ...]
    quiet: str = ""
    shell: bool = True


FAMILIES: Mapping[str, CommandFamily] = MappingProxyType(
    {
        "alaxala": CommandFamily(("show version",), "set terminal pager disable"),
        "allied_awplus": CommandFamily(("show version", "show system"), "terminal length 0"),
        "arista_eos": CommandFamily(("show version",), "terminal length 0"),
        "aruba_os": CommandFamily(("show version", "show inventory"), "no paging"),
        "checkpoint_gaia": CommandFamily(("show version all", "show asset system"), shell=False),
        "cisco_asa": CommandFamily(("show version", "show inventory"), "terminal pager 0"),
        "cisco_ios": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "cisco_nxos": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "extreme_exos": CommandFamily(("show version", "show switch"), "disable clipaging session"),
        "fortinet": CommandFamily(("get system status",), shell=False),
        "fujitsu_sir": CommandFamily(("show system information",)),
        "hp_comware": CommandFamily(("display version", "display device manuinfo"), "screen-length disable"),
        "hp_procurve": CommandFamily(("show version", "show system"), "no page"),
        "juniper_junos": CommandFamily(("show version", "show chassis hardware"), shell=False),
        "mikrotik_routeros": CommandFamily(
            ("/system resource print", "/system routerboard print"), shell=False
        ),
        "nec_ix": CommandFamily(("show version",)),
        "paloalto_panos": CommandFamily(("show system info",), "set cli pager off"),
        "sonicwall": CommandFamily(("show version",), "no cli pager session"),
        "vyos": CommandFamily(("/opt/vyatta/bin/vyatta-op-cmd-wrapper show version",), shell=False),
        "yamaha": CommandFamily(("show environment",)),
    }
)
