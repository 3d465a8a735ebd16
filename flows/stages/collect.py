"""Bring market data into the lake: vendor files, or the embedded synthetic market."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flows.parameters import DataParams, Parameters
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
        Vendor files of one series. Without any, the series that the parameters name is taken from the lake where
        it was imported before; else the synthetic market is written (once).
    """
    lake = Lake(home.lake)
    if not paths and any(not p.provenance.synthetic for p in lake.partitions(contract=parameters.data.contract)):
        return parameters
    if not paths:
        synthetic = parameters.synthetic
        market = SyntheticMarket(
            symbol=parameters.data.contract, sessions=synthetic.sessions, seed=synthetic.seed, alpha=synthetic.alpha
        )
        write_market(lake, market)
        return parameters
    results = [import_file(lake, path) for path in paths]
    return replace(parameters, data=_data_of(parameters, lake, results))


def _data_of(parameters: Parameters, lake: Lake, results: Sequence[ImportResult]) -> DataParams:
    """Return the series that the files hold, whatever else the lake has of the same contract."""
    contracts = {contract for result in results for contract in result.contracts}
    if len(contracts) != 1:
        named = ", ".join(sorted(contracts))
        raise UsageError(f"expected files of one contract, found {named}; train them one at a time")
    contract = contracts.pop()
    held = lake.partitions(contract=contract)
    names = {Path(result.path).name for result in results}
    own = [partition for partition in held if partition.provenance.source in names] or held
    lengths = {partition.bar_seconds for partition in own if partition.kind == "bars"}
    if any(partition.kind != "bars" for partition in own):
        return replace(parameters.data, contract=contract, feed="events")
    if len(lengths) != 1:
        named = ", ".join(f"{seconds} s" for seconds in sorted(lengths))
        raise UsageError(f"{contract}: expected bars of one length, found {named}; train them one at a time")
    return replace(parameters.data, contract=contract, feed="bars", bar_seconds=lengths.pop())
