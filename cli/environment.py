"""The environment block, set before anything heavy loads.

Each line of the block cures something measured: telemetry that waits for a network, OpenMP threads that
spin on a busy box, a task server that spawns eight workers, caches that land outside the user's folder.
"""

import hashlib
import os
import sys
from collections.abc import MutableMapping
from importlib.metadata import version
from pathlib import Path

from market.errors import UsageError
from market.home import Home

CHECKOUT = Path(__file__).resolve().parent.parent
KERNEL_PLACES = (
    "market", "features", "forest", "trading", "models", "backtest", "live/memory.py", "live/lock.py", "live/ring.py",
    "live/desk_reader.py", "live/profitdll"
)  # fmt: skip

BLOCK = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    # The private Prefect server starts with the first flow; a loaded box needs more than the default 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "GX_ANALYTICS_ENABLED": "false",
    "DVC_NO_ANALYTICS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "OMP_WAIT_POLICY": "PASSIVE",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_COMPILE_BYTECODE": "1",
}


def find_home(environment: MutableMapping[str, str] = os.environ) -> Home:
    """Return the user's folder: PREGAO_HOME, else the checkout, else `~/pregao`.

    Raises
    ------
    UsageError
        If PREGAO_HOME names something that is no folder.
    """
    named = environment.get("PREGAO_HOME")
    if named:
        folder = Path(named).expanduser().resolve()
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"PREGAO_HOME={named}: expected a folder, found a file; name a folder or unset it")
        return Home(folder)
    if (CHECKOUT / "pyproject.toml").is_file():
        return Home(CHECKOUT)
    return Home(Path.home() / "pregao")


def set_environment(home: Home, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the block; what the user set already stays."""
    for name, value in BLOCK.items():
        environment.setdefault(name, value)
    environment.setdefault("PREFECT_HOME", str(home.state / "prefect"))
    environment.setdefault("NUMBA_CACHE_DIR", str(home.state / "numba" / kernel_digest()))
    environment.setdefault("MPLCONFIGDIR", str(home.state / "matplotlib"))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def kernel_digest() -> str:
    """Return a digest of every source that may hold a kernel, and of the compiler.

    numba's cache looks only at the file a kernel stands in; a kernel it calls in another file may change
    and the old machine code would run. So each state of the sources has a cache folder of its own.
    """
    digest = hashlib.sha256(f"{version('numba')} {version('llvmlite')}".encode())
    for named in KERNEL_PLACES:
        place = CHECKOUT / named
        for source in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
