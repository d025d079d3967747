# SPDX-License-Identifier: Apache-2.0
"""Every recogniser of flows, found by place; one without `read` refuses to start."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType

from probes import flows
from probes.capture.flow import Claim, Flow

Reader = Callable[[Flow], Iterable[Claim]]


class NotARecogniser(Exception):
    """A file in probes/flows does not have a recogniser's form."""


@functools.cache
def all_flows() -> dict[str, ModuleType]:
    """Load every recogniser once, by name; raises NotARecogniser naming the file."""
    found: dict[str, ModuleType] = {}
    for info in pkgutil.iter_modules(flows.__path__):
        module = importlib.import_module(f"probes.flows.{info.name}")
        transports = getattr(module, "TRANSPORTS", None)
        if not inspect.isfunction(getattr(module, "read", None)) or not isinstance(transports, tuple):
            raise NotARecogniser(f"probes/flows/{info.name}.py: needs def read and TRANSPORTS (a tuple)")
        found[info.name] = module
    return found


@functools.cache
def _readers(transport: str) -> tuple[Reader, ...]:
    return tuple(module.read for module in all_flows().values() if transport in module.TRANSPORTS)


def recognise_flow(flow: Flow) -> tuple[Claim, ...]:
    """Everything that the recognisers say of a flow, each protocol once."""
    if not flow.sent and not flow.answered:
        return ()
    found: dict[str, Claim] = {}
    for read in _readers(flow.transport):
        for claim in read(flow):
            found.setdefault(claim.protocol, claim)
    return tuple(found.values())
