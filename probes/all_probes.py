# SPDX-License-Identifier: Apache-2.0
"""Every probe, found by place: folder = touch, file name = name. Anything out of form refuses to start."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from probes import ask, listen, login
from probes.contract import Malformed, Touch, Transcript, Wire
from probes.facts import Fact

_ROOMS = {Touch.LISTEN: listen, Touch.ASK: ask, Touch.LOGIN: login}


class NotAProbe(Exception):
    """A file in a probe folder does not have a probe's form."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe, whatever its touch. Listening probes have `claims`, asking ones `ask`."""

    name: str
    touch: Touch
    read: Callable[[Transcript], tuple[Fact, ...]]
    ask: Callable[[Wire, int], Awaitable[None]] | None = None
    claims: Callable[[bytes], bool] | None = None
    ports: tuple[int, ...] = ()
    transport: str = ""
    speaks_first: bool = False
    credential: str = ""


@functools.cache
def all_probes() -> dict[str, Probe]:
    """Load every probe once, by name; raises NotAProbe naming the file."""
    found: dict[str, Probe] = {}
    for touch, room in _ROOMS.items():
        for info in pkgutil.iter_modules(room.__path__):
            if info.name in found:
                raise NotAProbe(f"probes/{touch}/{info.name}.py: the name is taken twice")
            module = importlib.import_module(f"{room.__name__}.{info.name}")
            found[info.name] = _form(module, info.name, touch)
    return found


def _form(module: ModuleType, name: str, touch: Touch) -> Probe:
    where = f"probes/{touch}/{name}.py"
    read = _function(module, "read", where, asynchronous=False)
    if touch is Touch.LISTEN:
        if hasattr(module, "ask"):
            raise NotAProbe(f"{where}: a listening probe must not ask")
        return Probe(name, touch, read, claims=_function(module, "claims", where, asynchronous=False))
    transport = getattr(module, "TRANSPORT", "")
    ports = getattr(module, "PORTS", ())
    if transport not in ("tcp", "udp") or not isinstance(ports, tuple):
        raise NotAProbe(f"{where}: needs PORTS (a tuple) and TRANSPORT (tcp or udp)")
    credential = getattr(module, "CREDENTIAL", "")
    if bool(credential) != (touch is Touch.LOGIN):
        raise NotAProbe(f"{where}: CREDENTIAL belongs to login/ and only there")
    return Probe(
        name,
        touch,
        read,
        ask=_function(module, "ask", where, asynchronous=True),
        ports=ports,
        transport=transport,
        speaks_first=bool(getattr(module, "SPEAKS_FIRST", False)),
        credential=credential,
    )


def _function(module: ModuleType, name: str, where: str, *, asynchronous: bool) -> Callable[..., Any]:
    function: Callable[..., Any] | None = getattr(module, name, None)
    if inspect.isfunction(function) and inspect.iscoroutinefunction(function) == asynchronous:
        return function
    raise NotAProbe(f"{where}: needs {'async ' if asynchronous else ''}def {name}")


def read_again(name: str, transcript: Transcript) -> tuple[Fact, ...] | None:
    """Read a stored transcript with today's reader; None if it is not that protocol or no such probe."""
    probe = all_probes().get(name)
    if probe is None:
        return None
    try:
        return probe.read(transcript)
    except Malformed:
        return None
