# SPDX-License-Identifier: Apache-2.0
"""`daicho …` in a process of its own without the second that its imports take: forked from one that has them.

Run as a program, it reads one JSON object a line (arguments, cwd, environment, out, err: paths) and answers each
with the exit code. What a start from nothing must do is tested by those who call `python -m deploy` themselves.
"""

import atexit
import gc
import importlib
import os
import pkgutil
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

PATIENCE = 120  # seconds; then the child is ended by SIGALRM and its code is -14


class Wish(msgspec.Struct, frozen=True):
    """One command: what `subprocess.run` is told; `out` and `err` are files."""

    arguments: list[str]
    cwd: str
    environment: dict[str, str]
    out: str
    err: str


def run(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run `daicho` with these arguments and nothing to read; gives what `subprocess.run` gives."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        wish = Wish(list(arguments), str(cwd), dict(environment), str(out), str(err))
        parent = _parent()
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(msgspec.json.encode(wish).decode() + "\n")
        parent.stdin.flush()
        code = int(parent.stdout.readline())
        return subprocess.CompletedProcess(
            ["daicho", *arguments], code, out.read_text("utf-8"), err.read_text("utf-8")
        )


@cache
def _parent() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-m", "tests.forked"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_end, parent)
    return parent


def _end(parent: subprocess.Popen[str]) -> None:
    parent.communicate()


def _load_everything() -> None:
    for room in ("deploy.commands", "deploy.loading", "collector", "inventory_db", "agent"):
        try:
            package = importlib.import_module(room)
        except ModuleNotFoundError:
            continue
        for info in pkgutil.iter_modules(package.__path__, f"{room}."):
            if not info.ispkg or room == "deploy.commands":
                importlib.import_module(info.name)


def _serve() -> None:
    _load_everything()
    gc.collect()
    gc.freeze()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(msgspec.json.decode(line, type=Wish))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _become(wish: Wish) -> None:
    """Be a fresh `daicho` in every way that a test can see."""
    signal.alarm(PATIENCE)
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, wish.out, _NEW),
        (2, wish.err, _NEW),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(wish.cwd)
    os.environ.clear()
    os.environ.update(wish.environment)
    time.tzset()
    random.seed()
    sys.argv = ["daicho", *wish.arguments]
    importlib.import_module("deploy.cli").main()


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC

if __name__ == "__main__":
    _serve()
