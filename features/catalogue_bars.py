"""Entries of the catalogue for closed bars: the rest of signals.md §1, bar features (§2) and indicators (§3).

O, H, L, C and V are the bar's, Vb and Vs its volume and Nb and Ns its trades by aggressor, N all its trades, r its
return. Im = (Vb − Vs)/(Vb + Vs), Ib = Vb/(Vb + Vs), It = (Nb − Ns)/(Nb + Ns); without an aggressor they are 0, ½
and 0, a bar in balance. ATR is Wilder_14(TR).
"""

import math

from features.feature import Feature, Need

_INF = math.inf
_BARS = frozenset({Need.BARS})
_BOTH = frozenset({Need.BARS, Need.TRADES})
_ATR_WARM = 6 * 14

_LONGER = (
    Feature("volatility_ratio_100_200", "volatility", "σ_100(r)/σ_200(r)", 200, "ratio", 0, _INF, 200, _BARS, 1.0),
    Feature("returns_100", "returns", "ln(C_k/C_(k−100))", 100, "log", -_INF, _INF, 101, _BARS),
    Feature("volume_ratio_100", "volume", "mean_10(V)/mean_100(V)", 100, "ratio", 0, 10, 100, _BARS, 1.0),
    Feature("volume_zscore_100", "volume", "clip(z_100(V), ±10), prior", 100, "σ", -10, 10, 101, _BARS, 0.0),
    Feature("momentum_20_50", "technical", "clip([ln(C_k/C_(k−20))/20 − ln(C_(k−20)/C_(k−50))/30]/σ_50(r), ±10)", 50,
            "σ", -10, 10, 51, _BARS, 0.0),
    Feature("sharpe_5", "technical", "clip(mean_5(r)/σ_5(r)·√5, ±10)", 5, "t-value", -10, 10, 5, _BARS, 0.0),
)  # fmt: skip

_MOMENTUM = (
    *(
        Feature(f"mom_{n}", "momentum", f"(C_k − C_(k−{n}))/ATR", n, "ATR", -_INF, _INF, n + _ATR_WARM, _BARS)
        for n in (1, 5, 10, 20, 60)
    ),
    Feature("returns_60", "returns", "ln(C_k/C_(k−60))", 60, "log", -_INF, _INF, 61, _BARS),
    *(
        Feature(f"acceleration_{n}", "momentum", f"[ln(C_k/C_(k−{n})) − ln(C_(k−{n})/C_(k−{2 * n}))]/σ_{2 * n}(r)",
                2 * n, "σ", -_INF, _INF, 2 * n + 1, _BARS, 0.0)
        for n in (5, 10)
    ),
)  # fmt: skip

_GAPS = (
    *(
        Feature(f"vw_{side}_{n}", "momentum", f"(C − Σ C·{volume}/Σ {volume} over {n})/ATR", n, "ATR", -_INF, _INF,
                n + _ATR_WARM, _BOTH, 0.0)
        for side, volume in (("buy", "Vb"), ("sell", "Vs"))
        for n in (5, 10, 20, 60)
    ),
    *(
        Feature(f"vw_diff_{n}", "momentum", f"vw_sell_{n} − vw_buy_{n}", n, "ATR", -_INF, _INF, n + _ATR_WARM, _BOTH,
                0.0)
        for n in (5, 10, 20, 60)
    ),
)  # fmt: skip

