# SPDX-License-Identifier: Apache-2.0
"""Every recogniser of flows, found by place; one without `read` refuses to start."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable

from probes import flows
from probes.capture.flow import Claim, Flow

Reader = Callable[[Flow], Iterable[Claim]]


class NotARecogniser(Exception):
    """A file in probes/flows does not have a recogniser's form."""


@functools.cache
def all_flows() -> dict[str, Reader]:
    """Load every recogniser once, by name; raises NotARecogniser naming the file."""
    found: dict[str, Reader] = {}
    for info in pkgutil.iter_modules(flows.__path__):
        module = importlib.import_module(f"probes.flows.{info.name}")
        read = getattr(module, "read", None)
        if not inspect.isfunction(read):
            raise NotARecogniser(f"probes/flows/{info.name}.py: needs def read")
        found[info.name] = read
    return found


def recognise_flow(flow: Flow) -> tuple[Claim, ...]:
    """Everything that the recognisers say of a flow, each protocol once."""
    if not flow.sent and not flow.answered:
        return ()
    found: dict[str, Claim] = {}
    for read in all_flows().values():
        for claim in read(flow):
            found.setdefault(claim.protocol, claim)
    return tuple(found.values())
