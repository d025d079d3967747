# SPDX-License-Identifier: Apache-2.0
"""Stored observations read so that what many of them say stands in memory once: half of what they take otherwise."""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec.structs import force_setattr

from probes.facts import Observation

_SHARED = ("scan", "vantage", "probe", "address", "mac", "network", "transport", "reason")
_SHORT = 256  # characters of a fact that may be said again
_MOST = 32768  # texts and facts that are remembered
_Kind = TypeVar("_Kind", bound=Observation)


class SharingDecoder(Generic[_Kind]):
    """Decodes JSON of observations; equal texts and facts of those decoded one after the other are one object."""

    def __init__(self, kind: type[_Kind]) -> None:
        self._decode = msgspec.json.Decoder(kind).decode
        self._known: dict[Any, Any] = {}

    def decode(self, body: bytes) -> _Kind:
        """Give one observation; raises msgspec.MsgspecError."""
        one = self._decode(body)
        if len(self._known) > _MOST:
            self._known.clear()
        share = self._known.setdefault
        for name in _SHARED:
            if text := getattr(one, name):
                force_setattr(one, name, share(text, text))  # nobody else has it yet
        if one.facts:
            facts = [fact if len(fact.value) > _SHORT else share(fact, fact) for fact in one.facts]
            force_setattr(one, "facts", tuple(facts))
        return one
