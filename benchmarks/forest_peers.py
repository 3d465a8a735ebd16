"""The peers of `benchmarks.models` that ask for an environment of their own, run by its interpreter.

It takes a folder with models and rows, writes beside them the libraries that tl2cgen compiles, says once what
onnxruntime makes of the rows, and then scores them for each request on standard input.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

LOADERS = {"lightgbm": "load_lightgbm_model", "xgboost": "load_xgboost_model"}
FILES = {"lightgbm": "lightgbm.txt", "xgboost": "xgboost.json"}
SOURCES = 16  # of C, for each library: one alone takes a compiler minutes


def compile_trees(folder: Path, name: str) -> None:
    """Write a model's trees as C and compile them, as tl2cgen does by itself."""
    tl2cgen: Any = import_module("tl2cgen")
    frontend: Any = import_module("treelite.frontend")
    model = getattr(frontend, LOADERS[name])(str(folder / FILES[name]))
    given = {"params": {"parallel_comp": SOURCES}, "nthread": 1, "options": ["-O3", "-march=native"]}
    tl2cgen.export_lib(model, toolchain="gcc", libpath=str(folder / f"{name}.so"), **given)


def session_of(trees: dict[str, np.ndarray]) -> Any:
    """Return a session of one thread over a forest's arrays: the same splits and float32 leaves."""
    helper: Any = import_module("onnx.helper")
    runtime: Any = import_module("onnxruntime")
    node = helper.make_node(
        "TreeEnsembleRegressor", ["rows"], ["score"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        **{name: values.tolist() for name, values in trees.items() if name != "nodes_modes"},
        nodes_modes=[("LEAF", "BRANCH_LEQ")[int(mode)] for mode in trees["nodes_modes"]],
    )  # fmt: skip
    given = [helper.make_tensor_value_info("rows", 1, [None, None])]
    made = [helper.make_tensor_value_info("score", 1, [None, 1])]
    domains = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(helper.make_graph([node], "trees", given, made), opset_imports=domains, ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def score(session: Any, rows: np.ndarray, one: bool) -> None:
    for part in [rows[i : i + 1] for i in range(len(rows))] if one else [rows]:
        session.run(None, {"rows": part})


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(folder: Path) -> None:
    rows = np.load(folder / "rows.npy")
    for name in LOADERS:
        compile_trees(folder, name)
    sessions = {}
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as trees:
            sessions[path.stem] = session_of(dict(trees))
    said = {name: session.run(None, {"rows": rows})[0].ravel().tolist() for name, session in sessions.items()}
    _say(json.dumps(said))
    for line in sys.stdin:
        name, count, one = json.loads(line)
        score(sessions[name], rows[:count], one)
        _say("done")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
