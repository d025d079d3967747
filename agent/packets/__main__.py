# SPDX-License-Identifier: GPL-2.0-or-later
"""Start of the worker: read the setup, open the sockets, give up root, work."""

import logging
import os
import signal
import sys

from agent.packets.messages import MOST_MESSAGE, Event, Setup, decode_setup, framed
from agent.packets.privileges import drop


def main() -> int:
    """Run the worker on stdin and stdout; 0 when the pipe ended, 3 not permitted, 4 could not start."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent; the pipe's end is for us
    output = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is not a message
    try:
        return _work(output)
    except BrokenPipeError:
        return 0  # the agent has gone
    except PermissionError:
        return _give_up(output, "not permitted", 3)
    except (OSError, ValueError, ImportError) as error:
        return _give_up(output, f"{type(error).__name__}: {error}", 4)


def _work(output: int) -> int:
    # No cache and no config of scapy's: we may be root, and they would be somebody's pickles and code.
    os.environ.update(XDG_CACHE_HOME="/dev/null", XDG_CONFIG_HOME="/dev/null")
    logging.getLogger("scapy").setLevel(logging.ERROR)
    from agent.packets import sockets, worker  # noqa: PLC0415 (loaded when the above is set)
    from agent.packets.limits import Limits  # noqa: PLC0415

    setup = _setup()
    limits = Limits(setup.allowed)
    icmp = sockets.open_icmp()
    links = {name: sockets.open_link(name) for name in setup.interfaces}
    if setup.allowed:
        # The sockets hear from now on: what comes while the frames are being loaded waits in the kernel.
        os.write(output, framed(Event("hearing")))
        from agent.packets import frames  # noqa: PLC0415 (scapy reads the environment at import)

        frames.warm()  # everything is loaded before the ordinary user may be unable to read it
    uid = drop()
    running = worker.Worker(setup, links, icmp, limits, output)
    running.tell(Event("ready", uid=uid))
    running.run(worker.Inbox(0))
    return 0


def _setup() -> Setup:
    length = int.from_bytes(_exactly(4), "big")
    if length > MOST_MESSAGE:
        raise ValueError(f"setup of {length} bytes")
    return decode_setup(_exactly(length))


def _exactly(count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = os.read(0, count - len(got))
        if not part:
            raise BrokenPipeError
        got += part
    return got


def _give_up(output: int, why: str, code: int) -> int:
    os.write(output, framed(Event("broken", text=why)))
    return code


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(
        code
    )  # nothing is open but the kernel's: taking the interpreter down would only keep the scan waiting
