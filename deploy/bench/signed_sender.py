# SPDX-License-Identifier: Apache-2.0
"""Sends prepared uploads to a collector as an agent does: signed, in order, until each was taken in."""

import gzip
import http.client
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from agent.keys import stamp
from inventory_db import agents
from inventory_db.tables import writing
from probes.facts import Upload, encode

READY_WITHIN = 60.0  # seconds for the processes of all senders to start
_ready: Barrier | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """One enrolled agent: its id, and the private key's 32 bytes."""

    agent: str
    seed: bytes

    @property
    def key(self) -> Ed25519PrivateKey:
        """The key that signs."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def enrolled(engine: Engine, name: str) -> Sender:
    """Enrol a new agent straight into the ledger, at the facility that the engine is bound to."""
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    with writing(engine) as connection:
        code = agents.create_enrolment(connection, name, timedelta(hours=1), now=now)
        agent = agents.enrol(connection, code, key.public_key().public_bytes_raw(), now)
    return Sender(agent.id, key.private_bytes_raw())


def packed(batch: Upload, sender: Sender) -> bytes:
    """Write a batch as the agent's uplink does."""
    return gzip.compress(encode(msgspec.structs.replace(batch, agent=sender.agent)), 3, mtime=0)


def deliver(port: int, sender: Sender, bodies: Iterable[bytes], first: int = 1) -> int:
    """Send the bodies; gives how often the collector asked us to wait. Raises ValueError for a refusal."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    waited, path, key = 0, f"/api/v1/agents/{sender.agent}/uploads", sender.key
    for sequence, body in enumerate(bodies, first):
        while True:
            headers = stamp(key, path, datetime.now(UTC), sequence, body)
            headers |= {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status == 200:
                break
            if answer.status not in (429, 503):
                raise ValueError(f"HTTP {answer.status}: {content[:300]!r}")
            waited += 1
            connection.close()
            time.sleep(0.2)
    connection.close()
    return waited


def wait_for(ready: Barrier) -> None:
    """Say in a new process, before anything else, for whom `deliver_together` waits there."""
    global _ready  # noqa: PLW0603 - a barrier is handed to a process at its start only
    _ready = ready


def deliver_together(port: int, sender: Sender, bodies: Iterable[bytes]) -> int:
    """Deliver as `deliver` does once all senders stand ready: starting processes is no part of what is measured."""
    if _ready is not None:
        _ready.wait(READY_WITHIN)
    return deliver(port, sender, bodies)
