"""Which symbol a file's rows belong to."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

from market.errors import FileRefused, UnknownSymbol
from market.instruments import FUTURES, LISTED_YEARS, Instruments, Symbol
from market.readers.intake import Intake, Request, Writes
from market.readers.price_basis import ADJUSTED_ENDINGS
from market.readers.source import Source
from market.roll import front_contract, last_trade_session
from market.trade_sizes import FULL_OF_MINI, full_contract

# The exchange does not tell how far ahead it lists (b3.md §1), so a contract may have been listed LISTED_YEARS before.
# But trading is in the front month: a year before its last session a contract has a few trades a day, if any, the
# front month thousands (DOLK20: 33,118 on 2020-04-02). Real data moved by whole years always lie a year ahead.
FAR_DAYS, BUSY_TRADES = 365, 100


def resolve_symbol(intake: Intake, request: Request, inside: str | None, seen: date | None = None) -> str:
    """Return the symbol to file under: the one given, the file's own, or the one its name begins with.

    Parameters
    ----------
    intake : Intake
        Of the file; what it says itself, and that its name says something else, is noted there.
    inside : str or None
        The symbol its content tells.
    seen : date, optional
        A day of its rows.

    Raises
    ------
    UnknownSymbol
        Where there is none, or no instrument answers to it.
    FileRefused
        Where the content tells another symbol than the one given. A name is weaker: it is only told of.
    """
    source, instruments = intake.source, request.lake.instruments
    named = instruments.in_name(source.stem)
    text = request.symbol or inside or named
    if text is None:
        raise UnknownSymbol(
            f"{source.path}: expected a file name that begins with a symbol (as WDOZ26 or WIN$), "
            f"found {source.name!r}; give the symbol with --symbol{_declaration_hint(source)}"
        )
    try:
        symbol = instruments.parse(text, seen)
    except UnknownSymbol as error:
        raise UnknownSymbol(f"{source.path}: {error}") from None
    contract, intake.stated = text.strip().upper(), inside.strip().upper() if inside else ""
    if request.symbol and intake.stated:
        _refuse_contradiction(intake, instruments, contract, symbol, seen)
    elif request.symbol and named and named not in (contract, symbol.root):
        _tell(intake, f"the file's name says {named}: filed as {contract}, as --symbol asks")
    return contract


def refuse_full_lots(intake: Intake, request: Request, contract: str, quantities: np.ndarray, trades: int = 0) -> None:
    """Refuse bars or trades of a mini contract whose every quantity is a multiple of the full contract's lot.

    Parameters
    ----------
    quantities : ndarray
        Volumes of bars, or quantities that occur among trades, contracts, shape (n,).
    trades : int
        How many trades there are; 0 where it is bars.
    """
    full = full_contract(request.lake.instruments.parse(contract).root, quantities, trades)
    if request.symbol or full is None:
        return
    likely = full + contract[len(full) :]
    remedy = f"export {likely} itself" if intake.stated else f"give --symbol {likely}"
    raise FileRefused(
        intake.source.path,
        f"{'trades' if trades else 'volumes'} of {contract} in single contracts",
        f"all {trades or (quantities > 0).sum()} multiples of {FUTURES[full].lot}, the lot of {full}: "
        f"{intake.source.name} is {likely}",
        f"{remedy}, or --symbol {contract} if you know better",
    )


def with_single_lots(intake: Intake, request: Request, writes: Writes) -> Writes:
    """Pass partitions on, and refuse the file at its end where the trades of a mini contract are the full one's."""
    quantities: dict[str, np.ndarray] = {}
    trades: Counter[str] = Counter()
    for partition, records in writes:
        if partition.kind == "trades" and partition.root in FULL_OF_MINI:
            held = quantities.get(partition.contract, np.zeros(0, dtype=np.int64))
            quantities[partition.contract] = np.union1d(held, records["quantity"])
            trades[partition.contract] += records.size
        yield partition, records
    for contract, seen in quantities.items():
        refuse_full_lots(intake, request, contract, seen, trades[contract])


