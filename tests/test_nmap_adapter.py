# SPDX-License-Identifier: Apache-2.0
"""The nmap adapter against a real daemon on loopback, and against questions that try to be options."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from agent.deep_look import SENTENCES, look_deeply
from probes.contract import HeldBack

needs_nmap = pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed")


def ask(question: object) -> tuple[int, dict[str, object]]:
    done = subprocess.run(
        [sys.executable, "-m", "agent.nmap_adapter"],
        input=json.dumps(question).encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


class Router(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str] = []  # noqa: RUF012

    def version_string(self) -> str:
        return "nginx/1.22.1"

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def router() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Router) as server:
        Router.asked.clear()
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@needs_nmap
async def test_names_a_real_server_and_runs_no_script() -> None:
    with router() as port:
        (service,) = await look_deeply("127.0.0.1", [port])
    assert (service.port, service.name, service.product, service.version) == (port, "http", "nginx", "1.22.1")
    assert service.probed
    assert set(Router.asked) <= {"/"}, "only the version probe asked; a script would ask for more"


@needs_nmap
async def test_closed_port_is_no_service() -> None:
    with router() as port:
        pass
    assert await look_deeply("127.0.0.1", [port]) == ()


@pytest.mark.parametrize(
    "address",
    [
        "-iL/etc/passwd",
        "127.0.0.1 -oN x",
        "127.0.0.1/8",
        "localhost",
        "fe80::1%--script=x",
        "",
        5,
        None,
        ["::1"],
    ],
)
def test_only_one_address_reaches_nmap(address: object, tmp_path: Path) -> None:
    code, answer = ask({"address": address, "ports": [22]})
    assert (code, answer["error"]) == (2, "bad_question")


@pytest.mark.parametrize(
    "ports", [[], "22", ["22"], [True], [0], [65536], [22.0], ["22 -O"], list(range(1, 40)), {"22": 1}, None]
)
def test_only_whole_ports_reach_nmap(ports: object) -> None:
    code, answer = ask({"address": "127.0.0.1", "ports": ports})
    assert (code, answer["error"]) == (2, "bad_question")


@pytest.mark.parametrize(
    "more", [{"rate": 0}, {"rate": "10 -A"}, {"rate": 1000}, {"host_seconds": 1e9}, {"never": "9100"}]
)
def test_numbers_have_limits(more: dict[str, object]) -> None:
    code, answer = ask({"address": "127.0.0.1", "ports": [22], **more})
    assert (code, answer["error"]) == (2, "bad_question")


@pytest.mark.parametrize("port", [9100, 9107, 515, 2575, 104, 11112, 4001, 502, 44818])
async def test_never_send_ports_are_refused(port: int) -> None:
    with pytest.raises(HeldBack, match=str(port)):
        await look_deeply("127.0.0.1", [22, port])


async def test_ports_of_the_caller_are_refused_too() -> None:
    with pytest.raises(HeldBack, match="8443"):
        await look_deeply("127.0.0.1", [22, 8443], never=[8443])


def test_without_nmap_a_code_and_a_sentence() -> None:
    code = "import nmap.nmap as n, runpy; n.PortScanner.__init__.__defaults__ = (('no-such-nmap',),);"
    code += "runpy.run_module('agent.nmap_adapter', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=b'{"address": "127.0.0.1", "ports": [22]}',
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert json.loads(done.stdout)["error"] == "no_nmap"
    assert "sudo apt install nmap" in SENTENCES["no_nmap"]


@needs_nmap
async def test_cancelled_look_leaves_no_process() -> None:
    mute = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    async with mute:
        look = asyncio.create_task(look_deeply("127.0.0.1", [mute.sockets[0].getsockname()[1]]))
        while not (nmaps := children_named("nmap")):
            assert not look.done()
            await asyncio.sleep(0.05)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
    assert not set(nmaps) & set(children_named("nmap"))


def children_named(name: str) -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text, line = stat.read_text(), (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if f"({name})" in text and b"127.0.0.1" in line:
            found.append(stat.parent.name)
    return found
