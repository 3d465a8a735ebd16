"""Decimal numbers as whole steps, without a float on the way."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

# Prices and quantities repeat: most of a recording is read from this many remembered texts.
REMEMBERED = 1 << 16


class OffGrid(Exception):
    """A text is no whole number of steps; the message is the reason to set its row aside."""


class Grid:
    """Whole numbers of one step, as a tick size.

    Parameters
    ----------
    step : float
        Size of a step; its shortest decimal form counts (0.1 is a tenth).
    what : str
        What is measured, for the reasons: "price" or "quantity".
    most : int
        Largest number of steps that can be stored.
    """

    def __init__(self, step: float, what: str, most: int) -> None:
        self._step, self._what, self._most = Decimal(repr(step)), what, most
        self.steps = lru_cache(maxsize=REMEMBERED)(self._steps)

    def _steps(self, text: str) -> int:
        """Return a decimal text in steps, exactly; raises OffGrid."""
        try:
            steps, rest = divmod(Decimal(text), self._step)
        except (InvalidOperation, TypeError, ValueError):
            raise OffGrid(f"a {self._what} that is not a number") from None
        if not steps.is_finite():
            raise OffGrid(f"a {self._what} that is not a number")
        if rest:
            raise OffGrid(f"a {self._what} off the grid of {self._step}")
        if not 0 <= steps <= self._most:
            raise OffGrid(f"a {self._what} below zero or beyond any market")
        return int(steps)
