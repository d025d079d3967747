# SPDX-License-Identifier: Apache-2.0
"""How far a scan is, for people: a bar on a terminal, a plain line per stage elsewhere."""

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from agent.survey import Progress as Step
from deploy.terminal import errors

_STAGES = {
    "listen": "聞いています / listening",
    "find": "探しています / finding",
    "ask": "尋ねています / asking",
    "done": "終わりました / done",
}


class ScanProgress:
    """A bar on a terminal, a plain line per stage elsewhere."""

    def __init__(self) -> None:
        self._stage = ""
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[far]}  発見 {task.fields[found]}  送信 {task.fields[packets]}"),
            TimeElapsedColumn(),
            console=errors,
            disable=not errors.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, far="", found=0, packets=0)

    def __enter__(self) -> "ScanProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, step: Step) -> None:
        """Show how far the scan has come."""
        name = _STAGES[step.stage]
        if step.stage != self._stage and not errors.is_terminal:
            errors.print(f"{name}: 見つけたアドレス / addresses {step.found}, 送信 / packets {step.packets}")
        self._stage = step.stage
        self._bar.update(
            self._task,
            description=name,
            completed=step.done,
            total=step.total or None,
            far=f"{step.done}/{step.total}" if step.total else str(step.done or ""),
            found=step.found,
            packets=step.packets,
        )
