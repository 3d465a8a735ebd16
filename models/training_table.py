"""The table a model is trained on: feature rows, their labels, and what selects and splits them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np

from market.errors import DataError, NotEnoughData
from market.types import Regime
from models.spans import spans_of
from models.weights import sample_weights

SESSIONS_MIN = 12
LEAK_MIN = 0.95  # rank correlation with the outcome that no honest column comes near


class LabelledRows(Protocol):
    """Feature rows of whole sessions, one after the other, as far as training needs them."""

    @property
    def rows(self) -> np.ndarray:
        """Feature rows, f4[n, columns]."""

    @property
    def ts_ns(self) -> np.ndarray:
        """Decision times, i8[n]."""

    @property
    def session(self) -> np.ndarray:
        """Session day as days since 1970-01-01, i8[n]."""

    @property
    def regime(self) -> np.ndarray:
        """Regime codes, u1[n]."""

    @property
    def sigma(self) -> np.ndarray:
        """Deviation of the last 30 returns, f8[n]."""


@dataclass(frozen=True)
class TrainingTable:
    """Rows in time order; every array has one entry per row.

    Parameters
    ----------
    columns : tuple of str
        Names of the feature columns, in schema order.
    rows : f4[n, columns]
        Feature rows; NaN during warm-up.
    ts_ns : i8[n]
        Decision times.
    session : i8[n]
        Session day as days since 1970-01-01.
    regime : u1[n]
        Regime codes.
    sigma : f8[n]
        Deviation of the last 30 returns; NaN during warm-up.
    label : i1[n]
        1 up, -1 down, 0 undecided or none.
    weight : f8[n]
        Uniqueness times decay, 0 where the label is 0.
    start_ns, end_ns : i8[n]
        The label's interval.
    ret_ticks : f8[n]
        Return of the label in ticks, NaN where there is none.
    """

    columns: tuple[str, ...]
    rows: np.ndarray
    ts_ns: np.ndarray
    session: np.ndarray
    regime: np.ndarray
    sigma: np.ndarray
    label: np.ndarray
    weight: np.ndarray
    start_ns: np.ndarray
    end_ns: np.ndarray
    ret_ticks: np.ndarray

    def __post_init__(self) -> None:
        if self.rows.ndim != 2 or self.rows.shape[1] != len(self.columns):
            raise DataError(f"table: expected {len(self.columns)} columns, found rows of shape {self.rows.shape}")
        for name in _ARRAYS:
            if len(getattr(self, name)) != len(self.rows):
                raise DataError(f"table: expected {len(self.rows)} entries of {name}, found {len(getattr(self, name))}")

    def select(self, chosen: np.ndarray) -> "TrainingTable":
        """Return the chosen rows (mask or indices) as a table."""
        return TrainingTable(self.columns, *(getattr(self, name)[chosen] for name in _ARRAYS))

    @property
    def spans(self) -> np.ndarray:
        """Label interval and session of each row, SPAN[n]: the groups of the splitters."""
        return spans_of(self.start_ns, self.end_ns, self.session)

    def target(self) -> np.ndarray:
        """Return 1 for up and 0 for down, i8[n]; meant for rows whose label is not 0."""
        return (self.label > 0).astype(np.int64)


_ARRAYS = tuple(column.name for column in fields(TrainingTable) if column.name != "columns")


def join_labels(
    columns: Sequence[str], features: LabelledRows, labels: np.ndarray, half_life_sessions: float = float("inf")
) -> TrainingTable:
    """Join feature rows with their LABEL records, and weigh the labels.

    Weights count only the rows that `trainable` keeps.

    Raises
    ------
    DataError
        The arrays differ in length.
    """
    usable = _warm(features.rows) & (features.regime != Regime.UNDEFINED)
    counted = labels.copy()
    counted["label"][~usable] = 0
    return TrainingTable(
        columns=tuple(columns),
        rows=features.rows,
        ts_ns=features.ts_ns,
        session=features.session,
        regime=features.regime,
        sigma=features.sigma,
        label=labels["label"].copy(),
        weight=sample_weights(counted, features.session, half_life_sessions),
        start_ns=labels["start_ns"].copy(),
        end_ns=labels["end_ns"].copy(),
        ret_ticks=labels["ret_ticks"].copy(),
    )


def _warm(rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(rows).all(axis=1))


def trainable(table: TrainingTable) -> np.ndarray:
    """Return which rows a learner may see, bool[n]: warm, decided, of a known regime."""
    return np.asarray(_warm(table.rows) & (table.label != 0) & (table.regime != Regime.UNDEFINED))


def refuse_unfit(table: TrainingTable, sessions_min: int = SESSIONS_MIN) -> None:
    """Refuse a table no honest model can come from.

    Raises
    ------
    DataError
        A column is never finite, constant over the trainable rows or tells the outcome, or the trainable rows have one
        class.
    NotEnoughData
        No trainable row, or trainable rows in fewer than `sessions_min` sessions.
    """
    never = ~np.isfinite(table.rows).any(axis=0)
    if never.any():
        raise DataError(f"table: never finite: {_named(table, never)}; check that the feed holds what they need")
    chosen = table.select(trainable(table))
    found = len(np.unique(chosen.session))
    if found < sessions_min:
        raise NotEnoughData(
            f"table: expected trainable rows in at least {sessions_min} sessions, found {found} "
            f"({len(chosen.rows)} of {len(table.rows)} rows are warm, decided and of a known regime; {_rarest(table)}"
            "); collect more sessions or shorten the features' warm-up"
        )
    if len(np.unique(chosen.label)) < 2:
        raise DataError(
            f"table: all {len(chosen.rows)} trainable labels are {chosen.label[0]}, both sides are needed; "
            "change the labels section of params.yaml"
        )
    constant = chosen.rows.min(axis=0) == chosen.rows.max(axis=0)
    if constant.any():
        raise DataError(f"table: constant over all trainable rows: {_named(table, constant)}; drop them from the set")
    leaked = leaked_columns(chosen)
    if leaked.any():
        raise DataError(
            f"table: tells the outcome: {_named(table, leaked)} (rank correlation of {LEAK_MIN} or more with the label "
            "or its return); it looks into the future, so mend or exclude it, and run `pregao leakcheck`"
        )


def leaked_columns(table: TrainingTable) -> np.ndarray:
    """Return which columns tell the outcome, bool[columns]: they are its label or return, or a monotone map of it.

    Ranks are compared, so no scale hides a leak. With the label it is twice the area under the curve, less one; with
    the return Spearman's coefficient.

    Parameters
    ----------
    table : TrainingTable
        Trainable rows of both classes.
    """
    from scipy.stats import rankdata

    ranks = rankdata(table.rows, axis=0)
    ranks -= ranks.mean(axis=0)
    returns = rankdata(table.ret_ticks) - (len(table.rows) + 1) / 2
    up = table.label > 0
    by_label = (ranks[up].mean(axis=0) - ranks[~up].mean(axis=0)) * 2 / len(up)
    scale = np.sqrt((ranks**2).sum(axis=0) * (returns**2).sum())
    by_return = np.divide(returns @ ranks, scale, out=np.zeros(len(scale)), where=scale > 0)
    return np.asarray(np.maximum(np.abs(by_label), np.abs(by_return)) >= LEAK_MIN)


def _rarest(table: TrainingTable) -> str:
    """Say which column is least often finite."""
    share = np.isfinite(table.rows).mean(axis=0)
    least = int(np.argmin(share))
    return f"least often finite is {table.columns[least]}, in {share[least]:.0%} of the rows"


def _named(table: TrainingTable, mask: np.ndarray) -> str:
    return ", ".join(name for name, bad in zip(table.columns, mask, strict=True) if bad)
