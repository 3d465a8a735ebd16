"""Where each number of the feature state lies.

Numba freezes these integers into the kernels. They are handed out in order, so a new field is one more line
and no offset is ever written by hand.
"""

from features.catalogue import family
from market.book import HEADER_COUNT, LEVEL_WIDTH
from market.types import BAR


class _Block:
    """Hands out consecutive positions of one array."""

    def __init__(self) -> None:
        self.size = 0

    def take(self, count: int = 1) -> int:
        """Return the first of `count` positions."""
        start = self.size
        self.size += count
        return start


HISTORY = 256  # closed bars kept, a power of two; windows may be this long
MIRROR = 2 * HISTORY  # each value is written twice, so that every window is contiguous
SECONDS = 2048  # whole seconds of the session kept, a power of two, longer than the longest time window
COUNTED = 128  # trades kept, a power of two, longer than the longest count window
SIZES = 1024  # cells of the trade size histogram; the last holds all larger sizes
DEPTHS = 1024  # cells of the depth histogram (features.levels.cell_of)
PRINTS = 64  # last trades kept with price and side, a power of two
BROKERS = 512  # brokers kept, a power of two; B3 has about a hundred
PARTIES = 512  # last trades kept with both brokers, a power of two, longer than the longest window
RANKS = 5
LEVELS = 1024  # of the book, a side; the worst goes where there are more
FOOT = 512  # ticks of a bar's footprint, a power of two; a wider bar has none
PROFILE = 8192  # ticks of the session's profile, a power of two; a wider session has none
PROFILE_BARS = 30  # closed bars behind the concentration of volume
SAMPLES = 600  # one-second samples behind the z-scores
SPREADS_NEEDED = 60  # of them must have had a valid book
SECOND_NS = 1_000_000_000
BOOK_MAX_AGE_NS = 2 * SECOND_NS  # unless the schema tells another

EMA_FAMILY = family("ema{}_distance")
FLOW_FAMILY = family("signed_flow_z_{}")

# --- fields of a bar within FORMING and LAST_BAR, in the order of market.types.BAR
_BAR_FIELDS = [name for name in BAR.names or () if name != "reserved"]
BAR_WIDTH = len(_BAR_FIELDS)
TS_OPEN, TS_CLOSE = _BAR_FIELDS.index("ts_open_ns"), _BAR_FIELDS.index("ts_close_ns")
VOLUME, TURNOVER = _BAR_FIELDS.index("volume"), _BAR_FIELDS.index("turnover")
BUY_VOLUME, SELL_VOLUME = _BAR_FIELDS.index("buy_volume"), _BAR_FIELDS.index("sell_volume")
OPEN, HIGH, LOW, CLOSE = (_BAR_FIELDS.index(name) for name in ("open", "high", "low", "close"))
TRADES = _BAR_FIELDS.index("trades")
BUY_TRADES, SELL_TRADES = _BAR_FIELDS.index("buy_trades"), _BAR_FIELDS.index("sell_trades")
INSTRUMENT, FLAGS = _BAR_FIELDS.index("instrument"), _BAR_FIELDS.index("flags")

# --- floats
_floats = _Block()
RETURN_RING = _floats.take(MIRROR)  # r of each bar
GARMAN_RING = _floats.take(MIRROR)  # the Garman-Klass term
RANGE_RING = _floats.take(MIRROR)  # ln(H/L)²
EMA = _floats.take(len(EMA_FAMILY))
GAIN = _floats.take()
LOSS = _floats.take()
ATR = _floats.take()
PLUS_DM = _floats.take()
MINUS_DM = _floats.take()
ADX = _floats.take()
GAP_OPEN = _floats.take()
ATR_20 = _floats.take()
MACD_FAST = _floats.take()  # EMA_12
MACD_SIGNAL = _floats.take()
MACD_HISTOGRAM = _floats.take()
MACD_BEFORE = _floats.take()  # the histogram before, as it last was not 0
IMBALANCE_RING = _floats.take(MIRROR)  # Im of each bar
TRADE_IMBALANCE_RING = _floats.take(MIRROR)  # It
TRADE_SIZE_RING = _floats.take(MIRROR)  # V/N, 0 without trades
STOCHASTIC_RING = _floats.take(MIRROR)
WIDTH_20_RING = _floats.take(MIRROR)  # of the Bollinger bands
WIDTH_50_RING = _floats.take(MIRROR)
LOG_CLOSE_RING = _floats.take(MIRROR)
LOG_VOLUME_RING = _floats.take(HISTORY)  # of V + 1

