"""Order and bracket written once more from the text, in plain Python objects and lists; it shares no code with them.

An order keeps every report it was ever sent and reads its state off all of them each time, instead of joining.
"""

from dataclasses import dataclass, field

DEAD = {"FILLED", "CANCELED", "REJECTED", "EXPIRED"}
FOR_GOOD = {"QUANTITY", "PRICE", "BAND", "TRIGGERED", "DUPLICATE"}  # refusals of what is asked, not of when


@dataclass(frozen=True)
class Said:
    """One report of the venue."""

    number: int
    state: str
    filled: int
    notional: int
    quantity: int
    price: int
    stop: int
    answers: str = ""
    refused: bool = False
    instrument: int = 1
    reason: str = "NONE"


@dataclass
class Asked:
    """One request to the venue."""

    kind: str
    at: int
    seen: int  # highest report number then
    terms: tuple[int, int, int]
    open: bool = True


@dataclass(eq=False)
class OracleOrder:
    """An order with its whole history."""

    role: str
    side: int
    terms: tuple[int, int, int]  # quantity, limit, trigger
    level: int = 0
    said: list[Said] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    counts_from: int = 0  # requests before this one count no more as tries
    booked: int = 0
    refused_terms: tuple[int, int, int] = (0, 0, 0)  # the last that were refused for good
    refused_by_gate: bool = False
    silent: bool = False
    contradicted: bool = False

    def sane(self) -> list[Said]:
        """Return the reports that are about this instrument."""
        return [one for one in self.said if one.instrument == 1]

    def filled(self) -> int:
        return max((one.filled for one in self.sane()), default=0)

    def end(self) -> str:
        """Return the first dead state that was told."""
        return next((one.state for one in self.sane() if one.state in DEAD), "")

    def newest(self) -> Said | None:
        return max(self.sane(), key=lambda one: one.number, default=None)

    def state(self) -> str:
        if self.silent or self.contradicted:
            return "UNKNOWN"
        if self.refused_by_gate:
            return "REJECTED"
        if self.end():
            return self.end()
        last = self.asked[-1]
        if last.open and last.kind != "NEW":
            return f"PENDING_{last.kind}"
        if not self.sane():
            return "PENDING_NEW"
        return "PARTIALLY_FILLED" if self.filled() else "ACCEPTED"

    def dead(self) -> bool:
        return self.state() in DEAD

    def tries(self) -> tuple[str, int, int]:
        """Return kind, count and time of the last run of equal requests since one was granted or refused for good."""
        run: list[Asked] = []
        for one in self.asked[self.counts_from :]:
            if run and one.kind != run[-1].kind:
                run = []
            run.append(one)
            if one.kind == "REPLACE" and one.terms == ("done",):
                run = []
        return (run[-1].kind, len(run), run[-1].at) if run else ("", 0, 0)

    def hear(self, said: Said) -> bool:
        """Take a report; return whether it contradicts what is known."""
        self.silent = False
        wrong = self._wrong(said)
        self.contradicted = self.contradicted or wrong
        self.said.append(said)
        if said.instrument != 1:
            return wrong
        newest = self.newest()
        assert newest is not None
        shown = (newest.quantity, newest.price, newest.stop)
        last = self.asked[-1]
        done = last.terms == ("done",)  # a report that comes again answers nothing
        refusal = said.refused and said.answers == last.kind and said.number > last.seen and not done
        if self.end() or last.kind == "NEW" or refusal:
            last.open = False
        if last.kind == "REPLACE" and last.open and shown == last.terms:
            last.open = False
            last.terms = ("done",)  # type: ignore[assignment]
        if refusal and last.kind == "REPLACE" and said.reason in FOR_GOOD:
            self.refused_terms = last.terms
            last.terms = ("done",)  # type: ignore[assignment]
        if not last.open:
            self.terms = shown
        return wrong

    def _wrong(self, said: Said) -> bool:
        if said.instrument != 1 or not 0 <= said.filled <= said.quantity:
            return True
        if said.state == "FILLED" and said.filled != said.quantity:
            return True
        for other in self.sane():
            earlier, later = sorted((other, said), key=lambda one: one.filled)
            if other.filled == said.filled and other.notional != said.notional:
                return True
            if earlier.filled < later.filled and (earlier.state in DEAD or earlier.notional >= later.notional):
                return True
            if other.state in DEAD and said.state in DEAD and other.state != said.state:
                return True
        return False
