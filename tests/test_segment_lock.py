# SPDX-License-Identifier: Apache-2.0
"""Two scans of one segment at once: never, whatever program started them, and never for ever."""

import subprocess
import sys
from ipaddress import ip_network

import pytest

from agent.refusal import Refusal
from agent.segment_lock import hold

HOLDER = """
import sys
from ipaddress import ip_network
from agent.segment_lock import hold
with hold([ip_network(sys.argv[1])]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_keeps_its_networks_until_it_ends_however() -> None:
    command = [sys.executable, "-c", HOLDER, "10.83.0.0/16"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Refusal, match=r"10.83.7.0/24") as refused, hold([ip_network("10.83.7.0/24")]):
            pass
        assert "10.83.0.0/16" in refused.value.en
        with hold([ip_network("10.84.0.0/24"), ip_network("fd00:83::/64")]):
            pass
        other.kill()
        other.wait()
    with hold([ip_network("10.83.7.0/24")]):
        pass


def test_one_process_is_not_better_than_another_and_the_loopback_is_nobodys() -> None:
    with hold([ip_network("10.85.0.0/24"), ip_network("127.0.0.0/8")]), hold([ip_network("127.0.0.0/24")]):
        with pytest.raises(Refusal), hold([ip_network("10.85.0.0/25")]):
            pass
        with hold([ip_network("10.85.1.0/24")]):
            pass
