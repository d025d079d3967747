# SPDX-License-Identifier: Apache-2.0
"""`daicho read --config`: configuration files of gateways and switches; no secret of them is printed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collector.imports.configurations.lines import LARGEST
from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.shown import as_json
from deploy.recorded import ReadProgress


def read(files: Sequence[Path], progress: ReadProgress) -> Iterator[dict[str, Any]]:
    """Read one configuration a file; a larger file than any configuration is refused without loading it."""
    for path in files:
        progress.begin(path)
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        yield as_json(read_configuration(data, path.name), str(path))
        progress.advance(path.stat().st_size)
