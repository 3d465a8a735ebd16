"""The procedure of Benjamini and Hochberg on their own example, and on lines worked by hand."""

import numpy as np

from models.false_discovery import benjamini_hochberg


def test_published_example_of_benjamini_and_hochberg_rejects_four():
    """The fifteen p-values of their 1995 paper, section 3; the rule at 0.05 rejects the first four."""
    published = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    order = np.random.default_rng(6).permutation(15)
    found = benjamini_hochberg(np.array(published)[order], 0.05)
    assert sorted(order[found].tolist()) == [0, 1, 2, 3]


def test_a_small_p_value_carries_larger_ones_below_their_line():
    # Lines at 0.05: 0.0167, 0.0333, 0.05. The second misses its own line but the third meets its.
    assert benjamini_hochberg(np.array([0.01, 0.04, 0.045]), 0.05).tolist() == [True, True, True]
    assert benjamini_hochberg(np.array([0.02, 0.04, 0.06]), 0.05).tolist() == [False, False, False]
