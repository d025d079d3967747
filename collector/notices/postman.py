# SPDX-License-Identifier: Apache-2.0
"""Looks for news and carries the messages out: step by step, for each facility, on whatever clock it is given."""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from collector.certificate import Certificate
from collector.health import LEAST_FREE
from collector.notices.conditions import Installation, of_agents, of_installation
from collector.notices.mail import NotSent, make_mail, send_mail
from collector.notices.webhook import make_body, post
from collector.notices.wording import write
from collector.settings import Settings
from inventory_db import agents
from inventory_db.agents import Engine
from inventory_db.facilities import FIRST, bind, list_facilities
from inventory_db.notices import Message, bundle, claim, note, settle
from inventory_db.tables import writing

EVERY = 30.0  # seconds between two rounds
MOST_AT_ONCE = 50  # messages of one facility in one round
_log = logging.getLogger(__name__)

NewestBackup = Callable[[], datetime | None]


def channels(settings: Settings) -> tuple[str, ...]:
    """The ways by which notices go out."""
    return ("mail",) * bool(settings.mail.host) + ("webhook",) * bool(settings.webhook.url)


@dataclass(frozen=True, slots=True)
class Postman:
    """Carries the notices of every facility of one database; several of them do not get in each other's way."""

    engine: Engine
    settings: Settings
    folder: Path  # where we write
    now: Callable[[], datetime]
    certificate: Certificate | None = None
    newest_backup: NewestBackup = lambda: None

    def run(self, stop: threading.Event) -> None:
        """Go round until told to stop; what goes wrong is logged and tried again."""
        while not stop.wait(EVERY):
            try:
                self.step()
            except Exception as error:
                _log.error("notices could not be carried out; the next round tries again", exc_info=error)

    def step(self) -> int:
        """Look for news, bundle and send what is due; gives how many messages went out."""
        ways = channels(self.settings)
        if not ways:
            return 0
        with self.engine.connect() as connection:
            open_ones = [one.id for one in list_facilities(connection) if one.closed is None]
        return sum(self._serve(bind(self.engine, id), id, ways) for id in open_ones)

    def _serve(self, engine: Engine, facility: int, ways: tuple[str, ...]) -> int:
        now = self.now()
        with writing(engine) as connection:
            found = [*of_agents(agents.list_agents(connection), self.settings.notices, now)]
            if facility == FIRST:
                found += of_installation(self._installation(), self.settings.notices, now)
            note(connection, found, now)
            bundle(connection, ways, now, timedelta(minutes=self.settings.notices.gather_minutes))
        return sum(self._send(engine, facility, message) for message in self._due(engine, ways))

    def _due(self, engine: Engine, ways: tuple[str, ...]) -> Iterator[Message]:
        for _ in range(MOST_AT_ONCE):
            with writing(engine) as connection:
                message = claim(connection, ways, self.now())
            if message is None:
                return
            yield message

    def _send(self, engine: Engine, facility: int, message: Message) -> bool:
        problem = ""
        try:
            self._carry(facility, message)
        except NotSent as error:
            problem = str(error)
            _log.warning(
                "a notice by %s did not go out (attempt %d): %s", message.channel, message.attempts, problem
            )
        with writing(engine) as connection:
            settle(connection, message, self.now(), problem)
        return not problem

    def _carry(self, facility: int, message: Message) -> None:
        settings = self.settings
        if message.channel == "webhook":
            post(settings.webhook, message.id, make_body(message, facility, settings), self.now())
            return
        to = settings.notices.mail_to.get(str(facility), settings.mail.to)
        if to:
            letter = write(message, settings)
            send_mail(make_mail(letter, message.id, message.made, settings.mail, to), settings.mail)

    def _installation(self) -> Installation:
        days = self.settings.notices.backup_days
        found = self.certificate
        return Installation(
            free=shutil.disk_usage(self.folder).free if self.folder.exists() else None,
            least=LEAST_FREE,
            certificate=(found.fingerprint, found.ends) if found else None,
            backup=self.newest_backup() if days else None,
            backup_wanted=bool(days),
        )
