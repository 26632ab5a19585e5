from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from symplast.stats import benjamini_hochberg, holm

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@mock.patch("gc.collect", new=int)  # statsmodels collects the garbage of the whole process at every call
@given(p_lists)
def test_equal_statsmodels(p):
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12, atol=1e-300)


@given(p_lists, st.randoms())
def test_order_of_the_tests_does_not_matter(p, random):
    order = random.sample(range(len(p)), len(p))
    for adjust in (benjamini_hochberg, holm):
        np.testing.assert_array_equal(adjust(np.array(p)[order]), adjust(p)[order])


@given(p_lists)
def test_holm_is_the_stricter(p):
    assert (np.array(p) <= benjamini_hochberg(p) * (1 + 1e-12)).all()
    assert (benjamini_hochberg(p) <= holm(p) * (1 + 1e-12)).all()


@pytest.mark.parametrize("adjust", [benjamini_hochberg, holm])
@pytest.mark.parametrize("p", [[], [0.5, 1.1], [-0.1], [float("nan")], [[0.1, 0.2]]])
def test_wrong_input(adjust, p):
    with pytest.raises(ValueError, match="p_values must"):
        adjust(p)
