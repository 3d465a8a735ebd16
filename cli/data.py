"""The command that takes vendor files into the lake."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import grouped
from cli.output import JsonOption, answer
from market.errors import PregaoError, UnknownSymbol, UsageError
from market.wording import count_of

FILE_KEYS = (
    "path", "status", "format", "rows", "rejected", "reason", "contracts", "sessions", "clock", "price_basis"
)  # fmt: skip
MOST_NAMED = 4  # contracts of a file, in its line for people


@dataclass(frozen=True)
class Reading:
    """How files are to be read."""

    symbol: Annotated[str | None, typer.Option(help="File it under this one, whatever its name says.")] = None
    format: Annotated[str | None, typer.Option("--as", help="Read it as this format.")] = None
    session: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The session of a file that tells no date.")
    ] = None
    true_prices: Annotated[
        bool, typer.Option("--true-prices", help="Recover traded prices of an adjusted series from its turnover.")
    ] = False


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("import", epilog="Example: pregao import exports/WINFUT_F_0_1min.csv")(grouped(import_files))


def import_files(
    paths: Annotated[list[Path], typer.Argument(help="Vendor files, or folders with --recursive.")],
    reading: Reading,
    recursive: Annotated[bool, typer.Option("--recursive", help="Take every file below a folder.")] = False,
    json: JsonOption = False,
) -> None:
    """Import vendor market files into the lake; the same request twice changes nothing."""
    from flows.progress import steps

    outcomes = [_import_one(path, reading) for path in steps(_files(paths, recursive), "import")]
    files = [entry for entry, _ in outcomes]
    refused = [entry["reason"] for entry in files if entry["status"] == "refused"]
    lines = [_line(entry) for entry in files if entry["status"] != "refused"]
    reason = "\n".join(refused) or None
    answer(json, {"files": files}, lines, reason=reason, code=max(code for _, code in outcomes))


def _files(paths: list[Path], recursive: bool) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if recursive and path.is_dir():
            found.extend(sorted(item for item in path.rglob("*") if item.is_file()))
        else:
            found.append(path)
    if not found:
        raise UsageError(f"{', '.join(map(str, paths))}: expected files, found empty folders; name another")
    return found


def _import_one(path: Path, reading: Reading) -> tuple[dict[str, Any], int]:
    """Import one file; return what became of it and the exit code it asks for."""
    from cli.configuration import open_lake
    from market.importer import format_of, import_file

    day = reading.session.date() if reading.session else None
    try:
        done = import_file(open_lake(), path, reading.symbol, reading.format, day, reading.true_prices)
    except PregaoError as error:
        entry = dict.fromkeys(FILE_KEYS)
        told = {"path": str(path), "status": "refused", "rows": 0, "rejected": 0, "reason": str(error)}
        code = 1 if isinstance(error, UnknownSymbol) and reading.symbol is None else error.exit_code
        return {**entry, **told, "format": format_of(path, reading.format)}, code
    return {name: getattr(done, name) for name in FILE_KEYS}, 0


def _line(entry: dict[str, Any]) -> str:
    """Return what became of a file, in one line for people."""
    contracts = entry["contracts"]
    of = ", ".join(contracts) if len(contracts) <= MOST_NAMED else f"{len(contracts)} contracts"
    reason = f"; {entry['reason']}" if entry["reason"] else ""
    return (
        f"{entry['status']:9} {entry['path']}: {count_of(entry['rows'], 'row')} of {of} in "
        f"{count_of(entry['sessions'], 'session')}, {entry['format']}, prices {' and '.join(entry['price_basis'])} "
        f"(clock: {entry['clock']}){reason}"
    )
