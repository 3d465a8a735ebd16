"""Which symbol a file's rows belong to."""

from datetime import date

from market.errors import FileRefused, UnknownSymbol
from market.readers.intake import Request
from market.readers.source import Source
from market.roll import last_trade_session


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
            f"found {source.name!r}; give the symbol with --symbol"
        )
    try:
        instruments.parse(text, seen)
    except UnknownSymbol as error:
        raise UnknownSymbol(f"{source.path}: {error}") from None
    return text.strip().upper()


def refuse_expired(source: Source, request: Request, contract: str, first: date, last: date) -> None:
    """Refuse sessions after the last one a dated contract traded in: the symbol cannot be theirs."""
    instruments = request.lake.instruments
    if not instruments.parse(contract).dated:
        return
    final = last_trade_session(contract, instruments, first)
    if last > final:
        raise FileRefused(
            source.path,
            f"sessions of {contract} up to its last one, {final}",
            f"one on {last}",
            "give the right symbol with --symbol",
        )
