# SPDX-License-Identifier: Apache-2.0
"""How far backup, restore or move is: a bar on a terminal, a plain line per stage and table elsewhere."""

import time

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.terminal import errors

_STAGES = {
    "write": "書いています / writing",
    "read": "読んで確かめています / reading and checking",
    "load": "入れています / loading",
    "check": "数え直しています / counting again",
}
_EVERY = 10.0  # seconds between plain lines of one large table


class RowProgress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._told = ("", "")
        self._last = 0.0
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
            console=errors, disable=not errors.is_terminal, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> "RowProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, stage: str, table: str, done: int, total: int) -> None:
        """Show that so many rows of this table are done."""
        name = f"{_STAGES[stage]}: {table}"
        if errors.is_terminal:
            self._bar.update(self._task, description=name, completed=done, total=total)
            return
        now = time.monotonic()
        if (stage, "") != self._told and stage != self._told[0]:
            errors.print(_STAGES[stage])
        elif now - self._last > _EVERY:
            errors.print(f"  {table} {done}/{total}")
        else:
            return
        self._told, self._last = (stage, table), now
