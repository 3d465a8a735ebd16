"""`pregao`: reads the request, sets the environment block, and turns errors into exit codes.

Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 refused for safety.
"""

import signal
import sys
from collections.abc import Sequence

import typer

from cli.environment import find_home, set_environment
from cli.output import command_of, group_of, refuse
from market.errors import PregaoError


def build_app() -> typer.Typer:
    """Return the command tree; the commands import what they need when they run."""
    from cli import (
        calendar,
        check,
        collect,
        config,
        data,
        drift,
        features,
        lake,
        leaks,
        lineage,
        live,
        machine,
        promotion,
        research,
        roll,
        schedule,
        trading,
        training,
    )

    app = typer.Typer(
        name="pregao",
        help="Retrain, promote on evidence, and trade models on B3 futures.",
        epilog="Example: pregao demo",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for module in (
        training,
        promotion,
        lineage,
        data,
        collect,
        check,
        lake,
        calendar,
        roll,
        features,
        leaks,
        drift,
        trading,
        live,
        research,
        machine,
        schedule,
        config,
    ):
        module.register(app)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # A stopped command leaves no server behind: what it opened is closed on the way out. A shell that starts a
    # command in the background has it ignore Ctrl-C; one sent to it by name must still end it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        set_environment(find_home())
        return build_app()(args=arguments, prog_name="pregao", standalone_mode=False) or 0
    except PregaoError as error:
        return refuse(arguments, str(error), error.exit_code)
    except typer.TyperException as error:
        hint = " ".join(["pregao", *(command_of(arguments) or group_of(arguments)).split(), "--help"])
        return refuse(arguments, f"{error.format_message().rstrip('.')}; see `{hint}`", error.exit_code)
    except Exception as error:  # the edge of the process: machines get their object, and people the traceback
        refuse(arguments, f"unexpected {type(error).__name__}: {error}; please report it", 1)
        raise
