"""Commands about the configuration."""

from typing import Any

import typer

from cli.environment import find_home
from cli.groups import Commands, add_group
from cli.output import JsonOption, answer
from market.errors import ConfigError
from market.wording import to_toml


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    commands: Commands = {"show": (config_show, "--json"), "check": (config_check, "")}
    add_group(app, "config", "What pregao.toml and the environment set.", commands)


def config_show(json: JsonOption = False) -> None:
    """Print every effective value and where it comes from: the default, a line of the file, or the environment.

    What is printed is a pregao.toml that sets the same.
    """
    file, settings = _load()
    lines = [f"{one['key']} = {to_toml(one['value'])}  # {one['origin']}" for one in settings]
    hint = (
        [] if file else [f"# no pregao.toml: all defaults; copy deploy/pregao.toml to {find_home().root} and change it"]
    )
    answer(json, {"file": file, "settings": settings}, [*lines, *hint])


def config_check(json: JsonOption = False) -> None:
    """Tell whether the configuration can be used: keys, values, the lake's instruments, special days and blackouts.

    Exit code 0: it can. 1: it cannot, and why.
    """
    from cli.configuration import open_lake

    try:
        file, settings = _load()
        lake = open_lake()
        _ = lake.instruments, lake.blackouts
    except ConfigError as error:
        answer(json, {"file": None, "settings": None}, (), reason=str(error))
    answer(json, {"file": file, "settings": settings}, [f"{file or 'no file'}: {len(settings)} settings, all in order"])


def _load() -> tuple[str | None, list[dict[str, Any]]]:
    from cli.configuration import load_configuration

    loaded = load_configuration(find_home())
    settings = [{"key": one.key, "value": one.value, "origin": one.origin} for one in loaded.settings]
    return str(loaded.file) if loaded.file else None, settings
