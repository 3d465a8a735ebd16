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
    app.command(epilog="Example: pregao tune --trials 30")(tune)
    app.command(epilog="Example: pregao ui")(ui)
    gate = typer.Typer(help="The gates a model must pass.", epilog="Example: pregao gate explain 1")
    gate.command("explain", epilog="Example: pregao gate explain 1 --json")(gate_explain)
    app.add_typer(gate, name="gate")
    app.command("stage", hidden=True, epilog="Example: pregao stage features")(stage)


def demo(data: DataOption = None, params: ParamsOption = CHECKOUT / "params.yaml", json: JsonOption = False) -> None:
    """Run the main job: data in, a registered model that paper-trades out, and one report."""
    _run_job(data, params, json, paper=True)


def retrain(
    data: DataOption = None,
    params: ParamsOption = CHECKOUT / "params.yaml",
    if_new: Annotated[
        bool, typer.Option("--if-new", help="Train nothing where a version of the same inputs is registered.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Run the retraining flow alone; without --data it trains on what params.yaml names."""
    _run_job(data, params, json, paper=False, if_new=if_new)


def _run_job(data: list[Path] | None, params: Path, json: bool, *, paper: bool, if_new: bool = False) -> None:
    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder at import, but not the one above
    from cli.configuration import load_configuration
    from flows.retrain import main_job

    limits = load_configuration(home).configuration.risk
    with quiet_stdout():
        done = main_job(home, params, tuple(data or ()), limits, paper=paper, if_new=if_new)
    answer(json, done.as_dict(), done.lines())


def tune(
    trials: Annotated[int, typer.Option(min=1, help="Of each study, those of earlier calls included.")] = 30,
    params: ParamsOption = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Search settings of each regime's lead learner by their log loss out of fold; a killed search goes on.

    Every trial counts in the deflated Sharpe ratio of whatever is trained later. params.yaml is left alone.
    """
    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)
    from flows.tune import tune_job

    with quiet_stdout():
        done = tune_job(home, params, trials)
    answer(json, done.as_dict(), done.lines())


def ui(json: JsonOption = False) -> None:
    """Keep the MLflow server running, and say where the report and the data summary are."""
    from registry.server import tracking_server

    home = find_home()
    report, summary = home.artifacts / "report" / "report.html", home.artifacts / "validation" / "summary.html"
    with tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri:
        fields = {"mlflow": uri, "report": str(report), "data_summary": str(summary)}
        answer(json, fields, [f"MLflow: {uri} (Ctrl-C stops it)", f"report: {report}", f"data summary: {summary}"])
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
    lines += [f"gate record: {found.distrusted or 'signed with the key of this home'}"]
    record = {"trusted": found.distrusted is None, "reason": found.distrusted}
    fields: dict[str, Any] = {"version": version, "model": found.model, "gates": found.gates, "record": record}
    answer(json, fields, lines)


def stage(
    name: Annotated[str, typer.Argument(help="features, labels, train, backtest, leaks or evaluate.")],
    params: ParamsOption = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Run one stage by itself: what dvc.yaml calls."""
    from cli.configuration import load_configuration
    from flows.stages.pipeline import run_stage

    home = find_home()
    limits = load_configuration(home).configuration.risk
    with quiet_stdout():
        run_stage(name, home, params, limits)
    answer(json, {"stage": name}, ())
