"""The agents of signals.md §6 and the consensus of §7 once more, in plain Python over names, written from the text."""

from collections.abc import Mapping
from math import isfinite, nan, tanh

Row = Mapping[str, float]
Patterns = Mapping[str, tuple[float, float]]  # what is there: sign and confidence
Vote = tuple[float, float] | None

ORDER_FLOW = ["trade_flow_5", "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "book_imbalance", "ofi_5"]
GATE = ["ofi_60", "ofi_300", "returns_5"]
LIQUIDITY = [
    "liquidity_score", "depth_imbalance5", "major_level_side", "major_level_size", "hidden_bid", "hidden_ask",
    "consumption", "bid_gap", "ask_gap",
]  # fmt: skip
TAPE = [
    "trade_flow_5", "trade_flow_10", "buy_intensity", "sell_intensity", "large_trade_ratio", "trade_velocity",
    "vwap_distance", "aggressive_buy_ratio", "aggressive_sell_ratio",
]  # fmt: skip
FOOTPRINT = [
    "volume_profile_skew", "volume_concentration", "returns_5", "volatility_ratio_5_20", "stacked_buy", "stacked_sell",
    "poc_distance", "value_area_position", "value_area_width",
]  # fmt: skip
IDS = ["side_bias", "top_trader_ratio"]


def sgn(x: float) -> int:
    return (x > 0) - (x < 0)


def clip(x: float) -> float:
    return max(-1.0, min(1.0, x))


def known(x: Row, names: list[str]) -> bool:
    return all(isfinite(x.get(name, nan)) for name in names)


def order_flow(x: Row, patterns: Patterns, gated: bool = False) -> Vote:
    if not known(x, ORDER_FLOW + (GATE if gated else [])):
        return None
    f1 = 0.6 * x["trade_flow_5"] + 0.4 * x["trade_flow_10"]
    f2 = tanh(0.5 * (0.6 * x["signed_flow_z_5"] + 0.4 * x["signed_flow_z_10"]))
    f3 = 0.5 * x["book_imbalance"] + 0.5 * tanh(x["ofi_5"] / 3)
    votes = [patterns[name] for name in ("DELTA_DIVERGENCE", "ABSORPTION", "SWEEP") if name in patterns]
    said = sum(sign * conf for sign, conf in votes) / max(1, len(votes))
    s = clip(0.7 * (0.4 * f1 + 0.3 * f2 + 0.3 * f3) + 0.3 * said)
    if gated:
        up = x["ofi_60"] > 0.3 and x["ofi_300"] > 0.3 and x["returns_5"] > 0 and s > 0
        down = x["ofi_60"] < -0.3 and x["ofi_300"] < -0.3 and x["returns_5"] < 0 and s < 0
        if not up and not down:
            return 0.0, 0.0
    return s, min(1.5 * abs(s), 1)


def liquidity(x: Row, patterns: Patterns) -> Vote:
    if not known(x, LIQUIDITY):
        return None
    if x["liquidity_score"] < 0.3:
        return 0.0, 0.0
    wall = sgn(x["major_level_side"]) * min(x["major_level_size"] / 4, 1)
    s = clip(0.6 * x["depth_imbalance5"] + 0.2 * wall + 0.2 * tanh(x["hidden_bid"] - x["hidden_ask"]))
    c = min(0.9, 0.5 + 0.3 * abs(x["depth_imbalance5"]))
    c *= 1.1 if x["consumption"] > 0.7 else 1
    c *= 0.8 if "ICEBERG" in patterns and patterns["ICEBERG"][0] == -sgn(s) else 1
    for gap in ("bid_gap", "ask_gap"):
        c *= 0.9 if x[gap] > 2 else 1
    return s, c


def tape(x: Row, patterns: Patterns) -> Vote:
    if not known(x, TAPE):
        return None
    flow = 0.6 * x["trade_flow_5"] + 0.4 * x["trade_flow_10"]
    base = clip(
        0.30 * flow
        + 0.25 * clip(x["buy_intensity"] - x["sell_intensity"])
        + 0.20 * sgn(flow) * (x["large_trade_ratio"] > 0.3)
        + 0.15 * sgn(flow) * (x["trade_velocity"] > 1.5)
        + 0.10 * sgn(x["vwap_distance"]) * (abs(x["vwap_distance"]) > 0.002)
        + 0.20 * (x["aggressive_buy_ratio"] - x["aggressive_sell_ratio"])
    )
    order = [n for n in ("SWEEP", "TAPE_MOMENTUM", "ABSORPTION", "ICEBERG", "EXHAUSTION") if n in patterns]
    speaks = [patterns[order[0]] if order else (0, 0)]
    speaks += [patterns.get("ACCELERATION", (0, 0)), patterns.get("TAPE_MOMENTUM", (0, 0))]
    mixed = sum(share * sign * conf for share, (sign, conf) in zip((0.4, 0.3, 0.3), speaks, strict=True))
    s = clip(0.7 * base + 0.3 * mixed)
    c = 1.2 * abs(s)
    c *= x["trade_velocity"] / 2 if "ACCELERATION" in patterns else 1
    c *= 0.7 if "SLOPE_DIVERGENCE" in patterns else 1
    return s, min(c, 0.95)


def footprint(x: Row, patterns: Patterns, concentrated: float, ids: bool = True, book: bool = True) -> Vote:
    if not known(x, FOOTPRINT + (IDS if ids else []) + (["micro_dev"] if book else [])) or concentrated != concentrated:
        return None
    s = 0.2 * sgn(x["returns_5"]) * (x["volatility_ratio_5_20"] > 1.5)
    s += 0.3 * ((x["stacked_buy"] >= 3) - (x["stacked_sell"] >= 3))
    position, width, distance = x["value_area_position"], x["value_area_width"], x["poc_distance"]
    inside = 0 <= position <= 1 if width > 1 else distance == 0
    s -= 0.2 * sgn(distance) * (abs(distance) > 4 and not inside)
    sizes = 0.2 + 0.3 + 0.2
    if ids:
        skew, bias = x["volume_profile_skew"], x["side_bias"]
        s += 0.4 * (skew > 0.2 and bias > 0.3) - 0.4 * (skew < -0.2 and bias < -0.3)
        s += 0.3 * bias * (x["top_trader_ratio"] > 0.4)
        sizes += 0.4 + 0.3
    if book:
        s += 0.3 * sgn(x["micro_dev"]) * (x["volume_concentration"] > concentrated)
        sizes += 0.3
    s = clip(s * 1.7 / sizes)
    c = min(1.3 * abs(s), 0.9)
    floors = {"P_SHAPE": 0.65, "B_SHAPE": 0.65, "ABSORPTION_REVERSAL": 0.70, "EXHAUSTION": 0.75, "INITIATIVE": 0.65}
    for name, floor in floors.items():
        if s != 0 and name in patterns and patterns[name][0] == sgn(s):
            c = max(c, floor)
    return s, c


def consensus(votes: list[Vote], weights: list[float]) -> tuple[float, float, float, int]:
    """Return A, mean confidence, deviation of the scores, number of votes; NaN without a consensus."""
    cast = [(w, *vote) for w, vote in zip(weights, votes, strict=True) if vote is not None]
    total = sum(w for w, _, _ in cast)
    if len(cast) < 2 or total <= 0:
        return nan, nan, nan, len(cast)
    mean = sum(s for _, s, _ in cast) / len(cast)
    deviation = (sum((s - mean) ** 2 for _, s, _ in cast) / len(cast)) ** 0.5
    sure = sum(w * c for w, _, c in cast) / total
    return sum(w * c * s for w, s, c in cast) / total, sure, deviation, len(cast)
