"""Whether the roll table holds: against the rules of the contracts, and against what the lake recorded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain, pairwise

from market.instruments import Instruments
from market.lake import Lake
from market.roll import closing_sessions, expiry, last_trade_session
from market.roll_record import recorded_rolls
from market.roll_table import Recorded, RollTable, roll_table


@dataclass(frozen=True)
class ContractDates:
    """What the calendar says of a contract that was front.

    Parameters
    ----------
    contract : str
        As WDOZ26.
    expiry, last_session : date
        As in market/roll.py.
    first_front, last_front : date
        The sessions of the table on which it is traded.
    """

    contract: str
    expiry: date
    last_session: date
    first_front: date
    last_front: date


@dataclass(frozen=True)
class Lead:
    """Which of two contracts traded more on a session around a roll, lot steps."""

    day: date
    leaving: str
    entering: str
    volume_from: int
    volume_to: int

    @property
    def led(self) -> str:
        """The contract that traded more; the one that is left where both traded alike."""
        return self.entering if self.volume_to > self.volume_from else self.leaving


@dataclass(frozen=True)
class RollCheck:
    """A roll table with what speaks for and against it.

    Parameters
    ----------
    table : RollTable
        The table.
    contracts : tuple of ContractDates
        Its contracts, in order.
    leads : tuple of Lead
        The sessions around its rolls on which both contracts are recorded whole.
    disagreements : tuple of str
        One sentence each; empty where everything agrees.
    """

    table: RollTable
    contracts: tuple[ContractDates, ...]
    leads: tuple[Lead, ...]
    disagreements: tuple[str, ...]


def check_rolls(lake: Lake, root: str, first: date, last: date) -> RollCheck:
    """Build the roll table of a span and hold it against the contracts' rules and the lake.

    Raises
    ------
    DataError
        Where the span reaches beyond the calendar.
    """
    recorded = recorded_rolls(lake, root)
    table = roll_table(root, first, last, recorded, lake.instruments)
    contracts = tuple(_contract_dates(table, lake.instruments))
    leads = tuple(_leads(table, recorded, lake.instruments))
    problems = chain(disagreements_of(contracts), _against_lake(lake, root), _against_volume(table, leads))
    return RollCheck(table, contracts, leads, tuple(problems))


def _contract_dates(table: RollTable, instruments: Instruments) -> Iterator[ContractDates]:
    fronts: dict[str, list[date]] = {}
    for day in instruments.calendar(table.root).sessions(table.first, table.last):
        fronts.setdefault(table.front_on(day), []).append(day)
    for contract, days in fronts.items():
        expires = expiry(contract, instruments, days[0])
        yield ContractDates(contract, expires, last_trade_session(contract, instruments, days[0]), days[0], days[-1])


def disagreements_of(contracts: Sequence[ContractDates]) -> Iterator[str]:
    """Yield what the contracts of a table contradict: each is left before its last session, for a later one."""
    for one in contracts:
        if one.last_front >= one.last_session:
            yield (
                f"{one.contract}: expected to leave it before its last session {one.last_session}, found it front on "
                f"{one.last_front}; correct calendar.csv"
            )
    for one, following in pairwise(contracts):
        if following.expiry <= one.expiry or following.first_front <= one.last_front:
            yield (
                f"{one.contract} to {following.contract}: expected a roll to a later contract, found one back; "
                "correct calendar.csv"
            )


def _against_lake(lake: Lake, root: str) -> Iterator[str]:
    """Yield what recorded sessions of dated contracts contradict."""
    for partition in lake.partitions():
        if partition.root != root or not partition.expiry:
            continue
        final = last_trade_session(partition.contract, lake.instruments, partition.day)
        expires = expiry(partition.contract, lake.instruments, partition.day)
        where = f"{partition.contract} on {partition.session} ({partition.kind} from {partition.provenance.source})"
        if partition.day > final:
            yield f"{where}: expected no session after its last one, {final}; correct calendar.csv or the symbol"
        if partition.expiry != expires.isoformat():
            yield (
                f"{where}: expected the expiry it was stored with, {partition.expiry}, found {expires}; "
                "correct calendar.csv, or import its source into an empty lake"
            )


def _leads(table: RollTable, recorded: Recorded, instruments: Instruments) -> Iterator[Lead]:
    for roll in table.rolls:
        for day in closing_sessions(roll.leaving, instruments, roll.day):
            volumes = recorded.volumes.get((roll.leaving, day)), recorded.volumes.get((roll.entering, day))
            if volumes[0] is not None and volumes[1] is not None:
                yield Lead(day, roll.leaving, roll.entering, volumes[0], volumes[1])


def _against_volume(table: RollTable, leads: tuple[Lead, ...]) -> Iterator[str]:
    """Yield the rolls after which the contract that was left traded more."""
    rolled = {roll.leaving: roll.day for roll in table.rolls}
    for lead in leads:
        if lead.day >= rolled[lead.leaving] and lead.led == lead.leaving:
            yield (
                f"{lead.day}: expected {lead.entering} to trade more than {lead.leaving} after the roll, found "
                f"{lead.volume_to:,} against {lead.volume_from:,}; the market rolled later than the rule, or one of "
                "them is not recorded whole"
            )
