# SPDX-License-Identifier: Apache-2.0
"""What msgspec works out of a type at its first use, worked out before there are threads.

Two threads that meet a type for the first time at once may crash the process: two uploads right after a start did.
"""

from contextlib import suppress

import msgspec

from inventory_db.device import Device


def know_structures() -> None:
    """Have every structure that is loaded, and a device, worked out now."""
    waiting, known = [msgspec.Struct], set[type[msgspec.Struct]]()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind not in known:
                known.add(kind)
                waiting.append(kind)
                with suppress(TypeError, NameError):  # one that is only written, or left half open
                    msgspec.json.Decoder(kind)
    msgspec.json.Decoder(Device)
