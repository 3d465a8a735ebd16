"""What the catalogue says of a column: its meaning, its needs and when it exists."""

from dataclasses import dataclass
from enum import StrEnum


class Need(StrEnum):
    """A kind of input; a feed that lacks one switches its features off."""

    BARS = "bars"
    TRADES = "trades"
    BOOK = "book"
    BOOK_SIZE = "book_size"
    BOOK_DEPTH = "book_depth"  # five levels a side
    IDS = "ids"  # the brokers of a trade
    CALENDAR = "calendar"


class Warm(StrEnum):
    """What a warm-up is counted in."""

    BARS = "bars"
    TRADES = "trades"  # of the session
    SECONDS = "seconds"  # of the session


class Unknown(StrEnum):
    """What leaves a column missing after its warm-up."""

    AGGRESSOR = "aggressor"  # no trade of the session has had a known one yet
    LOSS = "loss"  # the window reaches into a loss of the feed


@dataclass(frozen=True)
class Feature:
    """One column.

    Parameters
    ----------
    name, group : str
        Column and family.
    formula : str
        The definition; part of the schema hash.
    window : int
        Longest look-back in bars, trades or seconds; 0 where there is none.
    unit : str
        Unit of the value.
    low, high : float
        Range of a finite value.
    warm_up : int
        Count of `warm_unit` from which the value exists; NaN before.
    needs : frozenset of Need
        Inputs without which the column leaves the schema.
    zero_rule : float, optional
        Value where the denominator is 0; None means NaN.
    warm_unit : Warm
        What `warm_up` counts.
    aliases : tuple of str
        Other names of the same values; sets may use them, a schema holds `name` alone.
    inputs : tuple of str
        What the formula reads, in the letters of `features.inputs`.
    unknown : tuple of Unknown
        What makes the value NaN after the warm-up, before any 0-rule.
    """

    name: str
    group: str
    formula: str
    window: int
    unit: str
    low: float
    high: float
    warm_up: int
    needs: frozenset[Need]
    zero_rule: float | None = None
    warm_unit: Warm = Warm.BARS
    aliases: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    unknown: tuple[Unknown, ...] = ()
