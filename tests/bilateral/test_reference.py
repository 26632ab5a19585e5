"""Reference values of the published stack (MotorNet 0.1.5, TensorFlow) and of the formula network, in float64."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from symplast.bilateral import DOMINANT, NEUTRAL, NON_DOMINANT, Routed, TwoLinkArm
from symplast.bilateral.controllers import transfer
from symplast.bilateral.formula import formula_bilateral, formula_trials, formula_unilateral
from symplast.bilateral.losses import penalised, penalty
from symplast.bilateral.measuring import trajectory_metrics
from symplast.learning import Batch

ARMS = {
    "A": {
        "q": (0.8, 1.2), "u": (0.1, 0, 0.05, 0, 0.2, 0), "load": (0.0, 0.0),
        "hand": (0.07670547, 0.52445906),
        "length": (0.13512388, 0.14307611, 0.09133999, 0.07533199, 0.12461588, 0.09016813),
        "force": (0.9731913, 2.543385, 1.421832, 1.420657, 0.4062339, 0.4865687),
        1: ((0.8, 1.2), (-0.0027225, 0.0041746), (0.0767055, 0.5244591)),
        10: ((0.8002729, 1.3818953), (0.1896825, 4.0356636), (0.0240827, 0.4944026)),
        20: ((0.8803886, 1.8934655), (1.8958813, 6.0662546), (-0.1139494, 0.3579503)),
        "activation": (0.1021398, 0.001, 0.0515187, 0.001, 0.2020885, 0.001),
        "force at 20": (80.40511, 5.274585, 30.48204, 2.421003, 63.34286, 0.9017435),
    },
    "B": {
        "q": (1.5, 0.6), "u": (0.02, 0.3, 0, 0.1, 0, 0.05), "load": (3.0, -2.0),
        "hand": (-0.14625594, 0.59567463),
        "length": (0.11412388, 0.16407610, 0.10405998, 0.06270799, 0.11937189, 0.09662412),
        "force": (0.7956738, 83.07256, 57.46156, 1.171728, 0.3982644, 0.5238082),
        1: ((1.5, 0.6), (-0.2633442, 0.4830838), (-0.1462559, 0.5956746)),
        10: ((1.2797076, 0.8119691), (-4.7050920, 3.6441612), (-0.0770339, 0.5848390)),
        20: ((0.6778942, 1.0921972), (-7.2050276, 0.6097750), (0.1747518, 0.5201994)),
        "activation": (0.0207316, 0.3015072, 0.001, 0.1021398, 0.001, 0.0515187),
        "force at 20": (25.94672, 349.6458, 2.288392, 152.3169, 0.6599851, 11.85838),
    },
}  # fmt: skip
FLOAT32 = {"rel": 1e-5, "abs": 2e-6}
"""The published stack computes in float32."""


@pytest.fixture(scope="module", params=[False, True], ids=["float32", "float64"])
def wide(request):
    """Both precisions; whether this is the wide one."""
    with jax.enable_x64(request.param):
        yield request.param


@pytest.mark.parametrize("name", list(ARMS))
def test_open_loop(name, wide):
    case, arm = ARMS[name], TwoLinkArm()
    state = arm.start(jnp.array(case["q"]))
    assert arm.hand(state)[:2].tolist() == pytest.approx(case["hand"], **FLOAT32)
    assert state.length.tolist() == pytest.approx(case["length"], **FLOAT32)
    assert state.force.tolist() == pytest.approx(case["force"], **FLOAT32)
    step, u, load = jax.jit(arm.step), jnp.array(case["u"], float), jnp.array(case["load"])
    for count in range(1, 21):
        state = step(state, u, load)
        if count in case:
            q, v, hand = case[count]
            assert state.q.tolist() == pytest.approx(q, **FLOAT32)
            assert state.v.tolist() == pytest.approx(v, **FLOAT32)
            assert arm.hand(state)[:2].tolist() == pytest.approx(hand, **FLOAT32)
    assert state.activation.tolist() == pytest.approx(case["activation"], **FLOAT32)
    assert state.force.tolist() == pytest.approx(case["force at 20"], **FLOAT32)
    assert state.q.dtype == (jnp.float64 if wide else jnp.float32)


def test_moment_arms():
    shoulder, elbow = TwoLinkArm().moment_arms(jnp.array([0.8, 1.2]))
    assert elbow.tolist() == pytest.approx([0, 0, -0.0236, 0.01972, -0.02968, 0.02232])
    assert shoulder.tolist() == pytest.approx([-0.03, 0.03, 0, 0, -0.03, 0.03])


def test_transfer_and_penalty():
    assert transfer(jnp.array([1.0, 5, 2, 4, 9])).tolist() == [0, 0, 0, 5, 4]
    assert transfer(jnp.array([1.0, 5, 2, 4])).tolist() == [0, 0, 5, 4]
    assert float(penalty(jnp.full((4, 2, 3), 1.5), 0.05, 0.01)) == 2.25


@pytest.fixture(scope="module")
def formula():
    """Rollouts of the formula networks in float64, and what they are for."""
    with jax.enable_x64(True):
        trials = jnp.asarray(formula_trials())
        nets = {"bilateral": formula_bilateral(), "unilateral": formula_unilateral()}
        found = {name: jax.tree.map(np.asarray, eqx.filter_jit(n.trajectory)(trials)) for name, n in nets.items()}
    return nets, trials, found


@pytest.mark.parametrize(
    ("name", "dominant", "non_dominant", "published", "penalties"),
    [
        ("bilateral", 1.0583816, 3.3658208, 121.58091, (431.99495, 5594.6768, 0.72828389, 0.08457564)),
        ("unilateral", 0.86214515, 2.3963545, 65.150767, None),
    ],
)
def test_losses(formula, name, dominant, non_dominant, published, penalties):
    _, trials, found = formula
    goals, one = trials[:, 2:4], found[name]
    with jax.enable_x64(True):
        assert float(DOMINANT(one, goals)) == pytest.approx(dominant, rel=1e-7)
        assert float(NON_DOMINANT(one, goals)) == pytest.approx(non_dominant, rel=1e-7)
        assert float(DOMINANT.as_variant("as_published")(one, goals)) == pytest.approx(published, rel=1e-7)
        assert float(NEUTRAL(one, goals)) == pytest.approx((dominant + non_dominant) / 2, rel=1e-7)
        if penalties:
            parts = penalised(one, "as_published")
            assert list(parts) == ["joint", "muscle", "proprioception", "vision"]
            assert [float(penalty(z, 0.05, 0.01)) for z in parts.values()] == pytest.approx(penalties, rel=1e-6)


def test_hidden_penalties_and_hand(formula):
    _, _, found = formula
    one = found["bilateral"]
    assert one.hand[9, :, 1].tolist() == pytest.approx([-0.04516661, 0.50806780], rel=1e-6)
    with jax.enable_x64(True):
        own = [float(penalty(z, 0.05, 0.01)) for z in penalised(one, "intended").values()]
    assert own == pytest.approx([0.27909722, 0.48853722, 0.28855613, 0.30177167], rel=1e-7)


@pytest.mark.parametrize(
    ("variant", "norms", "mixing"),
    [
        (
            "intended",
            (0.07557496, 0.06137436, 0.38481929, 0.14332450, 0.35971368),
            (0.10174592, 0.23512340),
        ),
        ("as_published", (169.93535, 178.23704, 0.38481929, 0.14332450, 147.15872), None),
    ],
)
def test_routed_gradients(formula, variant, norms, mixing):
    nets, trials, _ = formula
    with jax.enable_x64(True):
        losses = {"D": DOMINANT.as_variant(variant), "N": NON_DOMINANT.as_variant(variant)}
        rule = Routed(losses).for_network(nets["bilateral"])
        batch = Batch(trials, trials[:, 2:4])
        credit = eqx.filter_jit(lambda net: rule(net, batch, None, jax.random.key(0)))(nets["bilateral"])
        direction = credit.direction
        assert [float(jnp.linalg.norm(w)) for w in direction.weights] == pytest.approx(norms, rel=1e-7)
        if mixing:
            assert [float(w) for w in direction.controller.mixing] == pytest.approx(mixing, rel=1e-7)
            assert float(credit.loss) == pytest.approx((1.0583816 + 3.3658208) / 2, rel=1e-7)


@pytest.mark.parametrize(
    ("lesion", "first"),
    [
        ("intact", 0.08597647), ("lowleft", 0.08705243), ("lowright", 0.12076045), ("highleft", 0.10446659),
        ("highright", 0.08954213), ("cc", 0.08953344), ("ccl", 0.09590215), ("ccr", 0.10559947),
    ],
)  # fmt: skip
def test_lesions(formula, lesion, first):
    nets, trials, found = formula
    net = nets["bilateral"]
    with jax.enable_x64(True):
        state = net.arm.start(trials[:1, :2].T)
        u, _ = net.controller(jnp.concatenate([net.arm.senses(state), trials[:1, 2:4].T]), lesion)
    assert float(u[0, 0]) == pytest.approx(first, rel=1e-6)
    if lesion == "intact":
        whole = [0.08597647, 0.18518062, 0.21307218, 0.10849433, 0.05962201, 0.08713226]
        assert u[:, 0].tolist() == pytest.approx(whole, rel=1e-6)
        assert found["bilateral"].u[0, :, 0].tolist() == pytest.approx(whole, rel=1e-6)


def test_metrics(formula):
    """The text prints .3679672 for the last one: all others agree in all digits, so a digit of it is misprinted."""
    _, trials, found = formula
    means = {name: each.mean() for name, each in trajectory_metrics(found["unilateral"], trials[:, 2:4]).items()}
    printed = {
        "dist_mean": 0.28214418, "dist_end": 0.31507066, "effort": 0.01539721, "path": 0.40197356,
        "end_speed": 1.0514116, "jerk": 444.89973, "max_displacement": 0.3679272,
    }  # fmt: skip
    assert means == pytest.approx(printed, rel=1e-6)
