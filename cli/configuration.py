"""`pregao.toml`: found, overridden by the environment, and taken apart into the frozen settings of each component.

A section is a field of Configuration, typed by the dataclass that stands beside its component. Adding one is adding a
field.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from cli.environment import find_home
from flows.sources.settings import CollectSettings
from live.profitdll.settings import ProfitSettings
from market.errors import ConfigError
from market.home import Home
from market.instruments import Declaration, declare
from market.lake import Lake
from market.settings import parse_settings
from market.wording import to_toml
from trading.policy import RiskLimits, VenueParams

FILE = "pregao.toml"
PREFIX, SEPARATOR = "PREGAO_", "__"

_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"^\s*([\w.\-\"']+)\s*=")


@dataclass(frozen=True)
class Configuration:
    """Every section, with its defaults where the user set nothing.

    Parameters
    ----------
    instruments : mapping of str to Declaration
        `[instruments.SYMBOL]`: what is traded beside the four futures.
    collect : CollectSettings
        `[collect]`: where `pregao collect` takes data from.
    risk : RiskLimits
        `[risk]`: the limits of every account.
    venue : VenueParams
        `[venue]`: how the market answers paper orders.
    profitdll : ProfitSettings
        `[profitdll]`: the vendor's library and the account it trades.
    """

    instruments: Mapping[str, Declaration] = field(default_factory=dict)
    collect: CollectSettings = field(default_factory=CollectSettings)
    risk: RiskLimits = field(default_factory=RiskLimits)
    venue: VenueParams = field(default_factory=VenueParams)
    profitdll: ProfitSettings = field(default_factory=ProfitSettings)


@dataclass(frozen=True)
class Setting:
    """One effective value.

    Parameters
    ----------
    key : str
        As instruments.PETR4.tick_size.
    value : str, float, bool or list
        What holds.
    origin : str
        "default", a file with its line, or the environment variable.
    """

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Loaded:
    """A configuration and where it comes from; `file` is None where there is none."""

    configuration: Configuration
    file: Path | None
    settings: tuple[Setting, ...]


def load_configuration(home: Home, environment: Mapping[str, str] = os.environ) -> Loaded:
    """Read the configuration of a home.

    Parameters
    ----------
    home : Home
        Its pregao.toml counts, unless PREGAO_CONFIG names another file.
    environment : mapping
        PREGAO_SECTION__KEY overrides a key of the file; lists are written as in TOML.

    Raises
    ------
    ConfigError
        For a named file that is not there, text that is no TOML, a key nobody knows, or a value that cannot be.
    """
    file = _find(home, environment)
    text = _read(file) if file else ""
    values = _parse_toml(text, str(file))
    origins = {key: f"{file}, line {line}" for key, line in _lines_of(text).items()}
    written = {key: origins.get(key, str(file)) for key, _ in _flat(values)}
    for name in sorted(environment):
        if name.startswith(PREFIX) and SEPARATOR in name:
            key = _override(values, name, environment[name])
            written[key] = f"environment {name}"
    configuration = _build(values, file, [key for key in written if written[key].startswith("environment")])
    settings = (Setting(key, value, written.get(key, "default")) for key, value in _flat(asdict(configuration)))
    return Loaded(configuration, file, tuple(settings))


def open_lake(home: Home | None = None) -> Lake:
    """Return the user's lake, knowing the instruments they declared; raises ConfigError."""
    home = home or find_home()
    declarations = load_configuration(home).configuration.instruments
    return Lake(home.lake, {symbol: declare(symbol, one) for symbol, one in declarations.items()})


def _find(home: Home, environment: Mapping[str, str]) -> Path | None:
    named = environment.get("PREGAO_CONFIG")
    if not named:
        usual = home.root / FILE
        return usual if usual.is_file() else None
    file = Path(named).expanduser().resolve()
    if not file.is_file():
        raise ConfigError(f"PREGAO_CONFIG={named}: expected a file, found none; name one or unset it")
    return file


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")  # some editors put a mark in front
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: expected text in UTF-8, found {error}; save it as UTF-8") from error


def _parse_toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: expected TOML, found {error}; correct the line") from error


def _override(values: dict[str, Any], name: str, text: str) -> str:
    """Set what an environment variable names, and return its key."""
    parts = name.removeprefix(PREFIX).split(SEPARATOR)
    section = parts[0].lower()
    _refuse_unknown_section(section, name)
    if _holds_tables(section) and len(parts) < 3:
        raise ConfigError(f"{name}: expected {PREFIX}{parts[0]}{SEPARATOR}NAME{SEPARATOR}KEY, found no key; add it")
    own = 2 if _holds_tables(section) else 1  # the user's own name keeps its case
    keys = [section, *parts[1:own], *(part.lower() for part in parts[own:])]
    table = values
    for key in keys[:-1]:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            raise ConfigError(f"{name}: expected a table at {key}, found {to_toml(table)}; see `pregao config show`")
    table[keys[-1]] = _parse_toml(f"value = {text}", name)["value"] if text.startswith("[") else text
    return ".".join(keys)


def _holds_tables(section: str) -> bool:
    """Tell whether a section is a mapping of the user's own names, which keep their case, to tables."""
    return section in get_type_hints(Configuration) and not is_dataclass(get_type_hints(Configuration)[section])


def _build(values: Mapping[str, Any], file: Path | None, overridden: Sequence[str]) -> Configuration:
    sections: dict[str, Any] = {}
    for name, table in values.items():
        _refuse_unknown_section(name, str(file))
        if not isinstance(table, Mapping):
            raise ConfigError(
                f"{file}: expected a section [{name}], found {name} = {to_toml(table)}; write it as a table"
            )
        kind = get_type_hints(Configuration)[name]
        if is_dataclass(kind) and isinstance(kind, type):
            sections[name] = parse_settings(kind, table, _where(name, file, overridden))
        else:
            sections[name] = _tables(get_args(kind)[1], name, table, file, overridden)
    return Configuration(**sections)


def _tables(
    entry: type[Any], section: str, table: Mapping[str, Any], file: Path | None, overridden: Sequence[str]
) -> dict[str, Any]:
    parsed = {}
    for name, values in table.items():
        where = _where(f"{section}.{name}", file, overridden)
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"{where}: expected a table, found {to_toml(values)}; write its keys below [{section}.{name}]"
            )
        parsed[name] = parse_settings(entry, values, where)
    return parsed


def _refuse_unknown_section(name: str, where: str) -> None:
    known = get_type_hints(Configuration)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean [{near[0]}]?" if near else f"known are {', '.join(f'[{one}]' for one in known)}"
        raise ConfigError(f"{where}: expected a known section, found [{name}]; {hint}")


def _where(section: str, file: Path | None, overridden: Sequence[str]) -> str:
    """Return where the values of a section stand, as a message says it."""
    named = [_variable(key) for key in overridden if key.startswith(f"{section}.")]
    return f"{' and '.join([*([str(file)] if file else []), *named])}: [{section}]"


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", SEPARATOR)


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _lines_of(text: str) -> dict[str, int]:
    """Return the line of every key that has one of its own."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = f"{header[1].strip()}."
        elif key := _KEY.match(line):
            lines.setdefault(f"{table}{key[1]}".replace('"', "").replace("'", ""), number)
    return lines
