"""Commands about this machine: set-up, benchmarks, the console."""

import os
import platform
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.environment import CHECKOUT, find_home
from cli.output import JsonOption, answer, quiet_stdout
from market.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: pregao init")(init)
    app.command(epilog="Example: pregao bench main --json")(bench)
    app.command(epilog="Example: pregao serve")(serve)


def init(json: JsonOption = False) -> None:
    """Make the signing key of this home; an existing key stays."""
    from registry.signing import ensure_key

    home = find_home()
    key = ensure_key(home.keys)
    answer(json, {"home": str(home.root), "public_key": key.hex()}, [f"home {home.root}", f"public key {key.hex()}"])


def bench(
    name: Annotated[str, typer.Argument(help="main: the whole main job on the synthetic market.")],
    json: JsonOption = False,
) -> None:
    """Measure a piece of work on this machine."""
    if name != "main":
        raise UsageError(f"expected the benchmark main, found '{name}'; see `pregao bench --help`")
    find_home().state.mkdir(parents=True, exist_ok=True)  # for Prefect's own folder, made at import
    from flows.retrain import main_job
    from market.home import Home

    with quiet_stdout(), tempfile.TemporaryDirectory(prefix="pregao-bench-") as folder:
        done = main_job(Home(Path(folder)), CHECKOUT / "params.yaml", (), paper=True)
    rows: list[dict[str, Any]] = []
    for cost in done.stages:
        rows.append(_row(f"{cost.name} wall time", "s", cost.seconds))
        rows.append(_row(f"{cost.name} peak memory", "MiB", cost.peak_mib))
    rows.append(_row("whole job wall time", "s", sum(cost.seconds for cost in done.stages)))
    rows.append(_row("whole job peak memory", "MiB", max(cost.peak_mib for cost in done.stages)))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [f"{row['work']:28} {row['ours']:>10.1f} {row['unit']}" for row in rows]
    answer(json, {"name": name, "machine": machine, "rows": rows}, [machine, *lines])


def _row(work: str, unit: str, ours: float) -> dict[str, Any]:
    return {"work": work, "unit": unit, "ours": round(ours, 2), "peer": None, "peer_name": None, "ratio": None}


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
