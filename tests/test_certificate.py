# SPDX-License-Identifier: Apache-2.0
"""The collector's certificate: made once, private, renewed in one step; and TLS as strangers meet it."""

import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent.collector_client import CollectorAbsent
from agent.settings import Collector
from agent.uplink import enrol
from collector.certificate import (
    NEXT_FILE,
    PEM_FILE,
    Certificate,
    CertificateError,
    certificate_pem,
    find_certificate,
    make_certificate,
    prepare_next,
    read_certificate,
    renew,
)
from collector.sections import Tls
from collector.serving import server_config
from collector.settings import Settings
from tests.live_collector import LiveCollector, free_port

NOW = datetime.now(UTC)
ROOT = Path(__file__).parent.parent
SETTINGS = Settings(host_names=("daicho.hospital.example", "192.0.2.7", "台帳.example"))


def test_first_start_makes_one_certificate(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    made = find_certificate(SETTINGS, folder, NOW)
    assert find_certificate(SETTINGS, folder, NOW + timedelta(days=3)) == made
    path = folder / PEM_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    found = x509.load_pem_x509_certificate(path.read_bytes())
    public = found.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert isinstance(public.curve, ec.SECP256R1)
    assert found.not_valid_after_utc - found.not_valid_before_utc <= timedelta(days=825)
    assert made.days_left(NOW) == 824
    assert {"daicho.hospital.example", "192.0.2.7", "127.0.0.1", "::1", "localhost"} <= set(made.names)
    assert "xn--kprs2v.example" in made.names
    usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert made.self_signed
    assert made.fingerprint.count(":") == 31
    assert "PRIVATE" not in certificate_pem(path)


def test_two_first_starts_at_once_end_with_one_certificate(tmp_path: Path) -> None:
    found: list[Certificate] = []
    starts = [
        threading.Thread(target=lambda: found.append(find_certificate(SETTINGS, tmp_path, NOW)))
        for _ in range(6)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert len(found) == 6
    assert len({one.fingerprint for one in found}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [PEM_FILE]


def test_what_was_prepared_takes_over(tmp_path: Path) -> None:
    old = find_certificate(SETTINGS, tmp_path, NOW)
    prepared = prepare_next(SETTINGS, tmp_path, NOW)
    assert prepare_next(SETTINGS, tmp_path, NOW) == prepared
    assert find_certificate(SETTINGS, tmp_path, NOW) == old
    assert renew(SETTINGS, tmp_path, NOW).fingerprint == prepared.fingerprint != old.fingerprint
    assert not (tmp_path / NEXT_FILE).exists()
    assert renew(SETTINGS, tmp_path, NOW).fingerprint != prepared.fingerprint


def test_keys_that_all_can_read_or_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    find_certificate(SETTINGS, tmp_path, NOW)
    (tmp_path / PEM_FILE).chmod(0o604)
    with pytest.raises(CertificateError, match="chmod 600"):
        find_certificate(SETTINGS, tmp_path, NOW)
    (tmp_path / PEM_FILE).chmod(0o640)  # a group of the site's own, as for /etc/ssl/private
    find_certificate(SETTINGS, tmp_path, NOW)
    (tmp_path / "other.pem").write_bytes(make_certificate(("localhost",), NOW))
    (tmp_path / "other.pem").chmod(0o600)
    with pytest.raises(CertificateError, match="belong together"):
        read_certificate(tmp_path / PEM_FILE, tmp_path / "other.pem")
    for content in (b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "bad.pem").write_bytes(content)
        (tmp_path / "bad.pem").chmod(0o600)
        with pytest.raises(CertificateError):
            read_certificate(tmp_path / "bad.pem", tmp_path / "bad.pem")


def test_the_sites_own_certificate_wins(tmp_path: Path) -> None:
    path = tmp_path / "site.pem"
    path.write_bytes(make_certificate(("daicho.example",), NOW))
    path.chmod(0o600)
    settings = Settings(tls=Tls(certificate=str(path), key=str(path)))
    found = find_certificate(settings, tmp_path / "state", NOW)
    assert found.names == ("daicho.example",)
    assert found.missing(frozenset({"daicho.example", "x.example"})) == ("x.example",)
    assert not (tmp_path / "state").exists()
    with pytest.raises(CertificateError):
        find_certificate(Settings(tls=Tls(certificate="no.pem", key="no.pem")), tmp_path, NOW)


@contextmanager
def served(certificate: Certificate) -> Iterator[int]:
    with LiveCollectorOverTls(certificate) as port:
        yield port


class LiveCollectorOverTls:
    """The collector's own way of serving, with an application that says nothing."""

    def __init__(self, certificate: Certificate) -> None:
        self._port = free_port()
        self._server = uvicorn.Server(server_config(_silent, "127.0.0.1", self._port, certificate))

    def __enter__(self) -> int:
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()
            time.sleep(0.01)
        return self._port

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()


async def _silent(scope: object, receive: object, send: object) -> None:
    raise AssertionError("nobody asks")


def shake(port: int, lowest: ssl.TLSVersion, highest: ssl.TLSVersion, ciphers: str = "") -> str:
    """Give the version and cipher that were agreed on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers or "ALL:@SECLEVEL=0")
    context.maximum_version = highest
    context.minimum_version = lowest
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as encrypted,
    ):
        return f"{encrypted.version()} {(encrypted.cipher() or ('',))[0]}"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_and_weak_ciphers_find_no_answer(tmp_path: Path) -> None:
    v10, v11, v12, v13 = (ssl.TLSVersion[f"TLSv1{minor}"] for minor in ("", "_1", "_2", "_3"))
    with served(find_certificate(SETTINGS, tmp_path, NOW)) as port:
        assert shake(port, v12, v13).startswith("TLSv1.3")
        assert shake(port, v12, v12).startswith("TLSv1.2 ECDHE-ECDSA-")
        with pytest.raises(ssl.SSLError):
            shake(port, v10, v11)
        for weak in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"):
            with pytest.raises(ssl.SSLError):
                shake(port, v12, v12, weak)


async def test_agents_pin_old_and_new_while_it_changes(tmp_path: Path) -> None:
    old = find_certificate(SETTINGS, tmp_path / "state", NOW)
    prepared = prepare_next(SETTINGS, tmp_path / "state", NOW)
    both = (old.fingerprint, prepared.fingerprint.lower())
    for turn in range(2):
        made = find_certificate(SETTINGS, tmp_path / "state", NOW)
        tls: dict[str, Any] = {"ssl_certfile": str(made.file), "ssl_keyfile": str(made.key_file)}
        with LiveCollector(tmp_path / "ledger.sqlite", **tls) as live:
            code = live.code()
            with pytest.raises(CollectorAbsent, match="指紋"):
                await enrol(Collector(url=live.url, fingerprint="00" * 32), tmp_path / "x", code)
            found = await enrol(Collector(url=live.url, fingerprint=both), tmp_path / f"agent{turn}", code)
            assert found.agent
        renew(SETTINGS, tmp_path / "state", NOW)


@pytest.mark.lab
def test_beyond_this_machine_everything_is_encrypted(tmp_path: Path) -> None:
    """In a network namespace of its own, where the collector has an address that is not loopback."""
    script = [sys.executable, "-m", "tests.beyond_loopback", str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--net", *script], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "https://192.0.2.1:8443/" in found["told"]
    assert found["hsts"] == "max-age=31536000"
    assert found["open"] in (303, 401), "the ledger is for people who are signed in"
    assert found["metrics"] == 403
    assert len(found["pinned"]) == 16
    assert "CERTIFICATE_VERIFY_FAILED" in found["unpinned"]
    assert "not encrypted" in found["plain"]
