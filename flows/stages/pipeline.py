"""The stages that `dvc.yaml` calls by name."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flows.lock import exclusive
from flows.parameters import Parameters, load_parameters
from flows.stages import backtest, evaluate, features, labels, leaks, train
from market.errors import UsageError
from market.home import Home

STAGES: Mapping[str, Callable[[Home, Parameters], Any]] = {
    "features": features.run,
    "labels": labels.run,
    "train": train.run,
    "backtest": backtest.run,
    "leaks": leaks.run,
    "evaluate": evaluate.run,
}


def run_stage(name: str, home: Home, params: Path) -> None:
    """Run one stage by its name.

    Raises
    ------
    UsageError
        For an unknown name.
    """
    if name not in STAGES:
        raise UsageError(f"expected a stage of {', '.join(STAGES)}, found '{name}'; see dvc.yaml")
    parameters = load_parameters(params)
    with exclusive(home):
        STAGES[name](home, parameters)
