"""Bring market data into the lake, delivery by delivery; what was brought stays, whatever stops the run."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.lock import exclusive
from flows.orphans import claim_server
from flows.progress import steps
from flows.sources.delivery import Delivery, Source
from flows.sources.inbox import Inbox
from flows.sources.metatrader import MetaTrader, load_terminal
from flows.sources.settings import CollectSettings
from market.calendar import EXCHANGE_ZONE
from market.completeness import judge
from market.errors import PregaoError, UsageError
from market.home import Home
from market.importer import import_file
from market.lake import Lake


@dataclass(frozen=True)
class Collected:
    """What became of one delivery: status is imported, unchanged, refused or failed."""

    source: str
    label: str
    status: str
    reason: str


@dataclass(frozen=True)
class SessionCheck:
    """Whether a session that was touched is whole, and if not, why."""

    contract: str
    session: str
    kind: str
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
    """

    deliveries: list[Collected] = field(default_factory=list)
    sessions: list[SessionCheck] = field(default_factory=list)
    dvc: str = "unchanged"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields of `pregao collect --json`."""
        return asdict(self)


def open_sources(home: Home, settings: CollectSettings) -> list[Source]:
    """Return the sources that the settings name; raises UsageError for one that does not exist or cannot be used."""

    def metatrader() -> Source:
        roots, sessions, folder = settings.metatrader_roots, settings.metatrader_sessions, home.state / "fetched"
        return MetaTrader(load_terminal(), roots, sessions, folder, lambda: dt.datetime.now(EXCHANGE_ZONE))

    makers: dict[str, Callable[[], Source]] = {"inbox": lambda: Inbox(home.inbox), "metatrader": metatrader}
    for name in settings.sources:
        if name not in makers:
            raise UsageError(f"source {name!r}: expected one of {', '.join(makers)}, found another; name one of them")
    return [makers[name]() for name in settings.sources]


def collect_job(home: Home, lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> Collection:
    """Run the flow, one job at a time per home."""
    with exclusive(home):
        claim_server()
        return collect(home, lake, sources, settings)


@flow(name="collect", log_prints=False, validate_parameters=False)
def collect(home: Home, lake: Lake, sources: Sequence[Source], settings: CollectSettings) -> Collection:
    """Take every delivery, check the sessions it touched, then version the data."""
    done, before = Collection(), lake.data_hash()
    known = {(p.key, p.sha256) for p in lake.partitions()}
    as_task = task(
        name="take delivery",
        persist_result=False,
        cache_policy=NO_CACHE,
        retries=settings.retries,
        retry_delay_seconds=settings.retry_delay_s,
    )
    fetch = as_task(take_delivery)
    for source in sources:
        for delivery in steps(list(source.deliveries(lake)), source.name):
            state = fetch(lake, source.name, delivery, return_state=True)
            done.deliveries.append(state.result() if state.is_completed() else _failed(source, delivery, state))
    touched = [p for p in lake.partitions() if (p.key, p.sha256) not in known]
    for partition in touched:
        verdict = judge(partition, lake.instruments.session(partition.contract, partition.day))
        done.sessions.append(
            SessionCheck(partition.contract, partition.session, partition.kind, verdict.complete, verdict.reasons)
        )
    if lake.data_hash() != before:
        done.dvc = version_data(home)
    return done


def take_delivery(lake: Lake, source: str, delivery: Delivery) -> Collected:
    """Fetch one file and import it; a refusal is an outcome, a failed fetch an error that is tried again."""
    path = delivery.fetch()
    try:
        result = import_file(lake, path, symbol=delivery.symbol)
    except PregaoError as error:
        delivery.settle(str(error))
        return Collected(source, delivery.label, "refused", str(error))
    delivery.settle(None)
    return Collected(source, delivery.label, result.status, result.reason)


def version_data(home: Home) -> str:
    """Record the data folder in data.dvc, where the home is a DVC repository."""
    if not (home.root / ".dvc").is_dir():
        return f"not versioned: {home.root} is no DVC repository"
    command = [sys.executable, "-m", "dvc", "add", "--quiet", "data"]
    done = subprocess.run(command, cwd=home.root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PregaoError(
            f"{home.root}: expected `dvc add data` to record the lake, found {done.stderr.strip()[-500:]}; "
            "the lake itself is whole; mend this and run the command again"
        )
    return "data.dvc updated; commit it"


def _failed(source: Source, delivery: Delivery, state: Any) -> Collected:
    return Collected(source.name, delivery.label, "failed", str(state.result(raise_on_failure=False)))
