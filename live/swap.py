"""A running desk takes another bundle: asked for by command, when flat, between two events; else at the next session.

What it has stays until all of the other one is proved, so there is always a valid model, and no order is ever sent by
one model for another.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from live.profitdll.step import Step, change_model
from market.errors import PregaoError, SafetyRefusal
from market.home import Home
from registry.bundle import Bundle
from registry.installed import Named, OpenedDesk
from registry.serving import open_first, swap_request, times_of
from trading.desk import DECISIONS

Changed = Callable[[str, np.ndarray], None]  # with the digest, and `Desk.counts` then


class Swap:
    """Looks after the bundle of one desk through one session.

    Parameters
    ----------
    home : Home
    desk : OpenedDesk
        Its session has begun.
    step : Step
        Of the desk.
    named : Named
        What the desk was opened by: where its bundle is served.
    answered : mapping of Path to int
        Requests, and the time of each, that were there before the desk's bundle was opened.
    changed : callable
        What is told of each change.

    Attributes
    ----------
    bundle : Bundle
        That decides now.
    """

    def __init__(
        self, home: Home, desk: OpenedDesk, step: Step, named: Named, answered: Mapping[Path, int], changed: Changed
    ) -> None:
        self._home, self._seat, self._step, self._places, self._changed = home, desk.seat, step, named.places, changed
        root = desk.bundle.manifest.instrument
        self._requests = [swap_request(home, root, place) for place in self._places]
        self._answered = dict(answered)
        self._next: Bundle | None = None
        self._told: list[str] = []
        self.bundle = desk.bundle

    def attend(self) -> list[str]:
        """Do what was asked for as far as it can be done now; return what was told of it, one sentence each."""
        asked = times_of(self._requests)
        if any(self._answered.get(request) != when for request, when in asked.items()):
            self._answered |= asked  # before the proof: what is asked for meanwhile is another request
            self._next = self._proved()
        if self._next is not None:
            self._change(self._next)
        return self._told

    def _proved(self) -> Bundle | None:
        """Return the bundle that is served, once it is proved, is another one, and fits the running session."""
        try:
            served = open_first(self._home, self.bundle.manifest.instrument, self._places)
        except (PregaoError, OSError) as error:
            self._keep(str(error))
            return None
        if served is None or served.refused:
            self._keep(served.refused if served else "nothing was ever pulled")
            return None
        if served.bundle.digest == self.bundle.digest:
            return None
        if _needs(served.bundle) != _needs(self.bundle):
            self._keep("it needs a session of its own: it reads or pays other than this one began with")
            return None
        return served.bundle

    def _change(self, other: Bundle) -> None:
        """Let the other bundle decide from the next event on, unless a position or an order is open."""
        trader = self._seat.trader
        try:
            made = change_model(self._step, trader.core, other.model)
        except SafetyRefusal as error:
            self._keep(str(error))
            self._next = None
            return
        if made is None:
            return
        trader.core = trader.core._replace(model=other.model)
        self._changed(other.digest, made)
        self._tell(f"{other.digest} decides from decision {made[DECISIONS]} on, in place of {self.bundle.digest}")
        self.bundle, self._next = other, None

    def _keep(self, reason: str) -> None:
        """Say why the present bundle goes on."""
        self._tell(f"expected another bundle to take, found that {reason}; {self.bundle.digest[:16]} trades on")

    def _tell(self, what: str) -> None:
        self._told.append(f"bundle of {self._seat.feed.contract}: {what}")


def _needs(bundle: Bundle) -> tuple[object, ...]:
    manifest = bundle.manifest
    return bundle.schema.hash, manifest.instrument, manifest.feed, manifest.costs
