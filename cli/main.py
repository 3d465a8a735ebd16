"""`pregao`: reads the request, sets the environment block, and turns errors into exit codes.

Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 refused for safety.
"""

import json
import sys

import typer

from cli.environment import find_home, set_environment
from market.errors import PregaoError


def build_app() -> typer.Typer:
    """Return the command tree; the commands import what they need when they run."""
    from cli import data, machine, trading, training

    app = typer.Typer(
        name="pregao",
        help="Retrain, promote on evidence, and trade models on B3 futures.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for module in (training, data, trading, machine):
        module.register(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    set_environment(find_home())
    as_json = "--json" in arguments
    try:
        build_app()(args=arguments)
    except PregaoError as error:
        return _refuse(str(error), error.exit_code, as_json)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
        if code == 2 and as_json:
            return _refuse("wrong use: standard error names the option or argument", code, as_json)
        return code
    return 0


def _refuse(reason: str, code: int, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"ok": False, "reason": reason}, ensure_ascii=False))
    else:
        print(f"pregao: {reason}", file=sys.stderr)
    return code