_VOLATILITY = (
    *(
        Feature(f"parkinson_{n}", "volatility", f"√(mean_{n}[ln(H/L)²]/(4·ln2))", n, "per bar", 0, _INF, n, _BARS)
        for n in (5, 10, 60)
    ),
    *(Feature(f"volatility_{n}", "volatility", f"σ_{n}(r)", n, "per bar", 0, _INF, n, _BARS) for n in (5, 60)),
    *(
        Feature(f"garman_klass_{n}", "volatility", f"√max(0, mean_{n}[½·ln(H/L)² − (2·ln2−1)·ln(C/O)²])", n, "per bar",
                0, _INF, n, _BARS)
        for n in (5, 10, 60)
    ),
    *(
        Feature(f"imbalance_volatility_{n}", "volatility", f"σ_{n}(r)·|Im|/mean_{n}(|Im|), σ_{n}(r) if that is 0", n,
                "per bar", 0, _INF, n, _BOTH)
        for n in (5, 10, 20)
    ),
    *(
        Feature(f"{side}_volatility_{n}", "volatility", f"√mean_{n}[{extreme}(r, 0)²]", n, "per bar", 0, _INF, n, _BARS)
        for side, extreme in (("up", "max"), ("down", "min"))
        for n in (10, 20)
    ),
    *(
        Feature(f"up_down_ratio_{n}", "volatility", f"min(10, up_volatility_{n}/down_volatility_{n})", n, "ratio", 0,
                10, n, _BARS, 1.0)
        for n in (10, 20)
    ),
)  # fmt: skip

_VOLUME = (
    *(
        Feature(f"relative_volume_{n}", "volume", f"V/mean_{n}(V)", n, "ratio", 0, n, n, _BARS, 1.0)
        for n in (5, 10, 20, 60)
    ),
    *(
        Feature(f"volume_momentum_{n}", "volume", f"ln((V_k + 1)/(V_(k−{n}) + 1))", n, "log", -_INF, _INF, n + 1, _BARS)
        for n in (5, 10, 20, 60)
    ),
    *(
        Feature(f"trade_size_ratio_{n}", "volume", f"Z/mean_{n}(Z), Z = V/N of the bars that traded", n, "ratio", 0, n,
                n, _BOTH, 1.0)
        for n in (5, 10, 20)
    ),
    *(
        Feature(f"bar_concentration_{n}", "volume", f"Σ V²/(Σ V)² over {n}", n, "fraction", 1 / n, 1, n, _BARS)
        for n in (10, 20)
    ),
)  # fmt: skip

_PRESSURE = (
    Feature("buy_pressure", "pressure", "Ib", 1, "fraction", 0, 1, 1, _BOTH, 0.5),
    *(
        Feature(f"buy_pressure_mean_{n}", "pressure", f"mean_{n}(Ib)", n, "fraction", 0, 1, n, _BOTH)
        for n in (5, 10, 20)
    ),
    *(
        Feature(f"buy_pressure_deviation_{n}", "pressure", f"Ib − mean_{n}(Ib)", n, "fraction", -1, 1, n, _BOTH)
        for n in (5, 10, 20)
    ),
    Feature("imbalance", "pressure", "Im", 1, "fraction", -1, 1, 1, _BOTH, 0.0),
    Feature("imbalance_size", "pressure", "|Im|", 1, "fraction", 0, 1, 1, _BOTH, 0.0),
    *(Feature(f"imbalance_mean_{n}", "pressure", f"mean_{n}(Im)", n, "fraction", -1, 1, n, _BOTH) for n in (5, 10, 20)),
    *(Feature(f"imbalance_sigma_{n}", "pressure", f"σ_{n}(Im)", n, "fraction", 0, 1, n, _BOTH) for n in (5, 10, 20)),
    *(
        Feature(f"imbalance_z_{n}", "pressure", f"z_{n}(Im), prior window", n, "σ", -_INF, _INF, n + 1, _BOTH)
        for n in (5, 10, 20)
    ),
    Feature("trade_imbalance", "pressure", "It", 1, "fraction", -1, 1, 1, _BOTH, 0.0),
    Feature("trade_imbalance_size", "pressure", "|It|", 1, "fraction", 0, 1, 1, _BOTH, 0.0),
    *(
        Feature(f"trade_imbalance_mean_{n}", "pressure", f"mean_{n}(It)", n, "fraction", -1, 1, n, _BOTH)
        for n in (5, 10, 20)
    ),
    Feature("run_length", "pressure", "signed bars in a row of one sign(Nb − Ns), at most 20; a tie is 0", 20, "bars",
            -20, 20, 1, _BOTH),
)  # fmt: skip

