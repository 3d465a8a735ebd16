"""Many rows at once give what a bundle says each of them gives alone."""

import numpy as np

from market.home import Home
from models.scoring import score_rows
from registry.bundle import load_bundle
from registry.signing import public_key
from tests.homes import install_model


def test_golden_rows_give_their_stored_answers_to_the_bit(home: Home) -> None:
    bundle = load_bundle(install_model(home), public_key(home.keys))
    golden = bundle.golden
    found = score_rows(bundle.model, golden.regimes, golden.rows)
    assert found.tobytes() == golden.outputs.tobytes()
    undefined = score_rows(bundle.model, np.zeros(len(golden.rows), dtype=np.uint8), golden.rows)
    assert np.isnan(undefined).all()


def test_rows_of_different_regimes_are_each_asked_of_their_own_model(home: Home) -> None:
    bundle = load_bundle(install_model(home), public_key(home.keys))
    golden = bundle.golden
    regimes = np.where(np.arange(len(golden.rows)) % 2 == 0, golden.regimes, 0).astype(np.uint8)
    found = score_rows(bundle.model, regimes, golden.rows)
    assert np.isnan(found[regimes == 0]).all()
    assert found[::2].tobytes() == golden.outputs[::2].tobytes()
    backwards = score_rows(bundle.model, regimes[::-1].copy(), golden.rows[::-1].copy())
    assert backwards.tobytes() == found[::-1].tobytes()
