"""The stages that `dvc.yaml` calls by name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flows.lock import exclusive
from flows.parameters import Parameters, load_parameters
from flows.stages import backtest, evaluate, features, labels, leaks, train
from market.errors import UsageError
from market.home import Home
from trading.policy import RiskLimits


def stages_under(limits: RiskLimits) -> dict[str, Callable[[Home, Parameters], Any]]:
    """Return every stage in the order of dvc.yaml; the backtest trades under the limits given."""
    return {
        "features": features.run,
        "labels": labels.run,
        "train": train.run,
        "backtest": partial(backtest.run, limits=limits),
        "leaks": leaks.run,
        "evaluate": evaluate.run,
    }


def run_stage(name: str, home: Home, params: Path, limits: RiskLimits) -> None:
    """Run one stage by its name; the backtest trades under the limits given.

    Raises
    ------
    UsageError
        For an unknown name.
    """
    stages = stages_under(limits)
    if name not in stages:
        raise UsageError(f"expected a stage of {', '.join(stages)}, found '{name}'; see dvc.yaml")
    parameters = load_parameters(params)
    with exclusive(home):
        stages[name](home, parameters)
