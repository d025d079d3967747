# SPDX-License-Identifier: Apache-2.0
"""One check from the ledger: which edition, the case read, the edition judged."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from collector.basis import AGE_LIMIT
from collector.case import Case
from collector.case_file import read_case, times_in
from collector.edition import Edition, edition_names, load_edition
from collector.judge import judge
from collector.judged import Judgement


class NoSuchEdition(ValueError):
    """There is no edition of this name; `ja` and `en` name those there are."""

    def __init__(self, id: str) -> None:
        names = edition_names()
        self.ja = f"「{id[:40]}」という版はありません。{'、'.join(names)} から選んでください。"
        self.en = f"There is no edition “{id[:40]}”. Choose one of {', '.join(names)}."
        super().__init__(self.en)


def check(
    connection: Connection,
    edition: str,
    now: datetime,
    at: datetime | None = None,
    age_limit: timedelta = AGE_LIMIT,
) -> Judgement:
    """Judge the edition ("": the newest final one for this facility) on the ledger. Raises NoSuchEdition."""
    case = read_case(connection, now, at, age_limit)
    return judge(choose_edition(edition, case), case, times_in(connection))


def choose_edition(wanted: str, case: Case) -> Edition:
    """Give the wanted edition; without one, the newest final edition of the facility's form.

    Raises NoSuchEdition.
    """
    if wanted and wanted not in edition_names():
        raise NoSuchEdition(wanted)
    if wanted:
        return load_edition(wanted)
    form = case.facility.form if case.facility else "hospital"
    every = [load_edition(name) for name in edition_names()]
    fitting = [one for one in every if one.form == form] or every
    return max(fitting, key=lambda one: (one.status == "final", one.fiscal_year, one.id))
