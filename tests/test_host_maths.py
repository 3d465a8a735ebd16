"""No compiled kernel asks the host's maths library: its last bits differ between hosts (`market.elementary`)."""

import ast
import importlib
import math
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from forest.convert import _base_margin
from market import elementary
from market.kernel import kernel
from models.price_path import bar_volatility, price_path
from tests.factories import make_bar
from tests.trading.scenarios import build_warm

CHECKOUT = Path(__file__).resolve().parents[1]
LEAN = ["market", "features", "forest", "trading"]
COMPILED = [*LEAN, "models", "backtest", "registry", "flows", "live", "console", "cli"]
# XGBoost's margin must have the bits of XGBoost's own library; it is asked once, at conversion, never in scoring.
EXEMPT = {("forest/convert.py", "_base_margin")}
# What IEEE 754 rounds in one way, or what does not round at all.
EXACT = {
    "sqrt", "floor", "ceil", "trunc", "fabs", "copysign", "isnan", "isfinite", "isinf", "fmod",
    "nan", "inf", "pi", "e", "tau",
}  # fmt: skip
HOST = {
    "log", "log2", "log10", "log1p", "logaddexp", "logaddexp2", "exp", "exp2", "expm1", "power", "float_power", "pow",
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh",
    "arctanh", "hypot", "cbrt", "sinc", "i0",
}  # fmt: skip


def is_kernel(node: ast.AST) -> bool:
    names = ("kernel", "jit", "cfunc")
    return isinstance(node, ast.FunctionDef) and any(
        name in ast.unparse(decorator) for decorator in node.decorator_list for name in names
    )


