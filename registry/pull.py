"""Bring the bundle of an alias into the runner's cache: fetched, proved from end to end, and only then served."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from market.errors import BundleRefused
from market.home import Home
from registry.bundle import Bundle, install, load_bundle
from registry.fetch import Offered, Shelf
from registry.gate_record import GateRecord, unseal
from registry.gates import latency
from registry.serving import Entry, admit, serve
from registry.signing import public_key
from trading.model import score_probability

_ROUNDS = 20


@dataclass(frozen=True)
class Pulled:
    """What the runner takes from now on.

    Parameters
    ----------
    instrument : str
    entry : Entry
    folder : Path
        In the cache.
    latency_p99_us : float
        Of the model alone, on this machine.
    """

    instrument: str
    entry: Entry
    folder: Path
    latency_p99_us: float


def pull(home: Home, alias: str, model: str | None = None, *, demonstration: bool = False) -> Pulled:
    """Fetch what an alias names and hand it to the runner; the runner itself is not touched.

    Parameters
    ----------
    home : Home
    alias : str
    model : str, optional
        By default the one registered model with that alias.
    demonstration : bool
        Whether the model is for paper only, and may come of synthetic data.

    Raises
    ------
    SafetyRefusal
        As `take`; the cache is then as before.
    RegistryError
        As `Shelf.fetch`.
    """
    with _server(home) as uri:
        shelf = Shelf(uri)
        offered = shelf.fetch(model or shelf.model_with(alias), alias)
    return take(home, offered, demonstration=demonstration)


@contextmanager
def _server(home: Home) -> Iterator[str]:
    """Yield the address of the server; a trading host has none of its own to start, nor what that takes."""
    named = os.environ.get("MLFLOW_TRACKING_URI")
    if named:
        yield named
        return
    from registry.server import tracking_server

    with tracking_server(home.root) as uri:
        yield uri


def take(home: Home, offered: Offered, *, demonstration: bool = False) -> Pulled:
    """Verify what a server offered, in the order of distrust, and serve it.

    Raises
    ------
    BundleRefused
        If the bundle does not verify, is of another model, or is too slow on this machine.
    GatesRefused
        If its gate record is not the home's, is of another bundle, or a gate did not pass.
    ProvenanceRefused
        If a champion has seen synthetic data, and not only a demonstration is asked for.
    """
    with _proved(home, offered, demonstration) as (folder, bundle, entry):
        slowest = check_latency(entry.where, bundle, unseal(entry.where, offered.gate_record, public_key(home.keys)))
        place = install(folder, home.bundles, public_key(home.keys))
    serve(home, bundle.manifest.instrument, entry)
    return Pulled(bundle.manifest.instrument, entry, place, slowest)


def prove(home: Home, offered: Offered) -> str:
    """Verify what a server offered, as `take` will on the host that trades; serve nothing, and return its instrument.

    The time the model takes is not asked: that is another machine's.

    Raises
    ------
    SafetyRefusal
        As `take`.
    """
    with _proved(home, offered, demonstration=False) as (_, bundle, _):
        return bundle.manifest.instrument


@contextmanager
def _proved(home: Home, offered: Offered, demonstration: bool) -> Iterator[tuple[Path, Bundle, Entry]]:
    """Yield a folder with a bundle that verifies and may trade, the bundle, and its entry."""
    public = public_key(home.keys)
    home.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.state, prefix=".pull-") as draft:
        folder = Path(draft)
        for name, data in offered.files.items():
            (folder / name).write_bytes(data)
        bundle = load_bundle(folder, public)
        text = offered.gate_record.decode("ascii", errors="replace")
        entry = Entry(bundle.digest, offered.model, offered.version, offered.alias, demonstration, text)
        admit(bundle, entry, public)
        yield folder, bundle, entry


def check_latency(where: str, bundle: Bundle, record: GateRecord) -> float:
    """Return the 99th percentile of the time the model takes over its golden rows, µs.

    The rest of a decision is the same code for every bundle; a model that needs more than the budget of a whole
    decision is refused. The budget is the one that was signed.

    Raises
    ------
    BundleRefused
        If it is too slow here.
    """
    golden, model, taken = bundle.golden, bundle.model, []
    for _ in range(_ROUNDS):
        for regime, row in zip(golden.regimes.tolist(), golden.rows, strict=True):
            began_ns = time.perf_counter_ns()
            score_probability(model, regime, row)
            taken.append(time.perf_counter_ns() - began_ns)
    p99_us = float(np.percentile(taken, 99)) / 1000.0
    asked = [gate.threshold for gate in record.gates if gate.name == latency.__name__]
    budget_us = asked[0] if asked and isinstance(asked[0], (int, float)) else 0.0
    if p99_us > budget_us:
        raise BundleRefused(
            f"{where}: expected a model within {budget_us:g} µs on this machine, found {p99_us:.0f} µs at the 99th "
            "percentile; free the machine, or train a smaller model"
        )
    return p99_us
