"""What a report is made of: plain numbers, text and arrays, from whoever measured them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from backtest.metrics import Split


@dataclass(frozen=True)
class EquityCurve:
    """R$ earned at each bar close, with the session each belongs to.

    Parameters
    ----------
    ts_ns, session_index : np.ndarray
        int64 [n].
    equity : np.ndarray
        float64 [n], R$, the account starts at 0.
    capital : float
        R$ the account started with.
    """

    ts_ns: np.ndarray
    equity: np.ndarray
    session_index: np.ndarray
    capital: float


@dataclass(frozen=True)
class PriceChart:
    """The bars of the last sessions (BAR) and the fills in them (FILL); `tick_size` is points per tick."""

    symbol: str
    bars: np.ndarray
    fills: np.ndarray
    tick_size: float


@dataclass(frozen=True)
class Calibration:
    """A reliability table: mean predicted probability, observed frequency and count per bin, and the ECE."""

    predicted: np.ndarray
    observed: np.ndarray
    counts: np.ndarray
    expected_error: float


@dataclass(frozen=True)
class LearningCurve:
    """Log loss on rows never fitted on, by the share of training sessions used; `ignorant` is what their mean gives."""

    share: np.ndarray
    loss: np.ndarray
    ignorant: float


@dataclass(frozen=True)
class Gate:
    """One gate's verdict, with the field names of the registry's; `passed` is None where it was not judged."""

    name: str
    passed: bool | None
    value: float | str | bool | None
    threshold: float | str | bool | None
    reason: str


@dataclass(frozen=True)
class PaperSummary:
    """Paper sessions over the same data; `parity` is None where they were not compared with the backtest."""

    sessions: int
    decisions: int
    fills: int
    net: float
    parity: bool | None
    decision_hash: str


@dataclass(frozen=True)
class MonthOfNotes:
    """The broker's notes of a month, R$; `month` is its first day."""

    month: date
    sessions: int  # with fills
    contracts: int  # bought plus sold
    gross: float
    costs: float  # fees and brokerage
    withheld: float
    settled: float


@dataclass(frozen=True)
class ReportData:
    """Everything one report shows. Parts that are None or empty are shown as absent.

    Parameters
    ----------
    title, subtitle : str
        What was tested; contract, period, bar.
    synthetic : bool
        True puts the banner on top: the data are invented.
    provenance, lineage : Mapping of str to str
        Names and values: source, importer, price basis; data hash, commit, schema hash, model digest.
    metrics : Mapping
        `Metrics.as_dict()`.
    per_instrument : tuple of (str, Mapping)
        Series and `Metrics.as_dict()` of each desk; shown where there are several.
    prices : tuple of PriceChart
        One of each series.
    importance : Mapping of str to float
        Share of gain per feature; the largest twenty are drawn, here and below.
    permutation : Mapping of str to float
        Per feature, by how much the log loss grows without it.
    shapley : Mapping of str to float
        Share of the mean size of Shapley values per feature.
    folds : tuple of float
        R$ of each fold, in time order.
    learning : LearningCurve, optional
    coverage : Mapping of str to Mapping
        By regime code, and of all rows: `rows`, the shares `covered`, `target` and `abstained`; None without rows.
    yardstick : Mapping of str to Mapping
        By question: `rows`, `majority`, `frequency_brier`, and `accuracy` and `brier` of the yardstick and, beginning
        with `model_`, of the model; None where it was not asked.
    drift : Mapping of str to float
        PSI per feature.
    unwatched : tuple of str
        Features whose standing still cannot stop decisions: a session and its preload are too short to tell.
    in_sample : int
        Sessions that the model was trained on, or that came before them; above zero puts a banner on top.
    months : tuple of MonthOfNotes
        In time order.
    refused, rejected : Mapping of str to int
        Signals that the gate refused, by RefusalReason, and orders that the venue rejected, by its Refusal.
    halts : tuple of (date, str, str)
        Session, series or "account", and the name of the RefusalReason that ended its entries; in time order.
    """

    title: str
    subtitle: str
    synthetic: bool
    provenance: Mapping[str, str]
    metrics: Mapping[str, float | int | bool | None]
    per_instrument: tuple[tuple[str, Mapping[str, float | int | bool | None]], ...] = ()
    per_regime: tuple[Split, ...] = ()
    per_hour: tuple[Split, ...] = ()
    curve: EquityCurve | None = None
    prices: tuple[PriceChart, ...] = ()
    calibration: Calibration | None = None
    importance: Mapping[str, float] = field(default_factory=dict)
    permutation: Mapping[str, float] = field(default_factory=dict)
    shapley: Mapping[str, float] = field(default_factory=dict)
    folds: tuple[float, ...] = ()
    learning: LearningCurve | None = None
    coverage: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    yardstick: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    challenger_gates: tuple[Gate, ...] = ()
    champion_gates: tuple[Gate, ...] = ()
    drift: Mapping[str, float] = field(default_factory=dict)
    unwatched: tuple[str, ...] = ()
    paper: PaperSummary | None = None
    lineage: Mapping[str, str] = field(default_factory=dict)
    in_sample: int = 0
    months: tuple[MonthOfNotes, ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)
    halts: tuple[tuple[date, str, str], ...] = ()