_BANDS = (
    *(
        Feature(f"bb_width_{n}", "technical", f"4·σ_{n}(C)/mean_{n}(C)", n, "fraction", 0, _INF, n, _BARS)
        for n in (10, 20, 50)
    ),
    Feature("bb_percent_20", "technical", "(C − mean_20(C) + 2·σ_20(C))/(4·σ_20(C))", 20, "fraction", -1, 2, 20, _BARS,
            0.5),
    *(
        Feature(f"bb_clipped_{n}", "technical", f"(C − mean_{n}(C) + 2·σ_{n}(C))/(4·σ_{n}(C)) held in 0…1", n,
                "fraction", 0, 1, n, _BARS, 0.5)
        for n in (20, 50)
    ),
    *(
        Feature(f"bb_{side}_{n}", "technical", f"(C − mean_{n}(C) {sign} 2·σ_{n}(C))/ATR", n, "ATR", -_INF, _INF,
                _ATR_WARM, _BARS)
        for side, sign in (("upper", "−"), ("lower", "+"))
        for n in (20, 50)
    ),
    *(
        Feature(f"bb_squeeze_{n}", "technical", f"bb_width_{n} < mean_50(bb_width_{n})", n + 49, "flag", 0, 1, n + 49,
                _BARS)
        for n in (20, 50)
    ),
)  # fmt: skip

_AVERAGES = (
    *(
        Feature(f"ema{n}_distance", "technical", f"(C − EMA_{n}(C))/Wilder_14(TR)", n, "ATR", -_INF, _INF,
                max(3 * n, _ATR_WARM), _BARS)
        for n in (5, 8, 26, 200)
    ),
    *(
        Feature(f"sma{n}_distance", "technical", f"(C − mean_{n}(C))/ATR", n, "ATR", -_INF, _INF, _ATR_WARM, _BARS)
        for n in (10, 20, 50)
    ),
    Feature("ema_alignment", "technical", "([EMA_9 > EMA_20] + [EMA_20 > EMA_50] + [C > EMA_9])/3", 50, "fraction", 0,
            1, 150, _BARS),
    *(
        Feature(f"ema{a}_minus_ema{b}", "technical", f"(EMA_{a}(C) − EMA_{b}(C))/ATR", b, "ATR", -_INF, _INF, _ATR_WARM,
                _BARS)
        for a, b in ((9, 20), (5, 9))
    ),
    Feature("macd_line", "technical", "(EMA_12(C) − EMA_26(C))/ATR", 26, "ATR", -_INF, _INF, 105, _BARS),
    Feature("macd_signal", "technical", "EMA_9(EMA_12(C) − EMA_26(C))/ATR", 26, "ATR", -_INF, _INF, 105, _BARS),
    Feature("macd_histogram", "technical", "macd_line − macd_signal", 26, "ATR", -_INF, _INF, 105, _BARS),
    Feature("macd_cross_up", "technical", "histogram > 0, < 0 when last not 0", 26, "flag", 0, 1, 106, _BARS),
    Feature("macd_cross_down", "technical", "histogram < 0, > 0 when last not 0", 26, "flag", 0, 1, 106, _BARS),
)  # fmt: skip

