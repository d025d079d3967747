# SPDX-License-Identifier: Apache-2.0
"""A deep look by nmap at ports that answered and that our own probes could not name.

nmap runs behind `python -m agent.nmap_adapter`, a process of its own that is ended, with all its
children, at the deadline. The caller has asked scope, guard and pace; about 4 connections a port.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import msgspec

from probes.contract import HeldBack, OurFault

HOST_SECONDS = 120  # nmap gives a host up after this
_ROOT = str(Path(__file__).resolve().parent.parent)
_GRACE_SECONDS = 20  # for starting and ending nmap
SENTENCES = {
    "no_nmap": (
        "no_nmap: この機械に nmap がないため、詳しい調査を行いませんでした。sudo apt install nmap で追加できます。 / "
        "nmap is not installed on this machine, so there was no deep look. Add it with: sudo apt install nmap"
    ),
    "nmap_failed": (
        "nmap_failed: nmap が最後まで動きませんでした。ほかの結果には影響しません。 / "
        "nmap did not finish; the other results stand"
    ),
    "bad_question": "bad_question: nmap への問い合わせが誤っています。 / The question to nmap was wrong",
}


class DeepService(msgspec.Struct, frozen=True):
    """What nmap says about one open TCP port; texts may be hostile and may be empty."""

    port: int
    probed: bool  # true: recognised from an answer, false: guessed from the port number
    name: str = ""
    product: str = ""
    version: str = ""
    extrainfo: str = ""
    cpe: str = ""


class _Answer(msgspec.Struct, frozen=True):
    services: tuple[DeepService, ...] = ()
    error: str = ""
    text: str = ""


TERM_SECONDS = 0.4  # for an orderly end; whoever stops a scan expects silence within a second


async def look_deeply(
    address: str,
    ports: Sequence[int],
    *,
    never: Collection[int] = (),
    rate: int = 10,
    host_seconds: int = HOST_SECONDS,
) -> tuple[DeepService, ...]:
    """Ask nmap for the services on these TCP ports. `rate`: packets/s, 1..10.

    Raises HeldBack when a port of `never` or of the adapter's own table is among them, OurFault when
    nmap is missing, fails or takes too long; ValueError if `address` is not an IP address.
    """
    question = {
        "address": str(ip_address(address)),
        "ports": sorted(set(ports)),
        "never": sorted(set(never)),
        "rate": rate,
        "host_seconds": host_seconds,
    }
    output = await _run(msgspec.json.encode(question), host_seconds + _GRACE_SECONDS)
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except msgspec.DecodeError as error:
        raise OurFault(SENTENCES["nmap_failed"]) from error
    if answer.error == "never_send":
        raise HeldBack(f"never_send: {answer.text}")
    if answer.error:
        raise OurFault(f"{SENTENCES.get(answer.error, answer.error)} ({answer.text})")
    return answer.services


async def _run(question: bytes, seconds: float) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "agent.nmap_adapter"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": _ROOT,
        },
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(question), seconds)
    except TimeoutError as error:
        raise OurFault(SENTENCES["nmap_failed"]) from error
    finally:
        await _end(process)
    return output


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        with suppress(ProcessLookupError, TimeoutError):  # the usual case: all of them have ended
            os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait_for(process.wait(), TERM_SECONDS)
    finally:  # also where a second stop comes meanwhile
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
