"""Everything a trained model depends on: params.yaml, typed."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from market.costs import CostParams
from market.errors import ConfigError
from market.settings import parse_settings
from models.conformal import ConformalParams
from models.drift import DriftLimits
from models.labels import BarrierParams
from models.learners import LearnerParams
from registry.gates import GateThresholds
from trading.policy import StrategyParams

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True)
class DataParams:
    """The series, its decision clock, and how many of its last sessions training never sees."""

    contract: str
    feed: Literal["events", "bars"] = "events"
    bar_seconds: int = 60
    held_back_sessions: int = 3

    def __post_init__(self) -> None:
        """Raise ConfigError where nothing is held back for the paper run, or bars have no length."""
        if self.held_back_sessions < 1 or self.bar_seconds < 1:
            raise ConfigError(
                "data: expected held_back_sessions and bar_seconds of at least 1, found "
                f"{self.held_back_sessions} and {self.bar_seconds}; correct params.yaml"
            )


@dataclass(frozen=True)
class SyntheticParams:
    """The market of the demonstration."""

    sessions: int = 45
    seed: int = 20260601
    alpha: float = 1.0


@dataclass(frozen=True)
class FeatureParams:
    """A named feature set without some of its columns, the sessions replayed before each session, and what is stale."""

    set: str = "full"
    preload_sessions: int = 5
    exclude: tuple[str, ...] = ()
    book_max_age_ms: int = 2_000

    @property
    def book_max_age_ns(self) -> int:
        """How old the book may be, in nanoseconds."""
        return self.book_max_age_ms * 1_000_000


@dataclass(frozen=True)
class SplitParams:
    """Walk-forward folds over whole sessions.

    Parameters
    ----------
    train_sessions_min, train_fraction_min : int, float
        The first training span is at least this many sessions, and at least this share of all.
    validation_fraction : float
        Last part of each training span, for calibration and thresholds.
    """

    folds: int = 4
    train_sessions_min: int = 14
    train_fraction_min: float = 0.3
    embargo_minutes: int = 30
    anchored: bool = True
    validation_fraction: float = 0.25

    def first_span(self, sessions: int) -> int:
        """Return how many of so many sessions come before the first fold."""
        return max(self.train_sessions_min, math.ceil(self.train_fraction_min * sessions))

    @property
    def embargo_ns(self) -> int:
        """The embargo in nanoseconds."""
        return self.embargo_minutes * MINUTE_NS


@dataclass(frozen=True)
class ThresholdParams:
    """Values of |D| tried on the validation part, per regime.

    Parameters
    ----------
    grid : tuple of float
        The largest is the strictest: it stands where no other proves itself.
    min_round_trips : int
        Fewer than these on the validation part prove nothing; at least 2.
    """

    grid: tuple[float, ...] = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)
    min_round_trips: int = 10

    def __post_init__(self) -> None:
        """Raise ConfigError for an empty grid, or a least number that leaves no deviation to measure."""
        if not self.grid or self.min_round_trips < 2:
            raise ConfigError(
                f"thresholds: expected a grid of values and min_round_trips >= 2, found {self}; correct params.yaml"
            )


@dataclass(frozen=True)
class Parameters:
    """The whole file."""

    data: DataParams
    synthetic: SyntheticParams = field(default_factory=SyntheticParams)
    features: FeatureParams = field(default_factory=FeatureParams)
    labels: BarrierParams = field(default_factory=BarrierParams)
    splits: SplitParams = field(default_factory=SplitParams)
    learners: LearnerParams = field(default_factory=LearnerParams)
    strategy: StrategyParams = field(default_factory=StrategyParams)
    thresholds: ThresholdParams = field(default_factory=ThresholdParams)
    conformal: ConformalParams = field(default_factory=ConformalParams)
    costs: CostParams = field(default_factory=CostParams)
    drift: DriftLimits = field(default_factory=DriftLimits)
    gates: GateThresholds = field(default_factory=GateThresholds)

    def flat(self) -> dict[str, Any]:
        """Return every value under its dotted name, for the run's page."""
        return _flatten("", asdict(self))


def _flatten(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        out.update(_flatten(f"{name}.", value) if isinstance(value, dict) else {name: value})
    return out


def load_parameters(path: Path) -> Parameters:
    """Read params.yaml.

    Raises
    ------
    ConfigError
        If the file is missing, is no mapping, or holds an unknown key or an impossible value.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: expected a parameter file, found none; name one with --params")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML, found {error}; correct this line") from error
    if not isinstance(values, dict):
        found = type(values).__name__
        raise ConfigError(f"{path}: expected sections with keys, found {found}; start from the shipped file")
    return parse_settings(Parameters, values, path.name)
