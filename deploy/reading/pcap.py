# SPDX-License-Identifier: Apache-2.0
"""`daicho read --pcap`: captures (pcap, pcapng, also gzipped), one row per file: devices, flows, facts."""

from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from deploy.captured import Captured, problem_text, read_capture
from deploy.recorded import ReadProgress
from inventory_db.device import device_json
from probes.capture.flow import Claim, Flow
from probes.capture.gzipped import MAGIC, Unzipped
from probes.capture.records import Capture


def read(files: Sequence[Path], progress: ReadProgress) -> Iterator[dict[str, Any]]:
    """Give one row per capture; memory is bounded whatever the file's size."""
    for path in files:
        progress.begin(path)
        with path.open("rb") as file:
            yield _row(str(path), file, progress.advance)


def opened(file: BufferedReader, advance: Callable[[float], None]) -> tuple[Capture, Unzipped | None]:
    """Give the capture in an open file, and what unpacks it if it is gzip; `advance` hears of bytes read."""

    def piece(most: int) -> bytes:
        data = file.read(most)
        advance(len(data))
        return data

    unzipped = Unzipped(piece) if file.peek(2)[:2] == MAGIC else None
    return Capture(unzipped.read if unzipped else piece), unzipped


def _row(source: str, file: BufferedReader, advance: Callable[[float], None]) -> dict[str, Any]:
    capture, unzipped = opened(file, advance)
    gathered = read_capture(capture, source)
    errors = [problem_text(problem) for problem in capture.problems]
    if unzipped and unzipped.broken:
        errors.append(
            "gzip が途中で壊れています。ここまでを読みました。 / The gzip is damaged; everything before was read."
        )
    return {
        "source": source,
        "device": None,
        "devices": [device_json(device) for device in gathered.devices()],
        "flows": [flow_json(flow, claim) for flow, claim in gathered.flows],
        "facts": list(gathered.facts()),
        "packets": gathered.dissector.frames,
        "errors": errors + _left_out(gathered),
    }


def flow_json(flow: Flow, claim: Claim) -> dict[str, Any]:
    """One flow with what it speaks; `src` opened it as far as the capture shows."""
    return {
        "src": flow.client,
        "sport": flow.client_port,
        "dst": flow.server,
        "dport": flow.server_port,
        "transport": flow.transport,
        "protocol": claim.protocol,
        "product": claim.product or None,
        "family": str(claim.family),
        "sure": str(claim.sure),
        "why": claim.why,
    }


def _left_out(gathered: Captured) -> list[str]:
    return [
        f"多すぎるため {count} 件の{ja}を載せていません。 / {count} more {what} are not listed."
        for what, ja in (("flows", "通信"), ("observations", "観測"))
        if (count := gathered.left_out[what])
    ]