_OSCILLATORS = (
    Feature("plus_di", "technical", "100·Wilder_14(+DM)/Wilder_14(TR)", 14, "percent", 0, 100, _ATR_WARM, _BARS, 0.0),
    Feature("minus_di", "technical", "100·Wilder_14(−DM)/Wilder_14(TR)", 14, "percent", 0, 100, _ATR_WARM, _BARS, 0.0),
    Feature("di_sign", "technical", "sign(+DI − −DI)", 14, "", -1, 1, _ATR_WARM, _BARS),
    Feature("adx_bin", "technical", "0, 1, 2, 3 for an ADX below 25, 50, 75, 100", 14, "", 0, 3, 2 * _ATR_WARM, _BARS),
    Feature("rsi_oversold", "technical", "rsi_14 < 30", 14, "flag", 0, 1, _ATR_WARM, _BARS),
    Feature("rsi_overbought", "technical", "rsi_14 > 70", 14, "flag", 0, 1, _ATR_WARM, _BARS),
    Feature("stochastic_k", "technical", "100·(C − min_14(L))/(max_14(H) − min_14(L))", 14, "percent", 0, 100, 14,
            _BARS, 50.0),
    Feature("stochastic_d", "technical", "mean_3(stochastic_k)", 16, "percent", 0, 100, 16, _BARS),
    Feature("stochastic_slow", "technical", "mean_3(stochastic_d)", 18, "percent", 0, 100, 18, _BARS),
    Feature("stochastic_oversold", "technical", "stochastic_k < 20", 14, "flag", 0, 1, 14, _BARS),
    Feature("stochastic_overbought", "technical", "stochastic_k > 80", 14, "flag", 0, 1, 14, _BARS),
    *(
        Feature(f"atr_{n}", "volatility", f"Wilder_{n}(TR)", n, "ticks", 0, _INF, 6 * n, _BARS)
        for n in (14, 20)
    ),
    Feature("range_pct", "volatility", "100·(H − L)/C", 1, "percent", 0, _INF, 1, _BARS),
    Feature("volatility_ratio_5_20", "volatility", "σ_5(r)/σ_20(r)", 20, "ratio", 0, _INF, 20, _BARS, 1.0),
    Feature("ichimoku_distance", "technical", "(C − (max_9(H) + min_9(L))/2)/ATR", 9, "ATR", -_INF, _INF, _ATR_WARM,
            _BARS),
    Feature("change", "momentum", "C_k − C_(k−1)", 1, "ticks", -_INF, _INF, 2, _BARS),
)  # fmt: skip

_INTERACTIONS = (
    Feature("momentum_per_volatility", "interaction", "clip(mom_5/(10⁴·σ_5(r)), ±20): σ in basis points", 5,
            "ATR per bp", -20, 20, 5 + _ATR_WARM, _BARS, 0.0),
    Feature("volume_times_volatility", "interaction", "relative_volume_5·volatility_5", 5, "per bar", 0, _INF, 5,
            _BARS),
    Feature("pressure_times_return", "interaction", "Ib·returns_5", 5, "log", -_INF, _INF, 6, _BOTH),
    Feature("trend_times_imbalance", "interaction", "adx_14/100·Im", 14, "fraction", -1, 1, 2 * _ATR_WARM, _BOTH),
)  # fmt: skip

# A second eye on the regime (signals.md §8.2), and the first one's strength (§8.3).
_REGIME = (
    Feature("slope_20", "regime", "b·R²/σ_20(r), b the least-squares slope of ln C per bar over 20", 20, "σ", -_INF,
            _INF, 20, _BARS, 0.0),
    Feature("slope_consistency_20", "regime", "share of 20 bars whose r has the sign of b", 20, "fraction", 0, 1, 20,
            _BARS, 0.0),
    Feature("slope_trend", "regime", "sign(b) if |slope_20| > 0.2 and slope_consistency_20 ≥ 0.6, else 0", 20, "", -1,
            1, 20, _BARS),
    Feature("range_score_50", "regime", "½·(share of 50 closes at 20 to 80 % of min_50(L) … max_50(H)) + "
            "½·min(closes within 5 % of its ends/10, 1)", 50, "fraction", 0, 1, 50, _BARS, 0.5),
    Feature("trend_strength", "regime", "±1 in a trend up or down by ADX and EMAs, ±2 if ADX > 35, else 0", 50, "", -2,
            2, 168, _BARS),
)  # fmt: skip

BAR_FEATURES: tuple[Feature, ...] = (
    *_LONGER, *_MOMENTUM, *_GAPS, *_VOLATILITY, *_VOLUME, *_PRESSURE, *_BANDS, *_AVERAGES, *_OSCILLATORS,
    *_INTERACTIONS, *_REGIME,
)  # fmt: skip
