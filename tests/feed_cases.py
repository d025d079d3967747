# SPDX-License-Identifier: Apache-2.0
"""Feeds written by hand in the shapes of their publishers, and a server on loopback that can break off."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from collector.advisories.loaded import known_exploited

KEV_ROWS = [
    {
        "cveID": id, "vendorProject": "Fortinet ", "product": "FortiOS", "vulnerabilityName": "A weakness",
        "dateAdded": "2026-08-01", "shortDescription": "", "requiredAction": "", "dueDate": "2026-08-15",
        "knownRansomwareCampaignUse": "Known", "notes": "", "cwes": [],
    }
    for id in sorted(known_exploited() | {"CVE-2026-99999"})
]  # fmt: skip


def kev(day: str = "2026-11-20", rows: list[dict[str, Any]] | None = None, **top: Any) -> bytes:
    rows = KEV_ROWS if rows is None else rows
    document = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": day.replace("-", "."),
        "dateReleased": f"{day}T12:00:00.0000Z", "count": len(rows), **top, "vulnerabilities": rows,
    }  # fmt: skip
    return json.dumps(document).encode()


def match(criteria: str, **ends: str) -> dict[str, Any]:
    return {"vulnerable": True, "criteria": criteria, "matchCriteriaId": "x", **ends}


FORTIOS = "cpe:2.3:o:fortinet:fortios:*:*:*:*:*:*:*:*"


def nvd_row(id: str = "CVE-2025-11111", **changes: Any) -> dict[str, Any]:
    ranges = [match(FORTIOS, versionStartIncluding="7.6.0", versionEndExcluding="7.6.4")]
    cve = {
        "id": id, "sourceIdentifier": "psirt@fortinet.com", "vulnStatus": "Analyzed",
        "published": "2025-10-01T00:00:00.000", "lastModified": "2025-10-20T00:00:00.000",
        "descriptions": [{"lang": "en", "value": "A flaw in FortiOS"}],
        "configurations": [{"nodes": [{"operator": "OR", "negate": False, "cpeMatch": ranges}]}],
    }  # fmt: skip
    return {"cve": cve | changes}


def nvd(rows: list[dict[str, Any]], total: int | None = None, start: int = 0) -> bytes:
    document = {
        "resultsPerPage": len(rows), "startIndex": start, "totalResults": len(rows) if total is None else total,
        "format": "NVD_CVE", "version": "2.0", "timestamp": "2026-11-21T00:00:00.000", "vulnerabilities": rows,
    }  # fmt: skip
    return json.dumps(document).encode()


def cve_record(id: str, vendor: str, product: str, versions: list[dict[str, Any]], **changes: Any) -> bytes:
    affected = [{"vendor": vendor, "product": product, "defaultStatus": "unaffected", "versions": versions}]
    document = {
        "dataType": "CVE_RECORD", "dataVersion": "5.1",
        "cveMetadata": {"cveId": id, "state": "PUBLISHED", "datePublished": "2026-05-06T00:00:00Z",
                        "dateUpdated": "2026-11-20T00:00:00Z", **changes},
        "containers": {"cna": {"title": "A title", "affected": affected}, "adp": []},
    }  # fmt: skip
    return json.dumps(document).encode()


def jvn(items: int = 2, declared: int | None = None, year: int = 2025, body: str = "") -> bytes:
    rows = "".join(
        f"""<item rdf:about="https://jvndb.jvn.jp/ja/contents/{year}/JVNDB-{year}-00{n:04}.html">
        <title>ヤマハ製ルータにおける脆弱性 {n}</title><link>https://jvndb.jvn.jp/ja/contents/{year}/JVNDB-{year}-00{n:04}.html</link>
        <description>説明{body}</description><sec:identifier>JVNDB-{year}-00{n:04}</sec:identifier>
        <sec:references source="NVD" id="CVE-{year}-2000{n} ">https://nvd.nist.gov/</sec:references>
        <sec:cpe version="2.2" vendor="ヤマハ" product="RTX830">cpe:/h:yamaha:rtx830_firmware</sec:cpe>
        <dcterms:issued>{year}-03-01T12:00+09:00</dcterms:issued><dcterms:modified>{year}-04-01T12:00+09:00</dcterms:modified>
        </item>"""
        for n in range(items)
    )
    declared = items if declared is None else declared
    return f"""<?xml version="1.0" encoding="utf-8"?>
    <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
      xmlns:sec="https://jvn.jp/rss/mod_sec/3.0/" xmlns:dcterms="http://purl.org/dc/terms/"
      xmlns:status="http://jvndb.jvn.jp/myjvn/Status"><channel rdf:about="https://jvndb.jvn.jp/"/>
    {rows}<status:Status version="3.3" method="getVulnOverviewList" retCd="0" totalRes="{declared}"
      totalResRet="{declared}" firstRes="1" feed="hnd"/></rdf:RDF>""".encode()


class Server:
    """What a mirror serves, how it breaks off, and what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.break_after: int | None = None  # bytes of the next answer
        self.asked: list[tuple[str, str]] = []  # path with query, Range
        self.redirect = ""
        self.url = ""


def own_certificate(folder: Path) -> Path:
    """Write a certificate for localhost that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 5, begin, end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path = folder / "mirror.pem"
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(pem)
    )
    return path


@contextmanager
def mirror(certificate: Path | None = None) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Range", "")))
            if state.redirect:
                self.send_response(302)
                self.send_header("Location", state.redirect)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            parts = urlsplit(self.path)
            start = parse_qs(parts.query).get("startIndex", [""])[0]
            data = state.pages.get(f"{parts.path}?{start}" if start else parts.path)
            if data is None:
                self.send_error(404)
                return
            begin = int(self.headers["Range"][6:-1]) if self.headers.get("Range") else 0
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            self.send_header("ETag", f'"{len(data)}"')
            self.send_header("Last-Modified", "Fri, 20 Nov 2026 00:00:00 GMT")
            self.send_header("Content-Length", str(len(data) - begin))
            self.end_headers()
            end, state.break_after = state.break_after, None
            self.wfile.write(data[begin:] if end is None else data[begin : begin + end])
            if end is not None:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        state.url = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
