"""How the synthetic market trades, in numbers: the demonstration's, and two that were set after real files."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Microstructure(NamedTuple):
    """Rates and laws of the book, the orders and the volatility; the defaults are the demonstration's.

    Parameters
    ----------
    race_rate : float
        Events per step of 50 ms of the race between the best queues, at activity and volatility 1.
    volatility : tuple of float
        What the race's rate is multiplied with in each of the three volatility states.
    crowd : tuple of float
        The same for the arrival of orders; mean 1, or a session has other than the trades it was asked for.
    volatility_move : float
        Chance per minute and direction to leave a volatility state for its neighbour.
    resting_spread : int
        Widest spread that does not close at once: 1, or 2 ticks.
    narrowing : float
        How often a resting spread of two ticks closes, in units of the race's rate.
    follow_1024 : int
        A wide spread closes in the direction of the last move this often, in 1/1024; at 512 the middle price is a
        martingale even while the spread is wide.
    wide_8 : int
        After a sweep the spread is two ticks instead of one this often, in 1/8.
    impact : float
        Chance that an order of no expected sign moves the price, at most 0.56.
    sweep : tuple of int
        Levels such an order takes, eight equally likely values of at most 6.
    inside_1024 : int
        An order that finds a spread of two ticks or more, and does not sweep, trades inside it this often, in 1/1024.
        It met an order that had just joined there and was gone before its quote was sent.
    trades_per_order : float
        Mean, measured; says how many orders give the wanted trades.
    """

    race_rate: float = 0.215
    volatility: tuple[float, float, float] = (0.6, 1.0, 1.7)
    crowd: tuple[float, float, float] = (1.0, 1.0, 1.0)
    volatility_move: float = 0.05
    resting_spread: int = 1
    narrowing: float = 0.0
    follow_1024: int = 819
    wide_8: int = 1
    impact: float = 0.55
    sweep: tuple[int, int, int, int, int, int, int, int] = (1, 2, 2, 3, 3, 4, 5, 6)
    inside_1024: int = 0
    trades_per_order: float = 2.07


DEMONSTRATION = Microstructure()

Shape = tuple[tuple[int, int], ...]

# Activity by local time (minute of the day, per mille), linear between: heavy from 9 to 12, thin at lunch.
SHAPE: Shape = (
    (540, 2300), (570, 1700), (600, 1900), (660, 1300), (720, 900), (780, 700), (870, 750), (960, 950), (1110, 1250),
)  # fmt: skip


class Preset(NamedTuple):
    """What a realistic market of one instrument is made of."""

    shape: Shape
    microstructure: Microstructure
    trades_per_session: int
    opening_points: float


# Halves of an hour as 464 sessions of 2018 and 2019 traded them (trades of WDO.csv).
WDO_SHAPE: Shape = (
    (540, 2060), (570, 2000), (600, 1840), (630, 1640), (660, 1530), (690, 1400), (720, 1180), (750, 940), (780, 800),
    (840, 710), (900, 800), (945, 760), (975, 590), (1005, 520), (1035, 380), (1065, 300), (1105, 250),
)  # fmt: skip
# ... and as 403 sessions of 2025 and 2026 did (contracts of WIN_5min_test.csv).
WIN_SHAPE: Shape = (
    (540, 1900), (570, 1340), (599, 1400), (600, 2100), (645, 2000), (675, 1590), (705, 1430), (735, 1140), (765, 870),
    (795, 770), (885, 760), (945, 710), (1005, 640), (1035, 500), (1065, 340), (1105, 200),
)  # fmt: skip

# A spread of two ticks most of the time and trades inside it, as in the DOL's morning of 2020-04-02.
WIDE = Microstructure(
    race_rate=0.06, volatility=(0.5, 1.0, 1.5), crowd=(0.5, 1.0, 1.5), volatility_move=0.02, resting_spread=2,
    narrowing=0.2, follow_1024=512, wide_8=5, impact=0.3, sweep=(1, 1, 1, 1, 1, 1, 1, 2), inside_1024=400,
    trades_per_order=1.26,
)  # fmt: skip
# The same with the larger moves of the index, in ticks, and its longer calm and busy spells.
WIDE_INDEX = WIDE._replace(
    race_rate=0.2, volatility=(0.35, 1.0, 1.65), crowd=(0.35, 1.0, 1.65), volatility_move=0.025, narrowing=0.21,
    impact=0.5, sweep=(1, 2, 2, 2, 2, 3, 3, 4), inside_1024=560, trades_per_order=1.58,
)  # fmt: skip
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "WDO": Preset(WDO_SHAPE, WIDE, 20_000, 5_400.0),
        "DOL": Preset(WDO_SHAPE, WIDE, 20_000, 5_400.0),
        "WIN": Preset(WIN_SHAPE, WIDE_INDEX, 20_000, 130_000.0),
        "IND": Preset(WIN_SHAPE, WIDE_INDEX, 20_000, 130_000.0),
    }
)
