# SPDX-License-Identifier: Apache-2.0
"""How strongly each kind of reason speaks for two sightings being one device: a number for sorting and for people.

The number never decides: strong reasons merge and weak ones are proposals by their kind (`joins`), clones and other
false friends are kept apart there. It says which proposal to look at first.
"""

from collections.abc import Iterable

_UNKNOWN = 30
SCORES = {
    "person": 100,
    "person_kept": 100,
    "interface_list": 98,  # its own interface table
    "address_and_mac": 97,
    "engine_time": 97,  # SNMP engine, boots and start
    "address_list": 92,  # it names the address, and the same name answers there
    "address_and_identity": 92,
    "netbios_card": 90,
    "mac_and_name": 90,
    "virtual_address": 85,
    "host_key_and_name": 60,  # images are cloned with both
    "smb_guid_and_name": 55,
    "tls_key_and_name": 50,
    "host_key": 40,
    "mac_only": 35,
    "mac_family": 35,  # only beside another reason: a delivery of PCs has neighbouring numbers too
    "address_hint": 30,
    "tls_key": 25,
}


def score_of(key: str) -> int:
    """Give how strongly a reason of this kind (Merge.key) speaks, 0 to 100."""
    return SCORES.get(key, _UNKNOWN)


def score_together(keys: Iterable[str]) -> int:
    """Give how strongly reasons speak together; several of one kind count once, and only people reach 100."""
    scores = [score_of(key) for key in set(keys)]
    if 100 in scores:
        return 100
    doubt = 1.0
    for score in scores:
        doubt *= 1 - score / 100
    return min(99, round(100 * (1 - doubt)))
