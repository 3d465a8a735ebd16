"""A running desk takes another bundle: asked for by command, when flat, between two events; else at the next session.

What it has stays until all of the other one is proved, so there is always a valid model, and no order is ever sent by
one model for another.
"""

from live.profitdll.step import Step, change_model
from market.errors import PregaoError, SafetyRefusal
from market.home import Home
from registry.bundle import Bundle
from registry.installed import OpenedDesk
from registry.serving import open_served, swap_request


class Swap:
    """Looks after the bundle of one desk through one session.

    Parameters
    ----------
    home : Home
    desk : OpenedDesk
        Its session has begun.
    step : Step
        Of the desk.
    alias : str
        Whose bundle the desk takes.

    Attributes
    ----------
    bundle : Bundle
        That decides now.
    """

    def __init__(self, home: Home, desk: OpenedDesk, step: Step, alias: str) -> None:
        self._home, self._seat, self._step, self._alias = home, desk.seat, step, alias
        self._request = swap_request(home, desk.bundle.manifest.instrument, alias)
        self._request.unlink(missing_ok=True)  # the session has begun with what was asked for then
        self._next: Bundle | None = None
        self._asked_ns = 0
        self._told: list[str] = []
        self.bundle = desk.bundle

    def attend(self) -> list[str]:
        """Do what was asked for as far as it can be done now; return what was told of it, one sentence each."""
        asked_ns = self._when_asked()
        if asked_ns not in (0, self._asked_ns):
            self._asked_ns, self._next = asked_ns, self._proved()
            if self._next is None:
                self._request.unlink(missing_ok=True)
        if self._next is not None:
            self._change(self._next)
        return self._told

    def _when_asked(self) -> int:
        try:
            return self._request.stat().st_mtime_ns
        except OSError:
            return 0

    def _proved(self) -> Bundle | None:
        """Return the bundle that is served, once it is proved, is another one, and fits the running session."""
        try:
            served = open_served(self._home, self.bundle.manifest.instrument, self._alias)
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
            self._request.unlink(missing_ok=True)
            return
        if made < 0:
            return
        trader.core = trader.core._replace(model=other.model)
        self._tell(f"{other.digest} decides from decision {made} on, in place of {self.bundle.digest}")
        self.bundle, self._next = other, None
        self._request.unlink(missing_ok=True)

    def _keep(self, reason: str) -> None:
        """Say why the present bundle goes on."""
        self._tell(f"expected another bundle to take, found that {reason}; {self.bundle.digest[:16]} trades on")

    def _tell(self, what: str) -> None:
        self._told.append(f"bundle of {self._seat.feed.contract}: {what}")


def _needs(bundle: Bundle) -> tuple[object, ...]:
    manifest = bundle.manifest
    return bundle.schema.hash, manifest.instrument, manifest.feed, manifest.costs
