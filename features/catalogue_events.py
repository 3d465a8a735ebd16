"""Entries of the catalogue for single events: brokers (signals.md §1 A6), book, tape, profile and footprint (§4).

B and A are the five best levels of bid and ask, p price and q lots. Volume by price is that of known aggressors: b(x)
bought and s(x) sold at price tick x, v = b + s. A broker column counts the trades that name both brokers, and no other.
"""

import math

from features.feature import Feature, Need, Warm

_INF = math.inf
_TRADES = frozenset({Need.TRADES})
_IDS = frozenset({Need.TRADES, Need.IDS})
_SIZES = frozenset({Need.BOOK, Need.BOOK_SIZE})
_TAKEN = frozenset({Need.TRADES, Need.BOOK, Need.BOOK_SIZE})
_DEPTH = frozenset({Need.BOOK_DEPTH})
_TRADED_DEPTH = frozenset({Need.TRADES, Need.BOOK_DEPTH})
_BAR = frozenset({Need.BARS, Need.TRADES})
_T, _S = Warm.TRADES, Warm.SECONDS
_NAMED = "of the last {} trades that name both brokers"

_BROKERS = (
    Feature("agent_turnover", "brokers",
            f"1 − |X∩Y|/|X∪Y|, X brokers {_NAMED.format(100)}, Y of the 100 before", 200, "fraction", 0, 1, 200, _IDS,
            None, _T),
    *(
        Feature(f"top_{side}_{rank}_active", "brokers",
                f"share {_NAMED.format(100)} in lots {done} by rank {rank} of the preload sessions by lots {done}, "
                "lowest id on ties", 100, "fraction", 0, 1, 200, _IDS, None, _T)
        for side, done in (("buyer", "bought"), ("seller", "sold"))
        for rank in range(5)
    ),
    *(
        Feature(f"top_{side}s_count", "brokers", f"distinct {side}s {_NAMED.format(100)}, /100", 100, "fraction", 0.01,
                1, 200, _IDS, None, _T)
        for side in ("buyer", "seller")
    ),
    *(
        Feature(f"{side}_changed", "brokers", f"share of pairs in a row {_NAMED.format(20)} whose {side} differs", 20,
                "fraction", 0, 1, 200, _IDS, None, _T)
        for side in ("buyer", "seller")
    ),
    Feature("top_trader_ratio", "brokers",
            f"(lots bought + sold by the 5 brokers with most of both in the preload sessions)/(2·lots) "
            f"{_NAMED.format(500)}", 500, "fraction", 0, 1, 500, _IDS, None, _T),
    Feature("side_bias", "brokers",
            f"(bought − sold)/(bought + sold) by the 5 brokers of top_trader_ratio {_NAMED.format(500)}", 500,
            "fraction", -1, 1, 500, _IDS, 0.0, _T),
)  # fmt: skip

_TAPE = (
    Feature("is_buyer_aggressor", "flow", "share of buyers among the known aggressors of the last 20 trades", 20,
            "fraction", 0, 1, 200, _TRADES, 0.5, _T),
    *(
        Feature(f"tape_slope_{n}", "flow", f"least-squares slope of the price over the last {n} trades", n,
                "ticks per trade", -_INF, _INF, n, _TRADES, None, _T)
        for n in (10, 30, 60)
    ),
    Feature("absorption", "tape",
            "−1 (+1) if bought (sold) volume of 10 s, of that side alone, is above 0 and at least 1.5 times its mean "
            "of 300 s, and the prices of 10 s lie within 1 tick", 300, "", -1, 1, 300, _TRADES, 0.0, _S),
)  # fmt: skip

_BOOK = (
    *(
        Feature(f"ofi_{n}", "book", f"Σ best-level order flow over {n} s/mean best size over {n} s", n, "ratio", -_INF,
                _INF, n, _SIZES, 0.0, _S)
        for n in (1, 10, 300)
    ),
    *(
        Feature(f"hidden_{side}", "book",
                f"max(0, lots taken at the best {side} since that price stands − lots it came with)/mean best size "
                "over 60 s", 60, "ratio", 0, _INF, 60, _TAKEN, None, _S)
        for side in ("bid", "ask")
    ),
)  # fmt: skip

