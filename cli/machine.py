"""Commands about this machine: set-up, benchmarks, the console."""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout
from market.errors import UsageError

if TYPE_CHECKING:
    from benchmarks.rows import Row

BENCHMARKS: Mapping[str, str] = MappingProxyType(
    {
        "main": "the whole main job on the synthetic market",
        "data": "import, storage, reading and bars of market data, beside polars",
        "features": "the feature catalogue per trade, per bar, in batch and by group, beside pandas and TA-Lib",
        "callback": "the vendor's callback from a C thread: hand-over, holds, order events and wakes, beside ctypes",
        "core": "one event through the whole decision path, a day of them, and a sweep over bars beside vectorbt",
        "models": "forests beside other runtimes, labels and weights, purged splits and the flow that trains",
    }
)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: pregao init")(init)
    app.command(epilog="Example: pregao bench data --json")(bench)
    app.command(epilog="Example: pregao serve")(serve)


def init(json: JsonOption = False) -> None:
    """Make the signing key of this home; an existing key stays."""
    from registry.signing import ensure_key

    home = find_home()
    key = ensure_key(home.keys)
    answer(json, {"home": str(home.root), "public_key": key.hex()}, [f"home {home.root}", f"public key {key.hex()}"])


def bench(
    name: Annotated[str, typer.Argument(help=" ".join(f"{name}: {what}." for name, what in BENCHMARKS.items()))],
    json: JsonOption = False,
) -> None:
    """Measure a piece of work on this machine, beside the strongest other tool that does it."""
    if name not in BENCHMARKS:
        raise UsageError(f"expected a benchmark of {', '.join(BENCHMARKS)}, found '{name}'; see `pregao bench --help`")
    find_home().state.mkdir(parents=True, exist_ok=True)  # for Prefect's own folder, made at import
    with quiet_stdout():
        rows = [asdict(row) for row in _measure(name)]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    answer(json, {"name": name, "machine": machine, "rows": rows}, [machine, *map(_line, rows)])


def _measure(name: str) -> "list[Row]":
    try:
        if name == "data":
            from benchmarks import data

            return data.measure()
        if name == "features":
            from benchmarks import features

            return features.measure()
        if name == "callback":
            from benchmarks import callback

            return callback.measure()
        if name == "core":
            from benchmarks import core

            return core.measure()
        if name == "models":
            from benchmarks import models

            return models.measure()
        from benchmarks import main_job

        return main_job.measure()
    except ModuleNotFoundError as error:
        raise UsageError(
            f"bench {name}: expected a checkout and the packages of the extra 'bench', found no {error.name}; "
            "run `pip install -e '.[platform,bench]'` in the checkout"
        ) from error


def _line(row: dict[str, Any]) -> str:
    line = f"{row['work']:28} {row['ours']:>10,.6g} {row['unit']}"
    return f"{line}, {row['ratio']:.2f} times {row['peer_name']} ({row['peer']:,.6g})" if row["ratio"] else line


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine only.")] = 8080,
    json: JsonOption = False,
) -> None:
    """Serve the console's read-only API."""
    import uvicorn

    from console.app import create_app

    address = f"http://127.0.0.1:{port}/status"
    answer(json, {"console": address}, [f"console: {address} (Ctrl-C stops it)"])
    uvicorn.run(create_app(find_home()), host="127.0.0.1", port=port, log_level="warning")
