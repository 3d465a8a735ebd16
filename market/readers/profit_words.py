"""How Profit writes numbers, brokers and aggressors."""

import re
import unicodedata
import zlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from market.readers.cells import to_numbers
from market.types import Side, TradeType

# An RLP's retail side is not told, an auction and a cross have none (b3.md §5).
AGGRESSORS: Mapping[str, tuple[Side, TradeType]] = {
    "comprador": (Side.BUY, TradeType.BUY_AGGRESSION),
    "vendedor": (Side.SELL, TradeType.SELL_AGGRESSION),
    "rlp": (Side.NONE, TradeType.RLP),
    "leilao": (Side.NONE, TradeType.AUCTION),
    "direto": (Side.NONE, TradeType.CROSS),
}

_CODE = re.compile(r"^(\d{1,6})\s*(?:-|$)")
# A dot groups exactly three digits: a decimal point would otherwise be read as ten times the price.
_BRAZILIAN = r"^(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"


def to_plain(text: str) -> str:
    """Return a text in lower case without accents and outer blanks."""
    return unicodedata.normalize("NFKD", text.strip().lower()).encode("ascii", "ignore").decode()


def broker_id(text: str) -> int:
    """Return the exchange's code where the text begins with one (`3 - XP`), else a hash of the name; 0 for no text.

    The hash is the CRC-32 of the plain name, cut to 31 bits: the same in every file and lake, no code of the exchange.
    """
    name = to_plain(text)
    if code := _CODE.match(name):
        return int(code[1])
    return zlib.crc32(name.encode()) & 0x7FFFFFFF if name else 0


def to_broker_ids(column: pa.StringArray) -> np.ndarray:
    """Return a column of brokers as ids, i4[n]."""
    encoded = column.fill_null("").dictionary_encode()
    ids = np.array([broker_id(text) for text in encoded.dictionary.to_pylist()], dtype=np.int32)
    taken: np.ndarray = ids[encoded.indices.to_numpy()] if len(column) else ids
    return taken


def to_aggressors(column: pa.StringArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return side i1[n] and trade type u1[n] of a column of aggressors, and the mask of the cells that name one."""
    encoded = column.fill_null("").dictionary_encode()
    named = [AGGRESSORS.get(to_plain(text)) for text in encoded.dictionary.to_pylist()]
    told = np.array(
        [(*(one or (Side.NONE, TradeType.UNKNOWN)), one is not None) for one in named], dtype=np.int64
    ).reshape(-1, 3)
    rows = told[encoded.indices.to_numpy()] if len(column) else told
    return rows[:, 0].astype(np.int8), rows[:, 1].astype(np.uint8), rows[:, 2].astype(bool)


def to_brazilian_numbers(column: pa.StringArray) -> np.ndarray:
    """Return a column as f8[n], a comma being the decimal sign and a dot grouping thousands; NaN for any other cell."""
    legible = pc.if_else(pc.match_substring_regex(column, _BRAZILIAN), column, None)
    return to_numbers(pc.replace_substring(pc.replace_substring(legible, ".", ""), ",", "."))
