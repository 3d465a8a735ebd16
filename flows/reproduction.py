"""Train a registered version again, from the commit and the inputs stored with it, and compare the bundles.

Everything happens in a scratch clone: the code is checked out as it was, DVC brings the data, the stages run anew, and
nothing of the home changes but DVC's cache.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.lineage import DATA, PARAMS, ROOT, clone_at, refuse_untraceable
from flows.parameters import Parameters
from flows.stages.train import BUNDLE
from market.errors import RegistryError
from market.home import Home
from registry.bundle import digest
from registry.bundle_files import MANIFEST
from registry.promotion import model_with
from registry.server import tracking_server
from registry.tracking import Version, download_bundle, find_version, inputs_of

TOLD = 20  # differences that are named


@dataclass(frozen=True)
class Reproduced:
    """A version beside what training it again gave.

    Parameters
    ----------
    model : str
    version : int
    commit : str
        The code of both.
    expected, found : str
        Digest of the registered bundle and of the new one.
    differences : tuple of str
        What the manifests say differently; none where the digests are equal.
    """

    model: str
    version: int
    commit: str
    expected: str
    found: str
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the same model came out."""
        return self.expected == self.found


def training_inputs(home: Home, parameters: Parameters) -> dict[str, str]:
    """Return the text of what a version follows from besides the code: parameters, and data where DVC has them."""
    inputs = {PARAMS: yaml.safe_dump(json.loads(json.dumps(asdict(parameters))), sort_keys=False)}
    data = home.root / DATA
    return inputs | ({DATA: data.read_text(encoding="utf-8")} if data.is_file() else {})


def reproduce(home: Home, version: int, model: str | None = None) -> Reproduced:
    """Train a version again and compare.

    Raises
    ------
    RegistryError
        If the version names no commit of this checkout, was stored without its inputs, its data are nowhere to be
        found, or its pipeline fails.
    """
    home.state.mkdir(parents=True, exist_ok=True)
    with (
        tracking_server(home.root, os.environ.get("MLFLOW_TRACKING_URI")) as uri,
        tempfile.TemporaryDirectory(dir=home.state, prefix="reproduce-") as scratch,
    ):
        found = find_version(uri, model or model_with(uri, version), version)
        inputs = stored_inputs(uri, found)
        registered, clone = Path(scratch) / "registered", Path(scratch) / "pregao"
        download_bundle(uri, found.name, version, registered)
        commit = found.tags["git_commit"]
        clone_at(commit, clone)
        train_again(clone, inputs, home.root if (home.root / ".dvc").is_dir() else ROOT)
        new = clone / "artifacts" / BUNDLE
        differences = () if digest(new) == digest(registered) else compare_manifests(registered, new)
        return Reproduced(found.name, version, commit, digest(registered), digest(new), differences)


def stored_inputs(uri: str, version: Version) -> dict[str, str]:
    """Return the inputs stored with a version, or say why it cannot be trained again."""
    where = f"{version.name} version {version.version}"
    refuse_untraceable(version.tags.get("git_commit", ""), where)
    inputs = inputs_of(uri, version)
    for name, remedy in ((PARAMS, "retrain"), (DATA, "`dvc add data` in the home, then retrain")):
        if name not in inputs:
            raise RegistryError(f"{where}: expected its {name} to be stored with it, found none; {remedy}")
    return inputs


def train_again(clone: Path, inputs: Mapping[str, str], repository: Path) -> None:
    """Bring the data into a clone, from the cache and remotes of a DVC repository, and run its stages to training."""
    for name, text in inputs.items():
        (clone / name).write_text(text, encoding="utf-8")
    own = repository / ".dvc" / "config.local"
    if own.is_file():
        (clone / ".dvc" / "config.local").write_bytes(own.read_bytes())
    cache = _run(repository, "dvc", "cache", "dir").strip()
    _run(clone, "dvc", "cache", "dir", "--local", cache)
    _run(clone, "dvc", "pull", DATA)
    _run(clone, "dvc", "repro", "--no-run-cache", "train")


def compare_manifests(registered: Path, new: Path) -> tuple[str, ...]:
    """Return what two bundles say of themselves differently, one sentence per field, the inputs before the outcome."""
    before, now = (_flat(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))) for folder in (registered, new))
    names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    names.sort(key=lambda name: not name.startswith("lineage"))
    lines = [f"{name}: {before.get(name)} registered, {now.get(name)} now" for name in names]
    more = [f"and {len(lines) - TOLD} more"] if len(lines) > TOLD else []
    return (*lines[:TOLD], *more)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    out: dict[str, Any] = {}
    for key, one in value.items():
        out |= _flat(one, f"{prefix}.{key}" if prefix else key)
    return out


def _run(folder: Path, *command: str) -> str:
    """Run a tool of this environment in a checkout, as if it were the user's home."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREGAO_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-1000:]
        remedy = "`dvc push` the data where they are, or mend what it says"
        raise RegistryError(f"{' '.join(command)} in a clone: expected it to succeed, found: {said}; {remedy}")
    return done.stdout
