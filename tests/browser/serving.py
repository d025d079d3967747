# SPDX-License-Identifier: Apache-2.0
"""A real collector on a free port of loopback, for real browsers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Run the collector while the `with` block runs; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", server_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 90
    while not server.started:
        assert thread.is_alive(), "the collector did not start"
        assert time.monotonic() < deadline, "the collector did not start in 90 s"
        time.sleep(0.02)  # a real server starts on a real clock
    (socket, *_) = server.servers[0].sockets
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
