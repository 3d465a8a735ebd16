"""Commands about where a model comes from and why it decided as it did."""

from typing import Annotated

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("reproduce", epilog="Example: pregao reproduce 3 --json")(reproduce)


def reproduce(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    model: Annotated[str | None, typer.Option(help="The registered model, where there are several.")] = None,
    json: JsonOption = False,
) -> None:
    """Train a version again, from the commit and the inputs stored with it, and compare the bundles.

    The stages run in a scratch clone of this checkout; it takes as long as the training did.
    """
    from flows.reproduction import reproduce as train

    with quiet_stdout():
        done = train(find_home(), version, model)
    fields = {"model": done.model, "version": done.version, "commit": done.commit}
    fields |= {"expected": done.expected, "found": done.found, "differences": list(done.differences)}
    name = f"{done.model} version {done.version}"
    if done.equal:
        answer(json, fields, [f"{name}: trained again from {done.commit[:12]} to the same bundle, {done.found}"])
        return
    reason = f"{name}: expected bundle {done.expected} from {done.commit[:12]}, found {done.found}; see the differences"
    answer(json, fields, done.differences, reason=reason)
