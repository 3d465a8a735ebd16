"""The watcher of an alias that a person may move by hand in the MLflow UI.

The record of decisions says which version ought to be champion. Where the server says another, the gates of that one
are judged as `pregao promote` does: it is recorded and handed to the runner, or the last good one is put back. A runner
reads its own cache only, so whatever is done on the server meanwhile cannot hurt it.
"""

import itertools
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum

from market.errors import RecordBroken, RegistryError, SafetyRefusal, VersionMissing
from market.home import Home
from registry.aliases import move_alias, record_move, settle_alias
from registry.fetch import Offered, Shelf
from registry.gate_record import CHAMPION_ALIAS
from registry.gates import as_table, gates_digest
from registry.judgement import Judgement, judge, verified_record
from registry.promotion import champions
from registry.pull import prove, take
from registry.record import Move, read
from registry.server import answers, tracking_server
from registry.serving import present_entry, served_roots
from registry.tracking import DIGEST_TAG, find_version, models

BY_HAND = "by hand in the MLflow UI"
WATCHER = "watcher"


class Outcome(StrEnum):
    """What a look at the alias came to."""

    UNCHANGED = "unchanged"
    ACCEPTED = "accepted"  # moved by hand to a version that passed: recorded and served
    PUBLISHED = "published"  # promoted by command, and served now
    FINISHED = "finished"  # promoted by a command that died before the alias moved: moved now, and served
    RESTORED = "restored"  # moved by hand to one that did not: put back
    LOST = "lost"  # not put back: no version is left that could be champion


@dataclass(frozen=True)
class Look:
    """What the watcher found and did.

    Parameters
    ----------
    model : str
        Empty where the server could not be asked which there are.
    outcome : Outcome
    champion : int or None
        Which version is champion now.
    alarm : str
        What an operator must read; empty where nothing was wrong.
    """

    model: str
    outcome: Outcome
    champion: int | None
    alarm: str = ""


def reconcile_alias(home: Home, uri: str, model: str) -> Look:
    """Look once where the champion alias is, and accept or undo what was done by hand.

    Parameters
    ----------
    home : Home
    uri : str
        Of a server that answers.
    model : str

    Raises
    ------
    AliasMoved
        If somebody moves the alias at this very moment; look again.
    RegistryError
        If the server cannot be reached, or the record of decisions does not hold.
    """
    settled = settle_alias(uri, model, CHAMPION_ALIAS, home.decisions)
    line, ought, holder = champions(home.decisions, model), settled.ought, settled.holder
    if holder == ought:
        look = _publish(home, uri, model, holder)
        return replace(look, outcome=Outcome.FINISHED) if settled.finished else look
    if holder is None:
        return _restore(home, uri, Move(WATCHER, model, CHAMPION_ALIAS, None, None, ""), line, "it was deleted")
    move = Move(BY_HAND, model, CHAMPION_ALIAS, ought, holder, "")
    refused = _accept(home, uri, move, line)
    if refused:
        return _restore(home, uri, replace(move, who=WATCHER, from_version=holder), line, refused)
    return replace(_publish(home, uri, model, holder), outcome=Outcome.ACCEPTED)


def watch_aliases(home: Home, model: str | None, every_s: float, looks: int | None = None) -> Iterator[Look]:
    """Look after the champion of a model, by default of every registered and every recorded one; yield what is new.

    What the server does not answer is an alarm, and asked again at the next look.

    Parameters
    ----------
    home : Home
    model : str, optional
    every_s : float
        Between two looks.
    looks : int, optional
        How many; without end by default.

    Raises
    ------
    RecordBroken
        If the record of decisions does not hold.
    """
    told: dict[str, str] = {}
    with ExitStack() as server:
        uri = ""
        for number in itertools.count(1):
            try:
                uri = _address(home, server, uri)
                seen = [_look(home, uri, name) for name in _watched(home, uri, model)]
            except RecordBroken:
                raise
            except RegistryError as error:
                seen = [Look(model or "", Outcome.UNCHANGED, None, str(error))]
            yield from (
                one for one in seen if one.outcome is not Outcome.UNCHANGED or one.alarm != told.get(one.model, "")
            )
            told = {one.model: one.alarm for one in seen}
            if number == looks:
                return
            time.sleep(every_s)


