"""Which code and which inputs a model came from."""

import subprocess
from pathlib import Path

from market.errors import RegistryError

ROOT = Path(__file__).resolve().parent.parent
DATA, PARAMS = "data.dvc", "params.yaml"  # stored with every version, so a change in them leaves the commit clean


def git_commit() -> str:
    """Return the commit of the checkout, with `+` where its code is changed since; 'unknown' without git."""
    try:
        head = _git("rev-parse", "HEAD")
        others = [f":(exclude){name}" for name in (DATA, PARAMS)]
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no", "--", ".", *others) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def refuse_untraceable(commit: str, where: str) -> None:
    """Raise RegistryError where a commit names no state of the code that this checkout has."""
    if commit in ("", "unknown"):
        found, remedy = "an unknown one", "retrain in a git checkout"
    elif commit.endswith("+"):
        found, remedy = f"uncommitted changes on {commit[:12]}", "commit them and retrain"
    elif not _has(commit):
        found, remedy = f"{commit[:12]}, which this checkout has not", "`git fetch` it"
    else:
        return
    raise RegistryError(f"{where}: expected the commit it was trained with, found {found}; {remedy}")


def clone_at(commit: str, folder: Path) -> None:
    """Make a checkout of a commit in a new folder."""
    _git("clone", "--quiet", "--shared", "--no-checkout", str(ROOT), str(folder))
    subprocess.run(
        ["git", "-C", str(folder), "checkout", "--quiet", "--detach", commit], capture_output=True, check=True
    )


def _has(commit: str) -> bool:
    try:
        _git("cat-file", "-e", f"{commit}^{{commit}}")
    except subprocess.CalledProcessError:
        return False
    return True


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()
