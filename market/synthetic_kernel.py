"""One session of the synthetic market: orders, latent states and the loop over its steps.

Time runs in steps of 50 ms. In each step the race of the two best queues may take a slice from one of
them; a queue that empties moves the price. Aggressive orders arrive with persistent signs, consume the
touch and sometimes sweep levels. A latent *lean* in [-1, 1] follows the regime; it tilts the signs and the
displayed sizes always, and the race only as far as the planted alpha says.

**Why a null market is null.** Without alpha the race is symmetric, and an order moves the price with a
probability proportional to ``1 - sign * expected sign``: only the surprise in the flow has impact, so the
expected move is zero given everything that is known before it, however persistent the signs are.

Only ``+ - * /``, comparisons, table look-ups and 53-bit draws made outside: the same bytes on every machine.
"""

from typing import NamedTuple

import numpy as np

from market.kernel import kernel
from market.synthetic_book import publish, renew_queues, stamp, step_queues
from market.synthetic_microstructure import DEMONSTRATION, Microstructure
from market.types import Kind, Phase, Side, TradeType

STEP_NS = 50_000_000
STEPS_PER_MINUTE = 1200
# Both sides are shown anew every 15 s, half a second before the quarter: no bar closes on a stale quote.
REFRESH_STEPS, REFRESH_PHASE = 300, 290
ROWS_PER_ORDER = 16  # no order writes more: two quotes before it, six trades at most, two quotes after

# Aggressive orders. The impact times (1 + largest expected sign) stays below one.
REPEAT = 0.25  # weight of the last sign
FLOW_LEAN = 0.7  # expected sign at full lean
CHILDREN = np.array([1, 1, 1, 1, 1, 2, 2, 3])  # trades of an order without
RLP_1024 = 104
SIZES = np.array(  # 64 equally likely: close to a lognormal of median 4, with a thicker top
    [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4,
     4, 4, 5, 5, 5, 5, 5, 5, 5, 6, 6, 7, 7, 8, 8, 9, 10, 10, 10, 11, 12, 14, 15, 17, 20, 20, 25, 30, 40, 50, 100, 200]
)  # fmt: skip
BROKERS = np.array([3, 3, 3, 3, 8, 8, 23, 39, 85, 85, 107, 114, 120, 308, 386, 0])

# Self-exciting arrivals: what an order adds to the chance of another fades by this per step, half of it in 1.4 s.
EXCITATION_KEPT = 0.975

# A halt: frozen for this long, then an auction.
FROZEN_STEPS = 600

# The latent states, moved once a minute.
RANGE, TREND_UP, TREND_DOWN = 0, 1, 2
HIGHEST_VOLATILITY = 2
LEAVE_TREND, LEAVE_RANGE = 0.04, 0.035  # per minute: trends last 25 minutes, ranges 29
TREND_TO_RANGE = 0.7
LEAN_SPEED, LEAN_NOISE = 0.35, 0.3
RANGE_WIDTH, RANGE_LEAN = 50.0, 0.5  # half ticks from the anchor per unit of lean; its largest lean
TILT = 0.016  # of the race at full lean and alpha 1

UNIT = 2.0**-53
HALF_UNIT = 2.0**-26

_TRADE, _STATE = int(Kind.TRADE), int(Kind.STATE)
_OPEN, _FROZEN, _AUCTION = int(Phase.OPEN), int(Phase.FROZEN), int(Phase.AUCTION)
_BUY, _SELL, _NONE = int(Side.BUY), int(Side.SELL), int(Side.NONE)
_TYPE_BUY, _TYPE_SELL = int(TradeType.BUY_AGGRESSION), int(TradeType.SELL_AGGRESSION)
_TYPE_AUCTION, _TYPE_RLP = int(TradeType.AUCTION), int(TradeType.RLP)