def _address(home: Home, server: ExitStack, uri: str) -> str:
    """Return where the server answers: the one in use, else the one that the environment names, else the home's own."""
    if uri and answers(uri):
        return uri
    server.close()
    return server.enter_context(tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")))


def _watched(home: Home, uri: str, model: str | None) -> list[str]:
    """Return the models to look after: one that is recorded, and gone from the server, is missed."""
    if model:
        return [model]
    recorded = {one.move.name for one in read(home.decisions) if one.move.alias == CHAMPION_ALIAS}
    return sorted({*models(uri), *recorded})


def _look(home: Home, uri: str, model: str) -> Look:
    """Look once; what cannot be done now is an alarm, and done at a later look."""
    try:
        return reconcile_alias(home, uri, model)
    except RecordBroken:
        raise
    except RegistryError as error:
        return Look(model, Outcome.UNCHANGED, None, str(error))


def _publish(home: Home, uri: str, model: str, holder: int | None) -> Look:
    """Serve the rightful champion, unless it is served already."""
    if holder is None or _is_served(home, uri, model, holder):
        return Look(model, Outcome.UNCHANGED, holder)
    try:
        refused = _hand_over(home, Shelf(uri).fetch_version(model, CHAMPION_ALIAS, holder))
    except (SafetyRefusal, VersionMissing) as error:
        refused = str(error)
    if refused:
        return Look(model, Outcome.UNCHANGED, holder, f"{model} version {holder}: not handed to the runner: {refused}")
    return Look(model, Outcome.PUBLISHED, holder)


def _hand_over(home: Home, offered: Offered) -> str:
    """Serve a champion, and return why not, empty where that is done.

    A runner trades one model of an instrument. Which of two champions that is, nobody but a person decides: the watcher
    would change them for each other at every look.
    """
    root = prove(home, offered)
    served = present_entry(home, root, CHAMPION_ALIAS)
    if served is not None and served.model != offered.model:
        return f"{root} is traded by {served.where}; `pregao pull --model {offered.model}` takes this one in its place"
    take(home, offered)
    return ""


def _accept(home: Home, uri: str, move: Move, line: list[int]) -> str:
    """Record a version that was chosen by hand as champion; return why not, empty where that is done."""
    assert move.to_version is not None
    try:
        judged = judge(home, uri, find_version(uri, move.name, move.to_version))
        refused = _why_not(judged, move.from_version, line)
        if refused:
            return refused
        # By its number: whatever the alias names meanwhile, proved is what was judged.
        prove(home, Shelf(uri).fetch_version(move.name, CHAMPION_ALIAS, move.to_version))
        digest = gates_digest(as_table(judged.record.gates))
        record_move(uri, replace(move, gates_digest=digest), home.decisions)
    except (SafetyRefusal, VersionMissing) as error:
        return str(error)
    return ""


def _why_not(judged: Judgement, ought: int | None, line: list[int]) -> str:
    """Return why a version may not be champion; one that was champion before needs no new comparison."""
    if judged.failing:
        return "; ".join(f"{gate.name}: {gate.reason}" for gate in judged.failing)
    if judged.record.champion != ought and judged.version.version not in line:
        return f"it was compared with version {judged.record.champion}, and the champion is version {ought}"
    return ""


def _restore(home: Home, uri: str, move: Move, line: list[int], refused: str) -> Look:
    """Put the alias back to the last good version that is still there, or nowhere, and say so."""
    model, holder = move.name, move.from_version
    found = f"version {holder}" if holder is not None else "none"
    alarm = f"{model}: expected the champion that the record names, found {found}: {refused}"
    for good in reversed(line):
        try:
            record = verified_record(home, uri, find_version(uri, model, good))
            prove(home, Shelf(uri).fetch_version(model, CHAMPION_ALIAS, good))
        except (VersionMissing, SafetyRefusal) as error:
            alarm += f"; version {good} cannot be put back: {error}"
            continue
        digest = gates_digest(as_table(record.gates))
        move_alias(uri, replace(move, to_version=good, gates_digest=digest), home.decisions)
        return Look(model, Outcome.RESTORED, good, f"{alarm}; version {good} is put back, the runner was not touched")
    if holder is None:
        record_move(uri, move, home.decisions)
    else:
        move_alias(uri, replace(move, to_version=None), home.decisions)
    return Look(model, Outcome.LOST, None, f"{alarm}; no champion is left, the runner keeps what it has: promote one")


def _is_served(home: Home, uri: str, model: str, version: int) -> bool:
    digest = find_version(uri, model, version).tags.get(DIGEST_TAG)
    served = (present_entry(home, root, CHAMPION_ALIAS) for root in served_roots(home))
    return any((one.model, one.version, one.digest) == (model, version, digest) for one in served if one)
