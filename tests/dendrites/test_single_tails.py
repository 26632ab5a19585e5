"""Tails at single thresholds are those of the table of all thresholds."""

import numpy as np
import pytest

from symplast.dendrites.overlap import log_pmf, tail_table
from symplast.dendrites.single_tails import SingleTails


@pytest.mark.parametrize(
    ("n", "a", "sizes"),
    [
        (20, 5, range(1, 6)),
        (20, 18, range(1, 21)),
        (100, 100, (1, 50, 100)),
        (100, 0, (1, 50, 100)),
        (20_000, 400, (1, 37, 399, 400)),
        (200_000, 20_000, (1, 100, 12_345, 20_000)),
    ],
)
def test_the_tails_of_the_table(n, a, sizes):
    tails = SingleTails(n, a, max(sizes))
    for s in sizes:
        thetas = np.unique(np.linspace(0, s + 1, 400).astype(int))
        expected = tail_table(n, a, np.array([s]))[0][np.minimum(thetas, min(a, s) + 1)]
        np.testing.assert_allclose(tails(np.full_like(thetas, s), thetas), expected, rtol=1e-11, atol=1e-11)
        if a >= s:
            possible = np.arange(s + 1)
            found = tails.log_pmf(np.full_like(possible, s), possible)
            np.testing.assert_allclose(found, log_pmf(n, a, s), rtol=1e-11, atol=1e-11)
