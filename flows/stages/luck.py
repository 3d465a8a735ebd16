"""How much of a result may be luck: what many trials, their choice, and a champion on the same sessions say of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtest.bootstrap import mean_interval
from backtest.overfitting import even_blocks, measure_overfitting, ratio_variance
from backtest.sharpe import deflated_sharpe
from flows.stages import backtest
from flows.stages.artifacts import read_json, read_table
from flows.stages.standing import Standing
from market.home import Home


@dataclass(frozen=True)
class Luck:
    """Numbers for the gates; None where there was too little to measure.

    Parameters
    ----------
    trials : int
        Every trial ever run, this run's included.
    deflated_sharpe : float or None
        NaN counts as None.
    pbo : float or None
    configurations : int
        Thresholds that traded at all, and among which the overfitting was measured.
    champion_exists : bool
    compared : int
        Sessions that neither candidate nor champion was trained on.
    lower_bound : float or None
        R$ per session over the champion: the lower end of the 90 % interval of the mean.
    champion_outdated, champion_missing : str
        Why there is nothing to compare with, as `alternatives.trade_champion` tells; empty where there is.
    """

    trials: int
    deflated_sharpe: float | None
    pbo: float | None
    configurations: int
    champion_exists: bool
    compared: int
    lower_bound: float | None
    champion_outdated: str
    champion_missing: str


def measure_luck(home: Home, standing: Standing) -> Luck:
    """Measure it from what the backtest stored."""
    result, grid = backtest.load(home), grid_results(home)
    daily, blocks = result.session_pnl(), even_blocks(len(grid))
    # A ratio has no unit: R$ serve as well as returns.
    spread = max(ratio_variance(grid), standing.ratio_variance)
    deflated = deflated_sharpe(daily, standing.trials, spread)
    rival = read_json(home.artifacts / backtest.CHAMPION)
    over = _over_champion(dict(zip(result.sessions, daily.tolist(), strict=True)), rival)
    return Luck(
        trials=standing.trials,
        deflated_sharpe=float(deflated) if np.isfinite(deflated) else None,
        pbo=measure_overfitting(grid, blocks).probability if blocks and grid.shape[1] > 1 else None,
        configurations=grid.shape[1],
        champion_exists=rival["version"] is not None,
        compared=len(over),
        lower_bound=mean_interval(over).low if len(over) > 1 else None,
        champion_outdated=rival["outdated"],
        champion_missing=rival["missing"],
    )


def grid_results(home: Home) -> np.ndarray:
    """Return R$ per session of each threshold that traded at all, float64 [sessions, thresholds].

    One that never traded has no ratio to vary and was no choice; a grid full of them would only make the others look
    better chosen.
    """
    columns = read_table(home.artifacts / backtest.TRIALS)
    grid = np.column_stack([values for name, values in columns.items() if name != "session"])
    return grid[:, (grid != 0.0).any(axis=0)]


def _over_champion(own: dict[Any, float], rival: dict[str, Any]) -> np.ndarray:
    """Return by how much each common session earned more than the champion's, R$."""
    earned = {day.isoformat(): net for day, net in own.items()}
    pairs = zip(rival["sessions"], rival["net"], strict=True)
    return np.array([earned[day] - net for day, net in pairs])
