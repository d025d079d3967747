# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of `daicho read --banners` on recorded banners, and what one banner costs.

`python -m deploy.bench.recognise_banners [--holdout SEED] [judge options, e.g. --db ssh_banners --errors 40]`

With `--holdout SEED` families of products (the truth's vendor and first word of the product) fall by chance into
two halves, judged one after the other: read the errors of the first only, and the second says what to expect of
products that nobody looked at. Each further seed (`--holdout 1,2`) moves half of the rest to what was looked at.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.bench.recorded import Row, judge, material, read_with, rows_of
from deploy.reading import banners
from probes import rows as patterns
from probes.facts import Sure
from probes.rows import Examples
from probes.rows import Row as Pattern

_MANY = 5000  # patterns
_SERVICES = {  # the material's name of a channel → ours
    "ftp_banners": "ftp", "ssh_banners": "ssh", "telnet_banners": "telnet", "smtp_banners": "smtp", "pop_banners": "pop3",
    "imap_banners": "imap", "http_servers": "http.server", "html_title": "http.title", "http_cookies": "http.cookie",
    "http_wwwauth": "http.wwwauth", "favicons": "http.favicon", "snmp_sysdescr": "snmp.sysDescr",
    "snmp_sysobjid": "snmp.sysObjectID", "smb_native_os": "smb.native_os", "smb_native_lm": "smb.native_lm",
    "x509_subjects": "tls.subject", "x509_issuers": "tls.issuer", "ldap_searchresult": "ldap",
    "mdns_device-info_txt": "mdns.device_info", "dhcp_vendor_class": "dhcp.vendor_class", "hp_pjl_id": "pjl",
    "mysql_banners": "mysql", "ntp_banners": "ntp", "sip_banners": "sip.server", "sip_user_agents": "sip.user_agent",
    "dns_versionbind": "dns.version_bind", "rtsp_servers": "rtsp",
}  # fmt: skip


def main() -> int:
    """Unpack, read, judge; returns the judge's exit code, 0 where there is nothing to measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdout", metavar="SEED[,SEED…]")
    chosen, options = parser.parse_known_args()
    print(f"one banner with {_MANY} patterns on its channel: {1000 * with_many():.3f} ms")
    with tempfile.TemporaryDirectory() as folder:
        place = material(Path(folder), "recog")
        if place is None:
            return 0
        known = [row for row in rows_of(place / "examples.jsonl") if row["db"] in _SERVICES]
        asked = Path(folder) / "banners.jsonl"
        asked.write_text("".join(json.dumps(_asked(row)) + "\n" for row in known), "utf-8")
        said = [{"id": row["source"], **prediction(row)} for row in read_with(banners.read, (asked,))]
        codes = []
        for name, part in _parts(known, chosen.holdout):
            print(f"{name}:")
            gold = Path(folder) / "gold.jsonl"
            gold.write_text("".join(json.dumps(row) + "\n" for row in part), "utf-8")
            codes.append(judge("judge_recog", gold, said, options))
        return max(codes)


def _parts(rows: Sequence[Row], seed: str | None) -> Iterator[tuple[str, Sequence[Row]]]:
    """Give all rows, or the two parts of a split by families of products."""
    if seed is None:
        yield "all", rows
        return
    held = [all(_half(row, one) for one in seed.split(",")) for row in rows]
    for name, part in (("looked at", False), ("held out", True)):
        yield name, [row for row, kept in zip(rows, held, strict=True) if kept is part]


def _half(row: Row, seed: str) -> int:
    vendor, product = ([*row[key], ""][0] for key in ("vendor", "product"))
    family = f"{seed}{vendor}/{product.partition(' ')[0]}".lower()
    return hashlib.sha256(family.encode()).digest()[0] & 1


def _asked(row: Mapping[str, Any]) -> dict[str, str]:
    return {"id": row["id"], "service": _SERVICES[row["db"]], "banner": row["banner"]}


def prediction(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the judge's keys from one row of `daicho read`."""
    device = row["device"]
    service = device["services"][0]
    return {
        "vendor": device["maker"] or service["maker"],
        "product": service["product"] or device["model"] or device["os"],
        "version": service["version"] or device["firmware_version"] or device["os_version"],
        "device": device["device_class"],
    }


def with_many() -> float:
    """Measure the seconds that one banner takes when its channel has 5,000 patterns."""
    made = [_made(number) for number in range(_MANY)]
    index = patterns.index(made)
    texts = [f"220 Product{number} Server 1.2.{number} ready" for number in range(0, _MANY, 50)]
    _match(index, texts)  # compiles what is needed
    began = time.process_time()
    _match(index, texts)
    return (time.process_time() - began) / len(texts)


def _match(index: patterns.Index, texts: Sequence[str]) -> None:
    for text in texts:
        for row in index.candidates(text):
            row.match(text)


def _made(number: int) -> Pattern:
    return Pattern(
        id=f"made.{number}",
        channel="ftp",
        pattern=rf"^220 Product{number} Server (?P<version>\d[\d.]*) ready",
        source="made for the measurement",
        sure=Sure.SURE,
        examples=Examples(()),
    )


if __name__ == "__main__":
    sys.exit(main())
