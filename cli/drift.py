"""The commands that look at a finished model again: has the market left it, and is it still what it was?"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import CHECKOUT, find_home
from cli.output import KEYS, JsonOption, answer, quiet_stdout

if TYPE_CHECKING:
    from market.home import Home


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao drift --contract WINQ26")(drift)
    app.command("validate-model", epilog="Example: pregao validate-model --version 3")(validate_model)
    app.command("weekly-review", epilog="Example: pregao weekly-review --last 2026-06-12")(weekly_review)


def drift(
    bundle: Annotated[Path | None, typer.Option(help="A bundle's folder; by default the one a runner takes.")] = None,
    contract: Annotated[
        str | None,
        typer.Option(help="A series of the bundle's instrument; by default the one with the newest session."),
    ] = None,
    params: Annotated[Path, typer.Option(help="Limits of drift, and the labels.")] = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Judge the sessions since training by the reference in the bundle; leave a request to retrain where they drifted.

    Ends with 1 where retraining is asked for. With too few sessions there is nothing to judge yet: a yes.
    """
    home = _home()
    from flows.drift import drift_job
    from market.errors import NotEnoughData

    try:
        with quiet_stdout():
            found = drift_job(home, params, bundle, contract)
    except NotEnoughData as few:
        answer(json, dict.fromkeys(KEYS["drift"]), [f"nothing to judge yet: {few}"])
        return
    asked = found.request
    reason = f"drift of {', '.join(asked.causes)} asks for retraining since {asked.session}" if asked else None
    answer(json, found.as_dict(), found.lines(), reason=reason)


def validate_model(
    version: Annotated[int | None, typer.Option(help="A registered version; by default the challenger.")] = None,
    params: Annotated[Path, typer.Option(help="The series, and what the model depends on.")] = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Verify a registered version again: bundle, golden rows, gates, schema, parity and the leak suite.

    Nothing moves by it; it ends with 1 where something does not hold.
    """
    home = _home()
    from flows.validate_model import validation_job

    with quiet_stdout():
        done = validation_job(home, params, version)
    lines = [f"{done.model} version {done.version}" if done.version else f"{done.model}: no challenger to validate"]
    lines += [f"{'pass' if check.passed else 'FAIL'}  {check.name:8} {check.reason}" for check in done.checks]
    failing = ", ".join(check.name for check in done.failing)
    answer(json, done.as_dict(), lines, reason=f"version {done.version} fails {failing}" if failing else None)


def weekly_review(
    last: Annotated[str | None, typer.Option(help="Last of the seven days, as 2026-06-12; today by default.")] = None,
    json: JsonOption = False,
) -> None:
    """Write the week on one page: what was trained and promoted, what drifted, what was traded."""
    home = _home()
    from flows.weekly_review import review_job

    with quiet_stdout():
        week, page = review_job(home, last)
    lines = [
        f"{week.first} to {week.last}: {len(week.trained)} versions, {len(week.moves)} moves of aliases, "
        f"{sum(bool(one['causes']) for one in week.drift)} of {len(week.drift)} sessions drifted, "
        f"{sum(one.fills for one in week.traded)} fills in {len(week.traded)} sessions",
        f"page {page}",
    ]
    answer(json, {**week.as_dict(), "page": str(page)}, lines)


def _home() -> "Home":
    """Return the home, ready for Prefect, which makes its own folder at import but not the one above, and is quiet."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # the answer says what became of the job
    home = find_home()
    home.state.mkdir(parents=True, exist_ok=True)
    return home
