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
