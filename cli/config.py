"""Commands about the configuration."""

from typing import Any

import typer

from cli.environment import find_home
from cli.output import JsonOption, answer
from market.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    config = typer.Typer(help="What pregao.toml and the environment set.", epilog="Example: pregao config show")
    config.command("show", epilog="Example: pregao config show --json")(config_show)
    config.command("check", epilog="Example: pregao config check")(config_check)
    app.add_typer(config, name="config")


def config_show(json: JsonOption = False) -> None:
    """Print every effective value and where it comes from: the default, a line of the file, or the environment."""
    file, settings = _load()
    lines = [f"{one['key']} = {one['value']!r}  ({one['origin']})" for one in settings]
    hint = (
        [] if file else [f"no pregao.toml: all defaults; copy deploy/pregao.toml to {find_home().root} and change it"]
    )
    answer(json, {"file": file, "settings": settings}, [*lines, *hint])


def config_check(json: JsonOption = False) -> None:
    """Tell whether the configuration can be used: keys, values, the lake's instruments and its calendar overrides.

    Exit code 0: it can. 1: it cannot, and why.
    """
    from cli.configuration import open_lake

    try:
        file, settings = _load()
        _ = open_lake().instruments
    except ConfigError as error:
        answer(json, {"file": None, "settings": None}, (), reason=str(error))
    answer(json, {"file": file, "settings": settings}, [f"{file or 'no file'}: {len(settings)} settings, all in order"])


def _load() -> tuple[str | None, list[dict[str, Any]]]:
    from cli.configuration import load_configuration

    loaded = load_configuration(find_home())
    settings = [{"key": one.key, "value": one.value, "origin": one.origin} for one in loaded.settings]
    return str(loaded.file) if loaded.file else None, settings
