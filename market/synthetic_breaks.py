"""What interrupts a session of the synthetic market: quiet spells, halts, and a feed that is lost for a while."""

import numpy as np

from market.synthetic_kernel import STEP_NS, STEPS_PER_MINUTE
from market.types import Flag, Kind, Side, events

QUIET_SHARE = 0.2  # of sessions with one spell without trades
REOPENING_TICKS = 40  # largest distance from the last bid to the reopening price
SECOND_NS = 1_000_000_000


def happens(draw: int, chance: float) -> bool:
    """Tell whether a draw in [0, 2**53) falls within a chance."""
    return int(draw) < int(chance * 2**53)


def quiet_steps(draws: np.ndarray, minutes: int) -> tuple[int, int]:
    """Return the steps of the session's quiet spell, 3 to 6 whole minutes; (0, 0) for most sessions."""
    if not happens(draws[0], QUIET_SHARE):
        return 0, 0
    start = 60 + int(draws[1]) % (minutes - 120)
    return start * STEPS_PER_MINUTE, (start + 3 + int(draws[2]) % 4) * STEPS_PER_MINUTE


def halt_steps(draws: np.ndarray, chance: float, minutes: int) -> tuple[int, int, int]:
    """Return the steps of a halt, 5 to 10 whole minutes, and how many ticks away it ends; zeros for no halt."""
    if not happens(draws[0], chance):
        return 0, 0, 0
    start = 60 + int(draws[1]) % (minutes - 130)
    away = int(draws[3]) % (2 * REOPENING_TICKS + 1) - REOPENING_TICKS
    return start * STEPS_PER_MINUTE, (start + 5 + int(draws[2]) % 6) * STEPS_PER_MINUTE, away


def lost_interval(draws: np.ndarray, chance: float, open_ns: int, minutes: int) -> tuple[int, int]:
    """Return the instants between which nothing is received, 20 to 180 s apart, an odd number of steps from the open.

    (0, 0) where nothing is lost.
    """
    if not happens(draws[0], chance):
        return 0, 0
    start = open_ns + (30 + int(draws[1]) % (minutes - 60)) * STEPS_PER_MINUTE * STEP_NS + 7 * STEP_NS
    return start, start + (20 + int(draws[2]) % 161) * SECOND_NS


def lose_feed(records: np.ndarray, lost_from: int, lost_to: int) -> np.ndarray:
    """Return the events without those in [lost_from, lost_to), and what a recorder writes when it is back.

    That is a GAP, the phase if it changed meanwhile, and both sides of the quote as they stand then. Trade numbers
    tell how many trades are missing.

    Parameters
    ----------
    records : ndarray
        EVENT in order, with a quote of each side before `lost_to`.
    """
    times = records["ts_event_ns"]
    first, after = np.searchsorted(times, [lost_from, lost_to])
    known = records[:after]
    lost_phases = np.flatnonzero(known["kind"][first:] == Kind.STATE)[-1:] + first
    quotes = [last_quote(known, side) for side in (Side.BUY, Side.SELL)]
    gap = events(1)
    gap["kind"], gap["flags"], gap["instrument"] = Kind.GAP, Flag.SYNTHETIC, records["instrument"][0]
    back = np.concatenate([gap, known[lost_phases], known[quotes]])
    back["ts_event_ns"] = lost_to
    return np.concatenate([records[:first], back, records[after:]])


def last_quote(records: np.ndarray, side: int) -> int:
    """Return the index of the last quote of a side."""
    return int(np.flatnonzero((records["kind"] == Kind.QUOTE_SIDE) & (records["side"] == side))[-1])
