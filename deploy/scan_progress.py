# SPDX-License-Identifier: Apache-2.0
"""How far a scan is, for people: a bar on a terminal, plain lines elsewhere, JSON lines for programs."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from agent.refusal import Refusal
from agent.time_left import Progress as Step
from agent.time_left import SegmentProgress
from deploy.terminal import errors

_STAGES = {
    "listen": ("聞いています", "listening"),
    "find": ("探しています", "finding"),
    "ask": ("尋ねています", "asking"),
    "done": ("終わりました", "done"),
}
STYLES = ("auto", "plain", "json")
MOST_ROWS = 16  # networks that are shown one by one on a terminal and in lines
PLAIN_EVERY, JSON_EVERY = 60.0, 1.0  # seconds between two lines of one stage


class ScanProgress:
    """Shows one scan; `style` is one of STYLES. Raises Refusal for another."""

    def __init__(self, style: str = "auto", steady: Callable[[], float] = time.monotonic) -> None:
        if style not in STYLES:
            raise Refusal(
                f"「{style[:20]}」という進み方の示し方はありません。{'、'.join(STYLES)} から選んでください。",
                f"There is no way “{style[:20]}” to show progress. Choose one of {', '.join(STYLES)}.",
            )
        self._style = "bar" if style == "auto" and errors.is_terminal else style
        self._steady = steady
        self._stage, self._next = "", 0.0
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[far]}  発見 {task.fields[found]}{task.fields[packets]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=errors,
            disable=self._style != "bar",
        )
        self._task = self._bar.add_task("", total=None, far="", found=0, packets="", left="")
        self._rows: dict[str, TaskID] = {}  # of each network of the scope

    def __enter__(self) -> "ScanProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, step: Step) -> None:
        """Show how far the scan has come."""
        if self._style == "bar":
            self._show(step)
        elif self._is_time(step):
            if self._style == "json":
                sys.stderr.write(json.dumps({"schema": "daicho/progress/1", **asdict(step)}) + "\n")
                sys.stderr.flush()
            else:
                errors.print(" / ".join(in_words(step)), soft_wrap=True)
                for segment in step.segments[:MOST_ROWS]:
                    errors.print(" / ".join(segment_in_words(segment)), soft_wrap=True)

    def _is_time(self, step: Step) -> bool:
        """Say a line at each new stage, and now and then."""
        now = self._steady()
        if step.stage == self._stage and now < self._next:
            return False
        self._stage = step.stage
        self._next = now + (JSON_EVERY if self._style == "json" else PLAIN_EVERY)
        return True

    def _show(self, step: Step) -> None:
        self._bar.update(
            self._task,
            description=" / ".join(_STAGES[step.stage]),
            completed=step.done,
            total=step.total or None,
            far=f"{step.done}/{step.total}" if step.total else str(step.done or ""),
            found=step.found,
            packets=f"  送信 {step.packets}",
            left=f"残り {duration(step.left)[0]}" if step.left else "",
        )
        for segment in step.segments[:MOST_ROWS]:
            self._show_segment(segment)

    def _show_segment(self, segment: SegmentProgress) -> None:
        if segment.network not in self._rows:
            self._rows[segment.network] = self._bar.add_task(
                f"  {segment.network}", total=None, far="", found=0, packets="", left=""
            )
        self._bar.update(
            self._rows[segment.network],
            completed=segment.done,
            total=segment.total or None,
            far=f"{segment.done}/{segment.total}",
            found=segment.found,
            left=f"残り {duration(segment.left)[0]}" if segment.left else "",
        )


def in_words(step: Step) -> tuple[str, str]:
    """Say it in one line, Japanese and English."""
    ja, en = _STAGES[step.stage]
    far = f" {step.done}/{step.total}" if step.stage in ("find", "ask") and step.total else ""
    left = duration(step.left) if step.left else None
    return (
        f"{ja}{far}（見つけた機器 {step.found}、送信 {step.packets} パケット{f'、残り約 {left[0]}' if left else ''}）",
        f"{en}{far} ({step.found} found, {step.packets} packets sent{f', about {left[1]} left' if left else ''})",
    )


def segment_in_words(segment: SegmentProgress) -> tuple[str, str]:
    """Say how far one network is, Japanese and English."""
    left = duration(segment.left) if segment.left else None
    return (
        f"  {segment.network}: {segment.done}/{segment.total}（見つけた機器 {segment.found}{f'、残り約 {left[0]}' if left else ''}）",
        f"{segment.done}/{segment.total} ({segment.found} found{f', about {left[1]} left' if left else ''})",
    )


def duration(seconds: float) -> tuple[str, str]:
    """Say how long, roughly, Japanese and English."""
    if seconds < 90:
        return f"{seconds:.0f} 秒", f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} 分", f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} 時間", f"{seconds / 3600:.1f} h"
