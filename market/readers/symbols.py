"""Which symbol a file's rows belong to."""

import re
from datetime import date

import numpy as np

from market.errors import FileRefused, UnknownSymbol
from market.instruments import FUTURES, LISTED_YEARS
from market.readers.intake import Request
from market.readers.source import Source
from market.roll import last_trade_session

FULL_OF_MINI = {"WDO": "DOL", "WIN": "IND"}
ENOUGH_VOLUMES = 20


def resolve_symbol(source: Source, request: Request, inside: str | None, seen: date | None = None) -> str:
    """Return the symbol to file under: the one given, the file's own, or the one its name begins with.

    Raises
    ------
    UnknownSymbol
        Where there is none, or no instrument answers to it.
    """
    instruments = request.lake.instruments
    text = request.symbol or inside or instruments.in_name(source.stem)
    if text is None:
        raise UnknownSymbol(
            f"{source.path}: expected a file name that begins with a symbol (as WDOZ26 or WIN$), "
            f"found {source.name!r}; give the symbol with --symbol{_declaration_hint(source)}"
        )
    try:
        instruments.parse(text, seen)
    except UnknownSymbol as error:
        raise UnknownSymbol(f"{source.path}: {error}") from None
    return text.strip().upper()


def refuse_full_lots(source: Source, request: Request, contract: str, volume: np.ndarray) -> None:
    """Refuse bars of a mini contract whose every volume is a multiple of the full contract's lot: they are its own.

    Parameters
    ----------
    volume : ndarray
        Contracts, f8[n]. One in five volumes is a multiple of 5 by chance, so twenty different ones are none (1e-14);
        the same one again says nothing more.
    """
    root = request.lake.instruments.parse(contract).root
    traded = volume[volume > 0]
    if request.symbol or root not in FULL_OF_MINI or np.unique(traded).size < ENOUGH_VOLUMES:
        return
    full = FULL_OF_MINI[root]
    lot = FUTURES[full].lot
    if (traded % lot == 0).all():
        likely = full + contract[len(root) :]
        raise FileRefused(
            source.path,
            f"volumes of {contract} in single contracts",
            f"all {traded.size} multiples of {lot}, the lot of {full}: {source.name} is {likely}",
            f"give --symbol {likely}, or --symbol {contract} if you know better",
        )


def refuse_expired(source: Source, request: Request, contract: str, first: date, last: date) -> None:
    """Refuse sessions in which a dated contract cannot have traded: after its last one, or long before it."""
    instruments = request.lake.instruments
    symbol = instruments.parse(contract, first)
    if not symbol.dated:
        return
    if symbol.year - first.year > LISTED_YEARS:
        raise FileRefused(
            source.path,
            f"sessions of {contract} in the {LISTED_YEARS} years before {symbol.year}",
            f"one on {first}",
            "give the right symbol with --symbol",
        )
    final = last_trade_session(contract, instruments, first)
    if last > final:
        raise FileRefused(
            source.path,
            f"sessions of {contract} up to its last one, {final}",
            f"one on {last}",
            "give the right symbol with --symbol",
        )


def _declaration_hint(source: Source) -> str:
    leading = re.match(r"[A-Z][A-Z0-9]+", source.stem.upper())
    return f", or declare it in pregao.toml under [instruments.{leading[0]}]" if leading else ""
