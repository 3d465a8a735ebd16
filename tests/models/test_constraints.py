"""Constraints by name become constraints by place."""

import pytest

from market.errors import ConfigError
from models.constraints import ConstraintParams

COLUMNS = ("delta_z", "spread", "rsi_14", "adx_14")


def test_nothing_said_leaves_every_column_free():
    assert ConstraintParams().resolve(COLUMNS) == ((0, 0, 0, 0), ())


def test_columns_in_no_group_stand_alone():
    found = ConstraintParams({"spread": -1, "adx_14": 1}, (("rsi_14", "delta_z"),)).resolve(COLUMNS)
    assert found == ((0, -1, 0, 1), ((2, 0), (1,), (3,)))


@pytest.mark.parametrize("sign", [0, 2, -2])
def test_direction_that_is_none_is_refused(sign):
    with pytest.raises(ConfigError, match=f"expected 1 or -1, found {sign} for spread"):
        ConstraintParams({"spread": sign})


@pytest.mark.parametrize("wrong", [{"monotone": {"spred": 1}}, {"interactions": (("delta_z", "spred"),)}])
def test_unknown_column_is_refused_with_the_nearest(wrong):
    with pytest.raises(ConfigError, match="found 'spred'; did you mean 'spread'"):
        ConstraintParams(**wrong).resolve(COLUMNS)