class Plan(NamedTuple):
    """What is fixed before a session starts.

    ``activity`` has one value per minute, mean 1; ``order_rate`` is the chance of an order candidate per step
    at activity 1 (every second candidate becomes an order); steps in ``[quiet_from, quiet_to)`` are still. With a
    ``branching`` ratio above 0 orders excite each other instead: each brings so many more on average, and their
    mean rate stays the same. Trading is halted in steps ``[halt_from, halt_to)``, no halt where both are 0, and
    reopens ``reopening`` ticks away.
    """

    activity: np.ndarray
    order_rate: float
    alpha: float
    opening: int
    open_ns: int
    quiet_from: int
    quiet_to: int
    instrument: int
    micro: Microstructure = DEMONSTRATION
    branching: float = 0.0
    halt_from: int = 0
    halt_to: int = 0
    reopening: int = 0


class Draws(NamedTuple):
    """The session's randomness: int64 in ``[0, 2**53)``, drawn outside.

    Shapes: minutes (m, 3), steps (m * 1200, 2), orders (k, 2), prints (rows,).
    """

    minutes: np.ndarray
    steps: np.ndarray
    orders: np.ndarray
    prints: np.ndarray


@kernel
def print_trade(state: np.void, out: np.ndarray, price: int, side: int, trade_type: int, draw: int) -> int:
    """Append one trade and return its quantity; counterparty and quantity come from the bits of `draw`."""
    row = out[state["rows"]]
    state["trades"] += 1
    quantity = SIZES[draw & 63]
    if trade_type == _TYPE_AUCTION:
        quantity = 500 + (draw & 1023)
    passive = BROKERS[(draw >> 10) & 15]
    row["kind"], row["side"], row["trade_type"] = _TRADE, side, trade_type
    row["price"], row["quantity"], row["trade_number"] = price, quantity, state["trades"]
    row["buyer"] = state["aggressor"] if side == _BUY else passive
    row["seller"] = state["aggressor"] if side == _SELL else passive
    stamp(row, state)
    return int(quantity)


@kernel
def sweep_levels(state: np.void, wide_8: int, sign: int, levels: int, draw: int) -> None:
    """Move the quote by the levels an order took; the other side follows at once, to one tick or two."""
    behind = 2 if (draw & 7) < wide_8 else 1
    if sign > 0:
        state["ask"] += levels
        state["bid"] = state["ask"] - behind
    else:
        state["bid"] -= levels
        state["ask"] = state["bid"] + behind
    state["last_move"] = sign
    renew_queues(state, draw >> 3)


@kernel
def trade_inside(state: np.void, out: np.ndarray, draws: Draws, sign: int) -> None:
    """Let an order trade one tick inside a wide spread, with an order whose quote was never sent."""
    price = state["ask"] - 1 if sign > 0 else state["bid"] + 1
    print_trade(state, out, price, sign, _TYPE_BUY if sign > 0 else _TYPE_SELL, draws.prints[state["rows"]])


@kernel
def trade_at_touch(state: np.void, out: np.ndarray, draws: Draws, sign: int, children: int) -> None:
    """Let an order consume the touch without moving it."""
    price = state["ask"] if sign > 0 else state["bid"]
    trade_type = _TYPE_BUY if sign > 0 else _TYPE_SELL
    taken = 0
    for _ in range(children):
        taken += print_trade(state, out, price, sign, trade_type, draws.prints[state["rows"]])
    if sign > 0:
        state["ask_eaten"] += taken
    else:
        state["bid_eaten"] += taken


