"""pregao.toml: where it is found, what overrides it, what it refuses, and what the commands say of it."""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from cli.configuration import Configuration, Setting, load_configuration, open_lake
from cli.environment import CHECKOUT
from live.profitdll.settings import ProfitSettings
from market.errors import ConfigError
from market.home import Home
from market.instruments import Declaration
from tests.cli.conftest import RunCommand
from tests.cli.test_data_commands import write_bars
from trading.policy import RiskLimits, VenueParams

Ask = Callable[..., tuple[int, dict[str, Any]]]
PETR4 = """# shares
[instruments.PETR4]
tick_size = 0.01
lot_step = 1

point_value = 1.0  # a real a share
currency = "BRL"
calendar = "b3_stocks"
"""
STEP = "PREGAO_INSTRUMENTS__PETR4__LOT_STEP"


@pytest.fixture
def file(home: Home) -> Path:
    path = home.root / "pregao.toml"
    path.write_text(PETR4, encoding="utf-8")
    return path


def test_nothing_is_set_where_there_is_no_file(home: Home) -> None:
    loaded = load_configuration(home, {"PREGAO_HOME": "x", "PATH": "y", "OTHER__KEY": "z"})
    assert (loaded.file, loaded.configuration) == (None, Configuration())
    assert {one.origin for one in loaded.settings} == {"default"}


def test_file_of_the_home_is_read(home: Home, file: Path) -> None:
    loaded = load_configuration(home, {})
    assert loaded.file == file
    assert loaded.configuration.instruments == {"PETR4": Declaration(0.01, 1.0, 1.0, "BRL", "b3_stocks")}


def test_every_value_has_its_origin(home: Home, file: Path) -> None:
    settings = load_configuration(home, {STEP: "100"}).settings
    assert settings[:6] == (
        Setting("instruments.PETR4.tick_size", 0.01, f"{file}, line 3"),
        Setting("instruments.PETR4.lot_step", 100.0, f"environment {STEP}"),
        Setting("instruments.PETR4.point_value", 1.0, f"{file}, line 6"),
        Setting("instruments.PETR4.currency", "BRL", f"{file}, line 7"),
        Setting("instruments.PETR4.calendar", "b3_stocks", f"{file}, line 8"),
        Setting("instruments.PETR4.clock", "America/Sao_Paulo", "default"),
    )


def test_value_in_an_inline_table_comes_from_the_file_as_a_whole(home: Home, file: Path) -> None:
    file.write_text(
        'instruments.PETR4 = {tick_size = 0.01, lot_step = 1, point_value = 1, currency = "BRL", calendar = "always"}',
        encoding="utf-8",
    )
    origins = {one.key: one.origin for one in load_configuration(home, {}).settings}
    assert origins["instruments.PETR4.tick_size"] == str(file)


