"""The book of the synthetic market: two best queues, the race that moves the price, and what is shown of them."""

import numpy as np

from market.kernel import kernel
from market.synthetic_microstructure import Microstructure
from market.types import Flag, Kind, Side

TAKE_1024 = 768  # share of events that take a slice, in 1/1024; the others add one to the opposite queue
SLICE_LIMIT = 6
NARROW_RATE = 0.8  # a spread wider than may rest closes this often in a step
GAP_64 = 2  # an emptied level is followed by an empty one this often, in 1/64
SLICES = np.array([1, 1, 1, 1, 2, 2, 2, 3])  # a new queue, in slices
SLICE_LOTS = 12
SHOWN_LEAN = 0.5  # displayed sizes times 1 ± this at full lean
EATEN_KEPT = 0.97  # consumed lots not yet refilled, kept per step (half of them after 1.1 s)

STATE = np.dtype(
    [
        ("now_ns", "<i8"), ("rows", "<i8"), ("trades", "<i8"), ("orders", "<i8"), ("instrument", "<i8"),
        ("bid", "<i8"), ("ask", "<i8"), ("bid_slices", "<i8"), ("ask_slices", "<i8"),
        ("bid_rest", "<i8"), ("ask_rest", "<i8"), ("bid_eaten", "<f8"), ("ask_eaten", "<f8"),
        ("shown_bid", "<i8"), ("shown_ask", "<i8"), ("shown_bid_lots", "<i8"), ("shown_ask_lots", "<i8"),
        ("last_move", "<i8"), ("last_sign", "<i8"), ("aggressor", "<i8"), ("candidates", "<i8"),
        ("regime", "<i8"), ("volatility", "<i8"), ("anchor", "<i8"), ("lean", "<f8"), ("excitation", "<f8"),
    ]
)  # fmt: skip

_QUOTE, _SYNTHETIC = int(Kind.QUOTE_SIDE), int(Flag.SYNTHETIC)
_BUY, _SELL = int(Side.BUY), int(Side.SELL)


@kernel
def shown_lots(slices: int, rest: int, lean: float, eaten: float) -> int:
    """Return the displayed quantity of a best queue, at least one lot."""
    lots = int((slices * SLICE_LOTS + rest) * (1.0 + SHOWN_LEAN * lean) - eaten)
    return max(lots, 1)


@kernel
def write_quote(out: np.ndarray, state: np.void, side: int, price: int, lots: int) -> None:
    """Append one side of the quote."""
    row = out[state["rows"]]
    row["kind"], row["side"], row["price"], row["quantity"] = _QUOTE, side, price, lots
    stamp(row, state)


@kernel
def stamp(row: np.void, state: np.void) -> None:
    """Give an event its time, sequence, instrument and mark."""
    row["ts_event_ns"] = state["now_ns"]
    row["sequence"] = state["rows"]
    row["instrument"] = state["instrument"]
    row["flags"] = _SYNTHETIC
    state["rows"] += 1


@kernel
def publish_side(state: np.void, out: np.ndarray, side: int, refresh: bool) -> None:
    """Publish one side where it differs from what was shown last, or always on a refresh."""
    if side == _BUY:
        lots = shown_lots(state["bid_slices"], state["bid_rest"], state["lean"], state["bid_eaten"])
        if refresh or state["bid"] != state["shown_bid"] or lots != state["shown_bid_lots"]:
            state["shown_bid"], state["shown_bid_lots"] = state["bid"], lots
            write_quote(out, state, side, state["bid"], lots)
    else:
        lots = shown_lots(state["ask_slices"], state["ask_rest"], -state["lean"], state["ask_eaten"])
        if refresh or state["ask"] != state["shown_ask"] or lots != state["shown_ask_lots"]:
            state["shown_ask"], state["shown_ask_lots"] = state["ask"], lots
            write_quote(out, state, side, state["ask"], lots)


@kernel
def publish(state: np.void, out: np.ndarray, refresh: bool) -> None:
    """Publish both sides in the order that never shows a crossed quote."""
    first = _BUY if state["ask"] <= state["shown_bid"] else _SELL
    publish_side(state, out, first, refresh)
    publish_side(state, out, -first, refresh)


@kernel
def renew_queues(state: np.void, bits: int) -> None:
    """Draw both best queues anew, from one law: after a move nothing points either way."""
    state["bid_slices"], state["ask_slices"] = SLICES[bits & 7], SLICES[(bits >> 3) & 7]
    state["bid_rest"], state["ask_rest"] = ((bits >> 6) & 63) * SLICE_LOTS >> 6, ((bits >> 12) & 63) * SLICE_LOTS >> 6
    state["bid_eaten"] = state["ask_eaten"] = 0.0


@kernel
def narrow_spread(state: np.void, follow_1024: int, bits: int) -> None:
    """Fill one empty level inside a wide spread; `follow_1024` says how often behind the side that moved."""
    follow = (bits & 1023) < follow_1024
    if follow == (state["last_move"] > 0):
        state["bid"] += 1
    else:
        state["ask"] -= 1
    renew_queues(state, bits >> 10)


@kernel
def race_queues(state: np.void, up: bool, bits: int) -> None:
    """Let one event of the race happen: a slice leaves one queue, or joins the opposite one."""
    if (bits & 1023) >= TAKE_1024:
        if up:
            state["bid_slices"] = min(state["bid_slices"] + 1, SLICE_LIMIT)
        else:
            state["ask_slices"] = min(state["ask_slices"] + 1, SLICE_LIMIT)
        return
    if up:
        state["ask_slices"] -= 1
    else:
        state["bid_slices"] -= 1
    if state["ask_slices"] > 0 and state["bid_slices"] > 0:
        return
    levels = 2 if ((bits >> 10) & 63) < GAP_64 else 1
    if up:
        state["ask"] += levels
    else:
        state["bid"] -= levels
    state["last_move"] = 1 if up else -1
    renew_queues(state, bits >> 16)


@kernel
def step_queues(state: np.void, micro: Microstructure, rate: float, tilt: float, draw: float, bits: int) -> None:
    """Advance the best queues by one step; `draw` is uniform in [0, 1)."""
    state["bid_eaten"] *= EATEN_KEPT
    state["ask_eaten"] *= EATEN_KEPT
    spread = state["ask"] - state["bid"]
    if spread > micro.resting_spread:
        if draw < NARROW_RATE:
            narrow_spread(state, micro.follow_1024, bits)
    elif draw < rate:
        race_queues(state, draw < rate * 0.5 * (1.0 + tilt), bits)
    elif spread > 1 and draw < rate * (1.0 + micro.narrowing):
        narrow_spread(state, micro.follow_1024, bits)
