"""Prints what Optuna makes of the observations in test_parzen.cpp; needs `pip install optuna==5.0.0`.

    python3 tests/tune/samplers/optuna_parzen.py
"""

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe import parzen_estimator, sampler

SPACE = {
    "a": FloatDistribution(-2, 6),
    "b": FloatDistribution(1e-4, 1, log=True),
    "n": IntDistribution(1, 200),
    "c": CategoricalDistribution(["x", "y", "z"]),
}
POINTS = [[0.0, 0.01, 3, 0], [-2.0, 1.0, 20, 2], [5.5, 0.0002, 11, 1], [1.0, 0.012, 4, 0]]


def observations(count):
    i = np.arange(count)
    return {
        "a": -2 + 8 * ((7 * i) % 256) / 256,
        "b": 10.0 ** (-4 + 4 * ((11 * i) % 256) / 256),
        "n": 1 + (3 * i) % 200,
        "c": i % 3,
    }


def main():
    parameters = parzen_estimator._ParzenEstimatorParameters(
        prior_weight=1.0, consider_magic_clip=True, consider_endpoints=False,
        weights=sampler.default_weights, multivariate=True)
    samples = {name: np.array([p[i] for p in POINTS]) for i, name in enumerate(SPACE)}
    scale = np.log(8) + np.log(np.log(1e4))  # densities over [0, 1]
    for count in (0, 1, 2, 8, 40, 130):
        found = {k: v.astype(float) for k, v in observations(count).items()}
        estimator = parzen_estimator._ParzenEstimator(found, SPACE, parameters)
        mixture = estimator._mixture_distribution
        weights = mixture.weights
        a, b, n, _ = mixture.distributions
        numbers = [weights[0], weights[-1], a.sigma[0] / 8, a.sigma[count // 2] / 8,
                   b.sigma[0] / np.log(1e4), n.sigma[count // 3] / 200]
        print(f"    {{{count}, {{{', '.join(f'{v:.15g}' for v in numbers)}}},")
        print(f"     {{{', '.join(f'{v:.15g}' for v in estimator.log_pdf(samples) + scale)}}}}},")


main()
