# SPDX-License-Identifier: Apache-2.0
"""Uploads and the jobs that they leave behind, on both databases: nothing dropped, nothing done twice at once."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, select

from inventory_db import agents, ingest, jobs, ledger, observations, refreshing, uploads
from inventory_db.facilities import add_facility, bind
from inventory_db.ingest import Backlogged, Envelope, take_in
from inventory_db.jobs import LEASE, QUIET, carry_out, claim
from inventory_db.refreshing import Coming
from inventory_db.tables import devices, writing
from inventory_db.uploads import State, list_uploads
from probes.facts import Observation, Scan, Upload
from tests.inventory_cases import START, arp, seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]


def under_way(*seen: Observation) -> Upload:
    """Make a batch of a scan that goes on."""
    return replace(upload(*seen), scans=())


BATCH = under_way(
    arp("10.1.0.5", "00:11:22:33:44:55"),
    seen("10.1.0.5", minute=1, port=22, SSH_BANNER="SSH-2.0-OpenSSH_9.2p1"),
)
LATER = under_way(arp("10.1.0.6", "00:11:22:33:44:66", minute=5))
ENDED = Upload(scans=(Scan(id="s1", started=START, ended=START + timedelta(hours=1), state="complete"),))


class Site:
    """One facility with one agent, and a clock of its own."""

    def __init__(self, engine: Engine, number: int = 1) -> None:
        self.engine, self.now, self.sequence = bind(engine, number), START, 0
        with writing(self.engine) as c:
            code = agents.create_enrolment(c, "a", timedelta(days=1), now=START)
            self.agent = agents.enrol(c, code, bytes([number] * 32), START).id

    def send(self, batch: Upload, most: int = ingest.MOST_BACKLOG) -> None:
        self.sequence += 1
        take_in(self.engine, Envelope(self.agent, self.sequence, 100, self.now, timedelta()), batch, most)

    def states(self) -> list[State]:
        with self.engine.connect() as c:
            return [one.state for one in reversed(list_uploads(c))]

    def devices(self) -> int:
        with self.engine.connect() as c:
            return len(c.execute(select(devices.c.device_id)).all())

    def work(self, then: jobs.Then = jobs.nothing, after: timedelta = timedelta()) -> State | None:
        self.now += after
        job = claim(self.engine, "w", self.now)
        return None if job is None else carry_out(self.engine, job, "w", lambda: self.now, then)

    def waiting(self) -> tuple[jobs.Job, ...]:
        with self.engine.connect() as c:
            return jobs.list_jobs(c)


@pytest.fixture
def site(ledger_engine: Engine) -> Iterator[Site]:
    return Site(ledger_engine)  # type: ignore[return-value]


def overtake(site: Site, monkeypatch: pytest.MonkeyPatch, *more: Upload) -> None:
    """Let somebody else hand this in and derive, once, after a job has looked for devices."""

    def overtaken(connection: Connection) -> Coming | None:
        coming = refreshing.find(connection)
        monkeypatch.undo()
        for batch in more:
            site.send(batch)
        with writing(site.engine) as c:
            ledger.refresh(c)
        return coming

    monkeypatch.setattr(jobs, "find", overtaken)


def test_an_upload_waits_is_reconciled_and_its_repeat_changes_nothing(site: Site) -> None:
    site.send(BATCH)
    assert site.states() == [State.QUEUED]
    assert site.work() is None, "a scan is under way: not at once"
    assert site.work(after=QUIET) is State.RECONCILED
    assert (site.states(), site.devices(), site.waiting()) == ([State.RECONCILED], 1, ())
    site.send(BATCH)
    assert site.states() == [State.RECONCILED, State.NO_CHANGES]
    assert site.waiting() == (), "nothing new came, so there is nothing to do"


def test_the_same_device_seen_again_is_no_change(site: Site) -> None:
    site.send(BATCH)
    site.work(after=QUIET)
    site.send(under_way(arp("10.1.0.5", "00:11:22:33:44:55", minute=90)))
    assert site.work(after=QUIET) is State.NO_CHANGES
    site.send(LATER)
    assert site.work(after=QUIET) is State.RECONCILED
    with site.engine.connect() as c:
        assert [one.devices for one in reversed(list_uploads(c))] == [1, 0, 1]


def test_the_end_of_a_scan_does_not_wait(site: Site) -> None:
    site.send(BATCH)
    site.send(ENDED)
    assert site.work() is State.RECONCILED


def test_many_uploads_are_one_job(site: Site) -> None:
    for minute in range(5):
        site.send(under_way(arp(f"10.1.0.{minute}", f"00:11:22:33:44:{minute:02}", minute=minute)))
    assert [job.asked for job in site.waiting()] == [5]
    assert site.work(after=QUIET) is State.RECONCILED
    assert site.states() == [State.RECONCILED] * 5
    assert site.work(after=timedelta(hours=1)) is None


def test_what_comes_meanwhile_is_done_after(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.send(BATCH)
    job = claim(site.engine, "w", site.now + QUIET)
    assert job is not None

    def slowly(connection: Connection) -> Coming | None:
        coming = refreshing.find(connection)
        site.send(LATER)  # while devices are looked for: would wait for ever if that held the writer's lock
        return coming

    monkeypatch.setattr(jobs, "find", slowly)
    assert carry_out(site.engine, job, "w", lambda: site.now) is State.RECONCILED
    monkeypatch.undo()
    assert site.states() == [State.RECONCILED, State.QUEUED]
    assert site.devices() == 1
    assert [one.leased_by for one in site.waiting()] == [""]
    assert site.work(after=jobs.LONGEST) is State.RECONCILED
    assert (site.devices(), site.waiting()) == (2, ())


def test_somebody_else_may_derive_meanwhile(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.send(BATCH)
    job = claim(site.engine, "w", site.now + QUIET)
    assert job is not None

    overtake(site, monkeypatch, LATER)
    carry_out(site.engine, job, "w", lambda: site.now)
    assert (site.devices(), site.waiting()) == (2, ())
    assert State.QUEUED not in site.states()


def test_a_failure_is_said_kept_and_tried_again_later_and_later(site: Site) -> None:
    site.send(BATCH)

    def derive(_: Connection) -> None:
        raise KeyError("secret of a device")

    assert site.work(derive, QUIET) is State.FAILED
    with site.engine.connect() as c:
        (one,) = list_uploads(c)
        assert len(list(observations.load(c))) == 2, "stored all the same"
    assert one.state is State.FAILED
    assert "KeyError" in one.reason.ja
    assert "KeyError" in one.reason.en
    assert "secret" not in one.reason.ja + one.reason.en
    pauses = []
    for _ in range(3):
        (job,) = site.waiting()
        pauses.append((job.not_before - site.now).total_seconds())
        site.now = job.not_before
        assert site.work(derive) is State.FAILED
    assert pauses == [10, 20, 40]
    site.send(ENDED)
    assert site.work() is None, "the end of a scan does not go past the pause"
    assert site.work(after=jobs.LONGEST_PAUSE) is State.RECONCILED
    with site.engine.connect() as c:
        assert {(one.state, one.reason.ja) for one in list_uploads(c)} <= {
            (State.RECONCILED, ""),
            (State.NO_CHANGES, ""),
        }


def test_a_person_may_ask_for_it_at_once(site: Site) -> None:
    site.send(BATCH)

    def derive(_: Connection) -> None:
        raise ValueError

    assert site.work(derive, QUIET) is State.FAILED
    assert site.work() is None
    with writing(site.engine) as c:
        assert jobs.retry(c, site.now) == 1
    assert site.work() is State.RECONCILED


def test_a_job_is_one_workers_until_its_lease_ends(site: Site) -> None:
    site.send(BATCH)
    due = site.now + QUIET
    job = claim(site.engine, "killed", due)
    assert job is not None
    assert claim(site.engine, "other", due + LEASE / 2) is None
    jobs.renew(site.engine, job, "killed", due + LEASE / 2)
    assert claim(site.engine, "other", due + LEASE) is None
    taken = claim(site.engine, "other", due + LEASE * 2)
    assert taken is not None
    assert carry_out(site.engine, taken, "other", lambda: due) is State.RECONCILED


def test_facilities_have_jobs_of_their_own(site: Site) -> None:
    with site.engine.begin() as c:
        second = add_facility(c, "second", "第二", START).id
    other = Site(site.engine, second)
    site.send(BATCH)
    other.send(LATER)
    assert len(site.waiting()) == len(other.waiting()) == 1
    due = START + QUIET
    first = claim(site.engine, "one", due)
    then = claim(site.engine, "two", due)
    assert first is not None
    assert then is not None
    assert {first.facility, then.facility} == {1, second}
    for job in (first, then):
        assert carry_out(site.engine, job, job.leased_by or "one", lambda: due) is State.RECONCILED
    assert (site.devices(), other.devices()) == (1, 1)


def test_too_long_a_backlog_takes_nothing_in(site: Site) -> None:
    site.send(BATCH, most=1)
    with pytest.raises(Backlogged):
        site.send(LATER, most=1)
    with site.engine.connect() as c:
        assert len(list(observations.load(c))) == 2
        assert agents.list_agents(c)[0].sequence == 1, "the sequence is free for the next try"
    site.work(after=QUIET)
    site.sequence -= 1
    site.send(LATER, most=1)
    with site.engine.connect() as c:
        assert uploads.count_states(c) == {State.RECONCILED: 1, State.QUEUED: 1}


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)  # SQLite has one writer
def test_uploads_do_not_wait_for_the_derivation(site: Site) -> None:
    site.send(BATCH)
    with writing(site.engine) as c:
        ledger.refresh(c)
        site.send(LATER)  # would wait for ever if it needed the writer's lock
    assert site.states() == [State.QUEUED, State.QUEUED]


@pytest.mark.postgres
def test_many_workers_share_the_jobs_and_each_is_done_once(site: Site) -> None:
    with site.engine.begin() as c:
        places = [add_facility(c, f"f{n}", f"施設{n}", START).id for n in range(8)]
    sites = [Site(site.engine, place) for place in places]
    for one in sites:
        one.send(BATCH)
    due, taken, guard = START + QUIET, list[int](), threading.Lock()

    def work(name: str) -> None:
        while job := claim(site.engine, name, due):
            with guard:
                taken.append(job.facility)
            carry_out(site.engine, job, name, lambda: due)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while job := claim(site.engine, "last", due):  # skipped while others held the row
        taken.append(job.facility)
        carry_out(site.engine, job, "last", lambda: due)
    assert sorted(taken) == places
    assert [one.states() for one in sites] == [[State.RECONCILED]] * 8


def test_what_was_stored_without_an_upload_is_derived_after_the_start(site: Site) -> None:
    with writing(site.engine) as c:
        observations.append(c, BATCH)
    jobs.want_what_was_left(site.engine, site.now)
    jobs.want_what_was_left(site.engine, site.now)
    assert [job.asked for job in site.waiting()] == [1]
    site.work()
    assert (site.devices(), site.waiting()) == (1, ())
    jobs.want_what_was_left(site.engine, site.now)
    assert site.waiting() == (), "nothing is left"


def test_times_are_kept(site: Site) -> None:
    site.send(BATCH)
    with site.engine.connect() as c:
        (one,) = list_uploads(c, states=[State.QUEUED], agent=site.agent)
        assert not list_uploads(c, agent="other")
    assert (one.received, one.finished, one.observations, one.sequence) == (START, None, 2, 1)
    assert isinstance(one.received, datetime)


def test_what_was_left_half_written_is_not_called_unchanged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash between two steps nobody knows how many devices an upload changed; that some may be is said."""
    monkeypatch.setattr(refreshing, "AT_ONCE", 0)
    site.send(BATCH)
    job = claim(site.engine, "w", site.now + QUIET)
    assert job is not None
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "finish_steps", crash)
        with pytest.raises(KeyboardInterrupt):
            carry_out(site.engine, job, "w", lambda: site.now)
    assert (site.states(), site.devices()) == ([State.QUEUED], 1)
    site.now += QUIET + 2 * LEASE
    assert site.work() is State.RECONCILED
    with site.engine.connect() as c:
        assert [(one.state, one.devices) for one in list_uploads(c)] == [(State.RECONCILED, None)]
    site.send(LATER)
    assert site.work(after=jobs.LONGEST) is State.RECONCILED
    with site.engine.connect() as c:
        assert list_uploads(c)[0].devices == 1


def test_what_somebody_else_wrote_meanwhile_is_not_called_unchanged(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.send(BATCH)
    job = claim(site.engine, "w", site.now + QUIET)
    assert job is not None

    overtake(site, monkeypatch)
    assert carry_out(site.engine, job, "w", lambda: site.now) is State.RECONCILED
    assert site.states() == [State.RECONCILED]


def crash(*_: object) -> int:
    raise KeyboardInterrupt