# Statistics of the last bar's windows, one value for each window, read by several features
RETURN_WINDOWS = (5, 10, 20, 50, 60, 100, 200)
RETURN_MEAN, RETURN_SIGMA = (_floats.take(len(RETURN_WINDOWS)) for _ in range(2))
IMBALANCE_WINDOWS = (5, 10, 20)
IMBALANCE_MEAN, IMBALANCE_SIGMA = (_floats.take(len(IMBALANCE_WINDOWS)) for _ in range(2))
PRIOR_MEAN, PRIOR_SIGMA = (_floats.take(len(IMBALANCE_WINDOWS)) for _ in range(2))  # of the imbalances, a bar before
RANGE_WINDOWS = (5, 10, 20, 60)
RANGE_MEAN, GARMAN_MEAN = (_floats.take(len(RANGE_WINDOWS)) for _ in range(2))
CLOSE_WINDOWS = (5, 10, 20, 50)
CLOSE_MEAN, CLOSE_SIGMA = (_floats.take(len(CLOSE_WINDOWS)) for _ in range(2))
VOLUME_WINDOWS = (5, 10, 20, 50, 60, 100)
VOLUME_MEAN = _floats.take(len(VOLUME_WINDOWS))
EXTREME_WINDOWS = (9, 14, 20, 50)
HIGHEST, LOWEST = (_floats.take(len(EXTREME_WINDOWS)) for _ in range(2))
FLOAT_COUNT = _floats.size

# --- integers: parameters, session, bars
_ints = _Block()
BAR_NS = _ints.take()  # of these three one is above zero
BAR_TRADES = _ints.take()
BAR_CONTRACTS = _ints.take()
DECIDES = _ints.take()  # features.clock.Decides
PRELOAD_SESSIONS = _ints.take()
BOOK_MAX_AGE = _ints.take()  # nanoseconds
SESSION_OPEN_NS = _ints.take()
SESSION_CLOSE_NS = _ints.take()
LUNCH_START_NS = _ints.take()
LUNCH_END_NS = _ints.take()
WEEKDAY = _ints.take()
SESSIONS_BEGUN = _ints.take()
BARS_SEEN = _ints.take()  # closed bars since the state was new
SIZE_COUNTS = _ints.take(SIZES)  # trade sizes of all sessions so far
DEPTH_COUNTS = _ints.take(DEPTHS)  # visible lots at the bar closes of all sessions so far
BROKER_WIDTH = 3  # id, lots bought and sold in all sessions so far
BROKER_TABLE = _ints.take(BROKERS * BROKER_WIDTH)
BROKERS_KNOWN = _ints.take()
HIGH_RING = _ints.take(MIRROR)
LOW_RING = _ints.take(MIRROR)
CLOSE_RING = _ints.take(MIRROR)
VOLUME_RING = _ints.take(MIRROR)
DELTA_RING = _ints.take(MIRROR)
# Sums over all bars so far; a window's sum is the difference of two. They wrap, and a difference that fits is exact.
SUMS_WIDTH = 10
SUMS_RING = _ints.take(HISTORY * SUMS_WIDTH)
(
    SUM_CLOSE, SUM_CLOSE_SQUARES, SUM_VOLUME, SUM_VOLUME_SQUARES, SUM_DELTA, SUM_DELTA_SQUARES,
    SUM_BUY, SUM_BUY_CLOSE, SUM_SELL, SUM_SELL_CLOSE,
) = range(SUMS_WIDTH)  # fmt: skip
RUN = _ints.take()  # signed bars in a row with more trades of one side
LAST_BAR = _ints.take(BAR_WIDTH)
REGIME = _ints.take()
CANDIDATE = _ints.take()
CANDIDATE_BARS = _ints.take()

# --- integers that begin_session sets to zero
SESSION_START = _ints.size
NOW_NS = _ints.take()
SESSION_BARS = _ints.take()
FIRST_OPEN = _ints.take()

# Session totals. A time window is the difference of a total and its value some whole seconds ago.
TOTALS = _ints.size
TOTAL_TRADES = _ints.take()
TOTAL_VOLUME = _ints.take()
TOTAL_SIGNED = _ints.take()  # Σ a·q
TOTAL_KNOWN = _ints.take()  # Σ |a|·q
TOTAL_TURNOVER = _ints.take()  # Σ p·q
TOTAL_BUY_TRADES = _ints.take()
TOTAL_SELL_TRADES = _ints.take()
TOTAL_LARGE = _ints.take()  # volume of large trades
TOTAL_OFI = _ints.take()
TOTAL_BEST_SIZES = _ints.take()  # Σ (bid size + ask size) after each quote event
TOTAL_QUOTES = _ints.take()
TOTAL_COUNT = _ints.size - TOTALS

