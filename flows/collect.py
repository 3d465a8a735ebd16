"""Bring market data into the lake, delivery by delivery; what was brought stays, whatever stops the run."""

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from flows.lock import exclusive
from flows.orphans import claim_server
from flows.sources.captures import Captures
from flows.sources.delivery import Collected, Source
from flows.sources.inbox import Inbox
from flows.sources.metatrader import MetaTrader, load_terminal
from flows.sources.profitdll import Downloads, ProfitDll
from flows.sources.settings import CollectSettings
from market.calendar import EXCHANGE_ZONE
from market.completeness import judge
from market.errors import PregaoError
from market.home import Home
from market.lake import Lake
from market.lake_commit import write_durably

UNFINISHED = "collect.json"  # in the state folder: what the lake held before a run that has not come to its end


@dataclass(frozen=True)
class SessionCheck:
    """Whether a session that was touched is whole, and if not, why."""

    contract: str
    session: str
    kind: str
    bar_seconds: int
    complete: bool
    reasons: tuple[str, ...]


@dataclass
class Collection:
    """What a run did.

    Parameters
    ----------
    deliveries : list of Collected
        In the order they came.
    sessions : list of SessionCheck
        Every session that is new or longer than before.
    dvc : str
        What became of data.dvc.
    versioned : bool
        False where data.dvc should have been written and was not.
    """

    deliveries: list[Collected] = field(default_factory=list)
    sessions: list[SessionCheck] = field(default_factory=list)
    dvc: str = "unchanged"
    versioned: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao collect --json`."""
        fields = asdict(self)
        del fields["versioned"]  # machines read `ok` and `reason`
        return fields


def open_sources(home: Home, settings: CollectSettings, library: Callable[[], Path]) -> list[Source]:
    """Return the sources that the settings name.

    Parameters
    ----------
    library : callable
        Returns where ProfitDLL's file lies; asked only where that source is named.

    Raises
    ------
    UsageError
        For a source that cannot be used here.
    """

    def now() -> dt.datetime:
        return dt.datetime.now(EXCHANGE_ZONE)

    def metatrader() -> Source:
        roots, sessions, folder = settings.metatrader_roots, settings.metatrader_sessions, home.state / "fetched"
        return MetaTrader(load_terminal(), roots, sessions, folder, now)

    def inbox() -> Source:
        return Inbox(home.inbox, settings.inbox_quiet_s)

    def capture() -> Source:
        return Captures(home.capture)

    def profitdll() -> Source:
        downloads = Downloads(home, library(), now().date())
        return ProfitDll(downloads, settings.profitdll_roots, settings.profitdll_sessions, now)

    makers: dict[str, Callable[[], Source]] = {
        "inbox": inbox, "metatrader": metatrader, "capture": capture, "profitdll": profitdll,
    }  # fmt: skip
    return [makers[name]() for name in settings.sources]


def collect_job(home: Home, lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> Collection:
    """Take every delivery, judge the sessions it touched, then version the data; one job at a time per home.

    A run that was stopped anywhere leaves a note of what the lake held before it, so that the next one judges and
    versions what it brought.

    Raises
    ------
    PregaoError
        Where another job runs, or data.dvc lists a lake that was never fetched: nothing is taken then.
    """
    with exclusive(home):
        done, note = Collection(), home.state / UNFINISHED
        done.deliveries = list(_look(lake, sources))
        if any(one.status != "waiting" for one in done.deliveries):
            _refuse_unfetched(home, lake)
            _keep(note, _held(lake))
            done.deliveries = _take(lake, sources, settings)
        if note.exists():
            done.sessions = check_sessions(lake, json.loads(note.read_text(encoding="utf-8")))
            try:
                done.dvc = version_data(home, lake)
                note.unlink()
            except PregaoError as error:
                done.dvc, done.versioned = str(error), False
        elif not _is_versioned(home):
            done.dvc = _no_repository(home)
        return done


def check_sessions(lake: Lake, before: Mapping[str, str]) -> list[SessionCheck]:
    """Judge every session that is new or longer than before.

    Parameters
    ----------
    before : mapping of str to str
        The content hash of every partition that was held, by its path.
    """
    checks = []
    for one in lake.partitions():
        if before.get(one.path) != one.sha256:
            verdict = judge(one, lake.instruments.session(one.contract, one.day))
            checks.append(
                SessionCheck(one.contract, one.session, one.kind, one.bar_seconds, verdict.complete, verdict.reasons)
            )
    return checks


def version_data(home: Home, lake: Lake) -> str:
    """Record the data folder in data.dvc, where the home is a DVC repository; raises PregaoError where DVC cannot."""
    if not _is_versioned(home):
        return _no_repository(home)
    record = home.root / "data.dvc"
    before = record.read_bytes() if record.exists() else b""
    while True:
        recorded = lake.data_hash()
        _dvc_add(home)
        if lake.data_hash() == recorded:  # else an import changed the lake while it was read
            break
    return "unchanged" if record.read_bytes() == before else "updated; commit it"


def _is_versioned(home: Home) -> bool:
    return (home.root / ".dvc").is_dir()


def _no_repository(home: Home) -> str:
    return f"none, for {home.root} is no DVC repository; `git init` and `dvc init` there make it one"


def _dvc_add(home: Home) -> None:
    command = [sys.executable, "-m", "dvc", "add", "--quiet", "data"]
    done = subprocess.run(command, cwd=home.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PregaoError(
            f"{home.root}: expected `dvc add data` to record the lake, found {done.stderr.strip()[-500:]}; "
            "the lake itself is whole; mend this and run the command again"
        )


def _look(lake: Lake, sources: Sequence[Source]) -> Iterator[Collected]:
    """Yield every delivery as it stands before the run: offered or waiting."""
    for source in sources:
        for delivery in source.deliveries(lake):
            reason = delivery.waits()
            yield Collected(source.name, delivery.label, "waiting" if reason else "offered", reason)


def _take(lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> list[Collected]:
    from flows.deliveries import take_deliveries  # takes seconds to load, and starts a server

    claim_server()
    return take_deliveries(lake, sources, settings)


def _refuse_unfetched(home: Home, lake: Lake) -> None:
    """Refuse to begin a lake where data.dvc lists another that is not here: it would be replaced by the new one."""
    record = home.root / "data.dvc"
    if _is_versioned(home) and record.is_file() and not lake.partitions():
        raise PregaoError(
            f"{record}: expected the lake that it lists, found none in {lake.folder}; run `dvc pull` to fetch it, or "
            "delete data.dvc to begin a lake of your own"
        )


def _held(lake: Lake) -> dict[str, str]:
    return {partition.path: partition.sha256 for partition in lake.partitions()}


def _keep(note: Path, held: Mapping[str, str]) -> None:
    """Write down what the lake holds, unless an unfinished run did."""
    if not note.exists():
        temporary = note.with_suffix(".partial")
        write_durably(temporary, json.dumps(held).encode())
        temporary.replace(note)
