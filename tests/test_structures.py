# SPDX-License-Identifier: Apache-2.0
"""Two threads that read a kind of message for the first time at once do not crash the collector."""

import subprocess
import sys

import pytest

from tests.cli_cases import ROOT

_WHOLE = """
import importlib, pkgutil, msgspec, collector, inventory_db
from deploy.commands import serve
from deploy.structures import know_structures
know_structures()
def every(kind):
    return {kind}.union(*map(every, kind.__subclasses__()))
known = every(msgspec.Struct)
for room in (collector, inventory_db):
    for one in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        importlib.import_module(one.name)
print(*sorted(kind.__module__ for kind in every(msgspec.Struct) - known))
"""
# read by commands, one at a time
_ALONE = ("collector.advisories.download", "inventory_db.backups.", "inventory_db.migrations.", "probes.")
_TOGETHER = """
import sys, threading
{prepare}
sys.setswitchinterval(1e-6)
start = threading.Barrier(8)
def read():
    start.wait()
    {read}
threads = [threading.Thread(target=read) for _ in range(8)]
[one.start() for one in threads]
[one.join() for one in threads]
"""
_UPLOAD = ("from probes.facts import decode_upload", "decode_upload(b'{\"observations\": []}')")
_STORED = (
    "import msgspec\nfrom inventory_db.observations import Stored\nfrom deploy.structures import know_structures\n"
    "know_structures()",
    "msgspec.json.Decoder(Stored)",
)


def test_all_that_the_collector_reads_is_worked_out_at_its_start() -> None:
    """What is found by place (a rule, a paper) is loaded by the first page that needs it, when there are threads."""
    done = subprocess.run(
        [sys.executable, "-c", _WHOLE], check=False, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert [name for name in done.stdout.split() if not name.startswith(_ALONE)] == []


@pytest.mark.parametrize(("prepare", "read"), [_UPLOAD, _STORED], ids=["an upload", "all others"])
def test_threads_may_read_for_the_first_time_at_once(prepare: str, read: str) -> None:
    program = _TOGETHER.format(prepare=prepare, read=read)
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, cwd=ROOT, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
