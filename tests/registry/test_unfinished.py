"""A mark tells the unfinished move of its own alias, and of no other, and only once the move is recorded."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from market.errors import RecordBroken
from registry.record import Move, append
from registry.unfinished import begin, end, unfinished

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
WIN = Move("ana", "pregao-win-60s", "champion", None, 1, "g1")
WDO = replace(WIN, name="pregao-wdo-60s")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "decisions.jsonl"


def asked(record: Path, move: Move) -> Move | None:
    return unfinished(record, move.name, move.alias)


def test_move_is_unfinished_from_its_record_to_its_end(record: Path) -> None:
    begin(record, WIN)
    assert asked(record, WIN) is None  # killed here nothing was decided
    append(record, WIN, NOON)
    assert asked(record, WIN) == WIN
    end(record, WIN.name, WIN.alias)
    assert asked(record, WIN) is None


def test_move_begun_and_never_recorded_is_not_the_one_before_it(record: Path) -> None:
    append(record, WIN, NOON)
    begin(record, replace(WIN, from_version=1, to_version=2))
    assert asked(record, WIN) is None


def test_models_and_aliases_have_marks_of_their_own(record: Path) -> None:
    moves = (WIN, WDO, replace(WIN, alias="challenger"))
    for move in moves:
        begin(record, move)
        append(record, move, NOON)
    assert [asked(record, move) for move in moves] == [*moves]
    end(record, WDO.name, WDO.alias)
    assert [asked(record, move) for move in moves] == [moves[0], None, moves[2]]


def test_marks_that_cannot_be_read_say_what_to_do(record: Path) -> None:
    begin(record, WIN)
    (record.parent / "decisions.jsonl.unfinished").write_text("{", encoding="utf-8")
    with pytest.raises(RecordBroken, match=r"expected marks of moves, found .*; remove the file"):
        asked(record, WIN)
