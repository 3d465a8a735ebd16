"""Page's sum on a published example, and the largest step that one value may take."""

import numpy as np
import pytest

from models.cusum import falling_sum

# NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.3: measurements, and the upper sums with k = 0.3175 around 325.
MEASURED = [
    324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600, 324.625, 325.150,
    328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350,
]  # fmt: skip
PUBLISHED = [0, 0, 0, 0, 0.03, 0, 0, 0, 0, 0, 0, 0, 3.01, 4.94, 7.45, 10.63, 11.99, 14.44, 16.00, 19.04]


def test_published_example_seen_as_a_fall():
    # In units of 2, so that no step is larger than three deviations.
    sums = falling_sum(-np.array(MEASURED), -325.0, 2.0, 0.3175 / 2)
    assert 2 * sums == pytest.approx(PUBLISHED, abs=0.006)


def test_a_rise_is_no_fall_and_one_day_counts_three_deviations_at_most():
    assert falling_sum(np.array([50.0, 99.0]), 0.0, 1.0, 0.5).tolist() == [0, 0]
    assert falling_sum(np.array([-99.0, 0.0]), 0.0, 1.0, 0.5).tolist() == [2.5, 2.0]


def test_one_good_day_makes_up_for_three_deviations_at_most():
    """Three days of 2.5 are 7.5; a rise of 99 takes off three and the slack."""
    assert falling_sum(np.array([-3.0, -3.0, -3.0, 99.0]), 0.0, 1.0, 0.5).tolist() == [2.5, 5.0, 7.5, 4.0]
