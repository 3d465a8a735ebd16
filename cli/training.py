"""Commands about training, gates and the registry."""

import contextlib
import os
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.environment import CHECKOUT, find_home
from cli.output import JsonOption, answer, quiet_stdout

DataOption = Annotated[
    list[Path] | None, typer.Option("--data", help="Vendor files of one series; the synthetic market by default.")
]
ParamsOption = Annotated[Path, typer.Option(help="What the trained model depends on.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(epilog="Example: pregao demo --data exports/WINFUT_F_0_1min.csv")(demo)
    app.command(epilog="Example: pregao retrain --json")(retrain)
    app.command(epilog="Example: pregao ui")(ui)
    gate = typer.Typer(help="The gates a model must pass.", no_args_is_help=True)
    gate.command("explain", epilog="Example: pregao gate explain 1 --json")(gate_explain)
    app.add_typer(gate, name="gate")
    app.command("stage", hidden=True)(stage)


def demo(data: DataOption = None, params: ParamsOption = CHECKOUT / "params.yaml", json: JsonOption = False) -> None:
    """Run the main job: data in, a registered model that paper-trades out, and one report."""
    from flows.retrain import main_job

    with quiet_stdout():
        done = main_job(find_home(), params, tuple(data or ()), paper=True)
    answer(json, done.as_dict(), done.lines())


def retrain(data: DataOption = None, params: ParamsOption = CHECKOUT / "params.yaml", json: JsonOption = False) -> None:
    """Run the retraining flow alone; without --data it trains on what params.yaml names."""
    from flows.retrain import main_job

    with quiet_stdout():
        done = main_job(find_home(), params, tuple(data or ()), paper=False)
    answer(json, done.as_dict(), done.lines())


def ui() -> None:
    """Keep the MLflow server running, and say where the report and the data summary are."""
    from registry.server import tracking_server

    home = find_home()
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        typer.echo(f"MLflow: {uri} (Ctrl-C stops it)")
        typer.echo(f"report: {home.artifacts / 'report' / 'report.html'}")
        typer.echo(f"data summary: {home.artifacts / 'validation' / 'summary.html'}")
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def gate_explain(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    model: Annotated[str | None, typer.Option(help="The registered model, where there are several.")] = None,
    json: JsonOption = False,
) -> None:
    """Print every gate of a version, with its number, threshold and reason."""
    from flows.registration import explain

    with quiet_stdout():
        found = explain(find_home(), version, model)
    lines = [f"{found.model} version {version}"]
    lines += [f"{'pass' if g['passed'] else 'FAIL'}  {g['name']:18} {g['reason']}" for g in found.gates]
    fields: dict[str, Any] = {"version": version, "model": found.model, "gates": found.gates}
    answer(json, fields, lines)


def stage(
    name: Annotated[str, typer.Argument(help="features, labels, train, backtest or evaluate.")],
    params: ParamsOption = CHECKOUT / "params.yaml",
) -> None:
    """Run one stage by itself: what dvc.yaml calls."""
    from flows.stages.pipeline import run_stage

    with quiet_stdout():
        run_stage(name, find_home(), params)
