# SPDX-License-Identifier: Apache-2.0
"""The stop switch of an agent: a note in its state folder that anybody who may write there can leave.

While it lies there, a running scan is ended and none begins, over restarts too, until somebody takes it away.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from agent.refusal import Refusal

_FILE = "stop"
LOOK_EVERY = 0.2  # seconds between two looks at the switch


class Stop(msgspec.Struct, frozen=True):
    """Who stopped the agent, when and why."""

    who: str
    at: datetime
    why: str = ""


@dataclass(frozen=True, slots=True)
class StopSwitch:
    """The switch of one state folder."""

    state: Path

    @property
    def is_on(self) -> bool:
        """Whether the agent must send nothing; also when the note cannot be read."""
        return (self.state / _FILE).exists()

    def read(self) -> Stop | None:
        """Give who stopped it and why; None when it is off. A note that says nothing counts as somebody's."""
        try:
            return msgspec.json.decode((self.state / _FILE).read_bytes(), type=Stop)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError):
            return Stop("?", datetime.fromtimestamp(0).astimezone())

    def turn_on(self, stop: Stop) -> None:
        """Stop the agent; raises Refusal where the folder cannot be written."""
        new = self.state / f"{_FILE}.new"
        try:
            new.write_bytes(msgspec.json.encode(stop))
            new.replace(self.state / _FILE)
        except OSError as error:
            raise _unusable(self.state, error) from error

    def turn_off(self) -> bool:
        """Let the agent scan again; False when it was not stopped. Raises Refusal."""
        try:
            (self.state / _FILE).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unusable(self.state, error) from error
        return True


def _unusable(state: Path, why: OSError) -> Refusal:
    return Refusal(
        f"エージェントの保存フォルダー {state} に書けません（{why.strerror}）。エージェントを動かす利用者か管理者（sudo）で"
        "実行してください。急ぐときは、エージェントのプロセスを止めてください（systemctl stop）。",
        f"The agent's state folder {state} cannot be written ({why.strerror}). Run it as the agent's user or with sudo; "
        "in a hurry, stop the agent's process (systemctl stop).",
    )
