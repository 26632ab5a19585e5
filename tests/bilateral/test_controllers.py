"""Controllers, lesions, tasks and metrics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.bilateral import LESIONS, Bilateral, Lesion, TwoLinkArm, Unilateral, centre_out, hold, reach
from symplast.bilateral.metrics import movement_metrics

X = jax.random.normal(jax.random.key(5), (16, 7))


def test_swapping_the_hemispheres_changes_nothing():
    controller = Bilateral(8, 3, "maxpool", key=jax.random.key(0))
    u, hidden = controller(X)
    swapped, other = controller.swapped()(X)
    assert np.allclose(u, swapped, atol=1e-6)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(hidden, [*other[3:], *other[:3]], strict=True))


def test_callosum_does_nothing_with_one_layer_and_something_with_two():
    for layers, same in ((1, True), (2, False)):
        u = [Bilateral(8, layers, kind, key=jax.random.key(1))(X)[0] for kind in ("none", "maxpool")]
        assert np.allclose(*u) == same


def test_lesions_do_what_their_names_say():
    controller = Bilateral(8, 2, "maxpool", key=jax.random.key(2))
    plain = Bilateral(8, 2, "none", key=jax.random.key(2))
    by_name = {name: np.asarray(controller(X, name)[0]) for name in LESIONS}
    assert np.allclose(by_name["cc"], plain(X)[0])
    assert np.allclose(by_name["ccl"], plain(X, "highleft")[0])
    assert np.allclose(by_name["intact"], controller(X)[0])
    assert np.allclose(by_name["lowleft"], controller(X, Lesion(outputs=(False, True)))[0])
    both = controller(X, Lesion(outputs=(False, False)))[0]
    assert np.allclose(both, 0.5)  # only the output's bias, 0 at first
    assert len({round(float(u.sum()), 5) for u in by_name.values()}) == len(LESIONS)


def test_first_weights():
    controller = Unilateral(10, 2, key=jax.random.key(0))
    assert [w.shape for w in controller.weights] == [(10, 16), (10, 10), (6, 10)]
    for kernel in controller.weights:
        assert float(jnp.abs(kernel).max()) <= (6 / sum(kernel.shape)) ** 0.5
    assert all(float(jnp.abs(layer.bias).max()) == 0 for layer in (*controller.layers, controller.output))
    two = Bilateral(10, 2, key=jax.random.key(0))
    assert [w.shape for w in two.weights] == [(5, 16), (5, 5), (5, 16), (5, 5), (6, 5)]
    assert [float(w) for w in two.mixing] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bilateral(9, 2, key=jax.random.key(0)), "units must be even"),
        (lambda: Bilateral(8, 0, key=jax.random.key(0)), "layers must be a whole number of at least 1"),
        (lambda: Bilateral(8, 1, "mean", key=jax.random.key(0)), "exchange must be one of none, maxpool"),
        (lambda: Bilateral(8, 1, key=jax.random.key(0))(X, "left"), "lesion must be one of intact, lowleft, .*'left'"),
        (lambda: Unilateral(8, 1, key=jax.random.key(0))(X, "cc"), "lesion must be None for a controller without"),
        (
            lambda: Unilateral(8, 1, key=jax.random.key(0))(X, None, [X]),
            "feedback must have a matrix for each of the 2",
        ),
        (lambda: reach(0, key=jax.random.key(0)), "trials must be a whole number"),
        (lambda: reach(space="both", key=jax.random.key(0)), "space must be joint or hand"),
        (lambda: hold(-1, key=jax.random.key(0)), "load must be a number of newtons"),
        (lambda: centre_out(1), "targets must be a whole number of at least 2"),
        (lambda: centre_out(4, distance=0), "distance must be a positive number of metres"),
        (lambda: centre_out(4, centre_deg=(180, 90)), "q1 of trial 1 must be in"),
        (lambda: movement_metrics(np.zeros((2, 3, 2))), "paths must have shape"),
        (lambda: movement_metrics(np.zeros((2, 5, 2)), dt=0), "dt must be a positive number"),
        (lambda: movement_metrics(np.full((2, 5, 2), np.nan)), "paths and velocities must be finite"),
        (lambda: movement_metrics(np.zeros((2, 5, 2)), np.zeros((1, 2))), "goals must be finite numbers of shape"),
        (
            lambda: movement_metrics(np.zeros((2, 5, 2)), velocities=np.zeros((2, 4, 2))),
            "velocities must be shaped like",
        ),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_tasks_are_what_they_say():
    arm, key = TwoLinkArm(), jax.random.key(3)
    task = reach(400, 50, key=key)
    q = np.asarray(task.inputs[:, :2]).T
    arm.check_start(q)
    assert float(np.abs(task.inputs[:, 4:]).max()) == 0
    assert np.allclose(task.targets, task.inputs[:, 2:4])
    held = hold(5.0, 400, 50, key=key)
    assert np.allclose(arm.hand_of(np.asarray(held.inputs[:, :2]).T).T, held.targets, atol=1e-6)
    assert 4.8 < float(np.abs(held.inputs[:, 4:]).max()) <= 5
    shared = [reach(10, 20, key=jax.random.key(seed), test_key=key).test_inputs for seed in (1, 2)]
    assert np.array_equal(*shared)
    in_hand = reach(4000, 10, key=key, space="hand")
    r = np.linalg.norm(np.asarray(in_hand.targets), axis=1)
    inner, outer = arm.hand_of(np.array([0, arm.bounds[1, 1]])), arm.l1 + arm.l2
    share = (r**2 - np.sum(inner**2)) / (outer**2 - np.sum(inner**2))  # even over the area
    assert share.mean() == pytest.approx(0.5, abs=0.03)


def test_metrics_of_a_known_movement():
    """A quarter circle at constant speed round its target."""
    t = np.linspace(0, 1, 401)
    path = 0.2 * np.stack([np.cos(np.pi / 2 * t), np.sin(np.pi / 2 * t)], axis=1)[None]
    found = {name: float(each[0]) for name, each in movement_metrics(path, np.zeros((1, 2)), t[1]).items()}
    assert found["path"] == pytest.approx(0.1 * np.pi, rel=1e-5)
    assert found["dist_mean"] == pytest.approx(0.2)
    assert found["max_displacement"] == pytest.approx(0.2)
    assert found["end_speed"] == pytest.approx(0.1 * np.pi, rel=1e-3)
    assert found["jerk"] == pytest.approx(0.2 * (np.pi / 2) ** 3, rel=0.05)
    assert "effort" not in found
