"""What every format of trades does, whatever it is called on."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from market.errors import FileRefused
from market.importer import FORMATS, import_file
from market.lake import Lake
from market.readers import b3_trades, mt5_ticks, profit_trades, times_trades_workbook
from market.readers.intake import Format

WriteFile = Callable[..., Path]
OTHERS = [";;;", "a,b,c", "<DATE>\t<BID>", "DataReferencia;CodigoInstrumento;x", "é", "PK\x03\x04"]
TRADES = [mt5_ticks.FORMAT, b3_trades.FORMAT, profit_trades.FORMAT, times_trades_workbook.FORMAT]


@pytest.mark.parametrize("format_", TRADES, ids=lambda one: one.name)
@pytest.mark.parametrize(
    "text", [";;;", "a,b,c", "<DATE>\t<BID>", "DataReferencia;CodigoInstrumento;x", "é", "PK\x03\x04"]
)
def test_refuses_a_file_of_another_kind_it_is_named_for(
    lake: Lake, write: WriteFile, format_: Format, text: str
) -> None:
    with pytest.raises(FileRefused):
        import_file(lake, write("WDOQ26.csv", [text, text]), format=format_.name, day=date(2026, 7, 13))
    assert not lake.folder.exists()


@pytest.mark.parametrize("format_", TRADES, ids=lambda one: one.name)
def test_is_known_to_the_importer_and_states_clock_and_price_basis(format_: Format) -> None:
    assert format_ in FORMATS
    assert format_.clock
    assert format_.price_basis.startswith("raw")
    assert format_.tested == (format_ is not profit_trades.FORMAT)
