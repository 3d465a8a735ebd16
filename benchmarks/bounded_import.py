"""The cost of an import, in a process of its own: `python -m benchmarks.bounded_import FILE LAKE` writes one object."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from cli.environment import CHECKOUT
from flows.meter import Meter, StageCost
from market.importer import import_file
from market.lake import Lake


def import_apart(file: Path, lake: Path) -> StageCost:
    """Import in a child process and return what it cost."""
    command = [sys.executable, "-m", "benchmarks.bounded_import", str(file), str(lake)]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return StageCost(**json.loads(done.stdout))


def main() -> None:
    with Meter("import") as meter:
        import_file(Lake(Path(sys.argv[2])), Path(sys.argv[1]))
    assert meter.cost is not None
    sys.stdout.write(json.dumps(asdict(meter.cost)))


if __name__ == "__main__":
    main()
