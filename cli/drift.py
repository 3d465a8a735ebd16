"""The command that asks whether the market has left what the model was trained on."""

from pathlib import Path
from typing import Annotated

import typer

from cli.environment import CHECKOUT, find_home
from cli.output import JsonOption, answer, quiet_stdout


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao drift --contract WINQ26")(drift)


def drift(
    bundle: Annotated[Path | None, typer.Option(help="A bundle's folder; by default the one installed last.")] = None,
    contract: Annotated[
        str | None,
        typer.Option(help="A series of the bundle's instrument; by default the one with the newest session."),
    ] = None,
    params: Annotated[Path, typer.Option(help="Limits of drift, and the labels.")] = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Judge the sessions since training by the reference in the bundle; leave a request to retrain where they drifted.

    Ends with 1 where retraining is asked for.
    """
    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)  # Prefect makes its own folder at import, but not the one above
    from flows.drift import drift_job

    with quiet_stdout():
        found = drift_job(home, params, bundle, contract)
    asked = found.request
    reason = f"drift of {', '.join(asked.causes)} asks for retraining since {asked.session}" if asked else None
    answer(json, found.as_dict(), found.lines(), reason=reason)
