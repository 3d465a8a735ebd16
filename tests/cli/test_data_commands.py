"""Import and features ls, as people and machines read them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.aliases import SAME_AT_ONE_MINUTE
from features.catalogue import CATALOGUE, Need
from market.home import Home
from market.lake import Lake
from tests.cli.conftest import RunCommand

Ask = Callable[..., tuple[int, dict[str, Any]]]
HEADER = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
DAY = date(2020, 4, 2)
TOLD = (
    "WDOK20 in 1 session, mt5_bars, prices raw (clock: wall clock of the broker's server: São Paulo for B3, "
    "else the instrument's declared clock; bar's opening)\n"
)
PUBLIC = (
    "DataReferencia;CodigoInstrumento;AcaoAtualizacao;PrecoNegocio;QuantidadeNegociada;HoraFechamento;"
    "CodigoIdentificadorNegocio;TipoSessaoPregao;DataNegocio;CodigoParticipanteComprador;CodigoParticipanteVendedor"
)


def write_bars(path: Path, count: int = 540, day: date = DAY, first_hour: int = 9) -> Path:
    """Write one session of MT5 minute bars from an hour on."""
    start = datetime.combine(day, datetime.min.time()) + timedelta(hours=first_hour)
    rows = [
        f"{start + timedelta(minutes=k):%Y.%m.%d\t%H:%M:%S}\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5"
        for k in range(count)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join([HEADER, *rows, ""]), encoding="utf-8", newline="")
    return path


def write_trades(path: Path, contracts: list[str]) -> Path:
    """Write a public file of the exchange with one trade of each contract."""
    rows = [
        f"2025-08-29;{contract};0;5460,000;5;09000{k}004;{10 * (k + 1)};1;2025-08-29;8;120"
        for k, contract in enumerate(contracts)
    ]
    path.write_text("\n".join([PUBLIC, *rows, ""]), encoding="utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_bars(tmp_path / "exports" / "WDOK20_M1.csv")


def test_import_tells_what_became_of_the_file(ask: Ask, home: Home, file: Path) -> None:
    code, said = ask("import", file)
    entry = {"path": str(file), "status": "imported", "format": "mt5_bars", "rows": 540, "rejected": 0, "reason": ""}
    told = said["files"][0]
    assert (code, said["ok"], len(said["files"])) == (0, True, 1)
    assert {key: told[key] for key in entry} == entry
    assert (told["contracts"], told["sessions"], told["price_basis"]) == (["WDOK20"], 1, ["raw"])
    assert "São Paulo" in told["clock"]
    assert Lake(home.lake).sessions("WDOK20") == [DAY]


def test_same_file_twice_is_unchanged(ask: Ask, home: Home, file: Path) -> None:
    ask("import", file)
    before = Lake(home.lake).data_hash()
    code, said = ask("import", file)
    assert (code, said["ok"], said["files"][0]["status"]) == (0, True, "unchanged")
    assert Lake(home.lake).data_hash() == before


def test_import_speaks_to_people(run: RunCommand, file: Path) -> None:
    done = run("import", file)
    assert (done.code, done.out, done.err) == (0, f"imported  {file}: 540 rows of {TOLD}", "")


def test_one_is_no_plural_and_many_contracts_are_counted(run: RunCommand, tmp_path: Path) -> None:
    names = ["DOLV25", "INDV25", "WDOV25", "WDOX25", "WINV25"]
    one, five = (write_trades(tmp_path / name, symbols) for name, symbols in (("1.txt", names[:1]), ("5.txt", names)))
    spoken = run("import", one, five).out.splitlines()
    assert spoken[0].startswith(f"imported  {one}: 1 row of DOLV25 in 1 session, b3_trades, prices raw (clock: wall")
    assert spoken[1].startswith(f"imported  {five}: 5 rows of 5 contracts in 1 session, b3_trades, prices raw (clock:")


def test_rows_set_aside_are_counted_and_explained(ask: Ask, run: RunCommand, file: Path) -> None:
    stray = f"{DAY:%Y.%m.%d}\t23:30:00\t5250.0\t5252.0\t5250.0\t5251.0\t10\t100\t5\r\n"
    file.write_bytes(file.read_bytes() + stray.encode())
    code, said = ask("import", file)
    entry = said["files"][0]
    assert (code, entry["status"], entry["rows"], entry["rejected"]) == (0, "imported", 540, 1)
    assert "1 row outside the session's hours: set aside in" in entry["reason"]
    assert entry["reason"] in run("import", file).out


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-9])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def separate_by_commas(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\t", b","))


def move_to_the_night(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = [f"{DAY:%Y.%m.%d}\t{22 + k // 60}:{k % 60:02}:00\t{line.split(maxsplit=2)[2]}" for k, line in
            enumerate(lines[1:61])]  # fmt: skip
    file.write_text("\r\n".join([HEADER, *rows, ""]), encoding="utf-8", newline="")


def replace_by_prose(file: Path) -> None:
    file.write_text("Dear reader,\nthis is no export.\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "exit_code", "recognised", "said"),
    [
        (Path.unlink, 2, None, "expected a file, found nothing there; check the path"),
        (empty, 1, None, "an empty file"),
        (separate_by_commas, 1, "mt5_bars", "line 1: expected a tab between the columns"),
        (cut, 1, "mt5_bars", "line 541: expected a line end after the last row"),
        (move_to_the_night, 1, "mt5_bars", "outside the session"),
        (replace_by_prose, 1, None, "line 1: expected one of mt5_ticks, mt5_bars, "),
    ],
)
def test_bad_file_is_one_sentence_and_leaves_nothing(
    run: RunCommand,
    ask: Ask,
    home: Home,
    file: Path,
    spoil: Callable[[Path], None],
    exit_code: int,
    recognised: str | None,
    said: str,
) -> None:
    spoil(file)
    spoken = run("import", file)
    assert (spoken.code, spoken.out) == (exit_code, "")
    assert spoken.err.startswith(f"pregao: {file}")
    assert spoken.err.count("\n") == 1
    assert said in spoken.err
    code, answer = ask("import", file)
    reason = spoken.err.removeprefix("pregao: ").strip()
    entry = {"path": str(file), "status": "refused", "format": recognised, "rows": 0, "rejected": 0, "reason": reason}
    assert (code, answer["ok"], answer["reason"], len(answer["files"])) == (exit_code, False, reason, 1)
    assert {key: answer["files"][0][key] for key in entry} == entry
    assert not home.lake.exists()


def test_unknown_symbol_is_refused_and_may_be_named(ask: Ask, tmp_path: Path) -> None:
    file = write_bars(tmp_path / "exports" / "PETR4_M1.csv")
    code, said = ask("import", file)
    assert (code, said["files"][0]["status"]) == (1, "refused")
    assert "PETR4" in said["reason"]
    assert ask("import", file, "--symbol", "VALE3")[0] == 2
    code, said = ask("import", file, "--symbol", "WDOK20")
    assert (code, said["files"][0]["status"]) == (0, "imported")


def test_good_files_are_imported_beside_bad_ones(run: RunCommand, ask: Ask, home: Home, file: Path) -> None:
    missing, other = file.with_name("gone.csv"), write_bars(file.with_name("WDOM20_M1.csv"))
    code, said = ask("import", missing, file, other)
    assert (code, said["ok"]) == (2, False)
    assert [entry["status"] for entry in said["files"]] == ["refused", "imported", "imported"]
    assert said["reason"] == said["files"][0]["reason"]
    assert Lake(home.lake).contracts() == ["WDOK20", "WDOM20"]
    spoken = run("import", missing, file)
    assert (spoken.code, spoken.out) == (2, f"unchanged {file}: 540 rows of {TOLD}")
    assert spoken.err.startswith(f"pregao: {missing}")


def test_options_are_heard_where_the_file_is_known(ask: Ask, file: Path) -> None:
    assert ask("import", file)[1]["files"][0]["status"] == "imported"
    code, said = ask("import", file, "--as", "profit_bars")
    assert (code, said["files"][0]["status"], said["files"][0]["format"]) == (1, "refused", "profit_bars")
    code, said = ask("import", file, "--as", "profit_bar")
    assert (code, said["files"][0]["status"], said["files"][0]["format"]) == (2, "refused", None)
    assert "--as: expected a format, found 'profit_bar'" in said["reason"]


def test_folder_is_taken_whole_only_when_asked(ask: Ask, file: Path) -> None:
    write_bars(file.parent / "deep" / "WDOM20_M1.csv")
    code, said = ask("import", file.parent)
    assert (code, said["files"][0]["status"]) == (2, "refused")
    assert "found a folder" in said["reason"]
    code, said = ask("import", file.parent, "--recursive")
    assert code == 0
    assert [Path(entry["path"]).name for entry in said["files"]] == ["WDOK20_M1.csv", "WDOM20_M1.csv"]


def test_empty_folder_is_refused(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    code, said = ask("import", tmp_path / "nothing", "--recursive")
    assert (code, said["files"]) == (2, None)
    assert "expected files, found empty folders" in said["reason"]


def test_features_ls_lists_the_catalogue_in_order(run: RunCommand, ask: Ask) -> None:
    code, said = ask("features", "ls")
    assert (code, said["set"]) == (0, "full")
    names = [feature.name for feature in CATALOGUE if feature.name not in SAME_AT_ONE_MINUTE]
    assert [column["name"] for column in said["columns"]] == names
    assert len(names) >= 245
    assert {need for column in said["columns"] for need in column["needs"]} == set(map(str, Need))
    assert {"name", "group", "needs", "window", "warm_up", "unit", "unknown"} < set(said["columns"][0])
    assert f"{len(names)} columns, schema {said['schema_hash'][:16]}" in run("features", "ls").out


def test_features_ls_says_what_the_page_says(ask: Ask) -> None:
    """Every column as a line of docs/features.md, which is read here and not written."""
    page = (Path(__file__).parents[2] / "docs" / "features.md").read_text(encoding="utf-8")
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for column in ask("features", "ls")[1]["columns"]:
        low, high = (
            f"{infinite if bound is None else f'{bound:.4g}'}".replace("-", "−")
            for bound, infinite in zip(column["range"], ("−∞", "∞"), strict=True)
        )
        cells = (
            f"`{column['name']}`", column["formula"].replace("|", "&#124;"), " ".join(column["inputs"]),
            str(column["window"] or ""), column["unit"], f"{low} … {high}",
            f"{column['warm_up']} {column['counted_in']}", " ".join(column["needs"]).replace("_", " "),
            " ".join(column["unknown"]), "" if column["zero_rule"] is None else f"{column['zero_rule']:g}",
            " ".join(f"`{alias}`" for alias in column["aliases"]),
        )  # fmt: skip
        assert f"| {' | '.join(cells)} |" == lines[column["name"]]


def test_features_ls_of_known_columns(ask: Ask) -> None:
    columns = {column["name"]: column for column in ask("features", "ls")[1]["columns"]}
    assert columns["rsi_14"]["range"] == [0, 100]
    assert (columns["rsi_14"]["zero_rule"], columns["spread_z"]["zero_rule"]) == (50.0, 0.0)
    assert columns["returns_5"]["aliases"] == ["momentum_pct_5", "roc_5"]
    assert columns["trade_flow_5"]["counted_in"] == "seconds"
    assert columns["atr_14"]["range"] == [0, None]


def test_smaller_set_has_another_schema(ask: Ask) -> None:
    core, full = ask("features", "ls", "--set", "core10")[1], ask("features", "ls")[1]
    assert len(core["columns"]) < len(full["columns"])
    assert core["schema_hash"] != full["schema_hash"]