_LEVELS = (
    Feature("weighted_mid_dev", "depth", "(B₁p·ΣAq + A₁p·ΣBq)/(ΣBq + ΣAq) − mid", 0, "ticks", -_INF, _INF, 0, _DEPTH,
            None, _S),
    Feature("depth_imbalance5", "depth", "(ΣBq − ΣAq)/(ΣBq + ΣAq)", 0, "fraction", -1, 1, 0, _DEPTH, None, _S),
    Feature("book_pressure", "depth", "Σ(Bq_i − Aq_i)/i / Σ(Bq_i + Aq_i)/i", 0, "fraction", -1, 1, 0, _DEPTH, None, _S),
    *(
        Feature(f"{side}_levels", "depth", f"of the five ticks from the best {side} on, those with lots", 0, "ticks", 1,
                5, 0, _DEPTH, None, _S)
        for side in ("bid", "ask")
    ),
    *(
        Feature(f"{side}_gap", "depth", f"most empty ticks between levels of the {side} in a row", 0, "ticks", 0, _INF,
                0, _DEPTH, 0.0, _S)
        for side in ("bid", "ask")
    ),
    Feature("major_level_side", "depth",
            "1 bid, −1 ask: of the level nearest the mid with more than 2 times the mean lots of a level, within 0.2 % "
            "of the mid; on ties the larger, then the bid", 0, "", -1, 1, 0, _DEPTH, 0.0, _S),
    Feature("major_level_distance", "depth", "|price of the major level − mid|", 0, "ticks", 0, _INF, 0, _DEPTH, 0.0,
            _S),
    Feature("major_level_size", "depth", "lots of the major level/mean lots of a level", 0, "ratio", 0, 10, 0, _DEPTH,
            0.0, _S),
    Feature("liquidity_score", "depth",
            "0.7·min(1, (ΣBq + ΣAq)/its median at the bar closes of the preload sessions) + "
            "0.3·max(0, 1 − (spread − 1)/4); the median is its largest of 5 leading bits", 0, "", 0, 1, 0, _DEPTH,
            None, _S),
    Feature("consumption", "depth", "lots of aggressors in 10 s/((ΣBq + ΣAq)/2)", 10, "ratio", 0, _INF, 10,
            _TRADED_DEPTH, None, _S),
    Feature("replenishment", "depth",
            "max(0, ΣBq + ΣAq now − 10 s ago + taken)/taken, taken by aggressors in 10 s", 10, "ratio", 0, _INF, 10,
            _TRADED_DEPTH, 0.0, _S),
)  # fmt: skip

_PROFILE = (
    Feature("poc_distance", "profile", "C − poc, poc the tick of most v in the session, the lowest on ties", 0, "ticks",
            -_INF, _INF, 1, _BAR),
    Feature("value_area_width", "profile",
            "ticks of the smallest range around poc that holds 70 % of the session's v, the lowest on ties", 0, "ticks",
            1, _INF, 1, _BAR),
    Feature("value_area_position", "profile", "(C − low of the value area)/(its high − its low)", 0, "widths", -_INF,
            _INF, 1, _BAR, 0.5),
    Feature("volume_profile_skew", "profile", "(v above poc − v below)/v of the session", 0, "fraction", -1, 1, 1,
            _BAR),
    Feature("volume_concentration", "profile", "Σ v²/(Σ v)² over the prices of the session's last 30 bars", 30,
            "fraction", 0, 1, 1, _BAR),
)  # fmt: skip

_FOOTPRINT = (
    Feature("bar_delta", "footprint", "Vb − Vs", 1, "lots", -_INF, _INF, 1, _BAR),
    Feature("diagonal_imbalance", "footprint",
            "(m − n)/(m + n), m prices of the bar with b(x) > 0 and ≥ 3·s(x−1), n with s(x) > 0 and ≥ 3·b(x+1)", 1,
            "fraction", -1, 1, 1, _BAR, 0.0),
    Feature("stacked_buy", "footprint",
            "most ticks in a row with b(x) ≥ 3·s(x−1) and ≥ q95, the 95th percentile of trade sizes of the preload "
            "sessions", 1, "ticks", 0, _INF, 1, _BAR),
    Feature("stacked_sell", "footprint", "most ticks in a row with s(x) ≥ 3·b(x+1) and ≥ q95, as stacked_buy", 1,
            "ticks", 0, _INF, 1, _BAR),
    *(
        Feature(f"unfinished_{side}", "footprint", f"b and s both above 0 at the bar's {side}", 1, "flag", 0, 1, 1,
                _BAR)
        for side in ("high", "low")
    ),
    Feature("bar_poc_position", "footprint", "(tick of most v of the bar, the lowest on ties − L)/(H − L)", 1,
            "fraction", 0, 1, 1, _BAR, 0.5),
    Feature("p_shape", "footprint", "bar_poc_position > 2/3 and v below the middle of the bar < 30 %", 1, "flag", 0, 1,
            1, _BAR),
    Feature("b_shape", "footprint", "bar_poc_position < 1/3 and v above the middle of the bar < 30 %", 1, "flag", 0, 1,
            1, _BAR),
)  # fmt: skip

EVENT_FEATURES: tuple[Feature, ...] = (*_BROKERS, *_TAPE, *_BOOK, *_LEVELS, *_PROFILE, *_FOOTPRINT)
