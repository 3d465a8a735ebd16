"""Market data: import, storage, reading, bars. Peer: polars."""

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import peers, vendor_files
from benchmarks.bounded_import import import_apart
from benchmarks.imports import import_rows
from benchmarks.rows import Row, less_is_better, more_is_better, race, rounded
from benchmarks.tapes import DAY_NS, OPEN_NS, busy_day
from market.bar_columns import bars_from_columns, trade_columns
from market.columns import columns_from_parquet, to_parquet
from market.types import EVENT, SESSION

FOUR = ("ts_event_ns", "price", "quantity", "side")
ALL = EVENT.names or ()


@dataclass(frozen=True)
class Sizes:
    """Rows of each piece of work."""

    imported: int = 100_000
    trades: int = 1_000_000
    bar_trades: int = 5_000_000
    large_ticks: int = 5_000_000
    large_sessions: int = 20
    rounds: int = 9


def measure(sizes: Sizes = Sizes()) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="pregao-bench-") as named:
        folder = Path(named)
        return [
            *import_rows(folder, sizes.imported),
            *column_rows(folder, sizes),
            bar_row(sizes),
            *large_import_rows(folder, sizes),
        ]


def column_rows(folder: Path, sizes: Sizes) -> list[Row]:
    """One session of trades, written and read by both; both read our file."""
    events, file = busy_day(sizes.trades), folder / "day.parquet"
    frame = pl.DataFrame({name: np.ascontiguousarray(events[name]) for name in ALL})
    stored, theirs = to_parquet(events), _polars_file(frame)
    file.write_bytes(stored)
    each = [len(data) / sizes.trades for data in (stored, theirs)]
    return [
        _speed_row("write trades", sizes, lambda: to_parquet(events), lambda: _polars_file(frame), "write_parquet"),
        _read_row(file, sizes, FOUR),
        _read_row(file, sizes, ALL),
        less_is_better("size of a trade", "B", each[0], each[1], "polars write_parquet"),
    ]


def _read_row(file: Path, sizes: Sizes, names: tuple[str, ...]) -> Row:
    work = f"read {len(names)} columns of trades"
    more = replace(sizes, rounds=3 * sizes.rounds)  # one takes some 20 ms, and a busy machine steals as much
    return _speed_row(work, more, lambda: columns_from_parquet(file, names), lambda: _read(file, names), "read_parquet")


def _speed_row(work: str, sizes: Sizes, ours: Callable[[], object], peer: Callable[[], object], name: str) -> Row:
    seconds, theirs = race(ours, peer, rounds=sizes.rounds)
    return more_is_better(work, "M rows/s", sizes.trades / seconds / 1e6, sizes.trades / theirs / 1e6, f"polars {name}")


def _polars_file(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def _read(file: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    return [column.to_numpy() for column in pl.read_parquet(file, columns=list(names)).iter_columns()]


def bar_row(sizes: Sizes) -> Row:
    """A session's trades in columns to bars of a minute; 32-bit quantities on both sides."""
    events, session = busy_day(sizes.bar_trades), np.zeros(1, dtype=SESSION)
    session["open_ns"], session["close_ns"] = OPEN_NS, OPEN_NS + DAY_NS
    trades = trade_columns(events)
    frame = pl.DataFrame(
        {"ts": trades.closing_ns.view("datetime64[ns]"), "price": trades.price, "quantity": trades.quantity}
    ).with_columns(pl.col("ts").set_sorted())
    del events
    ours, theirs = race(
        lambda: bars_from_columns(trades, session, peers.MINUTE_NS),
        lambda: peers.minute_bars_by_window(frame),
        lambda: peers.minute_bars_by_truncation(frame),
        rounds=sizes.rounds,
    )
    return more_is_better(
        "ticks to bars of a minute", "M rows/s", sizes.bar_trades / ours / 1e6, sizes.bar_trades / theirs / 1e6,
        "polars group_by_dynamic or group_by, the faster",
    )  # fmt: skip


def large_import_rows(folder: Path, sizes: Sizes) -> list[Row]:
    """A file far larger than the memory it may take, imported in a process of its own."""
    file = vendor_files.write_mt5_ticks(folder / "WDOFUT_large.csv", sizes.large_ticks, sizes.large_sessions)
    cost = import_apart(file, folder / "large")
    what = f"import of {sizes.large_ticks:,} MT5 ticks, {file.stat().st_size / 2**20:.0f} MiB"
    return [
        Row(what, "M rows/s", rounded(sizes.large_ticks / cost.seconds / 1e6)),
        Row(f"{what}, peak memory", "MiB", rounded(cost.peak_mib)),
    ]
