"""Whether prices are those traded, or restated by the vendor at each roll."""

from typing import TYPE_CHECKING

import numpy as np

from market.instruments import Instrument

if TYPE_CHECKING:
    from market.readers.bar_table import BarTable

RAW, ADJUSTED = "raw", "back_adjusted"
# Turnover / (volume x point value) of raw bars lies this close to the close.
RAW_PRICE_TOLERANCE = 0.005
# MT5 restates the past of these series at each roll, also where the prices stay on the grid (b3.md §1.4).
ADJUSTED_ENDINGS = ("$", "$D", "@", "@D")


def price_basis(table: "BarTable", instrument: Instrument, contract: str) -> tuple[str, np.ndarray]:
    """Return RAW or ADJUSTED, and the turnover in ticks x lot steps (0 where unknown), i8[n]."""
    unknown = np.zeros(table.lines.size, dtype=np.int64)
    ticks = table.prices / instrument.tick_size
    if contract.endswith(ADJUSTED_ENDINGS) or (np.abs(ticks - np.rint(ticks)) > 1e-4).any():
        return ADJUSTED, unknown
    turnover, volume = table.turnover, table.volume
    priced = np.isfinite(turnover) & (volume > 0)
    if not priced.any():
        return RAW, unknown
    ratio = np.full(table.lines.size, np.nan)
    ratio[priced] = turnover[priced] / (volume[priced] * instrument.point_value * table.close[priced])
    # An owner who dropped the decimals left cents.
    scale = 100.0 if 50.0 < np.nanmedian(ratio) < 200.0 else 1.0
    medians = [np.nanmedian(ratio[table.day == day]) / scale for day in np.unique(table.day[priced])]
    if np.abs(np.array(medians) - 1.0).max() > RAW_PRICE_TOLERANCE:
        return ADJUSTED, unknown
    in_ticks = np.where(priced, turnover, 0.0) / (scale * instrument.tick_value)
    return RAW, np.rint(in_ticks).astype(np.int64)
