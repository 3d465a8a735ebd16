"""Paper-trade a bundle over the held-back sessions with the live runner, started as a process of its own."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backtest.replay import backtest
from backtest.result import BacktestResult
from flows.commands import run_command
from flows.parameters import Parameters
from flows.stages.artifacts import write_json
from flows.stages.dataset import Dataset, open_dataset
from flows.stages.train import BUNDLE
from flows.stages.trainer import paper_trader
from market.errors import PregaoError
from market.home import Home
from registry.bundle import install, load_bundle
from registry.signing import public_key
from trading.journal import Kind, read
from trading.policy import RiskLimits
from trading.records import DECISION

JOURNAL, ANSWER = "paper/journal.bin", "paper/answer.json"


@dataclass(frozen=True)
class PaperRun:
    """What the runner did.

    Parameters
    ----------
    answer : dict
        The JSON object of `pregao live --mode replay`, with `parity`: whether the journal's decisions equal those of
        the backtest of the same bundle, bit for bit.
    result : BacktestResult
        That backtest.
    """

    answer: dict[str, Any]
    result: BacktestResult


def run(home: Home, parameters: Parameters, limits: RiskLimits) -> PaperRun:
    """Install the bundle in the runner's cache, replay the held-back sessions, and compare with the backtest.

    Raises
    ------
    PregaoError
        If the runner refused or died; the message is the runner's own.
    """
    dataset = open_dataset(home, parameters.data)
    cached = install(home.artifacts / BUNDLE, home.bundles, public_key(home.keys))
    journal = home.artifacts / JOURNAL
    journal.unlink(missing_ok=True)
    answer = _run_runner(home, dataset, cached, journal)
    bundle = load_bundle(cached, public_key(home.keys))
    days = dataset.held_back
    trader = partial(paper_trader, dataset, bundle.manifest.costs, bundle.schema, bundle.model, limits)
    result = backtest(trader, dataset.feed, days)
    decisions = [record.rows(DECISION) for record in read(journal) if record.kind == Kind.DECISION]
    journalled = np.concatenate(decisions) if decisions else np.zeros(0, dtype=DECISION)
    answer["parity"] = journalled.tobytes() == result.decisions.tobytes()
    write_json(home.artifacts / ANSWER, answer)
    return PaperRun(answer, result)


def _run_runner(home: Home, dataset: Dataset, bundle: Path, journal: Path) -> dict[str, Any]:
    first, last = (day.isoformat() for day in (dataset.held_back[0], dataset.held_back[-1]))
    command = (
        "live", "--mode", "replay", "--bundle", str(bundle), "--from", first, "--to", last,
        "--contract", dataset.feed.contract, "--journal", str(journal),
    )  # fmt: skip
    answer = run_command(command, home.root)
    if not answer["ok"]:
        reason = answer.get("reason") or "no answer"
        raise PregaoError(f"paper run of {bundle.name[:16]}: expected the runner to end well, found: {reason}")
    return answer
