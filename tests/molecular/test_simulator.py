"""The learning network: relaxation against plain loops, drugs where they should be, doses, noise, trajectories."""

import jax
import numpy as np
import pytest

from symplast.molecular import (
    LearningNetwork,
    combination,
    compare_strategies,
    drug,
    drug_response,
    edgetic_response,
    erdos_renyi,
    modular_scale_free,
    noisy_response,
    sequence,
    targets,
    topology_of,
)
from symplast.molecular.drugs import cut_edges
from symplast.molecular.learning_network import SCHEDULES, temperatures

from .networks import KARATE_CLUB, of

KEY = jax.random.key(5)


def small(n=60, seed=0):
    return LearningNetwork.random(modular_scale_free(n, key=jax.random.key(seed)), key=jax.random.fold_in(KEY, seed))


def plain(cell, m, h, T, steps):
    """The rule of the specification, in a loop."""
    for _ in range(steps):
        m = 0.5 * m + 0.5 * np.tanh((m @ cell.couplings + h) / T)
    return m


def test_topologies_have_the_degrees_of_the_specification():
    graphs = [modular_scale_free(key=jax.random.key(i)) for i in range(20)]
    assert np.mean([g.degree.mean() for g in graphs]) == pytest.approx(6.57, abs=0.2)
    assert 28 < np.mean([g.degree.max() for g in graphs]) < 44
    for graph in graphs:
        assert (graph.degree > 0).all()
        np.testing.assert_array_equal(graph.adjacency, graph.adjacency.T)
    inside = np.mean([(g.adjacency * (g.modules[:, None] == g.modules)).sum() / 240 for g in graphs])
    assert 4.8 < inside < 6
    other = erdos_renyi(key=jax.random.key(1))
    assert other.degree.mean() == pytest.approx(7.5, abs=0.7)
    assert erdos_renyi(edges=graphs[0].n_edges).n_edges == graphs[0].n_edges
    assert topology_of(KARATE_CLUB).n_edges == 78
    for wrong in (
        lambda: modular_scale_free(241),
        lambda: modular_scale_free(within=-1.0),
        lambda: topology_of(of("a-b c-d")),
    ):
        with pytest.raises(ValueError, match="must be"):
            wrong()


@pytest.mark.parametrize("x64", [False, True])
def test_relaxing_and_responding_equal_plain_loops(x64):
    with jax.enable_x64(x64):
        cell = small()
        tolerance = 1e-5 if x64 else 2e-4
        sick = plain(cell, cell.malignant, 0, 0.5, 200)
        np.testing.assert_allclose(cell.relaxed(cell.malignant, 0.5), sick, atol=tolerance)
        assert cell.relaxed(cell.malignant, 0.5).dtype == (np.float64 if x64 else np.float32)
        drugs = [drug(cell, "central", 4), sequence(cell, "central", neighbours=8)]
        found = drug_response(cell, drugs, 0.5, [0.0, 5.0, 20.0], toxicity=True)
        well = plain(cell, cell.normal, 0, 0.5, 200)
        for i, each in enumerate(drugs):
            for j, dose in enumerate((0.0, 5.0, 20.0)):
                m = plain(cell, sick, dose * each.first, 0.5, 100)
                m = plain(cell, plain(cell, m, dose * each.second, 0.5, 100), 0, 0.5, 200)
                assert found.normal_overlap[i, j] == pytest.approx(cell.overlap(m, cell.normal), abs=1e-3)
                ill = plain(cell, plain(cell, well, -dose * each.first, 0.5, 100), -dose * each.second, 0.5, 100)
                lost = cell.overlap(well, cell.normal) - cell.overlap(ill, cell.normal)
                assert found.toxicity[i, j] == pytest.approx(lost, abs=1e-3)
        assert found.toxicity[0, 0] == pytest.approx(0, abs=1e-4)