def refuse_other_days(
    intake: Intake, request: Request, contract: str, days: Sequence[date], trades: Sequence[int] | np.ndarray
) -> None:
    """Refuse sessions in which a dated contract cannot have traded as it did, or that a series may tell of another.

    Parameters
    ----------
    days : sequence of date
        Sessions, in order.
    trades : sequence of int
        How many trades of each the file tells, at least; 0 where it tells quotes alone.
    """
    instruments = request.lake.instruments
    symbol = instruments.parse(contract, days[0])
    if not symbol.dated:
        return
    if 12 * (symbol.year - days[0].year) + symbol.month - days[0].month > 12 * LISTED_YEARS:
        month = f"{symbol.year}-{symbol.month:02}"
        _refuse_day(intake, f"sessions of {contract} in the {LISTED_YEARS} years before {month}", days[0])
    final = last_trade_session(contract, instruments, days[0])
    if days[-1] > final:
        _refuse_day(intake, f"sessions of {contract} up to its last one, {final}", days[-1])
    far = [count for day, count in zip(days, trades, strict=True) if (final - day).days >= FAR_DAYS]
    if far and np.median(far) >= BUSY_TRADES:
        quiet = f"hardly a trade of {contract} a year or more before its last session, {final}"
        _refuse_day(intake, quiet, days[0], f"{int(np.median(far))} in a session, the first ")
    if request.symbol and intake.stated:
        _refuse_near_rolls(intake, instruments, contract, symbol, days)


def _refuse_contradiction(
    intake: Intake, instruments: Instruments, contract: str, asked: Symbol, seen: date | None
) -> None:
    """Refuse a symbol that the content contradicts; tell of one that says more or less than the content does."""
    stated = _known(instruments, intake.stated, seen)
    restated = intake.stated.endswith(ADJUSTED_ENDINGS) and asked.dated
    other_month = stated is not None and asked.dated and stated.dated and stated != asked
    if stated is None or stated.root != asked.root or other_month or restated:
        why = ", a series that is restated at each roll" if restated and stated and stated.root == asked.root else ""
        raise FileRefused(
            intake.source.path,
            f"rows of {contract}, as --symbol asks",
            f"{intake.stated[:40]!r} in the file itself{why}",
            f"leave --symbol out to file it as what it says, or export {contract} itself",
        )
    if intake.stated != contract:
        _tell(intake, f"the file itself says {intake.stated}: filed as {contract}, as --symbol asks")


def _known(instruments: Instruments, text: str, seen: date | None) -> Symbol | None:
    """Return the symbol a text is or begins with; None where that is of no known instrument."""
    try:
        return instruments.parse(text, seen)
    except UnknownSymbol:
        leading = instruments.in_name(text)
        return instruments.parse(leading, seen) if leading else None


def _refuse_near_rolls(
    intake: Intake, instruments: Instruments, contract: str, symbol: Symbol, days: Sequence[date]
) -> None:
    """Refuse to file a continuous series as one contract unless it was the front one, and not next to a roll.

    Vendors differ by a session in when they roll (b3.md §1.3), so the front contract has to be that of the sessions
    before and after, too.
    """
    stated = _known(instruments, intake.stated, days[0])
    if stated is None or not stated.continuous:
        return
    calendar = instruments.calendar(contract)
    for day in days:
        around = (calendar.previous_session(day), day, calendar.next_session(day + timedelta(days=1)))
        if any(front_contract(symbol.root, one, instruments) != contract for one in around):
            raise FileRefused(
                intake.source.path,
                f"sessions of {intake.stated} in which {contract} was surely the front contract",
                f"one on {day}",
                f"leave --symbol out to file it as {intake.stated}, or export {contract} itself",
            )


def _refuse_day(intake: Intake, expected: str, day: date, found: str = "one ") -> None:
    remedy = "check its dates (those of a workbook are --session), or give the right symbol with --symbol"
    raise FileRefused(intake.source.path, expected, f"{found}on {day}", remedy)


def _tell(intake: Intake, note: str) -> None:
    if note not in intake.notes:
        intake.notes.append(note)


def _declaration_hint(source: Source) -> str:
    leading = re.match(r"[A-Z][A-Z0-9]+", source.stem.upper())
    return f", or declare it in pregao.toml under [instruments.{leading[0]}]" if leading else ""
