# SPDX-License-Identifier: Apache-2.0
"""How much of uploads is held at once: a bounded number of bytes being read, a bounded number being stored.

Who comes beyond that is told to come back (503 with Retry-After) before a byte of the body is read; an agent keeps
its spool. A body is read whole before the upload takes a turn, so slow senders hold no turn, and no thread.
"""

import asyncio
from dataclasses import dataclass, field

from collector.agent_problems import Problem
from collector.security import App, Message, Receive, Send

MOST_BYTES = 64 * 1024 * 1024  # announced bodies of uploads under way, together
MOST_UPLOADS = 64  # uploads under way, being read or waiting for their turn
TURNS = 3  # uploads being unpacked and stored at once
READ_WITHIN = 60.0  # seconds for a body
TURN_WITHIN = 20.0  # seconds that a read body waits for its turn


@dataclass(slots=True)
class Admission:
    """Lets uploads in as far as there is room; belongs to one event loop."""

    most_bytes: int = MOST_BYTES
    most_uploads: int = MOST_UPLOADS
    turns: int = TURNS
    read_within: float = READ_WITHIN
    turn_within: float = TURN_WITHIN
    held: int = 0  # announced bytes
    inside: int = 0
    refused: int = 0
    _turn: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        """Make the turns."""
        self._turn = asyncio.Semaphore(self.turns)

    async def admit(self, app: App, scope: Message, receive: Receive, send: Send, length: int) -> None:
        """Let one upload of this announced length through, or tell it when to come back."""
        if self.inside >= self.most_uploads or (self.inside and self.held + length > self.most_bytes):
            await self._turn_away(scope, receive, send)
            return
        self.inside, self.held = self.inside + 1, self.held + length
        try:
            await self._pass(app, scope, receive, send)
        finally:
            self.inside, self.held = self.inside - 1, self.held - length

    async def _pass(self, app: App, scope: Message, receive: Receive, send: Send) -> None:
        try:
            body = await asyncio.wait_for(_read(receive), self.read_within)
        except TimeoutError:
            await Problem("slow").response()(scope, receive, send)
            return
        if body is None:
            return  # the sender has gone
        try:
            await asyncio.wait_for(self._turn.acquire(), self.turn_within)
        except TimeoutError:
            await self._turn_away(scope, receive, send)
            return
        try:
            await app(scope, _again(body, receive), send)
        finally:
            self._turn.release()

    async def _turn_away(self, scope: Message, receive: Receive, send: Send) -> None:
        self.refused += 1
        await Problem("busy").response()(scope, receive, send)


async def _read(receive: Receive) -> bytes | None:
    """Read a body whole; None if its sender went away. The server holds it to the announced length."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read once more, then what comes after it."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
