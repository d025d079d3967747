# SPDX-License-Identifier: Apache-2.0
"""Protocol or product per flow on recorded captures: precision and recall by family and by protocol.

The captures and their labels are not part of this repository: `../shared/data/dev-pcap.tar.xz` beside it, or
the folder given (with flows.jsonl and pcap/). A label counts where it was found by looking into the packets;
one that was guessed from a port or an address is neither required nor punished.

    python -m deploy.bench.flows [FOLDER]
"""

import json
import re
import sys
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.captured import read_capture
from deploy.reading.pcap import opened
from probes.capture.flow import Family

_RECORDED = Path(__file__).parents[3] / "shared/data/dev-pcap.tar.xz"
_FAMILIES = {
    Family.REMOTE: "anydesk teamviewer rdp vnc radmin nomachine citrix vmware xdmcp ssh telnet rsh",
    Family.VPN: "openvpn wireguard ipsec pptp l2tp softether forticlient ciscovpn tailscale cloudflarewarp nordvpn "
    "protonvpn mullvad operavpn tinc teredo privateinternetaccess windscribe surfshark tunnelbear",
    Family.MEDICAL: "hl7 dicom",
    Family.BUILDING: "bacnet modbus s7comm s7commplus opcua ethernetip cip iec60870 profinetio fins dnp3 hartip "
    "knxnetip umas beckhoffads",
}
_FAMILY_OF = {name: family for family, names in _FAMILIES.items() for name in names.split()}
_SAME = {"anyconnect": "ciscovpn"}
Key = tuple[Any, ...]


def main() -> int:
    """Print the table; 2 where there is no material."""
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if given is None and not _RECORDED.exists():
        print(f"記録がありません / no recorded material: {_RECORDED}")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        folder = given or _unpacked(Path(scratch))
        labels, guessed = read_labels(folder / "flows.jsonl")
        found = predictions(folder / "pcap")
    print_table(labels, {key: names - guessed.get(key, set()) for key, names in found.items()})
    return 0


def _unpacked(scratch: Path) -> Path:
    with tarfile.open(_RECORDED) as archive:
        archive.extractall(scratch, filter="data")
    return next(path.parent for path in scratch.rglob("flows.jsonl"))


def plain_name(name: str) -> str:
    """A protocol's name without case and punctuation, as the labels and we both write it."""
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return _SAME.get(bare, bare)


def _key(row: dict[str, Any], file: str) -> Key:
    return (file, *sorted(((row["src"], int(row["sport"])), (row["dst"], int(row["dport"])))))


def read_labels(path: Path) -> tuple[dict[Key, set[str]], dict[Key, set[str]]]:
    """Give what was seen in the packets by flow, and what was only guessed."""
    seen: dict[Key, set[str]] = defaultdict(set)
    guessed: dict[Key, set[str]] = defaultdict(set)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        into = seen if (row["confidence"] or "").startswith("DPI") else guessed
        into[_key(row, row["pcap"])] |= {plain_name(name) for name in row["proto"].split(".")}
    return seen, guessed


def predictions(folder: Path) -> dict[Key, set[str]]:
    """What we say of every flow of every capture of a folder."""
    found: dict[Key, set[str]] = defaultdict(set)
    for path in sorted(folder.iterdir()):
        for flow, claim in _flows(path):
            row = {
                "src": flow.client,
                "sport": flow.client_port,
                "dst": flow.server,
                "dport": flow.server_port,
            }
            found[_key(row, path.name)].add(plain_name(claim.protocol))
    return found


def _flows(path: Path) -> Iterator[tuple[Any, Any]]:
    with path.open("rb") as file:
        capture, _ = opened(file, lambda count: None)
        yield from read_capture(capture, path.name).flows


def print_table(labels: dict[Key, set[str]], found: dict[Key, set[str]]) -> None:
    """Print precision and recall of all, of each family, of each protocol."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for key in labels.keys() | found.keys():
        for name in (labels.get(key, set()) | found.get(key, set())) & _FAMILY_OF.keys():
            wanted, said = name in labels.get(key, ()), name in found.get(key, ())
            for group in ("all", str(_FAMILY_OF[name]), f"  {name}"):
                counts[group]["right" if wanted and said else "missed" if wanted else "wrong"] += 1
    print(f"{'':24}{'precision':>10}{'recall':>8}{'right':>7}{'wrong':>7}{'missed':>8}")
    for group in sorted(counts, key=lambda name: (name != "all", name.startswith(" "), name)):
        one = counts[group]
        claimed, true = one["right"] + one["wrong"], one["right"] + one["missed"]
        precision = one["right"] / claimed if claimed else 1.0
        recall = one["right"] / true if true else 1.0
        print(f"{group:24}{precision:10.3f}{recall:8.3f}{one['right']:7}{one['wrong']:7}{one['missed']:8}")


if __name__ == "__main__":
    sys.exit(main())
