# SPDX-License-Identifier: Apache-2.0
"""Small made-up observations that the ledger's tests are told in."""

from datetime import UTC, datetime, timedelta
from typing import Any

from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Sent, Upload, Vantage, fact

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
HIS, MODALITY = "10.1.0.0/24", "10.2.0.0/24"
VANTAGES = (
    Vantage(id="v-his", host="probe1", interface="eth0", address="10.1.0.250", network=HIS),
    Vantage(id="v-mod", host="probe1", interface="eth1", address="10.2.0.250", network=MODALITY),
)


def facts(**values: str | list[str]) -> tuple[Fact, ...]:
    """Write facts as FACT_KIND="value" or a list of values."""
    made = []
    for kind, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            made.append(fact(FactKind[kind], one))
    return tuple(made)


def seen(address: str, *, minute: int = 0, probe: str = "tcp", **given: Any) -> Observation:
    """Make an observation; network and vantage follow from the address, the rest is answered TCP."""
    his = address.startswith("10.1.") or ":" in address
    fields: dict[str, Any] = {
        "scan": "s1",
        "vantage": "v-his" if his else "v-mod",
        "network": HIS if his else MODALITY,
        "transport": "tcp",
        "outcome": Outcome.ANSWERED,
    }
    values = {k: given.pop(k) for k in list(given) if k in FactKind.__members__}
    fields |= {"facts": facts(**values)} | given
    return Observation(at=START + timedelta(minutes=minute), probe=probe, address=address, **fields)


def arp(address: str, mac: str, *, minute: int = 0, **given: Any) -> Observation:
    """Make an ARP reply."""
    return seen(
        address,
        minute=minute,
        probe="packets.arp",
        mac=mac,
        transport="arp",
        MAC=mac,
        ADDRESS=address,
        **given,
    )


def upload(*observations: Observation, sent: tuple[Sent, ...] = (), **fields: Any) -> Upload:
    """Make a batch of one scan from both vantages."""
    scan = Scan(id="s1", started=START, ended=START + timedelta(hours=1), state="complete")
    return Upload(observations=observations, vantages=VANTAGES, scans=(scan,), sent=sent, **fields)
