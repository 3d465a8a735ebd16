"""The command that looks for the future in what was learnt from the past."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cli.environment import CHECKOUT, find_home
from cli.output import JsonOption, answer, quiet_stdout

SAO_PAULO = ZoneInfo("America/Sao_Paulo")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog="Example: pregao leakcheck --contract WINQ26 --set full --sessions 3")(leakcheck)


def leakcheck(
    contract: Annotated[str | None, typer.Option(help="Another contract than that of the parameters.")] = None,
    sessions: Annotated[int, typer.Option(min=1, help="Sessions to check rows and decisions in.")] = 2,
    set_name: Annotated[
        str | None, typer.Option("--set", help="Another named set of features, whole, than that of the parameters.")
    ] = None,
    params: Annotated[Path, typer.Option(help="What the trained model depends on.")] = CHECKOUT / "params.yaml",
    json: JsonOption = False,
) -> None:
    """Spoil the data after sampled moments; features, labels, fits and decisions before them must not change."""
    from flows.leaks.check import check_leaks
    from flows.parameters import load_parameters
    from flows.recorded import data_of

    parameters = load_parameters(params)
    data = data_of(find_home(), contract, parameters.data) if contract else parameters.data
    features = replace(parameters.features, set=set_name, exclude=()) if set_name else parameters.features
    with quiet_stdout():
        found = check_leaks(find_home(), replace(parameters, data=data, features=features), sessions)
    leaks = [
        {"what": leak.what, "column": leak.column, "at": _local(leak.at_ns), "source": leak.source}
        for leak in found.leaks
    ]
    told = [f"{leak['at']}  {leak['column']}: {leak['what']} ({leak['source']})" for leak in leaks]
    reason = f"the future reached {len(leaks)} columns, first {told[0]}" if told else None
    lines = [f"{found.checked} comparisons, {len(leaks)} leaks", *told]
    answer(json, {"checked": found.checked, "leaks": leaks}, lines, reason=reason)


def _local(time_ns: int) -> str:
    """Return a time in São Paulo, to the second."""
    return dt.datetime.fromtimestamp(time_ns // 1_000_000_000, SAO_PAULO).isoformat()
