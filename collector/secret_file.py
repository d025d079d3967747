# SPDX-License-Identifier: Apache-2.0
"""How a key gets into the state folder: whole or not at all, on the disk, readable by its owner only."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def put_secret(path: Path, data: bytes, *, replace: bool = False) -> None:
    """Put the file in place, mode 0600; one that is there, or that another process wrote meanwhile, stays unless replaced.

    Raises OSError.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(new).replace(path)
        else:
            with suppress(FileExistsError):
                os.link(new, path)
    finally:
        Path(new).unlink(missing_ok=True)
