"""Bring market data into the lake: vendor files, or the embedded synthetic market."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.parameters import Parameters
from market.errors import UsageError
from market.home import Home
from market.importer import ImportResult, import_file
from market.lake import Lake
from market.synthetic import SyntheticMarket, write_market


def run(home: Home, parameters: Parameters, paths: Sequence[Path] = ()) -> Parameters:
    """Fill the lake and return the parameters that name what was collected.

    Parameters
    ----------
    paths : sequence of Path
        Vendor files of one series; without any, the synthetic market is written (once).
    """
    lake = Lake(home.lake)
    if not paths:
        synthetic = parameters.synthetic
        market = SyntheticMarket(
            symbol=parameters.data.contract, sessions=synthetic.sessions, seed=synthetic.seed, alpha=synthetic.alpha
        )
        write_market(lake, market)
        return parameters
    results = [import_file(lake, path) for path in paths]
    return replace(parameters, data=_data_of(parameters, lake, results))


def _data_of(parameters: Parameters, lake: Lake, results: Sequence[ImportResult]):  # type: ignore[no-untyped-def]
    contracts = {result.contract for result in results}
    if len(contracts) != 1:
        raise UsageError(
            f"expected files of one contract, found {', '.join(sorted(map(str, contracts)))}; train them one at a time"
        )
    contract = contracts.pop()
    kinds = {partition.kind for partition in lake.partitions(contract=contract)}
    if kinds == {"bars"}:
        seconds = max(partition.bar_seconds for partition in lake.partitions(contract=contract))
        return replace(parameters.data, contract=contract, feed="bars", bar_seconds=seconds)
    return replace(parameters.data, contract=contract, feed="events")
