"""The Windows build: its exports and version, and, where Wine is installed, the DLL loaded there."""

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from live.profitdll.standin.build import build, compiler
from market.errors import UsageError
from market.types import EVENT, Kind
from tests.factories import OPEN_NS, WDO
from tests.live.standin.abi_table import read_table
from tests.live.standin.conftest import StartVenue
from tests.live.standin.probes import build_program, printed, probe_source
from tests.live.standin.test_layouts import expected_layout, record_fields

HOST = Path(__file__).with_name("host.c")


@pytest.fixture(scope="module")
def dll(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        compiler(windows=True)
    except UsageError as error:
        pytest.skip(str(error))
    return build(tmp_path_factory.mktemp("windows"), windows=True)


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """Return Wine's command and an environment with a prefix of its own."""
    command = shutil.which("wine64") or shutil.which("wine")
    if command is None:
        pytest.skip("wine is not installed")
    env = {**os.environ, "WINEPREFIX": str(tmp_path_factory.mktemp("prefix")), "WINEDEBUG": "-all", "DISPLAY": ""}
    yield command, env
    server = shutil.which("wineserver")
    if server:
        subprocess.run([server, "-k"], env=env, check=False, capture_output=True)


def trade_events(count: int) -> np.ndarray:
    events = np.zeros(count, dtype=EVENT)
    events["kind"], events["price"], events["quantity"] = Kind.TRADE, 10_000 + np.arange(count) % 7, 2
    events["ts_event_ns"] = OPEN_NS + np.arange(count) * 1_000
    events["trade_type"], events["side"], events["trade_number"] = 2, 1, np.arange(count) + 1
    events["sequence"], events["instrument"] = np.arange(count), WDO
    return events


def exports_of(path: Path) -> set[str]:
    """Read the export table of a 64-bit PE file."""
    data = path.read_bytes()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    sections, optional = struct.unpack_from("<H", data, header + 6)[0], header + 24
    assert struct.unpack_from("<HH", data, header + 4)[0] == 0x8664
    table = optional + struct.unpack_from("<H", data, header + 20)[0]
    places = [struct.unpack_from("<IIII", data, table + 40 * k + 8) for k in range(sections)]

    def at(address: int) -> int:
        for size, start, raw_size, raw in places:
            if start <= address < start + max(size, raw_size):
                return int(address - start + raw)
        raise AssertionError(address)

    directory = at(struct.unpack_from("<I", data, optional + 112)[0])
    count, names = struct.unpack_from("<I", data, directory + 24)[0], struct.unpack_from("<I", data, directory + 32)[0]
    starts = [at(struct.unpack_from("<I", data, at(names) + 4 * k)[0]) for k in range(count)]
    return {data[start : data.index(b"\0", start)].decode("ascii") for start in starts}


def test_the_dll_exports_the_functions_of_the_table(dll: Path) -> None:
    assert exports_of(dll) == set(read_table().functions)


def test_the_dll_says_the_version_that_it_stands_for(dll: Path) -> None:
    if not shutil.which("x86_64-w64-mingw32-windres"):
        pytest.skip("windres, which writes a version into a DLL, is not installed")
    data = dll.read_bytes()
    place = data.index(struct.pack("<I", 0xFEEF04BD))
    high, low = struct.unpack_from("<II", data, place + 8)
    assert (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF) == (4, 0, 0, 41)


@pytest.mark.nightly
def test_records_lie_on_windows_as_the_table_says(dll: Path, wine: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    program = build_program(tmp_path, "probe", probe_source("abi.h", record_fields()), windows=True)
    command, env = wine
    assert printed([command, str(program)], env) == expected_layout()


def hear(venue: StartVenue, command: list[str], env: dict[str, str], count: int) -> dict[str, float]:
    """Let a C client hear so many trades; `command` is the program and the library."""
    running = venue(trade_events(count), pace=("--speed", "0"))
    named = str(running.map_path)
    if "WINEPREFIX" in env:
        named = f"Z:{named}".replace("/", "\\")
    done = subprocess.run(
        [*command, "trades", str(count)], capture_output=True, text=True, env={**env, "PREGAO_STANDIN": named},
        timeout=120, check=True,
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout)
    prices = (10_000 + np.arange(count) % 7) * 0.5
    assert (told["trades"], told["quantity"], told["failures"]) == (count, 2 * count, 0)
    assert told["price_sum"] == prices.sum()
    return told


@pytest.mark.nightly
def test_a_c_client_hears_every_trade(venue: StartVenue, library: Path, tmp_path: Path) -> None:
    program = build_program(tmp_path, "host", HOST.read_text(encoding="utf-8"))
    hear(venue, [str(program), str(library)], dict(os.environ), 300_000)


@pytest.mark.nightly
def test_a_c_client_on_windows_hears_every_trade(
    venue: StartVenue, dll: Path, wine: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    command, env = wine
    program = build_program(tmp_path, "host", HOST.read_text(encoding="utf-8"), windows=True)
    hear(venue, [command, str(program), str(dll)], env, 300_000)


@pytest.mark.nightly
@pytest.mark.nightly
def test_a_million_trades_a_second_reach_the_callback(venue: StartVenue, library: Path, tmp_path: Path) -> None:
    program = build_program(tmp_path, "host", HOST.read_text(encoding="utf-8"))
    assert hear(venue, [str(program), str(library)], dict(os.environ), 3_000_000)["per_second"] >= 1e6