def test_targets_lie_where_patterns_differ():
    cell = small(240)
    differ = np.flatnonzero(cell.normal != cell.malignant)
    hubs = targets(cell, "central", 6)
    assert set(hubs) <= set(differ)
    assert cell.topology.degree[hubs].min() >= np.sort(cell.topology.degree[differ])[-6]
    for name in ("influence", "random"):
        found = targets(cell, name, 36, key=KEY)
        assert set(found) <= set(differ) - set(hubs)
        assert len(found) <= 36
        np.testing.assert_array_equal(found, targets(cell, name, 36, key=KEY))
    near = targets(cell, "influence", 1000)
    assert cell.topology.adjacency[np.ix_(hubs, near)].any(axis=0).all()
    for each in (drug(cell, "random", 12), combination(cell, 0.25), sequence(cell, "influence")):
        for h in (each.first, each.second):
            assert np.abs(h).sum() == pytest.approx(1)
            assert (h * cell.normal >= 0).all()
    for wrong in (lambda: targets(cell, "all", 3), lambda: combination(cell, 1.5), lambda: targets(cell, "central", 0)):
        with pytest.raises(ValueError, match="must"):
            wrong()


def test_doses_cure_and_nothing_does_not():
    cell = small(240, 1)
    found = drug_response(cell, [drug(cell, "central", 36), drug(cell, "random", 1)], 0.5)
    assert not found.success[:, 0].any()
    assert found.bistable
    assert np.isfinite(found.minimal_dose[0])
    at = int(found.success[0].argmax())
    assert found.success[0, at:].all()
    hot = drug_response(cell, [drug(cell, "central", 36)], 5.0, [0.0])
    assert not hot.bistable
    for wrong in (
        lambda: drug_response(cell, [], 0.5),
        lambda: drug_response(cell, [drug(cell, "central", 3)], 0.0),
        lambda: drug_response(cell, [drug(cell, "central", 3)], 0.5, [-1]),
    ):
        with pytest.raises(ValueError, match="must"):
            wrong()


def test_edgetic_drugs_spend_their_budget():
    cell = small()
    m = cell.relaxed(cell.malignant, 0.5)
    cut = cut_edges(cell, m, np.array([0.0, 3.0, 1e9]))
    spent = np.abs(cell.couplings - cut).sum(axis=(1, 2)) / 2
    np.testing.assert_allclose(spent[:2], [0, 3], atol=1e-12)
    np.testing.assert_allclose(cut[2], 0, atol=1e-12)
    assert not edgetic_response(cell, 0.5, [0.0]).success.any()


def test_noisy_spins_follow_the_mean_field():
    cell = small(240, 2)
    found = noisy_response(cell, [drug(cell, "central", 60)], 0.35, KEY, [0.0, 80.0])
    assert found.malignant_overlap[0, 0] > 0.6
    again = noisy_response(cell, [drug(cell, "central", 60)], 0.35, KEY, [0.0, 80.0])
    np.testing.assert_array_equal(found.normal_overlap, again.normal_overlap)


def test_learning_crosses_from_normal_to_malignant():
    cell = small(120)
    courses = {name: cell.trajectory(name, steps=300) for name in SCHEDULES}
    for course in courses.values():
        assert course.malignant_overlap[0] < course.normal_overlap[0]
        assert ((course.entropy_rate > 0) & (course.entropy_rate <= 1 + 1e-5)).all()
    hump = courses["hump"]
    assert hump.state_entropy.argmax() in range(60, 180)
    assert hump.malignant_overlap[hump.crossing] > hump.normal_overlap[hump.crossing]
    assert temperatures("monotone", 5).tolist() == pytest.approx([0.8, 0.675, 0.55, 0.425, 0.3])
    for wrong in ("rise", [0.1, 0.2], np.zeros(300)):
        with pytest.raises(ValueError, match="must be"):
            cell.trajectory(wrong, steps=300)


def test_patterns_are_attractors_at_zero_temperature():
    cell = small()
    found = cell.attractors(samples=50)
    assert found.attractors
    assert sum(a.basin for a in found.attractors) == pytest.approx(1)


def test_comparing_strategies_on_the_users_topology():
    found = compare_strategies(topology_of(KARATE_CLUB), [0.35], [3], draws=3, doses=[0, 5, 10])
    table = found.table()
    assert table.drug.tolist() == ["central, 3", "influence, 3", "random, 3"]
    assert (table.networks <= 3).all()
    assert found.minimal_dose.shape == (3, 1, 3)
    with pytest.raises(ValueError, match="draws must be a whole number of at least 2"):
        compare_strategies(topology_of(KARATE_CLUB), draws=1)
