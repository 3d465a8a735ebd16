"""Nothing is sent past the gate: over the source of every package, one function asks it and writes requests."""

import ast
from collections.abc import Iterator

import pytest

from cli.environment import CHECKOUT

PACKAGES = (
    "market",
    "features",
    "forest",
    "trading",
    "models",
    "backtest",
    "registry",
    "flows",
    "live",
    "console",
    "cli",
)
SOURCES = {
    path.relative_to(CHECKOUT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for package in PACKAGES
    for path in sorted((CHECKOUT / package).rglob("*.py"))
}
ONLY = ("trading/orders.py", "_send")


def _within(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield every node with the name of the function it stands in."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, node
        yield from _within(node, inside)


def _names(node: ast.AST) -> set[str]:
    """Return every name and attribute in an expression."""
    named = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return named | {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [one for target in node.targets for one in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [node.target] if isinstance(node, ast.AugAssign | ast.AnnAssign) else []


def _calls(sources: dict[str, ast.Module], name: str) -> set[tuple[str, str]]:
    return {
        (path, function)
        for path, tree in sources.items()
        for function, node in _within(tree)
        if isinstance(node, ast.Call) and name in _names(node.func)
    }


def _counts_requests(sources: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Return where `counts[REQUESTS]` is written: what stands beyond it is not sent."""
    return {
        (path, function)
        for path, tree in sources.items()
        for function, node in _within(tree)
        for target in _targets(node)
        if isinstance(target, ast.Subscript) and "counts" in _names(target) and "REQUESTS" in _names(target)
    }


def test_one_function_asks_the_gate_and_no_other_puts_a_request_among_those_sent() -> None:
    assert _calls(SOURCES, "approve") == {ONLY}
    assert _counts_requests(SOURCES) == {ONLY}


def test_the_gate_is_asked_before_the_request_is_counted_and_a_refusal_returns() -> None:
    send = next(
        node for name, node in _within(SOURCES[ONLY[0]]) if isinstance(node, ast.FunctionDef) and name == ONLY[1]
    )
    lines = [ast.unparse(line) for line in send.body]
    asked = lines.index("reason = approve(desk, request, order['filled'])")
    assert lines[asked + 1] == "if reason != _NONE:\n    return int(reason)"
    assert lines[asked + 2] == "desk.counts[REQUESTS] += 1"


@pytest.mark.parametrize(
    ("text", "call", "count"),
    [
        ("def f(desk):\n    return risk.approve(desk, r, 0)\n", True, False),
        ("def f(desk):\n    desk.counts[REQUESTS] += 1\n", False, True),
        ("def f(desk):\n    a, core.desk.counts[REQUESTS] = 1, 2\n", False, True),
        ("def f(desk):\n    return desk.counts[REQUESTS] + 1\n", False, False),
    ],
)
def test_a_second_sender_would_be_found(text: str, call: bool, count: bool) -> None:
    sources = {"x.py": ast.parse(text)}
    assert (_calls(sources, "approve") != set(), _counts_requests(sources) != set()) == (call, count)
