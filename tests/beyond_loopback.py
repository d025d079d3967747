# SPDX-License-Identifier: Apache-2.0
"""Runs inside a network namespace of its own: a collector at 192.0.2.1, an agent that pins it, and a stranger."""

import asyncio
import json
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from agent.collector_client import CollectorAbsent
from agent.refusal import Refusal
from agent.settings import Collector
from agent.uplink import enrol

URL = "https://192.0.2.1:8443"


def main(folder: Path) -> dict[str, object]:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", "192.0.2.1/32", "dev", "lo"], check=True)
    config = folder / "collector.toml"
    config.write_text(
        f'ledger = "{folder / "ledger"}"\nstate_folder = "{folder / "state"}"\nhost = "192.0.2.1"\nport = 8443\n'
    )
    command = [sys.executable, "-m", "deploy", "serve", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as serving:
        try:
            return look(serving, folder)
        finally:
            serving.terminate()


def look(serving: "subprocess.Popen[str]", folder: Path) -> dict[str, object]:
    assert serving.stderr
    told = ""
    while "Ctrl-C ends" not in told:
        line = serving.stderr.readline()
        assert line, told
        told += line
    found = re.search(r"SHA-256\): ([0-9A-F:]{95})", told)
    assert found, told
    page = ask("/healthz")
    code = subprocess.run(
        [sys.executable, "-m", "deploy", "agents", "code", "2F", "--ledger", str(folder / "ledger")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    return {
        "told": told,
        "hsts": page.headers["Strict-Transport-Security"],
        "open": status("/"),
        "metrics": status("/metrics"),
        "pinned": outcome(Collector(url=URL, fingerprint=found[1]), folder / "a", code),
        "unpinned": outcome(Collector(url=URL), folder / "b", code),
        "plain": outcome(Collector(url=URL.replace("https", "http")), folder / "c", code),
    }


def ask(path: str) -> "urllib.request._UrlopenRet":
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    class Stay(urllib.request.HTTPRedirectHandler):
        """A redirect is an answer."""

        def redirect_request(self, *_: object) -> None:
            return None

    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), Stay
    )
    for _ in range(400):
        try:
            return opener.open(URL + path, timeout=60)
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.05)
    raise AssertionError("nobody answers")


def status(path: str) -> int:
    try:
        return int(ask(path).status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def outcome(collector: Collector, state: Path, code: str) -> str:
    try:
        return asyncio.run(enrol(collector, state, code)).agent
    except (CollectorAbsent, Refusal) as error:
        return error.en


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