@kernel
def execute_order(state: np.void, micro: Microstructure, out: np.ndarray, draws: Draws) -> None:
    """Execute one aggressive order and publish the quote before and after it."""
    signed, bits = draws.orders[state["orders"], 0], draws.orders[state["orders"], 1]
    state["orders"] += 1
    publish(state, out, False)
    expected = REPEAT * state["last_sign"] + (1.0 - REPEAT) * FLOW_LEAN * state["lean"]
    sign = 1 if signed * UNIT < 0.5 * (1.0 + expected) else -1
    if (bits & 1023) < RLP_1024:  # hidden, so neither the queue nor the record of signs knows of it
        print_trade(state, out, state["ask"] if sign > 0 else state["bid"], _NONE, _TYPE_RLP, bits >> 10)
        return
    if sign != state["last_sign"] or (bits >> 10) & 1:
        state["aggressor"] = BROKERS[(bits >> 11) & 15]
    levels = 0
    if ((bits >> 15) & 1023) < 1024.0 * micro.impact * (1.0 - expected * sign):
        levels = micro.sweep[(bits >> 25) & 7]
    if levels == 0 and state["ask"] - state["bid"] > 1 and ((bits >> 28) & 1023) < micro.inside_1024:
        trade_inside(state, out, draws, sign)
    elif levels == 0:
        trade_at_touch(state, out, draws, sign, CHILDREN[(bits >> 25) & 7])
    else:
        for level in range(levels):
            price = state["ask"] + level if sign > 0 else state["bid"] - level
            print_trade(state, out, price, sign, _TYPE_BUY if sign > 0 else _TYPE_SELL, draws.prints[state["rows"]])
        sweep_levels(state, micro.wide_8, sign, levels, bits >> 28)
    state["last_sign"] = sign
    publish(state, out, False)


@kernel
def move_regime(state: np.void, draw: float) -> None:
    """Let the regime change, or stay; a range is anchored where it starts."""
    if state["regime"] == RANGE:
        if draw < LEAVE_RANGE:
            state["regime"] = TREND_UP if draw < 0.5 * LEAVE_RANGE else TREND_DOWN
    elif draw < LEAVE_TREND * TREND_TO_RANGE:
        state["regime"] = RANGE
        state["anchor"] = state["bid"] + state["ask"]
    elif draw < LEAVE_TREND:
        state["regime"] = TREND_DOWN if state["regime"] == TREND_UP else TREND_UP


@kernel
def move_latent(state: np.void, volatility_move: float, draws: np.ndarray) -> None:
    """Advance regime, volatility and lean by one minute."""
    move_regime(state, draws[0] * UNIT)
    turn = draws[1] * UNIT
    if turn < volatility_move:
        state["volatility"] = max(state["volatility"] - 1, 0)
    elif turn < 2.0 * volatility_move:
        state["volatility"] = min(state["volatility"] + 1, HIGHEST_VOLATILITY)
    target = 1.0 if state["regime"] == TREND_UP else -1.0
    if state["regime"] == RANGE:
        target = (state["anchor"] - state["bid"] - state["ask"]) / RANGE_WIDTH
        target = min(max(target, -RANGE_LEAN), RANGE_LEAN)
    lean = state["lean"] + LEAN_SPEED * (target - state["lean"]) + LEAN_NOISE * (draws[2] * UNIT - 0.5)
    state["lean"] = min(max(lean, -1.0), 1.0)


@kernel
def open_session(state: np.void, plan: Plan, draws: Draws, out: np.ndarray) -> None:
    """Print the opening auction and show the first quote."""
    state["now_ns"], state["instrument"] = plan.open_ns, plan.instrument
    state["bid"], state["ask"] = plan.opening, plan.opening + 1
    state["anchor"] = state["bid"] + state["ask"]
    state["volatility"], state["last_move"] = 1, 1
    state["regime"] = draws.prints[1] % 3
    renew_queues(state, draws.prints[0] >> 14)
    print_trade(state, out, plan.opening, _NONE, _TYPE_AUCTION, draws.prints[0])
    publish(state, out, True)


@kernel
def write_phase(state: np.void, out: np.ndarray, phase: int) -> None:
    """Append a change of the market phase."""
    row = out[state["rows"]]
    row["kind"], row["level"] = _STATE, phase
    stamp(row, state)


