# SPDX-License-Identifier: Apache-2.0
"""Copies of ledger files: what many tests begin with is made once in a process."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path


def copy_ledger(source: Path, path: Path) -> None:
    """Copy a ledger that nobody has open (so all of it is in one file); the copy appears whole, as a new one does."""
    assert not source.with_name(f"{source.name}-wal").exists()
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new") as room:
        new = Path(room, "new.sqlite")
        shutil.copyfile(source, new)
        new.chmod(0o600)
        with suppress(FileExistsError):
            os.link(new, path)
