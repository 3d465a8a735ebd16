"""What gates must count that no single run knows: every trial ever run, and the champion to beat.

The registry knows both. The retraining flow asks it and leaves the answer in the home, so that a stage alone, without a
server, judges by the last answer. What was tried here since then is kept beside it until the registry has it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flows.parameters import Parameters
from flows.stages.artifacts import read_json, write_json
from flows.stages.train import SUMMARY
from market.home import Home


@dataclass(frozen=True)
class Standing:
    """Where a model stands.

    Parameters
    ----------
    registered : int
        Trials of the instrument's experiment, as the registry last told.
    champion : int or None
        Version that holds the alias; its bundle lies in `champion_folder`.
    tried : mapping of str to int
        Trials that the registry has not counted yet, by the digest of the bundle that came of them.
    champion_missing : str
        Why it does not lie there; empty where it does, or there is no champion.
    counted : sequence of str
        Digests of bundles whose trials are among those the registry told.
    ratio_variance : float
        Of the annualised Sharpe ratios within the runs that the registry knows, pooled; 0 where it knows none.
    """

    registered: int = 0
    champion: int | None = None
    tried: Mapping[str, int] = field(default_factory=dict)
    champion_missing: str = ""
    counted: Sequence[str] = field(default_factory=list)
    ratio_variance: float = 0.0

    @property
    def trials(self) -> int:
        """Every trial ever run, as far as is known here."""
        return self.registered + sum(self.new(digest) for digest in self.tried)

    def new(self, digest: str) -> int:
        """Return the trials behind a bundle that the registry has not counted: the same training again adds none."""
        return 0 if digest in self.counted else self.tried[digest]


def champion_folder(home: Home, model: str) -> Path:
    """Return where the bundle of the champion to beat lies; the runner's cache is another."""
    return home.state / "standing" / model / "champion"


def load_standing(home: Home, model: str) -> Standing:
    """Return what is known; nothing was registered where the registry was never asked."""
    path = _path(home, model)
    return Standing(**read_json(path)) if path.exists() else Standing()


def store_standing(home: Home, model: str, standing: Standing) -> None:
    """Keep what is known."""
    write_json(_path(home, model), asdict(standing))


def note_trials(home: Home, model: str, parameters: Parameters) -> Standing:
    """Count what this run tried, the same run only once: each threshold of the grid in each fold is a choice."""
    summary, known = read_json(home.artifacts / SUMMARY), load_standing(home, model)
    count = len(parameters.thresholds.grid) * len(summary["folds"])
    standing = replace(known, tried={**known.tried, summary["digest"]: count})
    store_standing(home, model, standing)
    return standing


def _path(home: Home, model: str) -> Path:
    return home.state / "standing" / f"{model}.json"
