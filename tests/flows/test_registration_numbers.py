"""What of the stages' metrics reaches the registry: every number under its dotted name, and nothing else."""

from flows.registration import numbers_of


def test_numbers_are_found_however_deep_and_truths_are_none() -> None:
    told = {
        "sharpe": 1.5, "fills": 3, "sufficient": True, "pbo": None, "session_days": ["2026-06-01"],
        "stability": {"folds": [{"net": 2.0, "sharpe": None}, {"net": -1.0}], "gaining": 0.5},
        "coverage": {"all": {"rows": 4, "covered": 0.75}},
    }  # fmt: skip
    assert numbers_of(told) == {
        "sharpe": 1.5, "fills": 3.0, "stability.folds.0.net": 2.0, "stability.folds.1.net": -1.0,
        "stability.gaining": 0.5, "coverage.all.rows": 4.0, "coverage.all.covered": 0.75,
    }  # fmt: skip
