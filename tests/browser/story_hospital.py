# SPDX-License-Identifier: Apache-2.0
"""The story's virtual hospital: real daemons, a real `daicho agent` that scans them, and the same hospital a night later.

The lab has no cable to this machine. The agent inside reaches the collector through one listening socket, made in the
agent's network and handed to us, whose connections we pass on to the collector's port of loopback.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from deploy.lab import lab as labs
from deploy.lab.errors import LabUnavailable
from deploy.lab.settings_file import agent_toml
from tests.browser.story_material import NEW, NEW_FIRMWARE, OLD_FIRMWARE, SERVER_AGAIN
from tests.browser.story_site import ROOT, StorySite

LAYOUT = Path(__file__).parent / "story_hospital.yaml"
AGENT_WITHIN = 200.0  # seconds
_LISTEN = (
    "import socket,sys\n"
    "door = socket.create_server(('127.0.0.1', int(sys.argv[2])))\n"
    "socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b'.'], [door.fileno()])\n"
)


def next_night(folder: Path) -> Path:
    """Write the layout of the same hospital after a night: what changed is what the story tells."""
    hospital = yaml.safe_load(LAYOUT.read_text(encoding="utf-8"))
    hosts = hospital["hosts"]
    versions = hosts["fw-main"]["daemons"][1]["values"]
    versions.update({oid: text.replace(OLD_FIRMWARE, NEW_FIRMWARE) for oid, text in versions.items()})
    hosts["his-db01"]["nics"].append({"segment": "modality", "mac": "00:0d:56:20:01:14", "ip": SERVER_AGAIN})
    hosts["his-db01"]["daemons"][1]["addresses"].append(SERVER_AGAIN)
    del hosts["uketsuke-mfp"]
    hosts["nobody-knows"] = {
        "nics": [{"segment": "modality", "mac": "00:02:a5:20:01:4d", "ip": NEW}],
        "daemons": [{"kind": "openssh"}],
    }
    found = folder / "next_night.yaml"
    found.write_text(yaml.safe_dump(hospital, allow_unicode=True), encoding="utf-8")
    return found


class HospitalAgent:
    """`daicho agent` on the hospital's own machine, as a person sets it up there: settings, a code, one scan now."""

    watched = True  # a scan takes its time: the wizard can be seen at it

    def __init__(self, site: StorySite, code: str) -> None:
        self._site, self._enrol = site, ["--enrol", code]
        self._folder = site.folder / "hospital"
        self._folder.mkdir()
        self._layout = LAYOUT

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Build the hospital, let the agent scan it while the block runs, and wait for the agent's end.

        The next time it is the same hospital a night later. Skips the test where no lab can be built.
        """
        try:
            lab = labs.up(self._layout, die_with=os.getpid())
        except LabUnavailable as error:
            pytest.skip(str(error))
        try:
            with _way_in(lab.nsenter("agent"), self._site.port), self._scanning(lab):
                yield
        finally:
            labs.down()
        self._layout, self._enrol = next_night(self._folder), []

    @contextmanager
    def _scanning(self, lab: labs.Lab) -> Iterator[None]:
        config, said = self._folder / "agent.toml", self._folder / "agent.txt"
        config.write_text(
            f'state_folder = "{self._folder / "agent"}"\nlisten_seconds = 1.0\n{agent_toml(self._layout)}\n'
            f'[collector]\nurl = "{self._site.url}"\n',
            encoding="utf-8",
        )
        command = [*lab.nsenter("agent"), sys.executable, "-m", "deploy", "agent", "--config", str(config)]
        with said.open("w", encoding="utf-8") as out:
            agent = subprocess.Popen([*command, "--once", *self._enrol], cwd=ROOT, stdout=out, stderr=out)
        try:
            yield
            code = agent.wait(AGENT_WITHIN)
        finally:
            agent.kill()
        assert code in (0, 1), said.read_text(encoding="utf-8")


@contextmanager
def _way_in(enter: list[str], port: int) -> Iterator[None]:
    """Answer at this port of the loopback inside, for as long as the block runs, with what answers at it here."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        given = str(theirs.fileno())
        command = [*enter, sys.executable, "-c", _LISTEN, given, str(port)]
        subprocess.run(command, check=True, pass_fds=[theirs.fileno()], timeout=60)
        _, (door, *_), _, _ = socket.recv_fds(ours, 1, 1)
    with socket.socket(fileno=door) as listening:
        passing = threading.Thread(target=_pass_on_all, args=(listening, port), daemon=True)
        passing.start()
        yield
        listening.shutdown(socket.SHUT_RDWR)
        passing.join(10)


def _pass_on_all(listening: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError):  # the end: nobody listens any more
        while True:
            client, _ = listening.accept()
            threading.Thread(target=_pass_on, args=(client, port), daemon=True).start()


def _pass_on(client: socket.socket, port: int) -> None:
    """Join a connection with a new one to the port here until both have said all."""
    with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
