# SPDX-License-Identifier: Apache-2.0
"""Replaces the agent's key: the request is signed by the old key, and the new one proves itself in it.

The new key waits on the disk before the collector hears of it. If the answer gets lost, the old key
may be unknown there already: then the same request signed by the new key is answered yes.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.collector_client import CollectorClient, CollectorRefused, sequence_of
from agent.keys import Identity, key_proof, public_key, take_new_key, waiting_key
from probes.facts import encode

Sequence = Callable[[int], Awaitable[int]]  # a new one above this and all before


async def change_key(
    client: CollectorClient, identity: Identity, state: Path, sequence: Sequence, now: Callable[[], datetime]
) -> Identity | None:
    """Hand over the key that is waiting in the state folder; None if none is. Raises UplinkError, Refusal."""
    new = waiting_key(state)
    if new is None:
        return None
    try:
        await _ask(client, identity.agent, identity.key, new, sequence, now)
    except CollectorRefused as refused:
        if refused.status != 401:
            raise
        await _ask(client, identity.agent, new, new, sequence, now)
    take_new_key(state)
    return Identity(identity.agent, new, identity.url)


async def _ask(
    client: CollectorClient,
    agent: str,
    old: Ed25519PrivateKey,
    new: Ed25519PrivateKey,
    sequence: Sequence,
    now: Callable[[], datetime],
) -> None:
    """Send the request, once more after the collector's sequence if ours was behind."""
    path, last = f"/api/v1/agents/{agent}/key", 0
    for attempt in range(2):
        number, at = await sequence(last), now()
        proof = key_proof(new, path, at, number, public_key(old))
        body = encode({"public_key": public_key(new), "proof": proof})
        try:
            await client.post(path, old, number, body, at=at)
        except CollectorRefused as refused:
            last = sequence_of(refused.content)
            if attempt or refused.status != 409 or last < number:
                raise
        else:
            return
