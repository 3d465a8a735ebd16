"""The stages that `dvc.yaml` calls by name."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flows.lock import exclusive
from flows.parameters import Parameters, load_parameters
from flows.stages import backtest, evaluate, features, labels, leaks, train
from market.errors import UsageError
from market.home import Home
from trading.policy import RiskLimits

STAGES: Mapping[str, Callable[[Home, Parameters], Any]] = {
    "features": features.run,
    "labels": labels.run,
    "train": train.run,
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
    stages: dict[str, Callable[[Home, Parameters], Any]] = {**STAGES, "backtest": partial(backtest.run, limits=limits)}
    if name not in stages:
        raise UsageError(f"expected a stage of {', '.join(stages)}, found '{name}'; see dvc.yaml")
    parameters = load_parameters(params)
    with exclusive(home):
        stages[name](home, parameters)
