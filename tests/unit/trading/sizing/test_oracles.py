"""Our numbers against those of scikit-learn, skfolio and PyPortfolioOpt, which only tests use."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from include.trading.sizing.estimators import ledoit_wolf
from include.trading.sizing.risk_parity import risk_budgets

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pandas import DataFrame
    from pypfopt import EfficientFrontier, risk_models
    from skfolio import RiskMeasure
    from skfolio.moments import EmpiricalCovariance
    from skfolio.optimization import RiskBudgeting
    from skfolio.prior import EmpiricalPrior
    from sklearn import covariance as sklearn


def returns(count: int, names: int, seed: int) -> Any:
    made = np.random.default_rng(seed)
    scales = made.uniform(0.005, 0.03, names)
    return made.normal(size=(count, 1)) * 0.008 + made.normal(size=(count, names)) * scales


@pytest.mark.parametrize(("count", "names"), [(251, 5), (60, 1), (30, 80), (2, 3)])
def test_ledoit_and_wolfs_shrinkage_is_scikit_learns(count: int, names: int) -> None:
    sample = returns(count, names, seed=count)
    expected, expected_shrinkage = sklearn.ledoit_wolf(sample)

    found, shrinkage = ledoit_wolf(sample)

    assert shrinkage == pytest.approx(expected_shrinkage, abs=1e-12)
    assert np.abs(found - expected).max() < 1e-12


def test_ledoit_and_wolfs_shrinkage_is_pyportfolioopts() -> None:
    sample = returns(251, 6, seed=3)
    expected = risk_models.CovarianceShrinkage(DataFrame(sample), returns_data=True, frequency=1).ledoit_wolf()

    found, _ = ledoit_wolf(sample)

    assert found == pytest.approx(np.asarray(expected), rel=1e-3)


@pytest.mark.parametrize("budgets", [[1.0] * 6, [3.0, 1.0, 1.0, 2.0, 0.5, 1.0]])
def test_risk_budgets_are_skfolios(budgets: list[float]) -> None:
    sample = returns(251, 6, seed=11)
    shares = np.array(budgets) / sum(budgets)
    model = RiskBudgeting(
        risk_measure=RiskMeasure.VARIANCE,
        risk_budget=shares,
        prior_estimator=EmpiricalPrior(covariance_estimator=EmpiricalCovariance()),
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.fit(sample).weights_

    assert risk_budgets(np.cov(sample, rowvar=False), shares) == pytest.approx(expected, abs=1e-3)


def test_kelly_is_pyportfolioopts_highest_utility() -> None:
    from include.trading.sizing.kelly import kelly_weights

    sample = returns(251, 4, seed=5)
    matrix, means = np.cov(sample, rowvar=False), np.array([0.0002, 0.0001, 0.0003, -0.0001])
    # Of highest mean less half the variance, with any sum: a leg of cash takes the rest.
    larger = np.zeros((5, 5))
    larger[:4, :4] = matrix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frontier = EfficientFrontier(np.append(means, 0.0), larger, weight_bounds=(-20, 20))
        expected = frontier.max_quadratic_utility(risk_aversion=4)

    assert kelly_weights(matrix, means, 0.25) == pytest.approx(list(expected.values())[:4], abs=1e-3)
