"""What people state: kept append-only, the last word on a key stands, files are kept once by content."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from inventory_db import attachments, statements
from inventory_db.stated import KINDS, Answer, Approval, Vendor
from inventory_db.tables import open_ledger, writing

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
LATER = datetime(2026, 7, 2, 9, tzinfo=UTC)


def test_the_last_word_stands_and_the_history_keeps_both(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "l.sqlite")
    with writing(engine) as connection:
        statements.state(connection, Vendor(id="a", name="A社"), "鈴木", NOW)
        statements.state(connection, Vendor(id="a", name="A株式会社"), "佐藤", LATER)
    with engine.connect() as connection:
        stands = statements.standing(connection, Vendor)
        assert stands["a"].said.name == "A株式会社"
        assert stands["a"].who == "佐藤"
        assert statements.standing(connection, Vendor, at=NOW)["a"].said.name == "A社"
        assert [entry.who for entry in statements.history(connection, "vendor", "a")] == ["鈴木", "佐藤"]


def test_taking_back_leaves_the_history(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "l.sqlite")
    said = Approval(device="d", port=23, reason="保守", approver="院長", until=date(2027, 3, 31))
    with writing(engine) as connection:
        statements.state(connection, said, "鈴木", NOW)
        assert statements.withdraw(connection, "approval", said.key, "鈴木", LATER)
        assert not statements.withdraw(connection, "approval", said.key, "鈴木", LATER)
        assert statements.standing(connection, Approval) == {}
        assert len(statements.history(connection, "approval")) == 2


def test_the_database_refuses_to_change_what_was_stated(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "l.sqlite")
    with writing(engine) as connection:
        statements.state(connection, Vendor(id="a", name="A社"), "鈴木", NOW)
    with pytest.raises(DatabaseError), engine.begin() as connection:
        connection.execute(text("UPDATE statements SET who = 'x'"))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("nothing", "{}"),
        ("vendor", "{"),
        ("vendor", '{"id": 1, "name": "x"}'),
        ("vendor", '{"id": "a", "name": "x", "typo": 1}'),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_field(kind: str, data: str) -> None:
    with pytest.raises(statements.BadStatement) as caught:
        statements.read_statement(kind, data)
    assert "何も変更していません" in caught.value.ja


def test_every_kind_survives_its_json() -> None:
    said = Answer(
        edition="R6-hospital",
        sheet="医療機関確認用",
        target="pc",
        number="2-7",
        answer="いいえ",
        on=date(2026, 7, 1),
    )
    from probes.facts import encode

    assert statements.read_statement("answer", encode(said)) == said
    assert said.key == "R6-hospital/医療機関確認用//pc/2-7/1"
    assert all(kind == one.KIND for kind, one in KINDS.items())


def test_a_file_is_kept_once_by_content(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "l.sqlite")
    with writing(engine) as connection:
        first = attachments.attach(connection, b"MDS", "mds.pdf", "application/pdf", "鈴木", NOW)
        assert attachments.attach(connection, b"MDS", "again.pdf", "application/pdf", "佐藤", LATER) == first
        with pytest.raises(attachments.BadAttachment):
            attachments.attach(connection, b"", "empty", "text/plain", "鈴木", NOW)
        assert attachments.content(connection, first) == b"MDS"
        assert [one.name for one in attachments.listed(connection).values()] == ["mds.pdf"]
