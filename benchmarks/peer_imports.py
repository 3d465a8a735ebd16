"""The import of each format in polars, as a careful user would write it: no checks, no hashes, no wait for the disk."""

import io
from pathlib import Path

import polars as pl
from python_calamine import CalamineWorkbook

PRICES = ("open", "high", "low", "close")
SAVED_AS = "%Y.%m.%d %H:%M"


def import_mt5_ticks(source: Path, folder: Path) -> None:
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
    names = ["day", "time", *PRICES, "trades", "volume", "spread"]
    types = [pl.String] * 2 + [pl.Float64] * 4 + [pl.Int64] * 3
    frame = pl.read_csv(source, separator="\t", new_columns=names, schema_overrides=types)
    _write_bars(_with_time(frame, "%Y.%m.%d", "%H:%M:%S"), folder)


def import_profit_bars(source: Path, folder: Path) -> None:
    """Parse Profit's bars and write those of each session, oldest first."""
    names = ["symbol", "day", "time", *PRICES, "turnover", "volume"]
    types = [pl.String] * 3 + [pl.Float64] * 5 + [pl.Int64]
    frame = pl.read_csv(
        source, separator=";", has_header=False, new_columns=names, schema_overrides=types, decimal_comma=True
    )
    _write_bars(_with_time(frame, "%d/%m/%Y", "%H:%M:%S").sort("ts"), folder)


def import_mt5_saveas(source: Path, folder: Path) -> None:
    """Parse a chart's bars, UTF-16, and write those of each session."""
    text = io.BytesIO(source.read_text("utf-16").encode())
    names = ["moment", *PRICES, "trades", "volume"]
    frame = pl.read_csv(text, has_header=False, new_columns=names)
    _write_bars(_in_utc(frame, pl.col("moment").str.to_datetime(SAVED_AS)), folder)


def import_mt5_rates(source: Path, folder: Path) -> None:
    """Parse bars timed by the broker's clock, and write those of each session."""
    frame = pl.read_csv(io.BytesIO(source.read_bytes().replace(b"\r\r\n", b"\n")))
    _write_bars(_in_utc(frame, pl.from_epoch("time")), folder)


def import_joined_bars(source: Path, folder: Path) -> None:
    """Parse the bars of two contracts side by side, and write those of each contract and session."""
    frame = pl.read_csv(source)
    for suffix, per_point in (("win", 0.2), ("wdo", 2.0)):
        own = [pl.col(f"{name}_{suffix}").alias(name) for name in (*PRICES, "tick_volume", "real_volume")]
        target = folder / suffix
        target.mkdir()
        one = frame.select("time", *own).drop_nulls()
        _write_bars(_in_utc(one, pl.col("time").str.to_datetime("%Y-%m-%d %H:%M:%S")), target, per_point)


def import_b3_trades(source: Path, folder: Path) -> None:
    """Parse the exchange's file, drop what was cancelled, and write the trades of each contract."""
    frame = pl.read_csv(source, separator=";", decimal_comma=True, schema_overrides={"HoraFechamento": pl.String})
    number = "CodigoIdentificadorNegocio"
    cancelled = frame.filter(pl.col("AcaoAtualizacao") == 2).select("CodigoInstrumento", number)
    frame = frame.join(cancelled, on=["CodigoInstrumento", number], how="anti").with_columns(
        (pl.col("DataNegocio") + pl.col("HoraFechamento")).str.to_datetime("%Y-%m-%d%H%M%S%3f").alias("moment")
    )
    frame = _in_utc(frame, pl.col("moment")).with_columns(_ticks("PrecoNegocio"))
    for symbol, one in frame.partition_by("CodigoInstrumento", as_dict=True).items():
        one.sort("ts").write_parquet(folder / f"{symbol[0]}.parquet")


def import_profit_trades(source: Path, folder: Path) -> None:
    """Parse times and trades with their brokers' numbers, and write them, oldest first."""
    frame = pl.read_csv(source, separator=";", encoding="windows-1252")
    price = pl.col("Preço").str.replace_all(".", "", literal=True).str.replace(",", ".").cast(pl.Float64)
    brokers = (pl.col(name).str.extract(r"^(\d+)").cast(pl.Int32) for name in ("Compradora", "Vendedora"))
    moment = (pl.col("Data") + pl.col("Hora")).str.to_datetime("%d/%m/%Y%H:%M:%S%.3f")
    frame = _in_utc(frame, moment).with_columns((price * 2).round().cast(pl.Int32).alias("price"), *brokers)
    side = pl.col("Agressor").replace_strict({"Comprador": 1, "Vendedor": -1}, default=0, return_dtype=pl.Int8)
    frame.select("ts", "price", "Quantidade", "Compradora", "Vendedora", side).reverse().write_parquet(
        folder / "trades.parquet"
    )


def import_book_sample(source: Path, folder: Path) -> None:
    """Parse polls of a book and write those of each contract as they are, a column a level."""
    frame = pl.read_csv(source)
    levels = [_ticks(name) for name in frame.columns if "_price_" in name]
    frame = _in_utc(frame, pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S%.6f")).with_columns(levels)
    for symbol, one in frame.partition_by("symbol", as_dict=True).items():
        one.write_parquet(folder / f"{symbol[0]}.parquet")


def import_binance_stream(source: Path, folder: Path) -> None:
    """Parse a recording and write its messages as they are, numbers as text."""
    messages = b"\n".join(line.split(b" ", 1)[1] for line in source.read_bytes().splitlines())
    pl.read_ndjson(io.BytesIO(messages), infer_schema_length=None).write_parquet(folder / "messages.parquet")


def import_times_trades_workbook(source: Path, folder: Path) -> None:
    """Parse both sheets of a workbook and write them."""
    workbook = CalamineWorkbook.from_path(source)
    for name in ("ofertas", "negocios"):
        _, headings, *rows = workbook.get_sheet_by_name(name).to_python()
        frame = pl.DataFrame(rows, schema=[f"{k} {heading}" for k, heading in enumerate(headings)], orient="row")
        frame.write_parquet(folder / f"{name}.parquet")


def _write_bars(frame: pl.DataFrame, folder: Path, per_point: float = 2.0) -> None:
    day = pl.col("ts").dt.date().alias("day")  # UTC, in which no session of a future reaches into the next
    frame = frame.with_columns(day, *(_ticks(name, per_point) for name in PRICES))
    for number, one in enumerate(frame.partition_by("day")):
        one.write_parquet(folder / f"{number}.parquet")


def _with_time(frame: pl.DataFrame, day: str, time: str) -> pl.DataFrame:
    return _in_utc(frame, pl.col("day").str.to_date(day).dt.combine(pl.col("time").str.to_time(time)))


def _in_utc(frame: pl.DataFrame, moment: pl.Expr) -> pl.DataFrame:
    local = moment.cast(pl.Datetime("ns")).dt.replace_time_zone("America/Sao_Paulo")
    return frame.with_columns(local.dt.convert_time_zone("UTC").alias("ts"))


def _ticks(name: str, per_point: float = 2.0) -> pl.Expr:
    return (pl.col(name) * per_point).round().cast(pl.Int32).alias(name)