# --- integers that only a feed of events has, zero too when a session begins
BAR_INTS = _ints.size
LAST_PRICE = _ints.take()
LARGE_SIZE = _ints.take()  # 95th percentile of trade sizes, 0 while unknown
EVENT_FEED = _ints.take()  # 1 once the session's clock was seen: the feed carries events, not bars
PHASE = _ints.take()
LOST_NS = _ints.take()  # first whole second after the last loss of the feed, 0 without one
FORMING = _ints.take(BAR_WIDTH)
BID, BID_SIZE, ASK, ASK_SIZE, QUOTE_NS = (_ints.take() for _ in range(5))
QUOTED = _ints.take()  # 1 once the session sent a quote: the best quotes are then those, not the book's best levels
BOOK_NS = _ints.take()  # time of the last quote or level
# How long a best price has stood: the lots shown when it came, and the lots aggressors have taken there since.
BID_SHOWN, BID_TAKEN, ASK_SHOWN, ASK_TAKEN = (_ints.take() for _ in range(4))
BOOK_HEADER = _ints.take(HEADER_COUNT)
BOOK_STACKS = _ints.take(2 * LEVELS * LEVEL_WIDTH)
USUAL_DEPTH = _ints.take()  # the median of DEPTH_COUNTS, 0 while unknown

SECOND = _ints.take()  # whole seconds recorded: those up to now, at a CLOCK those before it
NEXT_SECOND_NS = _ints.take()
# The totals, then what a second left: the spread (0 where the book was not valid), the visible lots (0 where a side
# was empty), the highest and lowest trade of that second (0 without one).
SPREAD_FIELD, DEPTH_FIELD, HIGH_FIELD, LOW_FIELD = range(TOTAL_COUNT, TOTAL_COUNT + 4)
SECOND_WIDTH = TOTAL_COUNT + 4
SECOND_HIGH, SECOND_LOW = _ints.take(), _ints.take()  # of the trades since the last whole second
SECOND_RING = _ints.take(SECONDS * SECOND_WIDTH)
FLOW_SUM = _ints.take(len(FLOW_FAMILY))
FLOW_SQUARES = _ints.take(len(FLOW_FAMILY))
SPREAD_SUM = _ints.take()
SPREAD_SQUARES = _ints.take()
SPREAD_SAMPLES = _ints.take()
COUNTED_WIDTH = 5  # the first five totals after each trade
COUNTED_RING = _ints.take(COUNTED * COUNTED_WIDTH)
PRINT_RING = _ints.take(PRINTS * 2)  # price and side

# Trades that name both brokers. RECENT are the last 100 of them, EARLIER the 100 before, LONG the last 500.
NAMED = _ints.take()
PARTY_WIDTH = 3  # cells of buyer and seller in the tables, lots
PARTY_RING = _ints.take(PARTIES * PARTY_WIDTH)
# By broker: mentions in RECENT and EARLIER; purchases, sales, lots bought and sold in RECENT; 1 for a top trader.
ACTIVITY_WIDTH = 7
ACTIVITY = _ints.take(BROKERS * ACTIVITY_WIDTH)
DISTINCT_RECENT, DISTINCT_EARLIER, DISTINCT_BOTH, DISTINCT_BUYERS, DISTINCT_SELLERS = (_ints.take() for _ in range(5))
RECENT_LOTS, LONG_LOTS, TOP_BOUGHT, TOP_SOLD = (_ints.take() for _ in range(4))
TOP_BUYERS, TOP_SELLERS = _ints.take(RANKS), _ints.take(RANKS)  # cell + 1 of the broker table, 0 where there is none
TOP_TRADERS = _ints.take(RANKS)

# Aggressor volume by price; the cell of a price is its last bits.
FOOT_BUYS, FOOT_SELLS = _ints.take(FOOT), _ints.take(FOOT)  # of the forming bar
PROFILE_RING = _ints.take(PROFILE)  # of the session
PROFILE_LOTS, PROFILE_LOW, PROFILE_HIGH, POC = (_ints.take() for _ in range(4))
WINDOW_RING = _ints.take(PROFILE)  # of its last bars
WINDOW_LOTS, WINDOW_SQUARES, WINDOW_LOST = (_ints.take() for _ in range(3))
BAR_LOWS, BAR_TICKS = _ints.take(PROFILE_BARS), _ints.take(PROFILE_BARS)  # of each of them; -1 ticks where too wide
BAR_VOLUMES = _ints.take(PROFILE_BARS * FOOT)
INT_COUNT = _ints.size
