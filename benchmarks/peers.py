"""The same work in polars: what a careful user would write without this project."""

from pathlib import Path

import polars as pl

MINUTE_NS = 60_000_000_000


def import_ticks(source: Path, folder: Path) -> None:
    """Parse MT5 ticks with their aggressors, and write the trades and the quotes of each session."""
    names = ["day", "time", "bid", "ask", "last", "volume", "flags"]
    types = [pl.String] * 2 + [pl.Float64] * 4 + [pl.Int64]
    frame = pl.read_csv(source, separator="\t", new_columns=names, schema_overrides=types)
    flags = pl.col("flags")
    frame = _with_time(frame, "%Y.%m.%d", "%H:%M:%S%.3f").with_columns(
        *(_ticks(name) for name in ("bid", "ask", "last")),
        pl.col("volume").cast(pl.Int64),
        pl.when(flags & 32 > 0).then(1).when(flags & 64 > 0).then(-1).otherwise(0).cast(pl.Int8).alias("side"),
    )
    for number, one in enumerate(frame.partition_by("day")):
        trades = one.filter(pl.col("last").is_not_null()).select("ts", "last", "volume", "side")
        quotes = one.filter(pl.col("bid").is_not_null()).select("ts", "bid", "ask")
        trades.write_parquet(folder / f"{number}.trades.parquet")
        quotes.write_parquet(folder / f"{number}.quotes.parquet")


def import_mt5_bars(source: Path, folder: Path) -> None:
    """Parse MT5 bars and write those of each session."""
    names = ["day", "time", "open", "high", "low", "close", "trades", "volume", "spread"]
    types = [pl.String] * 2 + [pl.Float64] * 4 + [pl.Int64] * 3
    frame = pl.read_csv(source, separator="\t", new_columns=names, schema_overrides=types)
    _write_bars(_with_time(frame, "%Y.%m.%d", "%H:%M:%S"), folder)


def import_profit_bars(source: Path, folder: Path) -> None:
    """Parse Profit's bars and write those of each session, oldest first."""
    names = ["symbol", "day", "time", "open", "high", "low", "close", "turnover", "volume"]
    types = [pl.String] * 3 + [pl.Float64] * 5 + [pl.Int64]
    frame = pl.read_csv(
        source, separator=";", has_header=False, new_columns=names, schema_overrides=types, decimal_comma=True
    )
    _write_bars(_with_time(frame, "%d/%m/%Y", "%H:%M:%S").sort("ts"), folder)


def _write_bars(frame: pl.DataFrame, folder: Path) -> None:
    frame = frame.with_columns(*(_ticks(name) for name in ("open", "high", "low", "close")))
    for number, one in enumerate(frame.partition_by("day")):
        one.drop("time", "day").write_parquet(folder / f"{number}.parquet")


def _with_time(frame: pl.DataFrame, day: str, time: str) -> pl.DataFrame:
    moment = pl.col("day").str.to_date(day).dt.combine(pl.col("time").str.to_time(time))
    local = moment.cast(pl.Datetime("ns")).dt.replace_time_zone("America/Sao_Paulo")
    return frame.with_columns(local.dt.convert_time_zone("UTC").alias("ts"))


def _ticks(name: str) -> pl.Expr:
    return (pl.col(name) * 2).round().cast(pl.Int32).alias(name)


# What a bar of a minute is made of: open, high, low, close, volume, trades.
BAR = [
    pl.col("price").first().alias("open"),
    pl.col("price").max().alias("high"),
    pl.col("price").min().alias("low"),
    pl.col("price").last().alias("close"),
    pl.col("quantity").sum().alias("volume"),
    pl.len().alias("trades"),
]


def minute_bars_by_window(trades: pl.DataFrame) -> pl.DataFrame:
    """Group sorted times by windows of a minute."""
    return trades.group_by_dynamic("ts", every="1m").agg(BAR)


def minute_bars_by_truncation(trades: pl.DataFrame) -> pl.DataFrame:
    """Group by the minute of each time, the fastest of several ways where minutes hold few trades."""
    minute = pl.col("ts").dt.truncate("1m").set_sorted().alias("minute")
    return trades.lazy().with_columns(minute).group_by("minute").agg(BAR).collect()