def test_named_file_counts_instead_of_the_homes(home: Home, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "deep" / "team.toml"
    other.parent.mkdir()
    other.write_text(PETR4.replace("PETR4", "VALE3"), encoding="utf-8")
    loaded = load_configuration(home, {"PREGAO_CONFIG": str(other)})
    assert (loaded.file, list(loaded.configuration.instruments)) == (other, ["VALE3"])


def test_named_file_that_is_not_there_is_refused(home: Home, file: Path) -> None:
    with pytest.raises(ConfigError, match=r"PREGAO_CONFIG=gone\.toml: expected a file, found none"):
        load_configuration(home, {"PREGAO_CONFIG": "gone.toml"})


def test_environment_alone_may_declare(home: Home) -> None:
    values = {"TICK_SIZE": "0.1", "LOT_STEP": "0.001", "POINT_VALUE": "1", "CURRENCY": "USDT", "CALENDAR": "always"}
    environment = {f"PREGAO_INSTRUMENTS__BTCUSDT__{key}": value for key, value in values.items()}
    loaded = load_configuration(home, environment)
    assert loaded.configuration.instruments == {"BTCUSDT": Declaration(0.1, 0.001, 1.0, "USDT", "always")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[instrument.PETR4]", "expected a known section, found [instrument]; did you mean [instruments]?"),
        ("[weather]", "expected a known section, found [weather]; known are [instruments]"),
        ("instruments = 3", "pregao.toml: expected a section [instruments], found instruments = 3"),
        ("[instruments]\nPETR4 = 3", "pregao.toml: [instruments.PETR4]: expected a table, found 3"),
        (PETR4.replace("tick_size", "ticksize"), "[instruments.PETR4]: expected a known key, found 'ticksize'; "
                                                 "did you mean 'tick_size'?"),
        (PETR4.replace("= 0.01", '= "small"'), "[instruments.PETR4]: tick_size: Input should be a valid number"),
        (PETR4.replace("= 0.01", "= 0"), "pregao.toml: [instruments.PETR4]: tick_size: expected a number above zero"),
        (PETR4.replace("b3_stocks", "nyse"), "[instruments.PETR4]: calendar: expected one of b3_dollar"),
        (PETR4.replace("tick_size = 0.01\n", ""), "[instruments.PETR4]: tick_size: expected a value, found none; add"),
        (PETR4.replace("= 0.01", '= "small"'), 'unable to parse string as a number, found "small"; correct this value'),
        (PETR4.replace("= 0.01", "= [true]"), "Input should be a valid number, found [true]; correct this value"),
        (PETR4 + 'clock = "Mars"', 'clock: expected a time zone as America/Sao_Paulo, found "Mars"; correct it'),
        ("[collect]\nsources = 3", "sources: Input should be a valid list, found 3; correct this value"),
        ('[collect]\nsources = ["inbox", "ftp"]', 'expected some of inbox, metatrader, capture, profitdll, found'),
        ("[collect]\nretries = -5", "[collect]: retries: expected 0 or more, found -5; correct it"),
        ("[collect]\nretry_delay_s = nan", "[collect]: retry_delay_s: expected 0 or more, found nan; correct it"),
        ("[collect]\nmetatrader_sessions = 0", "metatrader_sessions: expected 1 to 250, found 0; correct it"),
        ("[collect]\nprofitdll_sessions = 24", "profitdll_sessions: expected 1 to 23, found 24; correct it"),
        ('[collect]\nprofitdll_roots = ["PETR4"]', 'profitdll_roots: expected some of WDO, '),
        ('collect = ["a"]', 'expected a section [collect], found collect = ["a"]; write it as a table'),
        ("[instruments.PETR4\n", "pregao.toml: expected TOML, found Expected ']'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place(home: Home, file: Path, text: str, said: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_configuration(home, {})
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (STEP, "many", f"pregao.toml and {STEP}: [instruments.PETR4]: lot_step: Input should be a valid number"),
        (f"{STEP}S", "1", f"{STEP}S: [instruments.PETR4]: expected a known key, found 'lot_steps'; did you mean"),
        ("PREGAO_INSTRUMENT__PETR4__LOT_STEP", "1", "expected a known section, found [instrument]; did you mean"),
        ("PREGAO_INSTRUMENTS__PETR4", "1", "expected PREGAO_INSTRUMENTS__NAME__KEY, found no key"),
        (f"{STEP}__DEEP", "1", "expected a table at lot_step, found 1"),
    ],
)
def test_override_that_cannot_be_is_refused_by_its_name(
    home: Home, file: Path, name: str, value: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_configuration(home, {name: value})
    assert said in str(caught.value)
    assert name in str(caught.value)


def test_mark_of_an_editor_at_the_head_of_the_file_is_skipped(home: Home, file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert list(load_configuration(home, {}).configuration.instruments) == ["PETR4"]


def test_file_in_another_encoding_is_refused(home: Home, file: Path) -> None:
    file.write_bytes(PETR4.replace("shares", "ações").encode("latin-1"))
    with pytest.raises(ConfigError, match=r"pregao\.toml: expected text in UTF-8"):
        load_configuration(home, {})


def test_lake_knows_what_is_declared(home: Home, file: Path) -> None:
    lake = open_lake(home)
    assert lake.folder == home.lake
    assert lake.instruments.of("PETR4").lot_step == 1.0
    assert lake.instruments.calendar("PETR4").name == "b3_stocks"


def test_shipped_example_declares_four_instruments_that_hold(home: Home) -> None:
    """Values of a tick, by hand: a cent a share; 0.00001 x 1,000; 0.0001 x 1,000; 0.1 x 0.001."""
    example = CHECKOUT / "deploy" / "pregao.toml"
    (home.root / "pregao.toml").write_bytes(example.read_bytes())
    own = open_lake(home).instruments
    found = {symbol: (one.tick_value, one.currency, one.calendar, one.clock) for symbol, one in own.declared.items()}
    assert found == {
        "PETR4": (pytest.approx(0.01), "BRL", "b3_stocks", "America/Sao_Paulo"),
        "EURUSD": (pytest.approx(0.01), "USD", "forex", "Europe/Athens"),
        "USDBRL": (pytest.approx(0.1), "BRL", "forex", "Europe/Berlin"),
        "BTCUSDT": (pytest.approx(0.0001), "USDT", "always", "UTC"),
    }
    assert own.of("EURUSD").to_ticks(1.16879) == 116_879
    assert own.of("USDBRL").to_ticks(3.8865) == 38_865


@pytest.mark.parametrize(
    ("section", "shipped"), [("risk", RiskLimits()), ("venue", VenueParams()), ("profitdll", ProfitSettings())]
)
def test_shipped_example_names_every_setting_with_its_default(
    section: str, shipped: RiskLimits | VenueParams | ProfitSettings
) -> None:
    text = (CHECKOUT / "deploy" / "pregao.toml").read_text(encoding="utf-8")
    found = re.search(rf"^# \[{section}\]\n((?:# \w+ = .*\n)+)", text, flags=re.MULTILINE)
    assert found
    told = tomllib.loads(found[1].replace("# ", "", 1).replace("\n# ", "\n"))
    assert json.loads(json.dumps(told)) == json.loads(json.dumps(asdict(shipped)))


def test_quantiles_of_the_venue_are_a_list(home: Home, file: Path) -> None:
    file.write_text("[venue]\nlatency_quantiles_ms = [4, 9.5, 250]\n", encoding="utf-8")
    assert load_configuration(home, {}).configuration.venue == VenueParams(latency_quantiles_ms=(4.0, 9.5, 250.0))
    with pytest.raises(ConfigError, match=r"\[venue\].*latency_quantiles_ms: expected none, or two or more"):
        load_configuration(home, {"PREGAO_VENUE__LATENCY_QUANTILES_MS": "[9, 4]"})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('book = "deep"', 'book: expected one of depth, offers, none, found "deep"'),
        ("patience_s = 0", "patience_s: expected above 0, at most 600, found 0"),
        ('brokername = "x"', "found 'brokername'; did you mean 'broker_name'?"),
        ('password = "x"', "expected a known key, found 'password'"),
    ],
)
def test_settings_of_the_library_that_cannot_be_are_refused(home: Home, file: Path, written: str, said: str) -> None:
    file.write_text(f"[profitdll]\n{written}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_configuration(home, {})


def test_limits_come_from_the_file_and_the_environment(home: Home, file: Path) -> None:
    file.write_text("[risk]\nmax_position = 2\ncapital_reais = 50_000\n", encoding="utf-8")
    loaded = load_configuration(home, {"PREGAO_RISK__MAX_POSITION": "3"})
    assert loaded.configuration.risk == RiskLimits(max_position=3, capital_reais=50_000.0)
    origins = {one.key: one.origin for one in loaded.settings}
    assert origins["risk.capital_reais"] == f"{file}, line 3"
    assert (origins["risk.max_position"], origins["risk.drawdown_stop"]) == (
        "environment PREGAO_RISK__MAX_POSITION", "default"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_positon = 2", "did you mean 'max_position'"),
        ("daily_loss_fraction = 0.0", "daily_loss_fraction: expected a value above 0, at most 1, found 0.0"),
        ("max_position = 1.5", "max_position"),
        ("collar_fraction = nan", "collar_fraction: expected a value above 0, at most 0.1, found nan"),
        ('max_position = "many"', "max_position"),
    ],
)
def test_limit_that_cannot_be_is_refused_with_its_place(home: Home, file: Path, text: str, said: str) -> None:
    file.write_text(f"[risk]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"\[risk\].*{re.escape(said)}"):
        load_configuration(home, {})


def test_config_show_prints_values_and_origins(run: RunCommand, ask: Ask, file: Path) -> None:
    done = run("config", "show")
    assert (done.code, done.err) == (0, "")
    assert f"instruments.PETR4.tick_size = 0.01  # {file}, line 3" in done.out.splitlines()
    assert 'instruments.PETR4.clock = "America/Sao_Paulo"  # default' in done.out.splitlines()
    code, said = ask("config", "show")
    assert (code, said["file"]) == (0, str(file))
    assert said["settings"][0] == {
        "key": "instruments.PETR4.tick_size", "value": 0.01, "origin": f"{file}, line 3"
    }  # fmt: skip


def test_what_config_show_prints_can_be_pasted_into_a_file(run: RunCommand, home: Home, file: Path) -> None:
    file.write_text(
        PETR4.replace("BRL", 'B\\"R\\\\L').replace("0.01", "1e-7") + "[collect]\nsources = []\n", encoding="utf-8"
    )
    told = run("config", "show").out
    meant = load_configuration(home, {}).configuration
    assert meant.instruments["PETR4"].currency == 'B"R\\L'
    file.write_text(told, encoding="utf-8")
    assert load_configuration(home, {}).configuration == meant


def test_config_show_of_nothing_says_how_to_begin(run: RunCommand) -> None:
    said = run("config", "show").out.splitlines()
    assert "collect.retries = 2  # default" in said
    assert 'collect.metatrader_roots = ["WDO", "WIN"]  # default' in said
    assert said[-1].startswith("# no pregao.toml: all defaults; copy deploy/pregao.toml to")


def test_config_check_says_yes(run: RunCommand, file: Path) -> None:
    done = run("config", "check")
    assert done.code == 0
    assert re.fullmatch(rf"{re.escape(str(file))}: \d+ settings, all in order\n", done.out)


def test_config_check_says_no_and_why(ask: Ask, file: Path) -> None:
    file.write_text(PETR4.replace("tick_size", "ticksize"), encoding="utf-8")
    code, said = ask("config", "check")
    assert (code, said["ok"], said["file"], said["settings"]) == (1, False, None, None)
    assert "did you mean 'tick_size'?" in said["reason"]


def test_config_check_looks_at_the_users_calendar_too(ask: Ask, home: Home) -> None:
    home.lake.mkdir(parents=True)
    (home.lake / "calendar.csv").write_text(
        "date,status,open,close,reason,source\n2026-11-30,shut,,,x,y\n", encoding="utf-8"
    )
    code, said = ask("config", "check")
    assert code == 1
    assert "calendar.csv, line 2" in said["reason"]


def test_config_check_looks_at_the_users_blackouts_too(ask: Ask, home: Home) -> None:
    home.lake.mkdir(parents=True)
    (home.lake / "blackouts.csv").write_text("date,start,end\n", encoding="utf-8")
    code, said = ask("config", "check")
    assert code == 1
    assert "blackouts.csv, line 1" in said["reason"]


def test_users_calendar_in_another_encoding_is_refused(ask: Ask, home: Home) -> None:
    home.lake.mkdir(parents=True)
    text = "date,status,open,close,reason,source\n2026-11-30,closed,,,Eleição,B3\n"
    (home.lake / "calendar.csv").write_bytes(text.encode("latin-1"))
    code, said = ask("config", "check")
    assert (code, "calendar.csv: expected text in UTF-8" in said["reason"]) == (1, True)
    assert ask("calendar", "2026-11-30")[0] == 2


def test_changed_declaration_of_imported_data_is_found(run: RunCommand, ask: Ask, file: Path, tmp_path: Path) -> None:
    assert run("import", write_bars(tmp_path / "exports" / "PETR4_M1.csv", 400, first_hour=10)).code == 0
    file.write_text(PETR4.replace("0.01", "0.05"), encoding="utf-8")
    code, said = ask("config", "check")
    assert code == 1
    assert "were imported with (tick_size = 0.01), found tick_size = 0.05; restore it" in said["reason"]


def test_declared_symbol_may_be_imported(ask: Ask, file: Path, tmp_path: Path) -> None:
    code, said = ask("import", write_bars(tmp_path / "exports" / "PETR4_M1.csv", 400, first_hour=10))
    assert (code, said["files"][0]["status"]) == (0, "imported")