def asks_host(node: ast.AST) -> bool:
    """Tell whether an expression would become a call of the maths library."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        inexact = node.value.id == "math" and node.attr not in EXACT
        return inexact or (node.value.id in ("np", "numpy") and node.attr in HOST)
    if isinstance(node, ast.ImportFrom):
        return node.module in ("math", "numpy", "cmath") and any(name.name in HOST for name in node.names)
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
        power = node.right if isinstance(node, ast.BinOp) else node.value
        base = node.left if isinstance(node, ast.BinOp) else node.target
        whole = isinstance(power, ast.Constant) and isinstance(power.value, int)
        return not whole and not isinstance(base, ast.Constant)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "pow"


def host_calls(path: str, source: str) -> Iterator[str]:
    """Find them in kernels and, in a file that has kernels, in the constants that kernels may hold."""
    tree = ast.parse(source)
    if not any(is_kernel(node) for node in ast.walk(tree)):
        return
    for top in tree.body:
        plain = isinstance(top, ast.FunctionDef | ast.ClassDef) and not is_kernel(top)
        if plain or (path, getattr(top, "name", "")) in EXEMPT:
            continue
        yield from (f"{path}:{node.lineno} {ast.unparse(node)}" for node in ast.walk(top) if asks_host(node))  # type: ignore[attr-defined]


@pytest.mark.parametrize("package", COMPILED)
def test_no_kernel_names_a_function_of_the_host(package: str) -> None:
    files = sorted((CHECKOUT / package).rglob("*.py"))
    assert files
    found = [
        call
        for file in files
        for call in host_calls(file.relative_to(CHECKOUT).as_posix(), file.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    ["return math.log(x)", "return np.exp(x)", "return x ** 0.5", "return x ** y", "x **= y", "return pow(x, 3)"],
)
def test_a_kernel_that_names_one_is_found(line: str) -> None:
    source = f"@kernel\ndef f(x, y):\n    {line}\n"
    assert len(list(host_calls("features/invented.py", source))) == 1


def test_a_constant_beside_kernels_is_found_and_plain_functions_are_free() -> None:
    source = "LN2 = math.log(2.0)\ndef plain(x):\n    return math.log(x)\n@kernel\ndef f(x):\n    return x ** 2 * LN2\n"
    assert list(host_calls("features/invented.py", source)) == ["features/invented.py:1 math.log"]


def dispatchers() -> dict[str, CPUDispatcher]:
    """Find every kernel of the compiled path by import."""
    found: dict[str, CPUDispatcher] = {}
    for package in [*LEAN, "models"]:
        root = importlib.import_module(package)
        names = [module.name for module in pkgutil.walk_packages(root.__path__, f"{package}.")]
        for module in [importlib.import_module(name) for name in names]:
            for name, value in vars(module).items():
                if isinstance(value, CPUDispatcher) and value.py_func.__module__ == module.__name__:
                    found[f"{module.__name__}.{name}"] = value
    return found


def outside_names(dispatcher: CPUDispatcher) -> set[str]:
    """Name the functions outside the code of a kernel and its callees that take or give a floating-point number."""
    found = set()
    for compiled in dispatcher.overloads.values():
        # `inspect_llvm` gives nothing for code from the cache; what numba keeps for inlining is there in any case.
        for line in str(compiled.library._get_module_for_linking()).splitlines():
            if line.startswith("declare") and re.search(r"\b(double|float)\b", line):
                found |= set(re.findall(r"@\"?([\w.$]+)", line)[:1])
    return found


# Square roots become an instruction (proved below); the rest is exact, moves memory, or boxes values for Python.
_MOVES = r"masked\.(load|store|gather|scatter)"
HARMLESS = re.compile(rf"sqrt|llvm\.(sqrt|floor|ceil|trunc|fabs|copysign|minnum|maxnum|{_MOVES})\.[\w.]+|Py\w+")


def test_compiled_decision_path_calls_nothing_of_the_host() -> None:
    for events in (False, True):
        build_warm(events=events)
    bars = np.concatenate([make_bar(minute, (100, 103, 99, 101)) for minute in range(30)])
    holes = np.zeros((0, 2), dtype=np.int64)
    bar_volatility(price_path(bars, np.zeros(30, dtype=np.int64), holes, None, 1.0), 20)
    # Another test of the same process may have run the exempt conversion; it is no part of the path.
    compiled = {name: one for name, one in dispatchers().items() if one.signatures and one is not _base_margin}
    for needed in ("trading.paper.paper_event", "trading.paper.paper_bar", "models.price_path._write_volatility"):
        assert needed in compiled, f"{needed} did not run: {sorted(compiled)}"
    calls = {
        name: {call for call in outside_names(one) if not HARMLESS.fullmatch(call)} for name, one in compiled.items()
    }
    assert {name: strange for name, strange in calls.items() if strange} == {}


def test_call_of_the_host_is_found_in_compiled_code() -> None:
    _base_margin(np.float32(0.3))
    assert "llvm.log.f32" in {call for call in outside_names(_base_margin) if not HARMLESS.fullmatch(call)}


@kernel
def _every_function(x: float) -> float:
    logarithm = elementary.log(x) + elementary.exp(x)
    return logarithm + elementary.tanh(x) + elementary.sin(x) * elementary.cos(x) + math.sqrt(x) + np.sqrt(x + 1.0)


@pytest.fixture(scope="module")
def machine_code() -> dict[str, str]:
    """The assembly of every elementary function, for this processor and for a foreign one that has fused operations."""
    _every_function(2.0)
    dispatcher: CPUDispatcher = _every_function
    (native,), (code,) = dispatcher.inspect_asm().values(), dispatcher.inspect_llvm().values()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    foreign = "aarch64-unknown-linux-gnu"
    module = llvm.parse_assembly(re.sub(r"(?m)^target (triple|datalayout).*$", "", code))
    module.triple = foreign
    machine = llvm.Target.from_triple(foreign).create_target_machine(opt=3)
    return {"native": native, "aarch64": machine.emit_assembly(module)}


@pytest.mark.parametrize("processor", ["native", "aarch64"])
def test_square_root_is_an_instruction_and_nothing_is_fused(machine_code: dict[str, str], processor: str) -> None:
    code = machine_code[processor]
    assert re.search(r"\b(vsqrt[sp]d|sqrt[sp]d|fsqrt)\b", code)
    assert not re.search(r"(?<![\w.])sqrt(?!\w)", code), "the maths library's square root is called"
    assert not re.search(r"\b(vf\w*(add|sub)\w*|fn?m(add|sub|la|ls))\b", code), "a multiplication was fused"
    assert re.search(r"\b(v?mulsd|v?mulpd|fmul)\b", code)
