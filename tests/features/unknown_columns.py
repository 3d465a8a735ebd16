"""Which columns of single events are unknown at times, by their definitions and not by the catalogue."""

# What a trade's aggressor tells is unknown until the session has shown one.
SIDED = {
    *(f"order_flow_imbalance_{n}" for n in (10, 20, 50, 100)), "cumulative_signed_volume", "trade_flow_5",
    "trade_flow_10", "signed_flow_z_5", "signed_flow_z_10", "buy_intensity", "sell_intensity", "aggressive_buy_ratio",
    "aggressive_sell_ratio", "is_buyer_aggressor", "absorption", "hidden_bid", "hidden_ask", "consumption",
    "replenishment",
}  # fmt: skip
# Seconds a column reaches back; all of them must lie after the last loss of the feed.
REACH = {
    "trade_intensity": 60, "trade_intensity_ratio": 1800, "trade_velocity": 300, "trade_flow_5": 5, "trade_flow_10": 10,
    "signed_flow_z_5": 605, "signed_flow_z_10": 610, "buy_intensity": 300, "sell_intensity": 300,
    "aggressive_buy_ratio": 60, "aggressive_sell_ratio": 60, "large_trade_ratio": 60, "absorption": 300,
    "hidden_bid": 60, "hidden_ask": 60, "consumption": 10, "replenishment": 10,
    "ofi_1": 1, "ofi_5": 5, "ofi_10": 10, "ofi_60": 60, "ofi_300": 300,
}  # fmt: skip
