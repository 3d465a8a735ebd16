"""Market data of a symbol over a span: events, columns or bars, one session after another.

The symbol is a contract (WDOZ26), a declared instrument (PETR4), a series as its vendor joined it (WDOFUT, WIN$), or
the continuous view of a root: each session read from the contract that is its front. The view is computed at every read
and never stored or adjusted, so each of its prices is the price of a contract.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from market.activity_bars import bars_by_rule
from market.bar_columns import TRADE_FIELDS, bars_from_columns, select_trades
from market.errors import LakeError, UnknownSymbol, UsageError
from market.instruments import FUTURES
from market.lake import EVENT_KINDS, Lake
from market.lake_manifest import Partition
from market.longer_bars import longer_bars
from market.price_levels import Record, disagreements
from market.roll import last_trade_session
from market.roll_record import lake_roll_table
from market.types import BAR, EVENT

_NS_PER_S = 1_000_000_000
_DAY_S = 86_400
_Held = Mapping[tuple[str, str, int, str], Partition]


@dataclass(frozen=True)
class Series:
    """A symbol over a span of sessions.

    Every read covers every session of the span, and raises LakeError, telling what is there, where one has no data;
    `without_missing` leaves those out knowingly. What is joined holds no gap between sessions of its own: `sessions`
    tells which they are, and the iterators tell which is which.

    Parameters
    ----------
    lake : Lake
        Where the records lie.
    name : str
        A symbol of the lake, in either case; for the continuous view the name it goes by, which no symbol can be.
    first, last : date
        The span, both days included.
    contracts : mapping of date to str, optional
        The symbol read on each session; the days it names inside the span are the sessions. Without it `name` is read
        on every session of its calendar, up to its last one.
    """

    lake: Lake
    name: str
    first: date
    last: date
    contracts: Mapping[date, str] | None = field(default=None, hash=False)

    @classmethod
    def continuous(
        cls, lake: Lake, root: str, first: date, last: date, contracts: Mapping[date, str] | None = None
    ) -> "Series":
        """Return the continuous view of a future, named as WDO.continuous (a vendor's own is WDO, WDOFUT or WDO$).

        Parameters
        ----------
        root : str
            WDO, DOL, WIN or IND.
        contracts : mapping of date to str, optional
            The contract of each session, where it is not that of the lake's roll table.

        Raises
        ------
        UnknownSymbol
            For anything that does not expire.
        """
        root = root.strip().upper()
        if root not in FUTURES:
            raise UnknownSymbol(
                f"{root!r}: expected a future that expires ({', '.join(FUTURES)}) for a continuous view, found another "
                "symbol; read it under its own name"
            )
        if contracts is None:
            table = lake_roll_table(lake, root, first, last)
            contracts = {day: table.front_on(day) for day in lake.instruments.calendar(root).sessions(first, last)}
        return cls(lake, f"{root}.continuous", first, last, contracts)

    def contract_on(self, day: date) -> str:
        """Return the symbol that is read on a session; raises LakeError where the span has no such session."""
        found = self._contracts().get(day)
        if found is None:
            raise LakeError(f"{self._span}: expected one of its sessions, found {day}; see sessions()")
        return found

    def sessions(self) -> list[date]:
        """Return the sessions of the span that have data of any kind, oldest first."""
        held = {(p.contract, p.session) for p in self.lake.partitions()}
        return [day for day, contract in self._contracts().items() if (contract, day.isoformat()) in held]

    def missing(self) -> list[date]:
        """Return the sessions of the span that have no data of any kind, oldest first."""
        there = set(self.sessions())
        return [day for day in self._contracts() if day not in there]

    def without_missing(self) -> "Series":
        """Return the series of those sessions alone that have data of any kind."""
        there, contracts = set(self.sessions()), self._contracts()
        return replace(self, contracts={day: contract for day, contract in contracts.items() if day in there})

    def session_events(self, kinds: Sequence[str]) -> Iterator[tuple[date, np.ndarray]]:
        """Yield each session's day and its EVENT records of some kinds (trades, quotes, book), by sequence."""
        if isinstance(kinds, str) or not kinds or not set(kinds) <= set(EVENT_KINDS):
            raise UsageError(
                f"{self._span}: expected a list of kinds among {', '.join(EVENT_KINDS)}, found {kinds!r}; "
                "bars have readers of their own"
            )
        wanted = [(kind, 0) for kind in kinds]
        for day, parts in self._partitions(wanted):
            yield day, self.lake.read_merged(parts)

    def events(self, kinds: Sequence[str]) -> np.ndarray:
        """Return the events of all sessions, EVENT; `sequence` begins anew in each."""
        return _joined(self.session_events(kinds), EVENT)

    def columns(self, kind: str, names: Sequence[str], bar_seconds: int = 0) -> dict[str, np.ndarray]:
        """Return some columns of all sessions, contiguous, one after another.

        Parameters
        ----------
        kind : str
            "trades", "quotes", "book" or "bars".
        names : sequence of str
            Fields of EVENT, or of BAR; the others are not decoded.
        bar_seconds : int
            Length of stored bars; 0 for events.
        """
        parts = [part for _, (part,) in self._partitions([(kind, bar_seconds)])]
        dtype, rows = (BAR if kind == "bars" else EVENT), sum(part.rows for part in parts)
        if unknown := sorted(set(names) - set(dtype.names or ())):
            raise LakeError(f"{self._span}: expected columns among {', '.join(dtype.names or ())}, found {unknown}")
        out = {name: np.empty(rows, dtype=dtype[name]) for name in names}
        done = 0
        for part in parts:
            read = self.lake.read_columns(part, names)
            if any(values.size != part.rows for values in read.values()):
                return self.columns(kind, names, bar_seconds)  # a longer record came meanwhile: as it is listed now
            for name, values in read.items():
                out[name][done : done + part.rows] = values
            done += part.rows
        return out

    def session_bars(self, seconds: int) -> Iterator[tuple[date, np.ndarray]]:
        """Yield each session's day and its bars of a length, BAR.

        Stored bars of that length are given as they are. Where a session has none they are built from its trades, else
        from the longest stored bars that divide the length; a day's bar lasts from the open to the close. Where these
        are records that a vendor restated differently, one that all sessions have is read instead, and where there is
        none LakeError tells by how much they differ. Trades alone decide where a bar ends: a quote that the feed sent
        ahead of its time closes none.
        """
        if seconds < 1:
            raise UsageError(f"bars of {seconds} s: expected at least one second; give a positive whole number")
        held, required = self._held(), list(self._required())
        records = self._records(held, required, seconds)
        for day, symbol in required:
            yield day, self._bars_of(held, symbol, day, records[day], seconds)

    def bars(self, seconds: int) -> np.ndarray:
        """Return the bars of all sessions, BAR, as `session_bars` finds them."""
        return _joined(self.session_bars(seconds), BAR)

    def session_activity_bars(self, rule: np.ndarray) -> Iterator[tuple[date, np.ndarray]]:
        """Yield each session's day and its bars by a rule of `market.activity_bars`, fresh in each session."""
        for day, events in self.session_events(("trades",)):
            yield day, bars_by_rule(events, rule.copy())

    def activity_bars(self, rule: np.ndarray) -> np.ndarray:
        """Return the bars of all sessions by a rule of `market.activity_bars`, BAR; the rule is fresh in each."""
        return _joined(self.session_activity_bars(rule), BAR)

    @property
    def _span(self) -> str:
        return f"{self.name}, {self.first} to {self.last}"

    def _contracts(self) -> dict[date, str]:
        """Return the symbol of each session of the span, oldest first."""
        if self.contracts is not None:
            return {day: self.contracts[day] for day in sorted(self.contracts) if self.first <= day <= self.last}
        instruments, symbol, last = self.lake.instruments, self.name.strip().upper(), self.last
        if instruments.parse(symbol, self.first).dated:
            last = min(last, last_trade_session(symbol, instruments, self.first))
        return dict.fromkeys(instruments.calendar(symbol).sessions(self.first, last), symbol)

    def _held(self) -> _Held:
        return {p.key: p for p in self.lake.partitions()}

    def _required(self) -> Iterator[tuple[date, str]]:
        """Yield the sessions and their symbols; raises LakeError where the span has none, or one has no data."""
        contracts, missing = self._contracts(), self.missing()
        if not contracts or missing:
            raise self._lacking("data on every session", missing)
        yield from contracts.items()

    def _partitions(self, wanted: Sequence[tuple[str, int]]) -> Iterator[tuple[date, list[Partition]]]:
        """Yield each session with its partitions of some kinds and bar lengths; raises LakeError where one lacks."""
        held, required = self._held(), list(self._required())
        for kind, seconds in wanted:
            lacking = [day for day, symbol in required if (kind, symbol, seconds, day.isoformat()) not in held]
            if lacking:
                raise self._lacking(_what(kind, seconds), lacking)
        for day, symbol in required:
            yield day, [held[kind, symbol, seconds, day.isoformat()] for kind, seconds in wanted]

    def _records(self, held: _Held, required: Sequence[tuple[date, str]], seconds: int) -> dict[date, Record]:
        """Return from which record each session's bars are made: of one price level, where a vendor restates them."""
        lengths = {length for kind, _, length, _ in held if kind == "bars" and seconds % length == 0}
        shorter = sorted((("bars", length) for length in lengths - {seconds}), reverse=True)
        usable: list[Record] = [("bars", seconds), ("trades", 0), *shorter]
        found: dict[date, Record] = {}
        for symbol in dict.fromkeys(symbol for _, symbol in required):
            days = [day for day, own in required if own == symbol]
            there = {day: [one for one in usable if (one[0], symbol, one[1], day.isoformat()) in held] for day in days}
            if lacking := [day for day in days if not there[day]]:
                raise self._lacking(f"bars of {seconds} s, trades, or bars that divide them", lacking)
            found |= dict(zip(days, self._of_one_level(symbol, there), strict=True))
        return found

    def _of_one_level(self, symbol: str, there: Mapping[date, Sequence[Record]]) -> list[Record]:
        """Return the first record of each session, or one that all have where those must not be joined."""
        best = [records[0] for records in there.values()]
        apart = next(disagreements(self.lake, symbol, best), None) if len(set(best)) > 1 else None
        if apart is None:
            return best
        common = [one for one in next(iter(there.values())) if all(one in records for records in there.values())]
        if common:
            return [common[0]] * len(there)
        raise LakeError(
            f"{self._span}: expected prices of one level, found {apart.sentence}; {self._there()}; ask for a span that "
            "one of them covers, or import both with --true-prices into an empty lake (another PREGAO_HOME)"
        )

    def _bars_of(self, held: _Held, symbol: str, day: date, record: Record, seconds: int) -> np.ndarray:
        """Return a session's bars from the record they are made of."""
        session = self.lake.instruments.session(symbol, day)
        whole_ns = int(session["close_ns"][0] - session["open_ns"][0])
        bar_ns = whole_ns if seconds == _DAY_S else seconds * _NS_PER_S
        part = held[record[0], symbol, record[1], day.isoformat()]
        if record == ("bars", seconds):
            return self.lake.read(part)
        if part.kind == "bars":
            return longer_bars(self.lake.read(part), session, bar_ns)
        traded = select_trades(self.lake.read_columns(part, TRADE_FIELDS), self.lake.instruments.of(symbol).id)
        return bars_from_columns(traded, session, bar_ns)

    def _lacking(self, what: str, days: Sequence[date]) -> LakeError:
        where = f"none on {days[0]}" if days else "a span without a session"
        more = f" and {len(days) - 1} more sessions" if len(days) > 1 else ""
        return LakeError(
            f"{self._span}: expected {what}, found {where}{more}; {self._there()}; "
            "import what is missing, ask for another span, or leave such sessions out with without_missing()"
        )

    def _there(self) -> str:
        """Say which data the lake has of the symbols of the span."""
        symbols = sorted({self.name, *self._contracts().values()})
        days: dict[tuple[str, str, int], list[str]] = {}
        for part in self.lake.partitions():
            if part.contract in symbols:
                days.setdefault(part.series, []).append(part.session)
        told = [
            f"{_what(kind, seconds)} of {symbol} on {len(found)} sessions, {min(found)} to {max(found)}"
            for (kind, symbol, seconds), found in days.items()
        ]
        return f"the lake has {', '.join(told[:4])}" if told else f"the lake has nothing of {', '.join(symbols[:4])}"


def _what(kind: str, seconds: int) -> str:
    return f"bars of {seconds} s" if kind == "bars" else kind


def _joined(sessions: Iterator[tuple[date, np.ndarray]], dtype: np.dtype) -> np.ndarray:
    parts = [records for _, records in sessions]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)
