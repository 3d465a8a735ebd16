"""Promote a version to champion on its signed gates, and put the champion before it back."""

import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from market.errors import AliasMoved, RegistryError, UsageError
from market.home import Home
from registry.aliases import alias_holder, move_alias
from registry.fetch import Shelf
from registry.gate_record import CHAMPION_ALIAS, GateRecord
from registry.gates import Gate, as_table, gates_digest
from registry.judgement import judge, verified_record
from registry.pull import prove
from registry.record import Decision, Move, read
from registry.server import tracking_server
from registry.tracking import find_version, models, versions


@dataclass(frozen=True)
class Promotion:
    """How a request to move the champion alias ended.

    Parameters
    ----------
    model : str
    version : int
        Which the alias was to go to.
    previous : int or None
        Where it was.
    failing : tuple of Gate
        Why it did not move; none where it did.
    decision : Decision or None
        The recorded move.
    """

    model: str
    version: int
    previous: int | None
    failing: tuple[Gate, ...] = ()
    decision: Decision | None = None


def promote(home: Home, version: int, model: str | None = None) -> Promotion:
    """Make a version champion if every gate passed, the champion's included, and record it.

    The alias moves only from the champion that the version was compared with, and only to a bundle that can be pulled.

    Raises
    ------
    AliasMoved
        If there is another champion since.
    BundleRefused
        If the stored bundle does not verify.
    GatesRefused
        If the version's gate record is not one signed by the home's key.
    UsageError
        If several models have such a version and none is named.
    RegistryError
        If the server cannot be reached, has no such version or not its files, or the record of decisions does not hold.
    """
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        return promote_at(home, uri, model or model_with(uri, version), version)


def promote_at(home: Home, uri: str, model: str, version: int) -> Promotion:
    """Do what `promote` does, at a server that is there."""
    judged = judge(home, uri, find_version(uri, model, version))
    before = judged.record.champion
    if judged.failing:
        return Promotion(model, version, before, judged.failing)
    _refuse_stale(uri, model, version, before)
    prove(home, Shelf(uri).fetch_version(model, CHAMPION_ALIAS, version))
    move = champion_move(model, before, version, judged.record)
    return Promotion(model, version, before, decision=move_alias(uri, move, home.decisions))


def _refuse_stale(uri: str, model: str, version: int, before: int | None) -> None:
    """Refuse a version that was compared with another champion than there is now, and say what to do."""
    now = alias_holder(uri, model, CHAMPION_ALIAS)
    if now != before:
        remedy = "`pregao retrain` compares with the champion of now and registers what to promote"
        named, found = (f"version {one}" if one is not None else "none" for one in (before, now))
        raise AliasMoved(
            f"{model} version {version}: expected the champion that it was compared with, {named}, found {found}; "
            f"{remedy}: the same data and parameters give the same bundle, whose sessions on paper count on"
        )


def rollback(home: Home, model: str | None = None) -> Promotion:
    """Put back the champion before this one, as the record of decisions names it, and record that.

    Raises
    ------
    RegistryError
        If there is none, or it or its files are not in the registry any more.
    AliasMoved
        If the alias is not where the record says.
    BundleRefused, GatesRefused
        If its bundle does not verify, or its gate record is not one signed by the home's key.
    """
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        return rollback_at(home, uri, model or _model_promoted(home))


def rollback_at(home: Home, uri: str, model: str) -> Promotion:
    """Do what `rollback` does, at a server that is there."""
    line = champions(home.decisions, model)
    if len(line) < 2:
        found = f"only version {line[0]}" if line else "none"
        raise RegistryError(f"{model}: expected a champion before the present one, found {found}; promote a version")
    back, record = line[-2], verified_record(home, uri, find_version(uri, model, line[-2]))
    prove(home, Shelf(uri).fetch_version(model, CHAMPION_ALIAS, back))
    move = champion_move(model, line[-1], back, record)
    return Promotion(model, back, line[-1], decision=move_alias(uri, move, home.decisions))


def champions(record: Path, model: str) -> list[int]:
    """Return the champions of a model, the present one last; one that was rolled back is left out.

    Raises
    ------
    RecordBroken
        If the record does not hold.
    """
    line: list[int] = []
    for decision in read(record):
        move = decision.move
        if (move.name, move.alias) != (model, CHAMPION_ALIAS) or move.to_version is None:
            continue
        if move.to_version in line:
            del line[line.index(move.to_version) :]
        line.append(move.to_version)
    return line


def champion_move(model: str, before: int | None, after: int, record: GateRecord) -> Move:
    """Return the move of the champion alias that whoever runs this process makes."""
    digest = gates_digest(as_table(record.gates))
    return Move(getpass.getuser(), model, CHAMPION_ALIAS, before, after, digest)


def model_with(uri: str, version: int) -> str:
    """Return the one registered model that has a version of this number; raises UsageError where it is not one."""
    found = (name for name in models(uri) if any(one.version == version for one in versions(uri, name)))
    return _the_one(found, f"with version {version}")


def _model_promoted(home: Home) -> str:
    moves = (decision.move for decision in read(home.decisions))
    return _the_one({move.name for move in moves if move.alias == CHAMPION_ALIAS}, "with a champion")


def _the_one(names: Iterable[str], what: str) -> str:
    found = sorted(names)
    if len(found) != 1:
        known = ", ".join(found) or "none; `pregao retrain` registers one"
        raise UsageError(f"expected one registered model {what}, found {known}; name it with --model")
    return found[0]
