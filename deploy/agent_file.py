# SPDX-License-Identifier: Apache-2.0
"""agent.toml while the agent runs: a changed one is taken whole, a broken one refused whole, the old one stays in force."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agent.clock import Clock
from agent.refusal import Refusal
from agent.rounds import check_start
from deploy.site import Site, read_site

SETTLED = 2.0  # seconds between two looks that must agree: somebody may be writing the file
_RESTART = ("collector", "state_folder", "spool_bytes")  # what stands until the agent is started again


@dataclass(slots=True)
class AgentFile:
    """The settings in force, and the file that they come from."""

    path: Path
    check: Callable[[Site], None]  # raises Refusal for settings that an agent cannot work by
    tell: Callable[[str, str], None]  # Japanese, English
    site: Site = field(init=False)
    _taken: bytes | None = field(init=False)  # the file as it was when it was taken or refused

    def __post_init__(self) -> None:
        """Read it for the first time; raises Refusal."""
        self._taken = self._read()
        self.site = read_site((), self.path)
        self.check(self.site)

    async def changed(self, clock: Clock) -> bool:
        """Look at the file; true where a new one is in force now."""
        body = self._read()
        if body == self._taken:
            return False
        await clock.sleep(SETTLED)
        if body != self._read():
            return False  # at the next look
        new = self._checked(clock)
        if body != self._read():
            return False  # what was read may be half of it
        self._taken = body
        if isinstance(new, Refusal):
            self.tell(
                f"書き換えられた設定は使わず、前の設定のまま続けます。{new.ja}",
                f"The changed settings are not used; those before stay in force. {new.en}",
            )
            return False
        self._take(new)
        return True

    def _checked(self, clock: Clock) -> Site | Refusal:
        try:
            site = read_site((), self.path)
            self.check(site)
            check_start(site.settings.schedule, site.scope.blackouts, clock.now())
        except Refusal as refusal:
            return refusal
        return site

    def _take(self, site: Site) -> None:
        before = self.site.settings
        later = [name for name in _RESTART if getattr(site.settings, name) != getattr(before, name)]
        settings = msgspec.structs.replace(
            site.settings, **{name: getattr(before, name) for name in _RESTART}
        )
        if settings.schedule.time_zone != before.schedule.time_zone:  # the agent's clock was made with it
            later.append("schedule.time_zone")
            same = msgspec.structs.replace(settings.schedule, time_zone=before.schedule.time_zone)
            settings = msgspec.structs.replace(settings, schedule=same)
        self.site = Site(settings, site.scope)
        self.tell(
            f"書き換えられた {self.path} を読みました。次の調べから使います。",
            f"The changed {self.path} was read; it is used from the next scan on.",
        )
        if later:
            self.tell(
                f"{'、'.join(later)} の変更は、エージェントを始め直したときから効きます。",
                f"Changes of {', '.join(later)} take effect when the agent is started again.",
            )

    def _read(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except OSError:
            return None
