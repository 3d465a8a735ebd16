"""Moves of aliases that were recorded and may not have been made: a mark stands beside the record until they are.

The record is written before the alias moves. A process that dies in between leaves the mark, by which a later one tells
its unfinished move from an alias that a person has put back by hand. Whoever calls holds the lock of the aliases.
"""

import json
from dataclasses import asdict
from pathlib import Path

from market.errors import RecordBroken
from registry.record import Move, read


def begin(record: Path, move: Move) -> None:
    """Mark a move before it is recorded; one that is begun and never recorded counts for nothing."""
    _write(record, {**_read(record), _key(move.name, move.alias): asdict(move)})


def end(record: Path, name: str, alias: str) -> None:
    """Take the mark of an alias away, where there is one."""
    marks = _read(record)
    if marks.pop(_key(name, alias), None) is not None:
        _write(record, marks)


def unfinished(record: Path, name: str, alias: str) -> Move | None:
    """Return the last recorded move of an alias if its mark is still there.

    Raises
    ------
    RecordBroken
        If the record does not hold, or the marks cannot be read.
    """
    mark = _read(record).get(_key(name, alias))
    moves = [one.move for one in read(record) if (one.move.name, one.move.alias) == (name, alias)]
    return moves[-1] if mark and moves and asdict(moves[-1]) == mark else None


def _key(name: str, alias: str) -> str:
    return f"{alias} {name}"


def _place(record: Path) -> Path:
    return record.with_name(f"{record.name}.unfinished")


def _read(record: Path) -> dict[str, dict[str, object]]:
    place = _place(record)
    try:
        return dict(json.loads(place.read_bytes())) if place.exists() else {}
    except (ValueError, TypeError) as error:
        raise RecordBroken(f"{place}: expected marks of moves, found {error}; remove the file") from error


def _write(record: Path, marks: dict[str, dict[str, object]]) -> None:
    draft = _place(record).with_suffix(".draft")
    draft.write_text(json.dumps(marks, sort_keys=True), encoding="utf-8")
    draft.replace(_place(record))
