"""Prints what Optuna makes of the examples in test_gaussian_process.cpp; needs
`pip install optuna==5.0.0 torch scipy mpmath`.

    python3 tests/tune/samplers/optuna_gp.py
"""

import math

import mpmath
import numpy as np
import torch
from optuna._gp import gp, prior

COUNT = 20


def regressor(lengths, scale, noise):
    i = np.arange(COUNT)
    points = np.stack([(7 * i % 20) / 20, (3 * i % 20) / 20, i % 3], axis=1)
    values = np.sin(6 * points[:, 0]) + points[:, 1] ** 2 - 0.5 * (points[:, 2] == 1)
    values = (values - values.mean()) / values.std()
    return gp.GPRegressor(
        torch.tensor([False, False, True]), torch.from_numpy(points), torch.from_numpy(values),
        torch.tensor(lengths, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64),
        torch.tensor(noise, dtype=torch.float64))


def loss(process):
    return -(process.marginal_log_likelihood() + prior.default_log_prior(process)).item()


def main():
    fixed = regressor([4.0, 0.5, 1.5], 1.2, 0.05)
    print("loss", f"{loss(fixed):.15g}")
    fixed._cache_matrix()
    asked = torch.tensor([[0.1, 0.2, 1], [0.35, 0.05, 0], [0.9, 1.0, 3]], dtype=torch.float64)
    mean, variance = fixed.posterior(asked)
    print("mean", [f"{v:.15g}" for v in mean.tolist()])
    print("variance", [f"{v:.15g}" for v in variance.tolist()])

    fitted = regressor([1.0] * 3, 1.0, 1.0)
    fitted._fit_kernel_params(prior.default_log_prior, 1e-6, False, 1e-5)
    fitted._cov_Y_Y_chol = None
    print("fitted", f"{loss(fitted):.12g}", fitted.inverse_squared_lengthscales.tolist(),
          fitted.kernel_scale.item(), fitted.noise_var.item())

    mpmath.mp.dps = 60
    for z in (3, 0.5, 0, -1, -5, -24.9, -25.1, -40, -1e6):
        z = mpmath.mpf(z)
        tail = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
        value = mpmath.log(mpmath.npdf(z) + z * tail) if z > -100 else (
            -z * z / 2 - mpmath.log(2 * mpmath.pi) / 2 - 2 * mpmath.log(-z))
        print(f"    {{{mpmath.nstr(z, 8)}, {mpmath.nstr(value, 16)}}},")


main()
