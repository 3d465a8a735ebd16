"""No hostile bundle is loaded, installed or served, and nothing of one is executed, by the interpreter's own audit."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from registry.bundle import load_bundle, write_bundle
from registry.signing import create_key, load_private_key
from tests.commands import CHECKOUT
from tests.registry.hostile_bundles import corpus
from tests.registry.test_bundle import golden_rows, small_manifest, small_model

# Everything is tried twice: the first round loads what Python loads when it is first needed, the second is watched.
TRY_ALL = """
import json, resource, sys
from pathlib import Path
from market.errors import SafetyRefusal
from market.home import Home
from registry.bundle import install, load_bundle
from registry.bundle_files import FILE_BYTES
from registry.fetch import Offered
from registry.pull import take
from registry.signing import public_key
home, folders = Home(Path(sys.argv[1])), sorted(Path(sys.argv[2]).iterdir())
public, cache = public_key(home.keys), Path(sys.argv[1]) / "cache"
watched = {"exec", "compile", "import", "pickle.find_class", "marshal.loads", "subprocess.Popen", "os.system",
           "os.exec", "os.posix_spawn", "os.fork", "ctypes.dlopen", "ctypes.dlsym", "socket.connect", "urllib.Request"}
seen, on, loaded = [], False, []
def hook(event, arguments):
    if on and event in watched:
        seen.append(f"{event} {str(arguments)[:80]}")
def attempt(folder, act):
    try:
        act()
    except SafetyRefusal:
        return
    loaded.append(folder.name)
def regular(path):
    return path.is_file() and not path.is_symlink()
def try_all():
    for folder in folders:
        attempt(folder, lambda: load_bundle(folder, public))
        attempt(folder, lambda: install(folder, cache, public))
        if sorted(one.name for one in folder.iterdir()) == sorted(FILE_BYTES) and all(map(regular, folder.iterdir())):
            files = {name: (folder / name).read_bytes() for name in FILE_BYTES}
            attempt(folder, lambda: take(home, Offered("pregao-wdo", "champion", 1, files, b"{}")))
sys.addaudithook(hook)
load_bundle(Path(sys.argv[3]), public)
try_all()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
on = True
try_all()
on = False
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
left = [str(path) for path in home.root.rglob("*") if path.is_file() and home.keys not in path.parents]
print(json.dumps({"folders": len(folders), "loaded": loaded, "seen": seen, "grown_kib": grown, "left": left}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and the measure of memory are Unix's")
def test_nothing_hostile_is_loaded_and_nothing_runs(tmp_path: Path) -> None:
    home, mark = tmp_path / "home", tmp_path / "canary"
    create_key(home / "state" / "keys", use_keyring=False)
    key = load_private_key(home / "state" / "keys", use_keyring=False)
    good, hostile = tmp_path / "good", tmp_path / "hostile"
    write_bundle(good, small_manifest(), small_model(), golden_rows(), key)
    assert load_bundle(good, key.public)
    made = corpus(good, hostile, key, mark)
    assert len(made) >= 320
    done = subprocess.run(
        [sys.executable, "-c", TRY_ALL, str(home), str(hostile), str(good)],
        capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert [made[one] for one in told["loaded"]] == []
    assert told["seen"] == []
    assert told["left"] == []
    assert told["grown_kib"] < 64 * 1024
    assert not mark.exists()
