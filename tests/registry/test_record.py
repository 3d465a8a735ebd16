import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.errors import RecordBroken
from registry.record import GENESIS, Move, append, read, recorded_holder, verify

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
FIRST = Move("ana", "pregao-wdo-1m", "challenger", None, 1, "g1")
MOVES = (FIRST, replace(FIRST, from_version=1, to_version=2, gates_digest="g2"), replace(FIRST, alias="champion"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "decisions.jsonl"
    for move in MOVES:
        append(path, move, NOON)
    return path


def test_record_that_does_not_exist_is_empty_and_intact(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl") == ()
    assert verify(tmp_path / "none.jsonl") == []


def test_moves_come_back_in_order(record: Path) -> None:
    assert tuple(decision.move for decision in read(record)) == MOVES
    assert verify(record) == []


def test_an_alias_is_where_its_own_last_move_went(record: Path) -> None:
    """The champion's move to 1 is the newest of all, and the challenger's last one went to 2."""
    holders = [recorded_holder(record, FIRST.name, alias) for alias in ("challenger", "champion", "other")]
    assert holders == [2, 1, None]
    assert recorded_holder(record, "pregao-win-1m", "champion") is None


def test_lines_have_the_documented_keys_and_hashes(record: Path) -> None:
    """The chain can be checked with a JSON reader and SHA-256 alone."""
    previous = GENESIS
    for line in record.read_text(encoding="utf-8").splitlines():
        fields = json.loads(line)
        assert set(fields) == {"at", "who", "name", "alias", "from", "to", "gates", "previous", "hash"}
        found = fields.pop("hash")
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
        assert found == hashlib.sha256(canonical).hexdigest()
        assert fields["previous"] == previous
        assert fields["at"] == "2026-03-02T12:00:00+00:00"
        previous = found


def lines_of(record: Path) -> list[str]:
    return record.read_text(encoding="utf-8").splitlines(keepends=True)


@pytest.mark.parametrize("field", ["at", "who", "name", "alias", "from", "to", "gates", "previous", "hash"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_changed_field_is_found(record: Path, number: int, field: str) -> None:
    lines = lines_of(record)
    changed = json.loads(lines[number]) | {field: "other"}
    lines[number] = json.dumps(changed, sort_keys=True, separators=(",", ":")) + "\n"
    record.write_text("".join(lines), encoding="utf-8")
    assert verify(record)[0].startswith(f"line {number + 1}:")


def test_line_written_another_way_is_found(record: Path) -> None:
    """The same content with a space more: its hash would hold."""
    lines = lines_of(record)
    lines[1] = json.dumps(json.loads(lines[1]), sort_keys=True) + "\n"
    record.write_text("".join(lines), encoding="utf-8")
    assert verify(record) == ["line 2: its JSON is not in canonical form"]


def test_line_rewritten_with_its_own_hash_breaks_the_next(record: Path) -> None:
    lines = lines_of(record)
    forged = json.loads(lines[0]) | {"to": 9}
    del forged["hash"]
    digest = hashlib.sha256(json.dumps(forged, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    lines[0] = json.dumps(forged | {"hash": digest}, sort_keys=True, separators=(",", ":")) + "\n"
    record.write_text("".join(lines), encoding="utf-8")
    assert verify(record) == ["line 2: it does not follow the line before"]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 2, 1), (1, 2), (0, 2), (0, 0, 1, 2)])
def test_moved_removed_or_repeated_line_is_found(record: Path, order: tuple[int, ...]) -> None:
    lines = lines_of(record)
    record.write_text("".join(lines[number] for number in order), encoding="utf-8")
    assert verify(record)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_found(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "bytes.jsonl"
    path.unlink(missing_ok=True)
    for move in MOVES:
        append(path, move, NOON)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 2))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    assert verify(path)


@pytest.mark.parametrize("text", ["nonsense\n", "[]\n", "{}\n", "\n"])
def test_foreign_line_is_found(record: Path, text: str) -> None:
    with record.open("a", encoding="utf-8") as file:
        file.write(text)
    assert verify(record)[0].startswith("line 4:")


def test_nothing_is_added_to_a_broken_record(record: Path) -> None:
    record.write_text(record.read_text(encoding="utf-8").replace("ana", "eve", 1), encoding="utf-8")
    before = record.read_bytes()
    with pytest.raises(RecordBroken, match="line 1: its content does not give its hash"):
        append(record, FIRST, NOON)
    assert record.read_bytes() == before


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_line_cut_by_a_kill_never_counted(record: Path, kept: int) -> None:
    last = lines_of(record)[-1]
    whole = record.read_bytes()
    record.write_bytes(whole[: -len(last)] + last.encode()[:kept])
    assert tuple(decision.move for decision in read(record)) == MOVES[:2]
    again = append(record, MOVES[2], NOON)
    assert read(record)[-1] == again
    assert record.read_bytes() == whole


def test_writers_at_the_same_time_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "busy.jsonl"
    moves = [replace(FIRST, to_version=version) for version in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda move: append(path, move, NOON), moves))
    assert verify(path) == []
    assert sorted(decision.move.to_version or 0 for decision in read(path)) == list(range(24))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(Move, st.text(), st.text(), st.text(), st.none() | st.integers(), st.none(), st.text())))
def test_any_text_survives(tmp_path: Path, moves: list[Move]) -> None:
    path = tmp_path / "text.jsonl"
    path.unlink(missing_ok=True)
    for move in moves:
        append(path, move, NOON)
    assert [decision.move for decision in read(path)] == moves
