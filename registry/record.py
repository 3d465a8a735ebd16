"""The decision record: one JSON line per alias move, each bound to the one before by a hash.

A line is written before its alias moves, so no move goes unrecorded; one that a killed process did not come to make
is made later (`registry.unfinished`), or shows in the next line, whose ``from`` is where the alias really was. Cutting
whole lines off the end leaves a shorter record that is intact in itself: whoever must exclude that keeps the last hash
elsewhere.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from market.errors import RecordBroken

GENESIS = "0" * 64

_KEYS = ("at", "who", "name", "alias", "from", "to", "gates", "previous", "hash")


@dataclass(frozen=True)
class Move:
    """An alias that goes from one version to another.

    Parameters
    ----------
    from_version, to_version : int or None
        None where the alias pointed, or will point, nowhere.
    gates_digest : str
        `registry.gates.gates_digest` of the gate table the move rests on.
    """

    who: str
    name: str
    alias: str
    from_version: int | None
    to_version: int | None
    gates_digest: str


@dataclass(frozen=True)
class Decision:
    """A recorded move with its place in the chain."""

    at: str
    move: Move
    previous: str
    hash: str


def append(path: Path, move: Move, at: datetime) -> Decision:
    """Add a move to the record and return it once it is on disk.

    An unfinished last line, left by a kill or a power cut during a write, is dropped first: its alias never moved.

    Raises
    ------
    RecordBroken
        The record was altered; nothing is added to a chain that does not hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(path.name + ".lock")):
        chain = read(path)
        fields = _fields(move, at.isoformat(), chain[-1].hash if chain else GENESIS)
        _write(path, _canonical(fields | {"hash": _digest(fields)}) + b"\n")
    return _decision(fields | {"hash": _digest(fields)})


def read(path: Path) -> tuple[Decision, ...]:
    """Return every decision, oldest first; none where there is no record yet.

    Raises
    ------
    RecordBroken
        For the first line that does not hold.
    """
    faults = verify(path)
    if faults:
        remedy = "restore it from a backup; no alias moves until then"
        raise RecordBroken(f"{path}: expected an unbroken chain of decisions, found {faults[0]}; {remedy}")
    return tuple(_decision(json.loads(line)) for line in _lines(path))


def recorded_holder(path: Path, name: str, alias: str) -> int | None:
    """Return the version that an alias was moved to last, None where it was never moved, or to none.

    Raises
    ------
    RecordBroken
        For the first line that does not hold.
    """
    moves = [one.move.to_version for one in read(path) if (one.move.name, one.move.alias) == (name, alias)]
    return moves[-1] if moves else None


def verify(path: Path) -> list[str]:
    """Return what is wrong with the record, one sentence per line at fault; nothing where the chain holds."""
    faults, previous = [], GENESIS
    for number, line in enumerate(_lines(path), start=1):
        fault, previous = _check(line, previous)
        if fault:
            faults.append(f"line {number}: {fault}")
    return faults


def _check(line: bytes, previous: str) -> tuple[str, str]:
    """Return the fault of a line, empty if none, and the hash the next line must name."""
    try:
        fields = json.loads(line)
    except ValueError:
        return "it is not JSON", previous
    if not isinstance(fields, dict) or set(fields) != set(_KEYS):
        return f"its keys are not {', '.join(_KEYS)}", previous
    if line != _canonical(fields):
        return "its JSON is not in canonical form", str(fields["hash"])
    found = str(fields["hash"])
    if found != _digest({key: fields[key] for key in _KEYS[:-1]}):
        return "its content does not give its hash", found
    if fields["previous"] != previous:
        return "it does not follow the line before", found
    return "", found


def _lines(path: Path) -> list[bytes]:
    """Return the finished lines."""
    if not path.exists():
        return []
    return path.read_bytes().split(b"\n")[:-1]


def _write(path: Path, line: bytes) -> None:
    """Put a line after the last finished one, through to the disk."""
    with path.open("ab") as file:
        file.truncate(sum(len(done) + 1 for done in _lines(path)))
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _fields(move: Move, at: str, previous: str) -> dict[str, Any]:
    return {
        "at": at,
        "who": move.who,
        "name": move.name,
        "alias": move.alias,
        "from": move.from_version,
        "to": move.to_version,
        "gates": move.gates_digest,
        "previous": previous,
    }


def _decision(fields: Mapping[str, Any]) -> Decision:
    move = Move(fields["who"], fields["name"], fields["alias"], fields["from"], fields["to"], fields["gates"])
    return Decision(fields["at"], move, fields["previous"], fields["hash"])


def _canonical(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _digest(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(fields)).hexdigest()
