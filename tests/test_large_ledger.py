# SPDX-License-Identifier: Apache-2.0
"""What keeps a large ledger quick: bound forms, texts at hand, pieces of pages, the log brought in, the journal's end."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from sqlalchemy import Engine, event, select

from collector.ledger_rows import LedgerRows
from collector.ledger_view import Entry
from collector.log_keeper import LogKeeper
from collector.looked_at import look_at
from collector.pieces import Pieces
from collector.scope_picture import cover
from collector.translation import load_words
from collector.warming import warm_all
from inventory_db import binding, ledger, ledger_index, observations, tables, write_ahead
from inventory_db.facilities import add_facility, bind
from inventory_db.journal import journal_part
from inventory_db.texts_at_hand import find_numbers, warm
from probes.facts import Sent, Upload
from tests.inventory_cases import START, seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]


def test_a_statement_is_bound_once_and_keeps_its_values(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tables.writing(ledger_engine) as c:
        add_facility(c, "higashi", "東病院", START)
    for facility in (1, 2):
        with tables.writing(bind(ledger_engine, facility)) as c:
            for name in ("a", "b"):
                row = {"id": f"{name}{facility}", "started": 0, "agent": name, "body": b"{}"}
                c.execute(tables.scans.insert(), [row])
    made, plain = list[Any](), binding._limited

    def counted(*given: Any) -> Any:
        made.append(given)
        return plain(*given)

    monkeypatch.setattr(binding, "_limited", counted)
    monkeypatch.setattr(binding, "_FORMS", type(binding._FORMS)())  # another database made them before
    table = tables.scans
    for facility in (1, 2):
        with bind(ledger_engine, facility).connect() as c:
            for names in (("a",), ("b",), ("a", "b"), ()):
                query = select(table.c.id).where(table.c.agent.in_(names), table.c.started == 0)
                assert sorted(c.execute(query).scalars()) == [f"{name}{facility}" for name in names]
            streamed = select(table.c.id).where(table.c.agent == "a").execution_options(yield_per=1)
            assert c.execute(streamed).scalars().all() == [f"a{facility}"]
            assert c.execute(select(table.c.id).where(table.c.agent == "b")).scalars().all() == [
                f"b{facility}"
            ]
    assert len(made) == 2 * 3  # two facilities, three shapes; the option makes one of its own


def statements_of(engine: Engine) -> list[str]:
    found: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, said, *_more: found.append(said))
    return found


def numbers(engine: Engine, *words: str) -> list[int]:
    with engine.connect() as c:
        mark = ledger_index.find_mark(c)
        assert mark is not None
        found = find_numbers(c, mark, words)
        assert found is not None
        return list(found)


def test_after_a_word_was_typed_only_its_row_is_read_again(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        observations.append(
            c, upload(*(seen(f"10.1.0.{n}", mac=f"00:00:5e:00:53:{n:02x}") for n in range(1, 9)))
        )
        ledger.refresh(c)
    ledger_index.ensure(ledger_engine)
    assert len(numbers(ledger_engine, "10.1.0.")) == 8
    assert numbers(ledger_engine, "手術室") == []
    with tables.writing(ledger_engine) as c:
        ledger.edit(c, ledger.devices(c)[2].id, "設置場所", "手術室", "鈴木", START)
    said = statements_of(ledger_engine)
    (third,) = numbers(ledger_engine, "手術室")
    (read,) = [one for one in said if "FROM ledger_texts" in one]
    assert "device_id" in read
    assert numbers(ledger_engine, "手術室", "10.1.0.") == [third]
    assert len(numbers(ledger_engine, "10.1.0.")) == 8
    with tables.writing(ledger_engine) as c:  # whoever derives has the new texts at hand at once
        observations.append(c, upload(seen("10.1.0.77", mac="00:00:5e:00:53:77", minute=9)))
        ledger.refresh(c)
        warm(c, anew=False)
    said.clear()
    assert len(numbers(ledger_engine, "10.1.0.")) == 9
    assert not [one for one in said if "FROM ledger_texts" in one]


def test_a_start_reads_the_texts_of_every_facility(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        observations.append(c, upload(seen("10.1.0.1", mac="00:00:5e:00:53:01")))
        ledger.refresh(c)
        add_facility(c, "higashi", "東病院", START)
    warm_all(ledger_engine)
    said = statements_of(ledger_engine)
    assert len(numbers(ledger_engine, "10.1.0.1")) == 1
    assert numbers(bind(ledger_engine, 2), "10.1.0.1") == []
    assert not [one for one in said if "FROM ledger_texts" in one]


def test_pieces_are_made_once_and_let_go_of() -> None:
    pieces, made = Pieces(most=10), list[str]()

    def make(text: str) -> str:
        made.append(text)
        return text

    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb"):
        assert pieces.get(text, lambda text=text: make(text)) == Markup(text)  # type: ignore[misc]
    assert made == ["aaaa", "bbbb", "cccc", "bbbb"]


HOSTILE = '<script>alert(1)</script>" onload=x\u202egnp.exe'


def test_rows_and_networks_show_hostile_words_as_text() -> None:
    rows = LedgerRows(Pieces(), lambda _text: None)
    device = {"id": HOSTILE, "device_class": HOSTILE, "dual_homed": {"declared": False}, "forwards": True}
    device |= {"last_seen": HOSTILE, "remote_paths": [{"kind": HOSTILE}], "addresses": [], "people": {}}
    device |= {"confidence": {}}
    for language in ("ja", "en"):
        entry = Entry((HOSTILE,) * 12, device, True)
        for may in (True, False):
            made = rows.row(load_words(language), entry, may)
            assert "<script" not in made
            assert '" onload' not in made
            assert "\u202e" not in made
            assert "&lt;script&gt;" in made
    choices = rows.networks({"10.0.0.0/24": 2, HOSTILE: 1}, HOSTILE, (1,))
    assert ("<script" in choices, choices.count(" selected")) == (False, 1)
    assert rows.networks({"10.0.0.0/24": 2, HOSTILE: 1}, "10.0.0.0/24", (1,)).count(" selected") == 1
    assert " selected" not in rows.networks({"10.0.0.0/24": 2, HOSTILE: 1}, "", (1,))


def test_what_a_scope_covers_is_counted_without_looking_at_each_device() -> None:
    looked = look_at(
        ["10.1.0.1", "10.1.0.1", "10.1.1.0", "fd00::1", "nonsense"], ["night", "night", "fragile"]
    )
    found = cover(("10.1.0.0/24", "10.1.0.0/23", "fd00::/64", "0.0.0.0/0"), (), looked)
    assert [one.seen for one in found] == [1, 2, 1, 2]
    assert looked.held_back == (("night", 2), ("fragile", 1))


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Engine, Path]]:
    """A ledger whose log nobody brings in."""
    monkeypatch.setattr(write_ahead, "SMALL", 50_000)
    monkeypatch.setattr(write_ahead, "LARGE", 200_000)
    path = tmp_path / "l.sqlite"
    engine = tables.open_ledger(path)
    write_ahead.leave_to_others(engine)
    yield engine, path
    engine.dispose()


def fill(engine: Engine, some: int, start: int = 0) -> None:
    for number in range(start, start + some):
        with tables.writing(engine) as c:
            observations.append(c, upload(seen("10.1.0.1", minute=number, transcript=f"> b'{number}'")))


def test_the_log_is_brought_in_beside_a_reader_and_begun_anew_without(grown: tuple[Engine, Path]) -> None:
    engine, path = grown
    keeper = LogKeeper(engine, str(path))
    fill(engine, 3)
    with engine.connect() as reader:
        before = len(list(observations.load(reader)))
        fill(engine, 12, 3)
        assert write_ahead.log_size(path) > 200_000
        assert keeper.step()  # the reader keeps it from being begun anew
        assert write_ahead.log_size(path) > 200_000
        assert len(list(observations.load(reader))) == before == 3
    found = write_ahead.fold(path)
    assert found is not None
    assert (found.after, found.all_of_it) == (0, True)
    assert not keeper.step()  # a small one is left alone
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as raw:
        assert raw.execute("SELECT count(*) FROM observations").fetchone() == (15,)


def test_threads_write_in_turn_and_at_once(grown: tuple[Engine, Path]) -> None:
    """Whoever waits goes on when the one before is done: SQLite alone would let them ask again up to 100 ms later."""
    engine, order = grown[0], list[str]()
    inside, done = threading.Event(), threading.Event()

    def write(name: str) -> None:
        with tables.writing(bind(engine, 1)):
            order.append(name)

    def hold() -> None:
        with tables.writing(engine):
            inside.set()
            done.wait(10)
            order.append("first")

    threads = [threading.Thread(target=hold), threading.Thread(target=write, args=("second",))]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    threads[1].join(0.05)
    assert (order, threads[1].is_alive()) == ([], True)
    done.set()
    for one in threads:
        one.join(10)
    assert order == ["first", "second"]
    with pytest.raises(ZeroDivisionError), tables.writing(engine):
        raise ZeroDivisionError
    write("after a failure")  # the turn was given back


def test_no_commit_of_the_collector_brings_the_log_in(grown: tuple[Engine, Path]) -> None:
    with grown[0].connect() as c:
        assert c.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar() == 100_000


def test_the_end_of_the_journal_is_read_alone(ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observations, "MOST_COUNTED", 10)
    lines = tuple(
        Sent(
            scan="s",
            vantage="v",
            at=START + timedelta(seconds=n),
            address=f"10.1.0.{n % 2}",
            action="echo",
            port=n,
        )
        for n in range(30)
    )
    with tables.writing(ledger_engine) as c:
        observations.append(c, Upload(sent=lines))
        found, count = observations.newest_sent(c, None, 3)
        assert ([one.port for one in found], count) == ([29, 28, 27], 11)
        found, count = observations.newest_sent(c, "10.1.0.0", 2)
        assert ([one.port for one in found], count) == ([28, 26], 15)
        assert [one.port for one in observations.journal(c, "10.1.0.1")] == list(range(1, 30, 2))
        assert sorted(one.port for one in observations.each_sent(c, "10.1.0.1")) == list(range(1, 30, 2))
    if ledger_engine.dialect.name == "sqlite":
        said = statements_of(ledger_engine)
        with ledger_engine.connect() as c:
            observations.journal(c, "10.1.0.1")
            plan = c.exec_driver_sql(f"EXPLAIN QUERY PLAN {said[-1]}", ("10.1.0.1",)).all()
        assert "ix_journal_facility_address_at" in str(plan)


def test_the_journal_of_one_address_comes_in_parts_whatever_happened_at_once(ledger_engine: Engine) -> None:
    lines = tuple(
        Sent(
            scan="s",
            vantage="v",
            at=START + timedelta(seconds=n // 5),
            address=f"10.1.0.{n % 2}",
            action="echo",
            port=n,
        )
        for n in range(60)
    )
    with tables.writing(ledger_engine) as c:
        observations.append(c, Upload(sent=lines))
        whole = observations.journal(c, "10.1.0.1")[::-1]
        for most in (1, 2, 3, 7):
            found, cursor = list[Sent](), ""
            while True:
                part = journal_part(c, most, "10.1.0.1", cursor)
                found += part.entries
                if part.next is None:
                    break
                cursor = part.next
            assert found == whole
            assert observations.newest_sent(c, "10.1.0.1", most) == (whole[:most], 30)
