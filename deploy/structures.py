# SPDX-License-Identifier: Apache-2.0
"""What msgspec works out of a type at its first use, worked out before there are threads.

Two threads that meet a type for the first time at once may crash the process: two uploads right after a start did.
"""

from contextlib import suppress

import msgspec

from collector.advisories.importers import importer, kinds
from collector.documents.papers import load_kind, paper_kinds
from collector.rules import load_rule, rule_names
from inventory_db.device import Device


def know_structures() -> None:
    """Have every structure of the collector, and a device, worked out now."""
    _load_what_is_found_by_place()
    waiting, known = [msgspec.Struct], set[type[msgspec.Struct]]()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind not in known:
                known.add(kind)
                waiting.append(kind)
                with suppress(TypeError, NameError):  # one that is only written, or left half open
                    msgspec.json.Decoder(kind)
    msgspec.json.Decoder(Device)


def _load_what_is_found_by_place() -> None:
    """Load what the first page that needs it would: its structures are not known before."""
    for load, names in ((load_rule, rule_names()), (load_kind, paper_kinds()), (importer, kinds())):
        for name in names:
            load(name)
