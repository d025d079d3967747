# SPDX-License-Identifier: Apache-2.0
"""What the recognising benchmarks share: the recorded material, our own readers on it, the judges.

The material lies beside the repository (`../shared/data`); where it is absent there is nothing to measure.
What is judged is what `daicho read` prints, and nothing else.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.recorded import ReadProgress

DATA = Path(__file__).parents[3] / "shared" / "data"
ARCHIVE = DATA / "dev-core.tar.xz"

Row = Mapping[str, Any]


def material(folder: Path, part: str) -> Path | None:
    """Unpack one part of the recorded material; None (and a sentence) where it is absent."""
    if not ARCHIVE.is_file():
        print(f"記録がありません。測りません。 / No recorded material at {ARCHIVE}: nothing measured.")
        return None
    with tarfile.open(ARCHIVE) as packed:
        members = [member for member in packed if member.name.startswith(f"{part}/")]
        packed.extractall(folder, members, filter="data")
    return folder / part / "dev"


def rows_of(file: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def read_with(reader: Callable[..., Iterator[dict[str, Any]]], files: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the files as `daicho read` does, and say how long it took on one core."""
    began = time.process_time()
    with ReadProgress(1) as progress:
        rows = list(reader(tuple(files), progress))
    spent = time.process_time() - began
    print(
        f"{len(rows)} rows read in {spent:.1f} s of one core, {1000 * spent / max(len(rows), 1):.2f} ms each"
    )
    return rows


def judge(name: str, expected: Path, predictions: Iterable[Row], arguments: Iterable[str] = ()) -> int:
    """Let one of the judges hold predictions against the truth; returns its exit code."""
    script = DATA / "judge" / f"{name}.py"
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in predictions)
        file.flush()
        command = [sys.executable, str(script), str(expected), file.name, *arguments]
        return subprocess.run(command, check=False).returncode
