"""Commands that move the champion alias."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout

if TYPE_CHECKING:
    from registry.promotion import Promotion

ModelOption = Annotated[str | None, typer.Option(help="The registered model, where there are several.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("promote", epilog="Example: pregao promote 3 --json")(promote)
    app.command("rollback", epilog="Example: pregao rollback")(rollback)


def promote(
    version: Annotated[int, typer.Argument(help="A registered version.")],
    model: ModelOption = None,
    json: JsonOption = False,
) -> None:
    """Make a version champion, if its signed gates all passed, and record who did.

    It must have been compared with the champion of now: where another version was promoted since, nothing moves.
    """
    from registry.promotion import promote as move

    with quiet_stdout():
        done = move(find_home(), version, model)
    _tell(done, json)


def rollback(model: ModelOption = None, json: JsonOption = False) -> None:
    """Put the champion before this one back, and record who did."""
    from registry.promotion import rollback as move

    with quiet_stdout():
        done = move(find_home(), model)
    _tell(done, json)


def _tell(done: "Promotion", json: bool) -> None:
    from registry.gates import as_table

    fields = {"model": done.model, "version": done.version, "previous": done.previous}
    fields |= {"gates_failed": as_table(done.failing), "record": done.decision.hash if done.decision else None}
    if done.decision is None:
        reason = (
            f"{done.model} version {done.version}: expected every gate to have passed, found {len(done.failing)} that "
            "did not; the alias stays where it is"
        )
        answer(json, fields, [f"FAIL  {gate.name:18} {gate.reason}" for gate in done.failing], reason=reason, code=3)
        return
    before = f"version {done.previous}" if done.previous is not None else "none"
    lines = [f"champion of {done.model}: version {done.version}, before {before}"]
    answer(json, fields, [*lines, f"recorded as {done.decision.hash[:16]}; `pregao pull` hands it to the runner"])
