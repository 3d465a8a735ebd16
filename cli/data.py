"""The command that takes vendor files into the lake."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import JsonOption, answer
from market.errors import PregaoError, UsageError

FILE_KEYS = (
    "path", "status", "format", "rows", "rejected", "reason", "contracts", "sessions", "clock", "price_basis"
)  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("import", epilog="Example: pregao import exports/WINFUT_F_0_1min.csv")(import_files)


def import_files(
    paths: Annotated[list[Path], typer.Argument(help="Vendor files, or folders with --recursive.")],
    symbol: Annotated[str | None, typer.Option(help="The symbol, where the file does not name it.")] = None,
    format_name: Annotated[str | None, typer.Option("--as", help="Read it as this format.")] = None,
    session: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The session of a file that tells no date.")
    ] = None,
    true_prices: Annotated[
        bool, typer.Option("--true-prices", help="Recover traded prices of an adjusted series from its turnover.")
    ] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="Take every file below a folder.")] = False,
    json: JsonOption = False,
) -> None:
    """Import vendor market files into the lake; the same file twice changes nothing."""
    from flows.progress import steps

    day = session.date() if session else None
    options = {"symbol": symbol, "format": format_name, "day": day, "true_prices": true_prices}
    outcomes = [_import_one(path, options) for path in steps(_files(paths, recursive), "import")]
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


def _import_one(path: Path, options: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Import one file; return what became of it and the exit code it asks for."""
    from cli.configuration import open_lake
    from market.importer import import_file

    try:
        done = import_file(open_lake(), path, **options)
    except PregaoError as error:
        entry = dict.fromkeys(FILE_KEYS)
        told = {"path": str(path), "status": "refused", "rows": 0, "rejected": 0, "reason": str(error)}
        return {**entry, **told}, error.exit_code
    return {name: getattr(done, name) for name in FILE_KEYS}, 0


def _line(entry: dict[str, Any]) -> str:
    aside = f", {entry['reason']}" if entry["reason"] else ""
    return f"{entry['status']:9} {entry['path']}: {entry['rows']:,} rows{aside}"
