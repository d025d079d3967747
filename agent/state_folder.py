# SPDX-License-Identifier: Apache-2.0
"""The agent's folder on its machine: key, identity, logbook, when it last began, and who may use it now."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from agent.refusal import Refusal

LOGBOOK_FILE = "logbook"
_LOCK_FILE = "lock"
_WHOLE_FILE = "whole"  # the operator wishes that every host be asked whole at the next scan
_LAST_START_FILE = "last_start"  # RFC 3339 with offset


def find_state_folder(written: str, environment: Mapping[str, str]) -> Path:
    """Give the folder: the written one, else daicho in XDG_STATE_HOME, else in ~/.local/state."""
    if written:
        return Path(written).expanduser()
    return Path(environment.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "daicho"


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the folder for this process; raises Refusal when another one has it or it cannot be used."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(state / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(state, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Refusal(
            f"{state} を使うエージェントがすでに動いています。二重には調べません。先に動いているほうを止めてください。",
            f"An agent that uses {state} is running already; nothing is scanned twice at once. Stop that one first.",
        ) from error
    finally:
        os.close(descriptor)


def read_last_start(state: Path) -> datetime | None:
    """Give when the last scan began; None before the first, or when the note cannot be read."""
    try:
        moment = datetime.fromisoformat((state / _LAST_START_FILE).read_text("ascii"))
    except (OSError, ValueError):
        return None
    return moment if moment.tzinfo else None


def write_last_start(state: Path, moment: datetime) -> None:
    """Note when a scan begins, whole or not at all; raises Refusal."""
    path = state / _LAST_START_FILE
    new = path.with_suffix(".new")
    try:
        new.write_text(moment.isoformat(), "ascii")
        new.replace(path)
    except OSError as error:
        raise _unusable(state, error) from error


def wish_whole(state: Path) -> None:
    """Note that the next scan shall ask every host whole; raises Refusal."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (state / _WHOLE_FILE).touch(mode=0o600)
    except OSError as error:
        raise _unusable(state, error) from error


def wishes_whole(state: Path) -> bool:
    """Say whether somebody wished for it."""
    return (state / _WHOLE_FILE).exists()


def take_wish(state: Path) -> bool:
    """Say whether somebody wished for it, and take the note away."""
    try:
        (state / _WHOLE_FILE).unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unusable(state, error) from error
    return True


def _unusable(state: Path, why: OSError) -> Refusal:
    return Refusal(
        f"保存フォルダー {state} に書けません（{why.strerror}）。権限とディスクの空きを確かめるか、"
        "state_folder に別の場所を書いてください。何も送信していません。",
        f"The state folder {state} cannot be written ({why.strerror}). Check permissions and free space, or write "
        "another place as state_folder. Nothing was sent.",
    )
