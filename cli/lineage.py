"""Commands about where a model comes from and why it decided as it did."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer, quiet_stdout

if TYPE_CHECKING:
    from flows.explanation import Explanation, Heard

SHOWN = 15  # columns a person reads; machines get all


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("reproduce", epilog="Example: pregao reproduce 3 --json")(reproduce)
    app.command("explain", epilog="Example: pregao explain 7 --json")(explain)


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


def explain(
    order: Annotated[int | None, typer.Argument(help="Client order id, as the report and the journal have it.")] = None,
    at: Annotated[
        dt.datetime | None, typer.Option(help="Instead: when it was decided, São Paulo time; the close of its bar.")
    ] = None,
    contract: Annotated[str | None, typer.Option(help="The series, where it is not the bundle's newest.")] = None,
    json: JsonOption = False,
) -> None:
    """Say why a recorded decision was made: its features, what each did to the score, and where the model is from.

    The row is computed again from the lake, and explained only if it gives the journalled probability to the bit.
    """
    from flows.explanation import explain_order, explain_time
    from market.calendar import to_ns
    from market.errors import UsageError

    home = find_home()
    if (order is None) == (at is None):
        raise UsageError("explain: expected an order id or --at, found both or neither; name one")
    with quiet_stdout():
        done = explain_time(home, to_ns(at), contract) if at else explain_order(home, int(order or 0), contract)
    fields = _told(done)
    head = f"{done.contract} {fields['time']}: {fields['side']} ({fields['hold_reason']}), regime {fields['regime']}"
    lines = [
        head,
        f"probability of up {fields['probability']}",
        *(line for member in fields["members"] for line in _lines_of(member)),
        f"model {fields['model_digest']}, data {fields['data_hash']}, commit {fields['commit']}",
    ]
    answer(json, fields, lines)


def _told(done: "Explanation") -> dict[str, Any]:
    from market.calendar import to_local
    from market.types import Regime, Side
    from trading.records import HoldReason

    decision, lineage = done.found.decision, done.bundle.manifest.lineage
    columns = done.bundle.schema.columns
    values = {name: _number(value) for name, value in zip(columns, done.row, strict=True)}
    return {
        "contract": done.contract,
        "time": to_local(int(decision["ts_ns"])).isoformat(),
        "sequence": int(decision["sequence"]),
        "side": Side(int(decision["side"])).name if decision["side"] else "HOLD",
        "hold_reason": HoldReason(int(decision["reason"])).name,
        "regime": Regime(int(decision["regime"])).name,
        "probability": _number(decision["probability"]),
        "features": values,
        "members": [_member(heard, columns, values) for heard in done.members],
        "journal": str(done.found.path),
        "model_digest": done.bundle.digest,
        "data_hash": lineage.data_hash,
        "commit": lineage.git_commit,
    }


def _member(heard: "Heard", columns: Sequence[str], values: Mapping[str, float | None]) -> dict[str, Any]:
    """Return what a learner gave, the columns that moved its score most first."""
    shares = [
        {"name": name, "value": values[name], "share": float(share)}
        for name, share in zip(columns, heard.shares, strict=True)
    ]
    return {
        "learner": heard.learner,
        "weight": heard.weight,
        "score": heard.score,
        "usual": heard.usual,
        "shares": sorted(shares, key=lambda one: -abs(one["share"])),
    }


def _lines_of(member: Mapping[str, Any]) -> list[str]:
    head = f"{member['learner']}, weight {member['weight']:.3f}: raw score {member['score']}, usual {member['usual']}"
    return [head, *(f"  {one['share']:+.5f}  {one['name']} = {one['value']}" for one in member["shares"][:SHOWN])]


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
