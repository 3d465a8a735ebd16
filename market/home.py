"""The one folder that holds everything a user owns (PREGAO_HOME)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """Where things live below the user's folder.

    Parameters
    ----------
    root : Path
        The folder itself. Nothing is written outside it.
    """

    root: Path

    @property
    def lake(self) -> Path:
        """Market data, versioned by `data.dvc`."""
        return self.root / "data" / "lake"

    @property
    def inbox(self) -> Path:
        """Vendor files that wait to be imported."""
        return self.root / "data" / "inbox"

    @property
    def artifacts(self) -> Path:
        """Stage outputs."""
        return self.root / "artifacts"

    @property
    def mlruns(self) -> Path:
        """MLflow's database and artifacts."""
        return self.root / "mlruns"

    @property
    def state(self) -> Path:
        """Bundle cache, journal, locks, keys, Prefect home, expectation context, numba cache."""
        return self.root / "state"

    @property
    def bundles(self) -> Path:
        """Verified bundles, one folder per digest; the runner reads nothing else."""
        return self.state / "bundles"

    @property
    def decisions(self) -> Path:
        """Record of every alias move."""
        return self.state / "decisions.jsonl"

    @property
    def journal(self) -> Path:
        """Journals of the runner."""
        return self.state / "journal"

    @property
    def capture(self) -> Path:
        """Parts of what the runner receives, until they are in the lake."""
        return self.state / "capture"

    @property
    def keys(self) -> Path:
        """The signing key, where no OS keyring holds it, and the public half."""
        return self.state / "keys"

    @property
    def logs(self) -> Path:
        """Text logs."""
        return self.root / "logs"
