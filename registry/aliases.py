"""Aliases: which version is challenger or champion, moved by compare-and-set and never without a record."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from market.errors import AliasMoved
from registry.mlflow_client import connect
from registry.record import Decision, Move, append, recorded_holder
from registry.unfinished import begin, end, unfinished


@dataclass(frozen=True)
class Settled:
    """Where an alias is, and ought to be by the record, at one moment.

    Parameters
    ----------
    holder, ought : int or None
    finished : bool
        Whether the move of a process that died over it was made only now.
    """

    holder: int | None
    ought: int | None
    finished: bool


def move_alias(uri: str, move: Move, record: Path) -> Decision:
    """Move an alias, if it still is where `move` says, and record who moved it and on what gates.

    Raises
    ------
    AliasMoved
        The alias points elsewhere than `move.from_version`.
    RegistryError
        The server cannot be reached, has no such version, or the record does not hold.
    """
    with connect(uri) as client, alias_lock(record):
        _expect(client, move, move.from_version)
        return make_move(client, move, record)


def record_move(uri: str, move: Move, record: Path) -> Decision:
    """Record a move that somebody else has made, if the alias still is where it went.

    Raises
    ------
    AliasMoved
        The alias points elsewhere than `move.to_version`.
    """
    with connect(uri) as client, alias_lock(record):
        _expect(client, move, move.to_version)
        end(record, move.name, move.alias)
        return append(record, move, datetime.now(UTC))


def settle_alias(uri: str, name: str, alias: str, record: Path) -> Settled:
    """Look where an alias is and ought to be, after making a recorded move that a killed process did not come to make.

    A version that is gone meanwhile cannot be moved to; the alias then stays where it is.

    Raises
    ------
    RegistryError
        The server cannot be reached, or the record does not hold.
    """
    with connect(uri) as client, alias_lock(record):
        move, finished = unfinished(record, name, alias), False
        if move is not None and holder_of(client, name, alias) == move.from_version != move.to_version:
            finished = _finish(client, move)
        end(record, name, alias)
        return Settled(holder_of(client, name, alias), recorded_holder(record, name, alias), finished)


def alias_holder(uri: str, name: str, alias: str) -> int | None:
    """Return the version an alias points to, None where it points nowhere."""
    with connect(uri) as client:
        return holder_of(client, name, alias)


def make_move(client: MlflowClient, move: Move, record: Path) -> Decision:
    """Record a move, then make it; whoever calls holds the lock and has looked where the alias is."""
    if move.to_version is not None:
        client.get_model_version(move.name, str(move.to_version))
    begin(record, move)
    decision = append(record, move, datetime.now(UTC))
    _set(client, move)
    end(record, move.name, move.alias)
    return decision


def _set(client: MlflowClient, move: Move) -> None:
    if move.to_version is None:
        client.delete_registered_model_alias(move.name, move.alias)
    else:
        client.set_registered_model_alias(move.name, move.alias, str(move.to_version))


def _finish(client: MlflowClient, move: Move) -> bool:
    """Make a move, and return whether its version is still there."""
    try:
        _set(client, move)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True


def _expect(client: MlflowClient, move: Move, version: int | None) -> None:
    holder = holder_of(client, move.name, move.alias)
    if holder != version:
        expected = f"{move.name}: expected alias '{move.alias}' at version {version}"
        raise AliasMoved(f"{expected}, found {holder}; look at that version, then decide again")


@contextmanager
def alias_lock(record: Path) -> Iterator[None]:
    """Let one process of this home at a time look at an alias and move it."""
    record.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(record.with_name(f"{record.name}.alias.lock")):
        yield


def holder_of(client: MlflowClient, name: str, alias: str) -> int | None:
    """Return the version an alias points to, None where it points nowhere, asked with a client at hand."""
    try:
        return int(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
