"""Vendor files of quotes and bars of any size, as MetaTrader 5 and Profit export them."""

from datetime import date, time
from pathlib import Path

import numpy as np
import polars as pl

from market.instruments import B3

FIRST, LAST = date(2018, 1, 2), date(2026, 12, 30)
SYMBOL = "WDOFUT"
SESSION_MS = 9 * 3_600_000
MINUTES = 540
OWN_TIMES = "%H:%M:%S%.3f"


def sessions(count: int) -> list[date]:
    """Return sessions that last at least from 09:00 to 18:00."""
    calendar = B3.calendar("WDO")
    hours = ((day, calendar.hours_on(day)) for day in calendar.sessions(FIRST, LAST))
    return [day for day, on in hours if on.open == time(9) and on.close >= time(18)][:count]


def write_mt5_ticks(path: Path, rows: int, days: int = 4, seed: int = 5) -> Path:
    """Write ticks of so many sessions: half of the rows are trades, a row in three moves a quote."""
    rng, share = np.random.default_rng(seed), rows // days
    with path.open("wb") as file:
        for number, day in enumerate(sessions(days)):
            _ticks(rng, day, share).write_csv(
                file, include_header=number == 0, separator="\t", float_precision=1, time_format=OWN_TIMES,
                date_format="%Y.%m.%d", line_terminator="\r\n",
            )  # fmt: skip
    return path


def _ticks(rng: np.random.Generator, day: date, rows: int) -> pl.DataFrame:
    moment = 9 * 3_600_000 + np.sort(rng.integers(0, SESSION_MS, rows))
    bid = 10_000 + np.cumsum(rng.choice([-1, 0, 1], rows, p=[0.1, 0.8, 0.1]))
    traded, quoted = rng.random(rows) < 0.5, rng.random(rows) < 1 / 3
    quoted |= ~traded  # a row says something
    quoted[0] = True
    last = bid + rng.integers(0, 2, rows)
    frame = pl.DataFrame({"ms": moment, "bid": bid, "last": last, "volume": rng.integers(1, 20, rows)})
    frame = frame.with_columns(traded=pl.Series(traded), quoted=pl.Series(quoted))
    # MT5's flags: bid 2, ask 4, last 8, volume 16, buy 32, sell 64.
    aggressor = pl.when(pl.col("last") > pl.col("bid")).then(8 + 16 + 32).otherwise(8 + 16 + 64)
    return frame.select(
        pl.lit(day).alias("<DATE>"),
        (pl.col("ms") * 1_000_000).cast(pl.Time).alias("<TIME>"),
        pl.when("quoted").then(pl.col("bid") * 0.5).alias("<BID>"),
        pl.when("quoted").then(pl.col("bid") * 0.5 + 0.5).alias("<ASK>"),
        pl.when("traded").then(pl.col("last") * 0.5).alias("<LAST>"),
        pl.when("traded").then("volume").alias("<VOLUME>"),
        (6 * pl.col("quoted") + aggressor * pl.col("traded")).alias("<FLAGS>"),
    )


def _minutes(rows: int, seed: int) -> pl.DataFrame:
    """Return bars of a minute from 09:00 on, session after session, in points."""
    rng, days = np.random.default_rng(seed), sessions(-(-rows // MINUTES))
    close = 5_000 + np.cumsum(rng.integers(-2, 3, rows)) * 0.5
    opens = np.append(5_000, close[:-1])
    count = rng.integers(1, 500, rows)
    return pl.DataFrame(
        {
            "day": np.repeat(np.array(days, dtype="datetime64[D]"), MINUTES)[:rows],
            "time": (9 * 60 + np.tile(np.arange(MINUTES), len(days))[:rows]) * 60_000_000_000,
            "open": opens, "high": np.maximum(opens, close) + 0.5, "low": np.minimum(opens, close) - 0.5,
            "close": close, "count": count, "volume": count * 3,
        }
    ).with_columns(pl.col("time").cast(pl.Time))  # fmt: skip


def write_mt5_bars(path: Path, rows: int, seed: int = 6) -> Path:
    """Write bars of a minute."""
    names = {"day": "DATE", "time": "TIME", "count": "TICKVOL", "volume": "VOL"}
    frame = _minutes(rows, seed).with_columns(SPREAD=pl.lit(1))
    frame.rename(lambda name: f"<{names.get(name, name.upper())}>").write_csv(
        path, separator="\t", float_precision=1, date_format="%Y.%m.%d", time_format="%H:%M:%S", line_terminator="\r\n"
    )
    return path


def write_profit_bars(path: Path, rows: int, seed: int = 7) -> Path:
    """Write bars of a minute, newest first, with decimal commas."""
    bars = _minutes(rows, seed).reverse()
    prices = [pl.col(name) for name in ("open", "high", "low", "close")]
    turnover = pl.col("close") * pl.col("volume") * 10
    frame = bars.select(pl.lit(SYMBOL).alias("symbol"), "day", "time", *prices, turnover.alias("turnover"), "volume")
    frame.write_csv(
        path, include_header=False, separator=";", float_precision=2, decimal_comma=True, date_format="%d/%m/%Y",
        time_format="%H:%M:%S", line_terminator="\r\n",
    )  # fmt: skip
    return path


def write_mt5_saveas(path: Path, rows: int, seed: int = 14) -> Path:
    """Write bars of a minute as MetaTrader's chart saves them, in UTF-16."""
    moment = pl.col("day").dt.combine(pl.col("time"))
    text = (
        _minutes(rows, seed)
        .select(moment, "open", "high", "low", "close", "count", "volume")
        .write_csv(include_header=False, float_precision=6, datetime_format="%Y.%m.%d %H:%M", line_terminator="\r\n")
    )
    path.write_bytes(text.encode("utf-16"))
    return path


def write_mt5_rates(path: Path, rows: int, seed: int = 15) -> Path:
    """Write bars of a minute as the Python package of MetaTrader returns them, times by the broker's clock."""
    epoch = pl.col("day").dt.combine(pl.col("time")).dt.epoch("s").alias("time")
    counted = (pl.col("count").alias("tick_volume"), pl.lit(1).alias("spread"), pl.col("volume").alias("real_volume"))
    frame = _minutes(rows, seed).select(epoch, "open", "high", "low", "close", *counted)
    frame.write_csv(path, float_precision=1, line_terminator="\r\r\n")
    return path


def write_joined_bars(path: Path, rows: int, seed: int = 16) -> Path:
    """Write bars of a minute of two contracts side by side."""
    moment = pl.col("day").dt.combine(pl.col("time")).alias("time")
    prices = ("open", "high", "low", "close")
    index = [(pl.col(name) * 20).alias(f"{name}_win") for name in prices]
    dollar = [pl.col(name).alias(f"{name}_wdo") for name in prices]
    counted = [
        pl.col(ours).alias(f"{name}_{suffix}")
        for suffix in ("win", "wdo")
        for ours, name in (("count", "tick_volume"), ("volume", "real_volume"))
    ]
    frame = _minutes(rows, seed).select(moment, *index, *counted[:2], *dollar, *counted[2:])
    frame.write_csv(path, float_precision=1, datetime_format="%Y-%m-%d %H:%M:%S")
    return path