@kernel
def reopen_market(state: np.void, reopening: int, out: np.ndarray, draws: Draws) -> None:
    """End a halt: print the auction some ticks away, say that the market is open, show a quote of one tick."""
    state["bid"] += reopening
    state["ask"] = state["bid"] + 1
    draw = draws.prints[state["rows"]]
    renew_queues(state, draw >> 14)
    print_trade(state, out, state["bid"], _NONE, _TYPE_AUCTION, draw)
    write_phase(state, out, _OPEN)
    publish(state, out, True)


@kernel
def pass_halt(state: np.void, plan: Plan, draws: Draws, out: np.ndarray, step: int) -> bool:
    """Tell whether trading is halted in a step, and write what begins or ends there."""
    if step == plan.halt_from < plan.halt_to:
        write_phase(state, out, _FROZEN)
    elif step == plan.halt_from + FROZEN_STEPS < plan.halt_to:
        write_phase(state, out, _AUCTION)
    elif step == plan.halt_to > 0:
        reopen_market(state, plan.reopening, out, draws)
    return plan.halt_from <= step < plan.halt_to


@kernel
def order_arrives(state: np.void, branching: float, arrival: float, draw: float) -> bool:
    """Tell whether an order comes in a step; `arrival` is twice the mean chance of one, `draw` uniform in [0, 1)."""
    if branching == 0.0:
        if draw >= arrival:
            return False
        state["candidates"] += 1
        return bool(state["candidates"] % 2 == 0)
    state["excitation"] *= EXCITATION_KEPT
    if draw >= 0.5 * arrival * (1.0 - branching) + state["excitation"]:
        return False
    state["excitation"] += branching * (1.0 - EXCITATION_KEPT) / EXCITATION_KEPT
    return True


@kernel
def run_minute(state: np.void, plan: Plan, draws: Draws, out: np.ndarray, minute: int) -> bool:
    """Run the steps of one minute; False if `out` or the draws could not hold another order."""
    micro, volatility = plan.micro, state["volatility"]
    rate = min(micro.race_rate * plan.activity[minute] * micro.volatility[volatility], 0.95)
    arrival = plan.order_rate * plan.activity[minute] * micro.crowd[volatility]
    tilt = plan.alpha * TILT * state["lean"]
    for step in range(minute * STEPS_PER_MINUTE, (minute + 1) * STEPS_PER_MINUTE):
        if state["rows"] + 2 * ROWS_PER_ORDER > out.size or state["orders"] >= len(draws.orders):
            return False
        state["now_ns"] = plan.open_ns + step * STEP_NS
        # The comparison first: handing the plan on in every step would make a session take four times as long.
        if plan.halt_from <= step <= plan.halt_to and pass_halt(state, plan, draws, out, step):
            continue
        if step % REFRESH_STEPS == REFRESH_PHASE:
            publish(state, out, True)
        if plan.quiet_from <= step < plan.quiet_to:
            continue
        draw, bits = draws.steps[step, 0], draws.steps[step, 1]
        step_queues(state, micro, rate, tilt, (draw >> 27) * HALF_UNIT, bits)
        if order_arrives(state, plan.branching, arrival, (draw & (2**26 - 1)) * HALF_UNIT):
            state["now_ns"] += 1_000_000 * (1 + (bits >> 40) % 49)
            execute_order(state, micro, out, draws)
    return True


@kernel
def simulate(plan: Plan, draws: Draws, record: np.ndarray, out: np.ndarray) -> int:
    """Simulate one session into `out` (zeroed EVENT); return its rows, or -1 if it did not fit.

    `record` is a zeroed STATE array of length 1; afterwards it holds the market at the close.
    """
    state = record[0]
    open_session(state, plan, draws, out)
    for minute in range(plan.activity.size):
        move_latent(state, plan.micro.volatility_move, draws.minutes[minute])
        if not run_minute(state, plan, draws, out, minute):
            return -1
    return int(state["rows"])
