# SPDX-License-Identifier: GPL-2.0-or-later
"""Scapy's dissection of a capture, timed, for `deploy.bench.captures` to compare with; a process of its own.

python -m agent.packets.dissection FILE MOST
"""

import sys
import time

from scapy.layers import inet, l2  # noqa: F401 - registers the layers
from scapy.utils import PcapReader


def main() -> None:
    """Print how many packets were dissected, and in how many seconds of one core."""
    count, began = 0, time.process_time()
    with PcapReader(sys.argv[1]) as packets:
        for packet in packets:
            packet.lastlayer()
            count += 1
            if count >= int(sys.argv[2]):
                break
    sys.stdout.write(f"{count} {time.process_time() - began}\n")


if __name__ == "__main__":
    main()
