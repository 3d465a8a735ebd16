"""Builds the stand-in with the first C compiler there is, once for each state of its sources.

python -m live.profitdll.standin.build FOLDER [--windows]
"""

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from market.errors import UsageError

_HERE = Path(__file__).parent
_FLAGS = ["-std=gnu11", "-O2", "-g0", "-Wall", "-Wextra", "-Werror", "-shared", "-s"]
_LINUX = ["-fPIC", "-fvisibility=hidden", "-pthread"]
_MINGW = "x86_64-w64-mingw32-gcc"


def sources() -> list[Path]:
    """Return every C file, by name."""
    return sorted([*_HERE.glob("*.c"), *_HERE.glob("*.h"), *_HERE.glob("*.rc")])


def compiler(windows: bool = False) -> list[str]:
    """Return the command of the first compiler there is for a system.

    Parameters
    ----------
    windows : bool
        For a Windows DLL: mingw, then ziglang. Otherwise $CC, then gcc, then ziglang.

    Raises
    ------
    UsageError
        If there is none.
    """
    named = [] if windows else [os.environ.get("CC", ""), "gcc"]
    for name in [_MINGW] if windows else named:
        if name and shutil.which(name.split()[0]):
            return name.split()
    if importlib.util.find_spec("ziglang"):
        return [sys.executable, "-m", "ziglang", "cc", *(["-target", "x86_64-windows-gnu"] if windows else [])]
    wanted = _MINGW if windows else "$CC or gcc"
    raise UsageError(f"C compiler: expected {wanted}, or the ziglang wheel, found none; install one of them")


def build(folder: Path, windows: bool = False) -> Path:
    """Return the path of the library, built into `folder` unless it stands there already.

    Parameters
    ----------
    folder : Path
        Where builds are kept; each is named by a hash of the sources, the compiler and its flags.
    windows : bool
        Build a Windows DLL.

    Raises
    ------
    UsageError
        If there is no compiler, or it refuses the sources.
    """
    command = compiler(windows) + _FLAGS + ([] if windows else _LINUX)
    digest = hashlib.sha256(" ".join(command).encode())
    for path in sources():
        digest.update(path.name.encode() + path.read_bytes())
    built = folder / f"standin-{digest.hexdigest()[:16]}" / ("ProfitDLL.dll" if windows else "libProfitDLL.so")
    if built.exists():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    partial = built.with_name(f"{built.name}.{os.getpid()}")
    files = [str(path) for path in sources() if path.suffix == ".c"]
    done = subprocess.run([*command, *files, *_version(built.parent, windows), "-o", str(partial)],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise UsageError(f"stand-in: expected {command[0]} to build it, found:\n{done.stderr}")
    partial.replace(built)
    return built


def _version(folder: Path, windows: bool) -> list[str]:
    """Return the object that says which version of the vendor's library this stands for, where windres can make it."""
    windres = shutil.which("x86_64-w64-mingw32-windres")
    if not windows or not windres:
        return []
    made = folder / f"version.{os.getpid()}.o"
    subprocess.run([windres, str(_HERE / "version.rc"), "-O", "coff", "-o", str(made)], check=True)
    return [str(made)]


def main() -> None:
    """Build and print the path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--windows", action="store_true")
    given = parser.parse_args()
    sys.stdout.write(f"{build(given.folder, given.windows)}\n")


if __name__ == "__main__":
    main()
