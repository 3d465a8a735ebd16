"""The records and their codes."""

import hashlib
from enum import IntEnum

import numpy as np
import pytest

from trading import records
from trading.desk import BRACKET, TICKET
from trading.exits import EXITS
from trading.requests import REPORT, REQUEST


@pytest.mark.parametrize(
    ("name", "size"),
    [("DECISION", 136), ("ORDER", 64), ("FILL", 48), ("ACCOUNT", 104), ("POLICY", 960), ("TERMS", 40), ("MARKET", 80)],
)
def test_sizes_stay_whole_words_so_that_files_written_before_can_be_read(name: str, size: int) -> None:
    assert getattr(records, name).itemsize == size


NAMED = ("DECISION", "ORDER", "FILL", "ACCOUNT", "BUDGET", "POLICY", "LIMITS")
RECORDS = {name: getattr(records, name) for name in NAMED}
RECORDS |= {"TERMS": records.TERMS, "MARKET": records.MARKET, "TICKET": TICKET, "BRACKET": BRACKET, "EXITS": EXITS}
RECORDS |= {"REQUEST": REQUEST, "REPORT": REPORT}


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_stands_on_its_own_size(name: str) -> None:
    dtype = RECORDS[name]
    assert dtype.itemsize % 8 == 0
    for field in dtype.names or ():
        assert dtype.fields is not None
        kind, offset = dtype.fields[field][:2]
        assert offset % kind.base.itemsize == 0, field


@pytest.mark.parametrize(
    "codes",
    [
        records.OrderRole,
        records.OrderType,
        records.OrderState,
        records.TradingState,
        records.BracketState,
        records.Stage,
        records.HoldReason,
        records.Strategy,
        records.RefusalReason,
    ],
)
def test_codes_fit_one_byte_and_differ(codes: type[IntEnum]) -> None:
    values = [int(code) for code in codes]
    assert len(set(values)) == len(values) == len(codes.__members__)
    assert min(values) >= 0
    assert max(values) < 256


def test_hash_is_that_of_the_bytes_and_changes_with_one_bit() -> None:
    decisions = np.zeros(3, dtype=records.DECISION)
    assert records.decision_hash(decisions) == hashlib.sha256(bytes(408)).hexdigest()
    decisions["score"][1] = -0.0
    assert records.decision_hash(decisions) != hashlib.sha256(bytes(408)).hexdigest()


def test_hash_does_not_depend_on_the_memory_layout() -> None:
    decisions = np.zeros(4, dtype=records.DECISION)
    decisions["sequence"] = [0, 1, 2, 3]
    assert records.decision_hash(decisions[::2]) == records.decision_hash(decisions[::2].copy())
