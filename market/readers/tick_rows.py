"""What the rows of a tick file say: which of their values are new, and who the aggressor was."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from market.types import Side

# What a row's flags say has changed, and who the aggressor was.
BID_FLAG, ASK_FLAG, LAST_FLAG, VOLUME_FLAG, BUY_FLAG, SELL_FLAG = 2, 4, 8, 16, 32, 64
_TRADE_FLAGS = LAST_FLAG | VOLUME_FLAG | BUY_FLAG | SELL_FLAG
UNFLAGGED = -1


@dataclass(frozen=True)
class TickTable:
    """The rows of a tick file, in the file's order; every array has shape (n,).

    Parameters
    ----------
    lines, day, time_ns : ndarray
        i8, as in BarTable.
    bid, ask, last, volume : ndarray
        f8, points and contracts; NaN where the row does not carry the value.
    flags : ndarray
        i8, which of the values are new and who the aggressor was; UNFLAGGED where every value the row carries is new.
    illegible : ndarray
        bool, whether a cell of the row holds something else than a number.
    misshapen : tuple of int
        Lines that were no rows.
    """

    lines: np.ndarray
    day: np.ndarray
    time_ns: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    last: np.ndarray
    volume: np.ndarray
    flags: np.ndarray
    illegible: np.ndarray
    misshapen: tuple[int, ...] = ()

    @cached_property
    def clears(self) -> np.ndarray:
        """Mask of the rows that say there is no quote."""
        mask: np.ndarray = (self.bid == 0) & (self.ask == 0) & (np.isnan(self.last) | (self.last == 0))
        return mask

    @cached_property
    def sets_bid(self) -> np.ndarray:
        """Mask of the rows that tell a new bid."""
        mask: np.ndarray = ~np.isnan(self.bid) & self._says(BID_FLAG) & ~self.clears
        return mask

    @cached_property
    def sets_ask(self) -> np.ndarray:
        """Mask of the rows that tell a new ask."""
        mask: np.ndarray = ~np.isnan(self.ask) & self._says(ASK_FLAG) & ~self.clears
        return mask

    @cached_property
    def trades(self) -> np.ndarray:
        """Mask of the rows that tell a trade."""
        mask: np.ndarray = (self.last > 0) & self._says(_TRADE_FLAGS)
        return mask

    @cached_property
    def lacks_what_it_flags(self) -> np.ndarray:
        """Mask of the rows that flag a bid, an ask or a trade they do not carry."""
        flagged = self.flags != UNFLAGGED
        mask: np.ndarray = (flagged & ~self.clears) & (
            (np.isnan(self.bid) & self._says(BID_FLAG))
            | (np.isnan(self.ask) & self._says(ASK_FLAG))
            | (~(self.last > 0) & self._says(_TRADE_FLAGS))
        )
        return mask

    @cached_property
    def told_side(self) -> np.ndarray:
        """The aggressor by the flags, i1[n]; NONE where they say both or nothing."""
        side = np.zeros(self.flags.size, dtype=np.int8)
        buys, sells = self._says(BUY_FLAG), self._says(SELL_FLAG)
        side[self.flags_tell_sides & buys & ~sells] = Side.BUY
        side[self.flags_tell_sides & sells & ~buys] = Side.SELL
        return side

    @cached_property
    def flags_tell_sides(self) -> np.ndarray:
        """Mask of the rows whose flags name a buyer or seller as aggressor, or both."""
        mask: np.ndarray = (self.flags != UNFLAGGED) & self._says(BUY_FLAG | SELL_FLAG)
        return mask

    def _says(self, bits: int) -> np.ndarray:
        # UNFLAGGED has every bit set.
        mask: np.ndarray = (self.flags & bits) != 0
        return mask


def joined(tables: Sequence[TickTable]) -> TickTable:
    """Return tables of one file, in its order, as one."""
    if len(tables) == 1:
        return tables[0]
    misshapen = tuple(line for table in tables for line in table.misshapen)
    columns = [field.name for field in fields(TickTable) if field.name != "misshapen"]
    whole = {name: np.concatenate([getattr(table, name) for table in tables]) for name in columns}
    return replace(tables[0], **whole, misshapen=misshapen)
