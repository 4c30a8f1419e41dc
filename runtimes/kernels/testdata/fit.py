"""Fits the polynomials of ../vec.h and prints them as C, with the largest relative error of each in float64.

  python fit.py > ../coefficients.h

The fit is minimax by Lawson's iteration: least squares whose weights grow where the error is large.
"""
import math

import numpy as np


def minimax(f, low, high, degree, nodes=4000, rounds=60):
    x = 0.5 * (low + high) + 0.5 * (high - low) * np.cos(np.pi * (np.arange(nodes) + 0.5) / nodes)
    y, weight = f(x), np.ones(nodes)
    basis = np.vander((2 * x - low - high) / (high - low), degree + 1, increasing=True)
    for _ in range(rounds):
        row = np.sqrt(weight) / np.abs(y)
        c = np.linalg.lstsq(basis * row[:, None], y * row, rcond=None)[0]
        error = np.abs(basis @ c - y) / np.abs(y)
        weight *= error
        weight /= weight.sum()
    return np.polynomial.Polynomial(c, domain=[low, high], window=[-1, 1]).convert().coef, error.max()


def show(name, comment, c, error):
    print(f"// {comment} Largest relative error {error:.1e}.")
    print(f"static const float {name}[] = {{{', '.join(f'{v:.9e}f' for v in c)}}};")


RATE, FAR = 0.28, 14.0
mills = np.vectorize(lambda a: 0.5 * math.erfc(a / math.sqrt(2)) * math.exp(a * a / 2))

print("// Written by testdata/fit.py.")
show("exp_coefficients", "e^x for |x| <= ln(2)/2, ascending powers.", *minimax(np.exp, -math.log(2) / 2, math.log(2) / 2, 6))
print(f"#define MILLS_RATE {RATE}f")
print(f"#define MILLS_FAR {FAR}f")
show("mills_coefficients", "P(Z > a) e^(a^2/2) for 0 <= a <= MILLS_FAR in t = 1/(1 + MILLS_RATE a), ascending powers.",
     *minimax(lambda t: mills((1 / t - 1) / RATE), 1 / (1 + RATE * FAR), 1, 9))
