"""Every planted leak is found in its own column and no other; clean computations raise no alarm."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from flows.leaks.cells import Found, Trial, find_leaks
from flows.leaks.poison import spoil_records
from flows.leaks.source import of_function
from tests.leaks.frames import make_bars

FOLDER = Path(__file__).resolve().parent
PLANTED, CLEAN = (sorted((FOLDER / name).glob("*.py")) for name in ("planted", "clean"))
BARS = make_bars()
CUTS = 40


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"leak_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(module: ModuleType) -> Found:
    source = of_function(module.compute)
    return find_leaks(Trial("planted", module.compute, BARS, spoil_records, lambda _: source), CUTS)


def test_the_corpus_is_whole() -> None:
    assert len(PLANTED) >= 15
    assert len(CLEAN) >= 5


@pytest.mark.parametrize("file", PLANTED, ids=lambda file: file.stem)
def test_planted_leak_is_found_in_its_column(file: Path) -> None:
    module = load(file)
    found = check(module)
    assert [leak.column for leak in found.leaks] == [module.COLUMN]
    name, _, line = found.leaks[0].source.rpartition(":")
    assert name == file.relative_to(FOLDER.parents[1]).as_posix()
    assert file.read_text(encoding="utf-8").splitlines()[int(line) - 1].startswith("def compute(")


@pytest.mark.parametrize("file", CLEAN, ids=lambda file: file.stem)
def test_clean_computation_raises_no_alarm(file: Path) -> None:
    found = check(load(file))
    assert found.leaks == ()
    assert found.checked >= 3
