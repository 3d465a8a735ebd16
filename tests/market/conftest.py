"""Small vendor files and event streams, written by hand."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from market.instruments import B3
from market.lake import Lake
from market.lake_manifest import Provenance
from market.types import EVENT, Kind, TradeType

MT5_HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
Rows = Callable[..., list[str]]
WriteFile = Callable[..., Path]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def provenance() -> Provenance:
    return Provenance("hand.csv", "0" * 64, "hand/1", False, "raw")


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write lines as a vendor does, and return the file."""

    def write_lines(name: str, lines: list[str], encoding: str = "utf-8", end: str = "\r\n") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(line + end for line in lines).encode(encoding))
        return path

    return write_lines


@pytest.fixture
def mt5_rows() -> Rows:
    """Return one session of MT5 minute bars of WDO, 2020-04-02 09:00 to 18:00, header first."""

    def rows(count: int = 540, day: date = date(2020, 4, 2), first: str = "09:00") -> list[str]:
        start = datetime.combine(day, datetime.strptime(first, "%H:%M").time())
        out = [MT5_HEADER]
        for k in range(count):
            moment = start + timedelta(minutes=k)
            low = 5250.0 + k % 7
            out.append(
                f"{moment:%Y.%m.%d}\t{moment:%H:%M:%S}\t{low}\t{low + 2}\t{low}\t{low + 1}\t{10 + k % 3}\t{100 + k}\t5"
            )
        return out

    return rows


@pytest.fixture
def wdo_session() -> np.ndarray:
    """2020-04-02, 09:00 to 18:00."""
    return B3.session("WDO", date(2020, 4, 2))


@pytest.fixture
def trades(wdo_session: np.ndarray) -> Callable[[list[tuple[float, int, int, int]]], np.ndarray]:
    """Return trades from (seconds after the open, price, quantity, side)."""

    def build(told: list[tuple[float, int, int, int]]) -> np.ndarray:
        out = np.zeros(len(told), dtype=EVENT)
        for k, (seconds, price, quantity, side) in enumerate(told):
            out[k]["ts_event_ns"] = out[k]["ts_recv_ns"] = int(wdo_session["open_ns"][0]) + int(seconds * 1e9)
            out[k]["sequence"], out[k]["price"], out[k]["quantity"], out[k]["side"] = k, price, quantity, side
            out[k]["kind"], out[k]["instrument"] = Kind.TRADE, 1
            kinds = {1: TradeType.BUY_AGGRESSION, -1: TradeType.SELL_AGGRESSION, 0: TradeType.UNKNOWN}
            out[k]["trade_type"] = kinds[side]
        return out

    return build
