"""Entropy rates: reference values, the identity against the formula written out, and what can't be otherwise."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symplast.molecular import InteractionNetwork, ccat, correlation_entropy, differential_entropy, signalling_entropy
from symplast.molecular.measuring import dense_rate

from .networks import KARATE_CLUB, PATH, PAW, STAR, TRIANGLE

LN2 = np.log(2)


def rate(network, x=None, **options):
    return signalling_entropy(network, x, log="none", min_genes=0, **options)


@pytest.mark.parametrize(
    ("network", "x", "raw", "most"),
    [
        (PATH, [1, 2, 3], 0.28116757230940415, 0.34657359027997287),
        (TRIANGLE, [1, 2, 3], 0.6178348639386393, LN2),
        (STAR, [1, 1, 1, 1], 0.5493061443340548, 0.5493061443340548),
        (PAW, [4, 1, 2, 8], 0.4591651572830951, 0.7747670223461891),
        (KARATE_CLUB, [1] * 34, 1.7889987466710573, 1.9059356714268105),
    ],
    ids=["path", "triangle", "star", "paw", "karate"],
)
def test_reference_values(network, x, raw, most):
    found = rate(network, np.array(x, float))
    assert found.raw[0] == pytest.approx(raw, abs=1e-14)
    assert found.max_sr == pytest.approx(most, abs=1e-14)
    assert found.sr[0] == pytest.approx(raw / most, abs=1e-13)


def test_local_entropies_and_stationary_laws():
    found = rate(PATH, np.array([1.0, 2, 3]), local=True)
    np.testing.assert_allclose(found.pi[:, 0], [0.125, 0.5, 0.375], atol=1e-15)
    np.testing.assert_allclose(found.local[:, 0] * LN2, [0, 0.5623351446188083, 0], atol=1e-15)
    found = rate(TRIANGLE, np.array([1.0, 2, 3]), local=True)
    S = [0.6730116670092565, 0.5623351446188083, 0.6365141682948128]
    np.testing.assert_allclose(found.local[:, 0] * LN2, S, atol=1e-14)
    np.testing.assert_allclose(found.pi[:, 0], [5 / 22, 8 / 22, 9 / 22], atol=1e-15)
    assert rate(KARATE_CLUB).sr[0] == pytest.approx(0.9386459225729206, abs=1e-13)


@st.composite
def connected(draw):
    """A connected network of 3 to 12 nodes and positive profiles of 3 samples."""
    n = draw(st.integers(3, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    A = np.triu(rng.random((n, n)) < draw(st.floats(0, 1)), 1)
    A[np.arange(n - 1), np.arange(1, n)] = True
    return (A | A.T).astype(float), np.exp(draw(st.floats(0.1, 3)) * rng.standard_normal((n, 3)))


@settings(max_examples=40, deadline=None)
@given(connected())
def test_the_identity_is_exact_and_rates_stay_in_bounds(given):
    A, x = given
    network = InteractionNetwork.from_adjacency(A)
    found = rate(network, x, local=True)
    np.testing.assert_allclose(found.raw, [dense_rate(A, column) for column in x.T], atol=1e-12)
    assert (found.sr <= 1 + 1e-12).all()
    assert (found.sr >= 0).all()
    np.testing.assert_allclose(found.pi.sum(axis=0), 1)
    np.testing.assert_allclose(rate(network, 7.5 * x).raw, found.raw, atol=1e-12)  # scale does not matter
    order = np.random.default_rng(0).permutation(len(A))
    moved = rate(InteractionNetwork.from_adjacency(A[np.ix_(order, order)]), x[order])
    np.testing.assert_allclose(moved.raw, found.raw, atol=1e-12)  # nor does the order of nodes


@settings(max_examples=20, deadline=None)
@given(connected(), st.floats(0.1, 5))
def test_constant_expression_gives_degrees(given, value):
    A, _ = given
    found = rate(InteractionNetwork.from_adjacency(A), np.full(len(A), value), local=True)
    k = A.sum(axis=1)
    np.testing.assert_allclose(found.pi[:, 0], k / k.sum())
    np.testing.assert_allclose(found.local[:, 0], k > 1, atol=1e-12)


def test_regular_graphs_reach_the_maximum():
    ring = InteractionNetwork.from_edges([(str(i), str((i + d) % 9)) for i in range(9) for d in (1, 2)])
    assert rate(ring, np.full(9, 3.0)).sr[0] == pytest.approx(1, abs=1e-14)


def test_weights_multiply_expression():
    w = np.array([[0, 2.0, 0.5], [2.0, 0, 1], [0.5, 1, 0]])
    x = np.array([1.0, 2, 3])
    assert rate(InteractionNetwork.from_adjacency(w), x).raw[0] == pytest.approx(dense_rate(w, x), abs=1e-14)


def test_blocks_and_single_precision_agree():
    x = np.exp(np.random.default_rng(1).standard_normal((34, 10)))
    whole = rate(KARATE_CLUB, x)
    np.testing.assert_array_equal(rate(KARATE_CLUB, x, block=3).raw, whole.raw)
    single = rate(KARATE_CLUB, x, dtype=np.float32)
    assert single.raw.dtype == np.float32
    np.testing.assert_allclose(single.raw, whole.raw, atol=2e-6)
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        rate(KARATE_CLUB, x, dtype=np.int64)


def test_values_that_are_no_logarithms_are_transformed_with_a_word():
    x = np.array([1.0, 200, 3])
    with pytest.warns(UserWarning, match="the largest value is 200, above 100"):
        found = signalling_entropy(PATH, x, min_genes=0)
    assert found.log == "log2"
    assert found.raw[0] == rate(PATH, np.log2(x + 1.1)).raw[0]
    counted = signalling_entropy(PATH, np.log1p(x), log="log1p", min_genes=0)
    assert counted.raw[0] == pytest.approx(found.raw[0], abs=1e-14)


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_wrong_values_name_gene_and_sample(wrong):
    x = np.ones((3, 4))
    x[1, 2] = wrong
    with pytest.raises(ValueError, match=r"gene '2' in sample '2'"):
        rate(PATH, x)


def test_names_are_matched_or_refused():
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="share names with the network: 0 of 3 do; the first are 'TP53'"):
        rate(PATH, x, genes=["TP53", "MYC", "KRAS"])
    with pytest.raises(ValueError, match="genes must name each node once, 1 appear more often: '1'"):
        rate(PATH, x, genes=["1", "1", "2"])
    with pytest.raises(ValueError, match="names as text, got 1"):
        rate(PATH, x, genes=[1, 2, 3])
    found = rate(PATH, np.array([[3.0], [9], [1], [2]]), genes=["3", "unknown", "1", "2"])
    assert found.genes == ("3", "1", "2")  # the order of the table
    assert found.raw[0] == pytest.approx(0.28116757230940415)
    with pytest.warns(UserWarning, match="only 2 genes"):
        signalling_entropy(PATH, np.ones((2, 1)), ["1", "2"])


def test_the_largest_component_counts():
    net = InteractionNetwork.from_edges([("a", "b"), ("b", "c"), ("x", "y")])
    found = rate(net, np.ones((5, 1)))
    assert found.genes == ("a", "b", "c")
    assert found.dropped == ("x", "y")


def test_ccat_is_a_correlation_with_degree():
    x = np.random.default_rng(0).random((34, 4)) + 1
    found = ccat(KARATE_CLUB, x, min_genes=0)
    expected = [np.corrcoef(column, KARATE_CLUB.degree)[0, 1] for column in x.T]
    np.testing.assert_allclose(found, expected, atol=1e-14)
    np.testing.assert_allclose(rate(KARATE_CLUB, x).ccat, expected, atol=1e-14)
    with pytest.warns(UserWarning, match="ccat is not defined for 1 samples"):
        assert np.isnan(ccat(TRIANGLE, np.array([1.0, 2, 3]), min_genes=0)).all()
    with pytest.raises(ValueError, match="degree must be full or lcc"):
        ccat(PATH, x[:3], min_genes=0, degree="own")


def test_correlation_entropy_against_the_formula():
    x = np.random.default_rng(0).random((4, 30)) + 1
    r = np.corrcoef(x)
    A = PAW.adjacency.toarray()
    assert correlation_entropy(PAW, x) == pytest.approx(dense_rate(A * (1 + r) / 2, np.ones(4)), abs=1e-12)
    with pytest.raises(ValueError, match="at least 3 samples"):
        correlation_entropy(PAW, x[:, :2])


def test_differential_entropy_finds_the_gene_and_is_calm_without_one():
    rng = np.random.default_rng(3)
    x = 2 + 0.1 * rng.random((34, 16))
    group = np.arange(16) < 8
    calm = differential_entropy(rate(KARATE_CLUB, x, local=True), group, n=200)
    assert (calm.fdr >= 0.05).mean() > 0.9
    x[9, :8] = 9  # a neighbour of nodes 2 and 33
    table = differential_entropy(rate(KARATE_CLUB, x, local=True), group, n=500)
    assert {"2", "33"} <= set(table.gene[table.fdr < 0.05])
    assert (table.p.diff().dropna() >= 0).all()
    with pytest.raises(ValueError, match="local=True"):
        differential_entropy(rate(KARATE_CLUB, x), group)
    with pytest.raises(ValueError, match="at least 2 samples in each"):
        differential_entropy(rate(KARATE_CLUB, x, local=True), np.arange(16) < 1)


def test_nothing_is_warned_of_without_reason():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rate(KARATE_CLUB, np.random.default_rng(0).random((34, 2)) + 0.1)
