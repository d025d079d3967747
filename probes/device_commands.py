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
        "alcatel_aos": CommandFamily(("show system", "show chassis")),
        "allied_awplus": CommandFamily(("show version", "show system"), "terminal length 0"),
        "apresia_aeos": CommandFamily(("show version",)),
        "arista_eos": CommandFamily(("show version",), "terminal length 0"),
        "aruba_aoscx": CommandFamily(("show version", "show system"), "no page"),
        "aruba_os": CommandFamily(("show version", "show inventory"), "no paging"),
        "century_nxr": CommandFamily(("show version",)),
        "checkpoint_gaia": CommandFamily(("show version all", "show asset system"), shell=False),
        "cisco_asa": CommandFamily(("show version", "show inventory"), "terminal pager 0"),
        "cisco_ftd": CommandFamily(("show version",)),
        "cisco_ios": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "cisco_nxos": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "cisco_s300": CommandFamily(("show version", "show inventory"), "terminal datadump"),
        "cisco_xr": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "citrix_netscaler": CommandFamily(("show ns version", "show ns hardware"), shell=False),
        "dell_os6": CommandFamily(("show version",), "terminal length 0"),
        "dell_os9": CommandFamily(("show version",), "terminal length 0"),
        "dell_os10": CommandFamily(("show version", "show inventory"), "terminal length 0"),
        "extreme_exos": CommandFamily(("show version", "show switch"), "disable clipaging session"),
        "extreme_slxos": CommandFamily(("show version",), "terminal length 0"),
        "f5_tmsh": CommandFamily(("show sys version", "show sys hardware"), shell=False),
        "fortinet": CommandFamily(("get system status",), shell=False),
        "fujitsu_sir": CommandFamily(("show system information",)),
        "fujitsu_srs": CommandFamily(("show system information",)),
        "furukawa_fitelnet": CommandFamily(("show version",)),
        "h3c_comware": CommandFamily(("display version", "display device manuinfo"), "screen-length disable"),
        "hp_comware": CommandFamily(("display version", "display device manuinfo"), "screen-length disable"),
        "hp_procurve": CommandFamily(("show version", "show system"), "no page"),
        "huawei_vrp": CommandFamily(("display version", "display esn"), "screen-length 0 temporary"),
        "juniper_junos": CommandFamily(("show version", "show chassis hardware"), shell=False),
        "juniper_screenos": CommandFamily(("get system",)),
        "mikrotik_routeros": CommandFamily(
            ("/system resource print", "/system routerboard print"), shell=False
        ),
        "nec_ix": CommandFamily(("show version",)),
        "nec_qx": CommandFamily(("display version", "display device manuinfo"), "screen-length disable"),
        "netgear_prosafe": CommandFamily(("show version",), "terminal length 0"),
        "opnsense": CommandFamily(("opnsense-version",), shell=False),
        "paloalto_panos": CommandFamily(("show system info",), "set cli pager off"),
        "pfsense": CommandFamily(("cat /etc/version",), shell=False),
        "ruckus_fastiron": CommandFamily(("show version",), "skip-page-display"),
        "sonicwall": CommandFamily(("show version",), "no cli pager session"),
        "ubiquiti_edgerouter": CommandFamily(
            ("/opt/vyatta/bin/vyatta-op-cmd-wrapper show version",), shell=False
        ),
        "ubiquiti_edgeswitch": CommandFamily(("show version",), "terminal length 0"),
        "vyos": CommandFamily(("/opt/vyatta/bin/vyatta-op-cmd-wrapper show version",), shell=False),
        "watchguard_firebox": CommandFamily(("show sysinfo",)),
        "yamaha": CommandFamily(("show environment",)),
        "yamaha_swx": CommandFamily(("show version",), "terminal length 0"),
        "zyxel_zywall": CommandFamily(("show version", "show serial-number")),
    }
)
